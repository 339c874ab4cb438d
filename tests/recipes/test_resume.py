from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recipes import registry
from recipes.rllib import training as training_module
from recipes.rllib.build import build_algorithm, session_seed
from recipes.rllib.training import Training
from recipes.runs import RunFolder
from recipes.settings import RunSettings, parse_assignments
from recipes.summary import finish_run
from recipes.sweep import plan
from tests.recipes.noise import RAY_NOISE
from tests.recipes.runs import TINY_DQN

pytestmark = RAY_NOISE


def leaves(value: Any, name: str = "") -> dict[str, Any]:
    """Return every array and number in nested containers, by path."""
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in leaves(item, f"{name}/{key}").items()}
    if isinstance(value, tuple | list):
        return {k: v for i, item in enumerate(value) for k, v in leaves(item, f"{name}/{i}").items()}
    if isinstance(value, torch.Tensor):
        value = value.numpy()
    return {name: value} if isinstance(value, np.ndarray | int | float) else {}


def learned(algorithm: Any) -> dict[str, Any]:
    """Return networks, target networks and optimisers."""
    state = algorithm.learner_group.get_state(["learner"])["learner"]
    return leaves({name: state[name] for name in ("rl_module", "optimizer")})


def test_rllibs_checkpoint_holds_networks_targets_optimisers_and_counters(local_session: None, tmp_path: Path) -> None:
    module = registry.get("rllib-dqn").load()
    hyper = {
        "hidden": (8,),
        "num_envs_per_env_runner": 4,
        "num_steps_sampled_before_learning_starts": 40,
        "exploration_fraction": 1.0,
        "final_epsilon": 0.2,
    }
    settings = RunSettings(
        algorithm="rllib-dqn",
        scenario="paper",
        seed=0,
        env_steps=1_600,
        hyperparameters=module.Hyperparameters.of(hyper),
        env={"num_users": 2, "max_cycles": 10},
    )
    first = build_algorithm(settings, 0)
    first.train()
    done = int(first.metrics.peek(("env_runners", "num_env_steps_sampled_lifetime")))
    assert done >= 500
    first.save_to_path(str(tmp_path))
    second = build_algorithm(settings, done)
    before, fresh = learned(first), learned(second)
    second.restore_from_path(str(tmp_path))
    after = learned(second)
    for kind in ("rl_module/user_1/encoder", "rl_module/user_1/_target_encoder", "optimizer/user_1"):
        assert any(kind in name for name in before), kind
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], err_msg=name)
    assert any(
        not np.array_equal(value, after[name]) for name, value in fresh.items()
    )  # the restored values differ from initial ones

    second.train()
    assert int(second.metrics.peek(("env_runners", "num_env_steps_sampled_lifetime"))) >= done + 500
    # RLlib does not checkpoint the replay buffer, as the recipe's docstring says
    assert second.local_replay_buffer.get_num_timesteps() < done + 100
    epsilon = second.env_runner.module["user_0"].epsilon_schedule.get_current_value()
    assert epsilon < 1.0 - 0.8 * done / settings.env_steps + 0.01
    first.stop()
    second.stop()


@pytest.mark.parametrize("started", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_run_with_env_runners_goes_on_without(
    local_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: bool
) -> None:
    if not started:
        build = build_algorithm
        monkeypatch.setattr(training_module, "build_algorithm", lambda settings, done, _: build(settings, done))
    tiny = parse_assignments(TINY_DQN[1::2])
    (run,) = plan(["idql-tolb"], ["paper"], [0], env_steps=1_000, assigned=tiny)
    folder = RunFolder.begin(tmp_path, run.settings)
    with closing(Training(folder, run.settings, checkpoint_s=0.0, env_runners=1)) as training:
        training.advance()
    with closing(Training(folder, run.settings, checkpoint_s=0.0)) as training:
        assert 500 <= training.progress.env_steps < 1_000
        while not training.finished:
            training.advance()
        training.save()
        finish_run(folder, run.settings, training.progress)
    assert folder.summary is not None
    assert folder.summary["env_runners"] == 1


def test_each_session_of_a_run_has_another_seed() -> None:
    seeds = [session_seed(seed, done) for seed in range(40) for done in (0, 1_000, 2_000)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert session_seed(3, 1_000) == session_seed(3, 1_000)
