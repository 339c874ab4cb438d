"""Observations and states: the documented formulas, entry by entry, for every view."""

import math

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0, scenarios
from tests import oracle
from tests.drivers import USERS_DRIVERS
from tests.helpers import ALL_ON, TRACE_ON, assert_close, assert_seen, random_actions
from tests.kinds import names_and_drivers

GAMES = {name: scenarios.get(name).config for name in scenarios.names()} | {
    "all effects": ALL_ON,
    "a trace": TRACE_ON,
    "all effects, loads alone": ALL_ON.replace(observation="load", initial_load_s=(0.1, 0.2)),
}

every_game = pytest.mark.parametrize(("name", "driver"), names_and_drivers(GAMES, USERS_DRIVERS))


@every_game
def test_entries_are_as_documented(name, driver):
    config = GAMES[name].replace(max_cycles=8)
    view = USERS_DRIVERS[driver](config)
    observation, rng = view.reset(seed=0), np.random.default_rng(0)
    state = view.state()
    for _ in range(config.max_cycles):
        assert_seen(observation, state, view.snapshot(), config, 1e-5)
        played = view.step(random_actions(rng, config, view.batch))
        observation, state = played.observation, played.state


@every_game
def test_all_stays_inside_the_spaces_and_nothing_is_all_zero(name, driver):
    config = GAMES[name].replace(max_cycles=min(25, GAMES[name].max_cycles))
    view = USERS_DRIVERS[driver](config)
    single = edgeoffload_v0.parallel_env(config)
    box, state_box = single.observation_space("user_0"), single.state_space
    observation, rng = view.reset(seed=2), np.random.default_rng(2)
    state = view.state()
    for _ in range(config.max_cycles + 1):
        for space, rows in ((state_box, state[0]), (box, observation[0, 0])):
            assert space.contains(rows.astype(np.float32))
        for space, rows in ((state_box, state), (box, observation)):
            assert ((space.low <= rows) & (rows <= space.high)).all()
        assert observation.any(axis=-1).all()
        if isinstance(view.env, type(single)) and not view.env.agents:
            break
        played = view.step(random_actions(rng, config, view.batch))
        observation, state = played.observation, played.state
        if played.truncated.all() and not played.restarted:
            break


def test_spaces_are_finite_float32_boxes_and_discrete_actions():
    for config in GAMES.values():
        env = edgeoffload_v0.parallel_env(config)
        assert env.possible_agents == [f"user_{n}" for n in range(config.num_users)]
        for space in (env.state_space, *(env.observation_space(agent) for agent in env.possible_agents)):
            assert space.dtype == np.float32
            assert np.isfinite(space.low).all()
            assert np.isfinite(space.high).all()
            assert (space.low < space.high).all()
        for agent in env.possible_agents:
            assert env.observation_space(agent) is env.observation_space(agent)
            assert env.action_space(agent) is env.action_space(agent)
            assert env.action_space(agent).start == 0
            assert env.action_space(agent).n == len(oracle.choices(config))


@pytest.mark.parametrize("driver", USERS_DRIVERS)
def test_values_far_outside_the_ranges_are_squashed_not_clipped(driver):
    config = EdgeOffloadConfig(num_users=3, server_hz=(12e9, 20e9))
    view = USERS_DRIVERS[driver](config)
    view.reset(seed=0)
    box = edgeoffload_v0.parallel_env(config).observation_space("user_0")
    seen = []
    for factor in (1.0, 10.0, 100.0):
        snapshot = view.snapshot()
        for name in ("task_bits", "task_cycles", "device_hz", "channel_gain", "backlog_cycles"):
            snapshot[name] = np.full_like(snapshot[name], {"channel_gain": 1e-9}.get(name, 1e9) * factor)
        observation = view.reset(snapshot=snapshot)[0, 0].astype(np.float32)
        assert box.contains(observation)
        seen.append(observation)
    assert (seen[0] < seen[1]).all()
    assert (seen[1] < seen[2]).all()
    assert (seen[2] < 1.0).all()


@pytest.mark.parametrize("high_bits", [3e6, math.nextafter(3e6, math.inf), 3e6 + 0.25])
@pytest.mark.parametrize("driver", USERS_DRIVERS)
def test_a_range_without_width_counts_as_ten_percent_to_either_side(driver, high_bits):
    config = EdgeOffloadConfig(num_users=2, task_bits=(3e6, high_bits), server_hz=(1e10,))
    view = USERS_DRIVERS[driver](config)
    view.reset(seed=0)
    snapshot = view.snapshot()
    for bits, feature in ((2.7e6, -0.5), (3e6, 0.0), (3.3e6, 0.5)):
        snapshot["task_bits"][:] = bits
        assert_close(view.reset(snapshot=snapshot)[:, :, 1], feature, 1e-6)
