"""The game turn by turn is the parallel game."""

import numpy as np
import pytest

from edgeoffload_env import edgeoffload_v0
from tests.helpers import assert_same, random_actions

GAME = {"num_users": 12, "max_cycles": 5}  # user_10 sorts before user_2 as text


def test_an_episode_is_the_parallel_one():
    env, parallel = edgeoffload_v0.env(**GAME), edgeoffload_v0.parallel_env(**GAME)
    env.reset(seed=4)
    observations, infos = parallel.reset(seed=4)
    rewards, truncations = dict.fromkeys(parallel.agents, 0), dict.fromkeys(parallel.agents, False)
    rng = np.random.default_rng(0)
    while parallel.agents:
        chosen = random_actions(rng, parallel.config, 1)[0].tolist()
        for agent, action in zip(parallel.possible_agents, chosen, strict=True):
            assert env.agent_selection == agent
            expected = (observations[agent], rewards[agent], False, truncations[agent], infos[agent])
            assert_same(env.last(), expected)
            assert_same(env.state(), parallel.state())
            env.step(action)
        observations, rewards, _, truncations, infos = parallel.step(dict(zip(parallel.agents, chosen, strict=True)))
    seen = set()
    while env.agents:
        agent = env.agent_selection
        seen.add(agent)
        assert_same(env.last(), (observations[agent], rewards[agent], False, True, infos[agent]))
        env.step(None)
    assert seen == set(parallel.possible_agents)


def test_nothing_is_played_before_the_last_turn():
    env = edgeoffload_v0.env(**GAME)
    env.reset(seed=0)
    for agent in env.possible_agents[:-1]:
        env.step(1)
        assert env.unwrapped.snapshot()["slot"] == 0
        assert env.infos[agent] == {}
        assert env.rewards[agent] == 0
    env.step(1)
    assert env.unwrapped.snapshot()["slot"] == 1
    assert env.agent_selection == "user_0"


def test_returns_add_up_to_the_parallel_ones():
    env, parallel = edgeoffload_v0.env(**GAME), edgeoffload_v0.parallel_env(**GAME)
    env.reset(seed=1)
    parallel.reset(seed=1)
    returns, expected = dict.fromkeys(env.agents, 0.0), dict.fromkeys(env.agents, 0.0)
    for agent in env.agent_iter():
        _, reward, _, truncation, _ = env.last()
        returns[agent] += reward
        env.step(None if truncation else 2)
    while parallel.agents:
        for agent, reward in parallel.step(dict.fromkeys(parallel.agents, 2))[1].items():
            expected[agent] += reward
    assert returns == expected


def test_reset_in_the_middle_of_a_round_forgets_the_actions():
    env, fresh = edgeoffload_v0.env(**GAME), edgeoffload_v0.env(**GAME)
    env.reset(seed=3)
    for _ in range(5):
        env.step(4)
    for one in (env, fresh):
        one.reset(seed=3)
        assert one.agent_selection == "user_0"
        for _ in range(12):
            one.step(1)
    assert_same(env.infos, fresh.infos)


def test_dead_agents_take_none_alone():
    env = edgeoffload_v0.env(num_users=2, max_cycles=1)
    env.reset(seed=0)
    env.step(1)
    env.step(1)
    for action in (1, 0, "1"):
        with pytest.raises(ValueError, match="user_0"):
            env.step(action)
    env.step(None)
    env.step(None)
    assert env.agents == []


def test_name_spaces_and_unwrapped():
    env = edgeoffload_v0.env(**GAME)
    assert str(env) == "edgeoffload_v0"
    assert env.unwrapped.config.num_users == 12
    assert env.observation_space("user_1") is env.observation_space("user_1")
    assert env.state_space is env.unwrapped.state_space
    assert env.possible_agents == env.unwrapped.possible_agents
