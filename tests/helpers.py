"""Random games, comparison with the oracle, and comparison to the last bit."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig
from tests import oracle
from tests.drivers import PARTS, Played, Snapshot, to_numpy

# Warnings of torch at its first compilation
compiles = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:torch", "ignore:Dynamo detected a call to a .functools.lru_cache.:UserWarning"
)


class Game(NamedTuple):
    """A configuration, snapshots of B games, and the next actions of all users, ``[B, N]``."""

    config: EdgeOffloadConfig
    snapshot: Snapshot
    actions: np.ndarray


def random_config(rng: np.random.Generator, users: int, servers: int, **fields: Any) -> EdgeOffloadConfig:
    """Draw a configuration with the given size."""
    forward: Any = float(10.0 ** rng.uniform(7, 10))
    if servers > 1 and rng.random() < 0.5:
        forward = tuple(10.0 ** rng.uniform(7, 10, servers - 1))
    if rng.random() < 0.5:
        speeds: dict[str, Any] = {"server_hz": tuple(rng.uniform(1e9, 3e10, servers))}
    else:
        speeds = {"server_hz_range": (1e9, 3e10), "num_servers": servers}
    drawn = {
        "num_users": users,
        "forward_bps": forward,
        "bandwidth_hz": float(rng.uniform(5e6, 1e8)),
        "tx_power_w": float(rng.uniform(0.1, 2.0)),
        "noise_dbm_per_hz": float(rng.uniform(-174, -150)),
        "cell_radius_m": float(rng.uniform(50, 1000)),
        "channel_sharing": str(rng.choice(["active", "all"])),
        "slot_s": float(rng.uniform(0.01, 1.0)),
        "initial_load_s": (0.0, float(rng.choice([0.0, 2.0]))),
        "delay_weight": float(rng.choice([0.0, 1.0, rng.uniform(0, 3)])),
        "balance_weight": float(rng.choice([0.0, 1.0, rng.uniform(0, 3)])),
        "reward_sharing": float(rng.choice([0.0, 1.0, rng.uniform(0, 1)])),
        "observation": str(rng.choice(["full", "load"])),
    }
    return EdgeOffloadConfig(**(drawn | speeds | fields))


def random_snapshot(rng: np.random.Generator, config: EdgeOffloadConfig, batch: int, twins: float = 0.2) -> Snapshot:
    """Draw snapshots of B games. Some queues are empty, and some users tie with user 0: same task, same channel."""
    users, servers = (batch, config.num_users), (batch, config.servers)
    fields = {
        "task_bits": rng.uniform(*config.task_bits, users),
        "task_cycles": rng.uniform(*config.task_cycles, users),
        "device_hz": rng.uniform(*config.device_hz, users),
        "channel_gain": 10.0 ** rng.uniform(-13, -7, users),
        "server_hz": rng.uniform(*config.speed_bounds_hz, servers),
        "backlog_cycles": rng.uniform(0.0, 2e10, servers) * (rng.random(servers) < 0.7),
        "slot": np.zeros(batch, dtype=np.int64),
    }
    alike = np.where(rng.random(users) < twins, 0, np.arange(config.num_users))
    for name in ("task_bits", "channel_gain"):
        fields[name] = np.take_along_axis(fields[name], alike, axis=1)
    return fields


def random_actions(rng: np.random.Generator, config: EdgeOffloadConfig, batch: int) -> np.ndarray:
    """Draw actions of all users, ``[B, N]``, from random odds in each game: some servers get all users, some none."""
    odds = rng.dirichlet(np.full(config.servers + 1, 0.5), batch)
    draws = rng.random((batch, config.num_users, 1))
    return np.minimum((draws > np.cumsum(odds, axis=1)[:, None, :]).sum(axis=2), config.servers)


def make_game(seed: int, users: int, servers: int, batch: int, twins: float = 0.2, **fields: Any) -> Game:
    """Draw a configuration and B games of it."""
    rng = np.random.default_rng(seed)
    config = random_config(rng, users, servers, **fields)
    return Game(config, random_snapshot(rng, config, batch, twins), random_actions(rng, config, batch))


def games(max_users: int = 100, max_servers: int = 20, batch: int = 1, **fields: Any) -> st.SearchStrategy[Game]:
    """Return a strategy of random games; hypothesis draws a seed, and numpy the numbers."""
    return st.builds(
        make_game,
        seed=st.integers(0, 2**32 - 1),
        users=st.integers(1, max_users),
        servers=st.integers(1, max_servers),
        batch=st.just(batch),
        **{name: st.just(value) for name, value in fields.items()},
    )


def game_of_batch(snapshot: Mapping[str, Any], game: int) -> Snapshot:
    """Return the snapshot of one game, without the batch axis."""
    return {name: to_numpy(values)[game] for name, values in snapshot.items()} | {"slot": int(snapshot["slot"][game])}


def assert_as_oracle(played: Played, before: Snapshot, config: EdgeOffloadConfig, tolerance: float) -> int:
    """Compare all quantities of a slot with the oracle, which starts from the view's snapshot.

    Games in which two arrivals at a server are closer than the tolerance are skipped, because rounding decides their
    order.

    Returns:
        The number of games compared.
    """
    counted = 0
    for i, actions in enumerate(played.target):
        slot = oracle.play(game_of_batch(before, i), actions, config)
        if oracle.closest_arrivals_s(slot, actions) <= tolerance * max(1.0, *slot.arrival_s):
            continue
        counted += 1
        for name in (*PARTS, "imbalance"):
            assert_close(getattr(played, name)[i], getattr(slot, name), tolerance, f"{name} of game {i}")
        one_for_all = played.reward.shape[1] == 1  # in the central view
        reward = [sum(slot.reward) / len(slot.reward)] if one_for_all else slot.reward
        assert_close(played.reward[i], reward, tolerance, f"reward of game {i}")
        if not played.restarted:
            giga = 1e-9 * np.array(slot.next_backlog_cycles)
            assert_close(1e-9 * played.after["backlog_cycles"][i], giga, tolerance, f"backlog of game {i}, Gcycles")
    if not played.restarted:
        assert np.array_equal(played.after["slot"], before["slot"] + 1)
        for name in ("device_hz", "channel_gain", "server_hz"):
            assert np.array_equal(played.after[name], before[name]), name
    return counted


def assert_one_traceback(error: BaseException) -> None:
    """Assert that no other error is shown before this one."""
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


def assert_close(actual: Any, expected: Any, tolerance: float, what: str = "") -> None:
    """Assert equality up to a relative or an absolute tolerance, whichever is wider."""
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance, err_msg=what)


def assert_same(actual: Any, expected: Any) -> None:
    """Assert equality to the last bit and in type, through dicts, tuples and arrays of either backend."""
    assert type(actual) is type(expected)
    if isinstance(expected, dict):
        assert list(actual) == list(expected)
        for name in expected:
            assert_same(actual[name], expected[name])
    elif isinstance(expected, tuple | list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    elif hasattr(expected, "dtype"):
        assert actual.dtype == expected.dtype
        assert np.array_equal(np.asarray(actual), np.asarray(expected))
    else:
        assert actual == expected
