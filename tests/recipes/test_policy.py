from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns

from edgeoffload_env import edgeoffload_v0, evaluate, policies
from recipes import registry
from recipes.rllib.adapter import own_policy
from recipes.rllib.build import build_algorithm
from recipes.settings import RunSettings
from tests.recipes.noise import RAY_NOISE

pytestmark = RAY_NOISE


Built = tuple[Any, RunSettings, Any]


def build(algorithm: str, folder: Path, **hyper: Any) -> Built:
    """An algorithm as it starts, its settings, and the policy of its checkpoint."""
    module = registry.get(algorithm).load()
    settings = RunSettings(
        algorithm=algorithm,
        scenario="random-servers",
        seed=4,
        env_steps=100,
        hyperparameters=module.Hyperparameters.of({"hidden": (16,)} | hyper),
        env={"num_users": 4},
    )
    trained = build_algorithm(settings, 0)
    trained.save_to_path(str(folder))
    return trained, settings, module.load_policy(settings, folder)


@pytest.fixture(scope="module")
def built(local_session: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Built]]:
    """:func:`build`, once for each algorithm with each of its hyper-parameters."""
    made: dict[str, Built] = {}

    def get(algorithm: str, **hyper: Any) -> Built:
        key = f"{algorithm} {hyper}"
        if key not in made:
            made[key] = build(algorithm, tmp_path_factory.mktemp("built") / "checkpoint", **hyper)
        return made[key]

    yield get
    for trained, _, _ in made.values():
        trained.stop()


@pytest.mark.parametrize(
    ("algorithm", "hyper"), [("rllib-dqn", {}), ("rllib-ppo", {}), ("rllib-ppo", {"agent_id": False})]
)
def test_acts_as_rllibs_modules_do_user_by_user(
    built: Callable[..., Built], algorithm: str, hyper: dict[str, Any]
) -> None:
    trained, settings, policy = built(algorithm, **hyper)
    env = edgeoffload_v0.vector_env(num_envs=30, scenario=settings.env_config)
    observation, _ = env.reset(seed=0)
    actions = policy.act(policies.view_of(env, np.random.default_rng(0)))
    assert actions.shape == (30, 4)
    assert len(np.unique(actions)) > 1
    runner = trained.env_runner.env.envs[0].unwrapped
    for n, user in enumerate(runner.possible_agents):
        module = trained.get_module(own_policy(user) if algorithm == "rllib-dqn" else "shared")
        one_hot = [np.tile(np.eye(4)[n], (30, 1))] if algorithm == "rllib-ppo" and not hyper else []
        seen = np.concatenate([observation[:, n], *one_hot], axis=1).astype(np.float32)
        assert runner.observation_spaces[user].contains(seen[0])
        with torch.no_grad():
            output = module.forward_inference({Columns.OBS: torch.from_numpy(seen)})
        expected = output[Columns.ACTIONS] if algorithm == "rllib-dqn" else output[Columns.ACTION_DIST_INPUTS].argmax(1)
        np.testing.assert_array_equal(actions[:, n], expected.numpy())
    for asked in (["user_3"], ["user_2", "user_0"], []):
        places = [int(user[-1]) for user in asked]
        alone = policy.actions({user: observation[7, n] for user, n in zip(asked, places, strict=True)})
        assert alone == {user: actions[7, n] for user, n in zip(asked, places, strict=True)}
    with pytest.raises(ValueError, match=r"user must be one of user_0 \.\. user_3, got .user_4."):
        policy.actions({"user_4": observation[0, 0]})
    with pytest.raises(ValueError, match="shape of observation of user_1"):
        policy.actions({"user_1": observation[0, 0, 1:]})


def test_refuses_games_that_do_not_fit(built: Callable[..., Built]) -> None:
    _, settings, policy = built("rllib-ppo", agent_id=False)
    more = evaluate(policy, settings.scenario, 2, num_users=7)  # no identity, so any number of users
    assert np.isfinite(more.utility).all()
    with pytest.raises(ValueError, match="obs_size of the game must be 14, as rllib-ppo was trained for, got 9"):
        evaluate(policy, "paper", 2)
    with pytest.raises(ValueError, match=r"obs_size of the game must be .*, got 12"):
        evaluate(policy, settings.scenario, 2, num_servers=4)
    _, settings, policy = built("rllib-dqn")
    with pytest.raises(ValueError, match="num_users of the game must be 4, as rllib-dqn was trained for, got 7"):
        evaluate(policy, settings.scenario, 2, num_users=7)


def test_same_seed_same_networks(built: Callable[..., Built], tmp_path: Path) -> None:
    again, _, _ = build("rllib-dqn", tmp_path / "again")
    states = [trained.get_module("user_1").state_dict() for trained in (built("rllib-dqn")[0], again)]
    again.stop()
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
