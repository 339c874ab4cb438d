"""NaN or infinite losses and weights, injected in this process; test_faults.py has a sweep that diverges."""

import math
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recipes.errors import TrainingError
from recipes.rllib.adapter import RLlibParallelEnv
from recipes.rllib.nan_guard import NotFiniteError, require_finite_weights
from recipes.rllib.training import Training
from recipes.runs import RunFolder
from recipes.settings import parse_assignments
from recipes.sweep import plan
from tests.recipes.noise import RAY_NOISE
from tests.recipes.runs import TINY

pytestmark = RAY_NOISE

SMALL = {
    "dtomalb": {"num_steps_sampled_before_learning_starts": 40, "train_batch_size_per_learner": 4},
    "dqn-tolb": {"num_steps_sampled_before_learning_starts": 40, "train_batch_size_per_learner": 4},
    "mappo": {"train_batch_size_per_learner": 200, "minibatch_size": 100, "num_epochs": 1},
    "rllib-dqn": {"num_steps_sampled_before_learning_starts": 40, "train_batch_size_per_learner": 4},
    "rllib-ppo": {"train_batch_size_per_learner": 200, "minibatch_size": 100, "num_epochs": 1},
}
NETWORKS, REWARDS = "networks", "rewards"
CASES = [*((algorithm, NETWORKS) for algorithm in SMALL), ("rllib-dqn", REWARDS)]
COLUMNS = {"dtomalb": "obs", "dqn-tolb": "obs", "rllib-dqn": "new_obs"}
COLUMNS |= {"mappo": "advantages", "rllib-ppo": "advantages"}


def poison_networks(learner: Any) -> None:
    """Set critics and target networks to NaN; networks that act stay intact."""
    for module in learner.module.values():
        for name, parameter in module.named_parameters():
            if "target" in name or "critic" in name:
                parameter.data.fill_(torch.nan)


def poison_rewards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all rewards NaN."""
    step = RLlibParallelEnv.step

    def step_with_nan(self: RLlibParallelEnv, actions: Any) -> Any:
        seen, rewards, *rest = step(self, actions)
        return seen, dict.fromkeys(rewards, math.nan), *rest

    monkeypatch.setattr(RLlibParallelEnv, "step", step_with_nan)


@pytest.mark.parametrize(("algorithm", "poisoned"), CASES)
def test_nan_stops_the_run_and_saves_the_batch(
    local_session: None, tmp_path: Path, algorithm: str, poisoned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a loss; RLlib's DQN replaces NaN by 0 in its loss, so its weights are checked too."""
    (run,) = plan(
        [algorithm], ["paper"], [0], env_steps=2_000, assigned=parse_assignments(TINY[1::2]) | SMALL[algorithm]
    )
    folder = RunFolder.begin(tmp_path, run.settings)
    with closing(Training(folder, run.settings, checkpoint_s=0.0)) as training:
        done = training.advance()["env_steps"]
        if poisoned == REWARDS:
            poison_rewards(monkeypatch)
        else:
            training._algorithm.learner_group.foreach_learner(poison_networks)
        with pytest.raises(TrainingError) as failure:
            training.advance()
    message = str(failure.value)
    what = "_target_encoder." if (algorithm, poisoned) == ("rllib-dqn", NETWORKS) else "the loss of "
    assert message.startswith("Training failed: ")
    assert what in message
    assert f" is nan after {done:,} env steps; the batch is in {tmp_path / 'nan-batch.npz'}; " in message
    assert message.endswith(f"the last checkpoint is at {done:,} env steps")
    with np.load(tmp_path / "nan-batch.npz", allow_pickle=False) as batch:
        assert len(batch[COLUMNS[algorithm]]) >= 4
    assert folder.last_checkpoint() is not None
    assert [int(row["env_steps"]) for row in folder.rows()] == [done]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_single_weight_that_is_not_finite(value: float) -> None:
    modules = {"a": torch.nn.Linear(3, 2), "b": torch.nn.Linear(3, 2)}
    require_finite_weights(modules, {})
    modules["a"].weight.data.fill_(1e30)  # its square overflows
    require_finite_weights(modules, {})
    modules["b"].bias.data[1] = value
    with pytest.raises(NotFiniteError, match=f"^bias of b is {value}$") as failure:
        require_finite_weights(modules, {"b": {"obs": torch.ones(4), "other": 1}})
    assert {name: list(column) for name, column in failure.value.batch.items()} == {"obs": [1.0] * 4}
