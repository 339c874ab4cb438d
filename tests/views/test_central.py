"""One learner in charge of all users: Gymnasium's own checks, and the same game as the parallel view's."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from edgeoffload_env import edgeoffload_v0, scenarios
from edgeoffload_env.views.central import EdgeOffloadCentralEnv
from tests import oracle
from tests.helpers import assert_same, random_actions
from tests.kinds import every_scenario_slowly


def make(scenario="paper", **options):
    return gymnasium.make(f"edgeoffload/{scenario}-central-v0", **options)


@every_scenario_slowly()
def test_env_checker(scenario):
    check_env(make(scenario).unwrapped)


@pytest.mark.parametrize("mode", EdgeOffloadCentralEnv.metadata["render_modes"])
def test_render(mode):
    env = make(render_mode=mode)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    shown = env.render()
    if mode == "ansi":
        assert "slot 1" in shown
    else:
        assert (shown is None) == (mode == "human")
    env.close()


@every_scenario_slowly()
def test_is_the_parallel_game(scenario):
    env, parallel = make(scenario), edgeoffload_v0.parallel_env(scenario)
    config = parallel.config
    assert env.unwrapped.config == config
    assert env.observation_space == parallel.state_space
    assert env.action_space == gymnasium.spaces.MultiDiscrete([len(oracle.choices(config))] * config.num_users)
    state, info = env.reset(seed=3)
    assert_joined(info, parallel.reset(seed=3)[1])
    rng = np.random.default_rng(0)
    while parallel.agents:
        assert_same(state, parallel.state())
        actions = random_actions(rng, config, 1)[0]
        _, rewards, _, truncations, infos = parallel.step(dict(zip(parallel.agents, actions.tolist(), strict=True)))
        state, reward, terminated, truncated, info = env.step(actions)
        assert type(reward) is float
        assert reward == pytest.approx(np.mean(list(rewards.values())), rel=1e-14)
        assert (terminated, truncated) == (False, truncations["user_0"])
        assert_joined(info, infos)
        assert_same(env.unwrapped.snapshot(), parallel.snapshot())
    assert truncated


def assert_joined(info, infos):
    """The parallel view's infos as arrays over users, those of the whole game as one number."""
    first, *_ = rows = list(infos.values())
    assert set(info) == set(first)
    for name, value in info.items():
        if name in ("imbalance", "utilisation"):
            assert_same(value, first[name])
        else:
            assert type(value) is np.ndarray
            assert_same(value.tolist(), [np.asarray(row[name]).tolist() for row in rows])


@pytest.mark.parametrize("vectorization_mode", ["sync", "async"])
def test_make_vec(vectorization_mode):
    envs = gymnasium.make_vec(
        "edgeoffload/sparse-central-v0", num_envs=2, vectorization_mode=vectorization_mode, max_cycles=3
    )
    single = make("sparse", max_cycles=3)
    states, _ = envs.reset(seed=7)
    assert_same(states[0], single.reset(seed=7)[0])
    actions = np.tile([0, 1, 2, 3, 4], (2, 1))
    for _ in range(3):
        states, rewards, _, truncated, _ = envs.step(actions)
        expected = single.step(actions[0])
        assert_same(states[0], expected[0])
        assert rewards[0] == expected[1]
    assert truncated.all()
    envs.close()


def test_overrides_through_make():
    env = make("crowded", max_cycles=2, delay_weight=3.0)
    assert env.unwrapped.config == scenarios.get("crowded").config.replace(max_cycles=2, delay_weight=3.0)
    with pytest.raises(TypeError, match="max_cylces"):
        make(max_cylces=2)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_of_what_make_gives(duplicate):
    env = make()
    env.reset(seed=1)
    actions = np.ones(10, dtype=int)
    env.step(actions)
    twin = duplicate(env)
    for _ in range(3):
        assert_same(twin.step(actions), env.step(actions))


def test_the_state_handed_out_is_not_overwritten():
    env = make()
    kept = [env.reset(seed=1)[0]]
    copies = [kept[0].copy()]
    for _ in range(5):
        kept.append(env.step(np.ones(10, dtype=int))[0])
        copies.append(kept[-1].copy())
    assert_same(kept, copies)
