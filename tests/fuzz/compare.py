"""A view against the scalar oracle, as closely as the arithmetic of its float type can agree.

Every bound follows from the rounding of the terms that a number is computed from, so that games of any magnitude are
compared: one absolute tolerance would be blind to microseconds and would reject rounded megaseconds.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from edgeoffload_env import EdgeOffloadConfig
from tests import oracle, oracle_features
from tests.drivers import Played, Snapshot
from tests.helpers import game_of_batch

FLOAT32_EPS, FLOAT64_EPS = (float(np.finfo(kind).eps) for kind in (np.float32, np.float64))
_TINY = float(np.finfo(np.float32).tiny)  # what underflows in float32


def relative_bound(config: EdgeOffloadConfig, eps: float) -> float:
    """Of a sum of positive terms over users or servers, and of some operations more.

    Rounding errors of sums of n terms grow as sqrt(n) where their signs are as good as random.
    """
    return eps * (16.0 + 4.0 * math.sqrt(config.num_users + config.servers))


def assert_within(actual: Any, expected: Any, bound: Any, what: str) -> None:
    """Finite, and no further from what is expected than the bound of each number."""
    actual, expected, bound = np.asarray(actual), np.asarray(expected), np.asarray(bound)
    assert actual.shape == expected.shape, what
    assert np.isfinite(actual).all(), f"{what}: {actual}"
    wrong = ~(abs(actual - expected) <= bound + _TINY)
    assert not wrong.any(), (
        f"{what}: {actual[wrong]} where {expected[wrong]} is right up to {(bound + 0 * actual)[wrong]}"
    )


def assert_slot(played: Played, before: Snapshot, config: EdgeOffloadConfig, eps: float) -> int:
    """Every number of a slot, for every game; how many of the games were compared in full.

    Where two arrivals at a server are too close for the float type to order, what depends on their order is left out.
    """
    return sum(_assert_game(played, before, config, eps, game) for game in range(len(played.target)))


def _assert_game(played: Played, before: Snapshot, config: EdgeOffloadConfig, eps: float, game: int) -> bool:
    snapshot, actions = game_of_batch(before, game), played.target[game]
    slot = oracle.play(snapshot, actions, config)
    relative = relative_bound(config, eps)
    server_hz = np.array(snapshot["server_hz"])
    own_hz = np.append(math.inf, server_hz)[actions]  # nobody waits for a device
    # where a game is sorted, one running sum in float64 passes over all of its servers
    work = float(np.sum(snapshot["task_cycles"]))
    wait_bound = relative * np.array(slot.wait_s) + FLOAT64_EPS * config.num_users * work / own_hz
    delay_bound = relative * np.array(slot.delay_s) + wait_bound
    load_bound = relative * max(q / f for q, f in zip(slot.queued_cycles, server_hz, strict=True))
    imbalance_bound = 2.0 * math.sqrt(slot.imbalance) * load_bound + load_bound**2 + relative * slot.imbalance
    w1, w2, share = config.delay_weight, config.balance_weight, config.reward_sharing
    reward_bound = w1 * delay_bound + w2 * imbalance_bound + relative * w2 * slot.imbalance
    mean_bound = reward_bound.mean() + relative * (w1 * np.mean(slot.delay_s) + w2 * slot.imbalance)
    reward_bound = (1.0 - share) * reward_bound + share * mean_bound
    reward: Sequence[float] = slot.reward
    if played.reward.shape[1] == 1:  # the central view's, one for all
        reward, reward_bound = [math.fsum(slot.reward) / len(slot.reward)], np.array([mean_bound])

    def compare(name: str, actual: Any, expected: Any, bound: Any) -> None:
        assert_within(actual, expected, bound, f"{name} of game {game}")

    for name in ("upload_s", "forward_s", "compute_s"):
        expected = np.array(getattr(slot, name))
        compare(name, getattr(played, name)[game], expected, relative * expected)
    compare("imbalance", played.imbalance[game], slot.imbalance, imbalance_bound)
    contested = set(contested_servers(slot, actions, snapshot, eps))
    clear = np.array([int(action) not in contested for action in actions])
    compare("wait_s", played.wait_s[game][clear], np.array(slot.wait_s)[clear], wait_bound[clear])
    compare("delay_s", played.delay_s[game][clear], np.array(slot.delay_s)[clear], delay_bound[clear])
    if clear.all():
        compare("reward", played.reward[game], reward, reward_bound)
    elif share == 0.0 and len(reward) > 1:
        compare("reward", played.reward[game][clear], np.array(reward)[clear], reward_bound[clear])
    if not played.restarted:
        served = np.array(slot.queued_cycles) + server_hz * config.slot_s
        compare("backlog", played.after["backlog_cycles"][game], slot.next_backlog_cycles, relative * served)
    return bool(clear.all())


def contested_servers(slot: oracle.Slot, actions: Sequence[int], snapshot: Snapshot, eps: float) -> Iterator[int]:
    """The servers that two unlike tasks reach so close to each other that rounding may put them in another order.

    Tasks alike to the last bit do tie.
    """
    for m in {int(action) for action in actions} - {0}:
        tasks = sorted(
            (slot.arrival_s[n], snapshot["task_bits"][n], snapshot["channel_gain"][n])
            for n, action in enumerate(actions)
            if action == m
        )
        for early, late in itertools.pairwise(tasks):
            if late[0] - early[0] <= 32.0 * eps * late[0] and late[1:] != early[1:]:
                yield m
                break


def assert_seen(
    observation: np.ndarray, state: np.ndarray, snapshot: Snapshot, config: EdgeOffloadConfig, eps: float
) -> None:
    """Every entry of every observation (but the central view's, which is the state) and state is as documented."""

    def load_bound(load_s: float) -> float:
        return 8.0 * FLOAT32_EPS

    def range_bound(value: float, low: float, high: float) -> float:
        half = oracle_features.half_width(low, high)
        return 8.0 * FLOAT32_EPS + 8.0 * eps * (abs(value) + abs(low) + abs(high)) / half

    for game in range(len(state)):
        one = game_of_batch(snapshot, game)
        rows, whole = (np.array(x) for x in oracle_features.seen(one, config))
        row_bounds, whole_bound = oracle_features.seen(one, config, load_bound, range_bound)
        assert_within(state[game], whole, whole_bound, f"state of game {game}")
        if not np.array_equal(observation, state[:, None]):
            assert_within(observation[game], rows, row_bounds, f"observations of game {game}")
        for values in (observation[game], state[game]):
            assert (abs(values) <= 1.0).all()


def assert_fresh(snapshot: Snapshot, config: EdgeOffloadConfig, eps: float) -> None:
    """An episode's first snapshot is within the ranges that it is drawn from."""
    assert (snapshot["slot"] == 0).all()
    assert_tasks(snapshot, config, eps)
    slack = 16.0 * eps
    gains = oracle.path_gain(config.cell_radius_m), oracle.path_gain(config.min_distance_m)
    _assert_between(snapshot["channel_gain"], gains, 8.0 * slack, "channel_gain")  # a power multiplies rounding
    _assert_between(snapshot["device_hz"], config.device_hz, slack, "device_hz")
    _assert_between(snapshot["server_hz"], config.speed_bounds_hz, slack, "server_hz")
    if config.server_hz is not None:
        assert_within(snapshot["server_hz"][0], config.server_hz, slack * np.array(config.server_hz), "server_hz")
    load_s = snapshot["backlog_cycles"] / snapshot["server_hz"]
    _assert_between(load_s, config.initial_load_s, slack, "initial load")


def assert_tasks(snapshot: Snapshot, config: EdgeOffloadConfig, eps: float) -> None:
    """The coming tasks are within the ranges that they are drawn from."""
    for name in ("task_bits", "task_cycles"):
        _assert_between(snapshot[name], getattr(config, name), 16.0 * eps, name)


def _assert_between(values: np.ndarray, bounds: tuple[float, float], slack: float, what: str) -> None:
    low, high = bounds
    assert ((values >= low * (1.0 - slack) - _TINY) & (values <= high * (1.0 + slack))).all(), (what, values, bounds)
