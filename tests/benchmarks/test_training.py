import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.speed import agilerl_maddpg, report, training, updates
from benchmarks.speed.bare_update import BareUpdate
from edgeoffload_env import edgeoffload_v0
from recipes import registry
from tests.benchmarks.test_throughput import assert_spread
from tests.recipes.noise import RAY_NOISE

pytestmark = RAY_NOISE

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_quick_run_measures_everything_and_says_on_what(tmp_path: Path) -> None:
    file = tmp_path / "results" / "training.json"
    arguments = ["-m", "benchmarks", "training", "--quick", "--json", str(file)]
    ran = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(file.read_text())
    assert "loop_env_steps_per_s" in ran.stdout
    assert set(result["sampling_env_steps_per_s"]) == {f"{games} games" for games in training.GAMES}
    assert set(result["updates_per_s"]) == {"rllib", "bare"}
    spreads = [*result["sampling_env_steps_per_s"].values(), *result["updates_per_s"].values()]
    for value in (*spreads, result["update_times_bare_torch"], result["loop_env_steps_per_s"]):
        assert_spread(value)
    trained = result["algorithms"]
    assert list(trained["env_steps_per_s"]) == list(registry.ALGORITHMS)
    assert {*trained["times_rllib_ppo"], "rllib-ppo"} == set(registry.ALGORITHMS)
    for value in (*trained["env_steps_per_s"].values(), *trained["times_rllib_ppo"].values()):
        assert_spread(value)
    assert result["machine"].keys() >= report.machine().keys()
    assert result["machine"]["packages"]["torch"] == report.package_version("torch")
    assert result["machine"]["packages"]["ray"] == report.package_version("ray")
    assert result["command"] == "python -m benchmarks training --quick"


def parameters(network: Any) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def test_the_bare_update_is_the_learners(local_session: None) -> None:
    """From the same weights and rows, with the same noise, both come to the same weights, update by update."""
    from recipes import DTOMALBConfig

    config = DTOMALBConfig().environment("edgeoffload/paper-v0", env_config={"num_users": 4}).debugging(seed=3)
    algorithm = config.training(**training.HYPERPARAMETERS).env_runners(num_envs_per_env_runner=8).build_algo()
    rllib_learner = algorithm.learner_group._learner
    learner, networks = rllib_learner.learner, rllib_learner.networks
    users, choices, obs_size, state_size, _ = algorithm.env_runner.games.sizes
    bare = BareUpdate(users, obs_size, state_size, choices, 64)
    pairs = [
        (bare.actor, networks.acting),
        (bare.critics, networks.critics),
        (bare.actor_target, networks.target_acting),
        (bare.critics_target, networks.target_critics),
    ]
    for mine, theirs in pairs:
        for parameter, value in zip(mine, parameters(theirs), strict=True):
            parameter.data.copy_(value)
    before = [parameters(theirs) for _, theirs in pairs]
    bare.generator.set_state(learner.generator.get_state())
    for _ in range(3):
        (fragment,) = algorithm.env_runner.sample(num_timesteps=64)
        rows = fragment.transitions
        assert not rows.terminated.any()
        rllib_learner.update(rows)
        loss = bare.learn(*rows[:6])
        assert float(loss) > 0.0
        torch.testing.assert_close(loss, learner._sums.pop("critic_loss"))
        for mine, theirs in pairs:
            torch.testing.assert_close([p.detach() for p in mine], parameters(theirs), rtol=1e-4, atol=1e-6)
    for old, (_, theirs) in zip(before, pairs, strict=True):
        assert all(not torch.equal(*both) for both in zip(old, parameters(theirs), strict=True))
    algorithm.stop()


def test_agilerls_game_is_ours_under_other_names() -> None:
    theirs, ours = agilerl_maddpg._Renamed(), edgeoffload_v0.parallel_env("paper")
    assert theirs.possible_agents == [f"user{n}" for n in range(10)]
    seen, _ = theirs.reset(seed=3)
    expected, _ = ours.reset(seed=3)
    assert [row.tolist() for row in seen.values()] == [row.tolist() for row in expected.values()]
    actions = {user: n % 6 for n, user in enumerate(ours.agents)}
    assert theirs.observation_space("user3") == ours.observation_space("user_3")
    assert theirs.action_space("user3") == ours.action_space("user_3")
    _, rewards, *_ = theirs.step({user.replace("_", ""): action for user, action in actions.items()})
    _, expected_rewards, *_ = ours.step(actions)
    assert list(rewards.values()) == list(expected_rewards.values())
    assert theirs.agents == theirs.possible_agents


@pytest.mark.slow
def test_updates_are_measured_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda function: function)  # which takes minutes
    monkeypatch.setenv("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
    file = tmp_path / "updates.json"
    updates.run(argparse.Namespace(quick=True, json=file))
    result = json.loads(file.read_text())
    for name, forms in updates.FORMS.items():
        assert tuple(result[name]) == forms
        for found in result[name].values():
            assert_spread(found["update_s"])
            assert_spread(found["times_as_it_is"])
            assert found["first_update_s"] > 0.0


@pytest.mark.parametrize("form", ["critic=separate", "bfloat16", "compiled"])
def test_an_update_in_another_form_learns(form: str, local_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from recipes import DTOMALBConfig

    monkeypatch.setattr(torch, "compile", lambda function: function)  # which takes half a minute
    config = DTOMALBConfig().environment("edgeoffload/sparse-v0").debugging(seed=3)
    config.training(train_batch_size_per_learner=16, hidden=(8, 8), **({"critic": "separate"} if "=" in form else {}))
    algorithm = config.env_runners(num_envs_per_env_runner=8).build_algo()
    algorithm.train()
    networks = algorithm.learner_group._learner.networks
    before = parameters(networks.acting), parameters(networks.critics)
    updates.update_in(form, algorithm)()
    for old, new in zip(before, (parameters(networks.acting), parameters(networks.critics)), strict=True):
        assert any(not torch.equal(*pair) for pair in zip(old, new, strict=True))
