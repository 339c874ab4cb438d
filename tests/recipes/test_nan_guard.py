"""Losses and networks that are no numbers, in this process; in test_faults.py one comes up in a sweep by itself."""

import math
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recipes.rllib.adapter import RLlibParallelEnv
from recipes.rllib.finite import NotFiniteError, require_finite_networks
from recipes.rllib.loop import Training
from recipes.runs import RunFolder, TrainingError
from recipes.settings import parse_assignments
from recipes.sweep import plan
from tests.recipes.noise import RAY_NOISE
from tests.recipes.test_training import TINY

pytestmark = RAY_NOISE

SMALL = {
    "dtomalb": {"learning_starts": 40, "batch_size": 4},
    "dqn-tolb": {"learning_starts": 40, "batch_size": 4},
    "rllib-dqn": {"learning_starts": 40, "batch_size": 4},
    "rllib-ppo": {"slots_per_round": 200, "minibatch_size": 100, "epochs": 1},
}
NETWORKS, REWARDS = "networks", "rewards"
CASES = [*((algorithm, NETWORKS) for algorithm in SMALL), ("rllib-dqn", REWARDS)]
COLUMNS = {"dtomalb": "obs", "dqn-tolb": "obs", "rllib-dqn": "new_obs", "rllib-ppo": "advantages"}


def poison_networks(learner: Any) -> None:
    """Networks that rate, as a broken update leaves them; those that act stay whole."""
    for module in learner.module.values():
        for name, parameter in module.named_parameters():
            if "target" in name or "critic" in name:
                parameter.data.fill_(torch.nan)


def poison_rewards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Games whose rewards are no numbers."""
    step = RLlibParallelEnv.step

    def broken(self: RLlibParallelEnv, actions: Any) -> Any:
        seen, rewards, *rest = step(self, actions)
        return seen, dict.fromkeys(rewards, math.nan), *rest

    monkeypatch.setattr(RLlibParallelEnv, "step", broken)


@pytest.mark.parametrize(("algorithm", "poisoned"), CASES)
def test_what_is_nan_stops_the_run_and_keeps_its_batch(
    local_session: None, tmp_path: Path, algorithm: str, poisoned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss; but RLlib's DQN takes values that are NaN for 0, so that its losses stay finite: its networks do not."""
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
    assert message.startswith(f"after {done:,} env steps {what}")
    assert f" is nan; the batch is in {tmp_path / 'nan-batch.npz'}, and its checkpoint of {done:,} env" in message
    with np.load(tmp_path / "nan-batch.npz", allow_pickle=False) as batch:
        assert len(batch[COLUMNS[algorithm]]) >= 4
    assert folder.last_checkpoint() is not None
    assert [int(row["env_steps"]) for row in folder.rows()] == [done]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_weight_that_is_no_number(value: float) -> None:
    modules = {"a": torch.nn.Linear(3, 2), "b": torch.nn.Linear(3, 2)}
    require_finite_networks(modules, {})
    modules["a"].weight.data.fill_(1e30)  # whose squares are infinite
    require_finite_networks(modules, {})
    modules["b"].bias.data[1] = value
    with pytest.raises(NotFiniteError, match=f"^bias of b is {value}$") as failure:
        require_finite_networks(modules, {"b": {"obs": torch.ones(4), "other": 1}})
    assert {name: list(column) for name, column in failure.value.batch.items()} == {"obs": [1.0] * 4}
