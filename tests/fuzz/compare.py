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
from tests import oracle, oracle_features, oracle_radio
from tests.drivers import Played, Snapshot
from tests.helpers import EFFECT_INFOS, added, assert_masks, assert_trace, game_of_batch

FLOAT32_EPS, FLOAT64_EPS = (float(np.finfo(kind).eps) for kind in (np.float32, np.float64))
FLOAT32_SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
_TINY = float(np.finfo(np.float32).tiny)  # what underflows in float32


def relative_bound(config: EdgeOffloadConfig, eps: float) -> float:
    """Of a sum of positive terms over users or servers, and of some operations more.

    Rounding errors of sums of n terms grow as sqrt(n) where their signs are as good as random. The noise power is ten
    to the power of an exponent, which package and oracle round at different places: three roundings of at most half a
    float64 epsilon of up to ``(|dBm/Hz| + 30) / 10``. A rate errs no more than the noise power does.
    """
    noise = FLOAT64_EPS * 1.5 * math.log(10.0) * (abs(config.noise_dbm_per_hz) + 30.0) / 10.0
    return eps * (16.0 + 4.0 * math.sqrt(config.num_users + config.servers)) + noise


def assert_within(actual: Any, expected: Any, bound: Any, what: str) -> None:
    """Finite, and no further from what is expected than the bound of each number."""
    actual, expected, bound = np.asarray(actual), np.asarray(expected), np.asarray(bound)
    assert actual.shape == expected.shape, what
    assert np.isfinite(actual).all(), f"{what}: {actual}"
    wrong = ~(abs(actual - expected) <= bound + _TINY)
    assert not wrong.any(), (
        f"{what}: {actual[wrong]} where {expected[wrong]} is right up to {(bound + 0 * actual)[wrong]}"
    )


def assert_slot(played: Played, before: Snapshot, actions: np.ndarray, config: EdgeOffloadConfig, eps: float) -> int:
    """Every number of a slot, for every game; how many of the games were compared in full.

    Where two arrivals at a server are too close for the float type to order, what depends on their order is left out.
    """
    assert set(played.extra) == added(config, EFFECT_INFOS)
    assert_masks(played.mask, played.after, config)
    return sum(_assert_game(played, before, actions, config, eps, game) for game in range(len(actions)))


def _assert_game(
    played: Played, before: Snapshot, chosen: np.ndarray, config: EdgeOffloadConfig, eps: float, game: int
) -> bool:
    snapshot = game_of_batch(before, game)
    slot = oracle.play(snapshot, chosen[game], config)
    actions = np.array(slot.target)
    assert np.array_equal(played.target[game], actions)
    relative = relative_bound(config, eps)
    # factors below it become 0: the error is this times what they scale
    smallest = FLOAT32_SMALLEST if eps == FLOAT32_EPS else 0.0
    server_hz = np.array(snapshot["server_hz"])
    own_hz = np.append(math.inf, server_hz)[actions]  # nobody on a device waits for the others
    # where a game is sorted, one running sum in float64 passes over all of its servers
    work = float(np.sum(snapshot["task_cycles"]))
    wait_bound = relative * np.array(slot.wait_s) + FLOAT64_EPS * config.num_users * work / own_hz
    if config.queue_clock == "continuous":  # waits are differences of times
        wait_bound = wait_bound + relative * np.array(slot.arrival_s)
    local_bound, offloaded_bound = relative * np.array(slot.local_s), relative * np.array(slot.offloaded_s) + wait_bound
    delay_bound = relative * np.array(slot.delay_s) + wait_bound
    load_bound = relative * max(q / f for q, f in zip(slot.queued_cycles, server_hz, strict=True))
    imbalance_bound = 2.0 * math.sqrt(slot.imbalance) * load_bound + load_bound**2 + relative * slot.imbalance
    w1, w2, share = config.delay_weight, config.balance_weight, config.reward_sharing
    reward_bound = w1 * delay_bound + w2 * imbalance_bound + relative * w2 * slot.imbalance
    reward_bound = reward_bound + smallest * (np.array(slot.delay_s) + slot.imbalance)
    energy, lateness = np.array(slot.energy_j), np.array(slot.lateness_s)
    energy_bound, lateness_bound = relative * energy, 0.0 * lateness
    if config.energy is not None:
        energy_bound = (
            energy_bound + config.energy.idle_power_w * offloaded_bound + smallest * np.array(slot.offloaded_s)
        )
        cost = config.energy_weight * config.energy.cost_s_per_j
        reward_bound = reward_bound + cost * (energy_bound + relative * energy)
        reward_bound = reward_bound + smallest * (config.energy_weight + config.energy.cost_s_per_j) * energy
    if config.deadline is not None:
        deadline_s = np.array(snapshot["deadline_s"])
        lateness_bound = delay_bound + relative * deadline_s
        timely = abs(np.array(slot.delay_s) - deadline_s) > lateness_bound  # or late, without doubt
        miss_cost = config.deadline.miss_cost_s * np.where(timely, relative, 1.0)
        lateness_cost = config.deadline.lateness_cost * (lateness_bound + relative * lateness)
        reward_bound = reward_bound + config.deadline_weight * (miss_cost + lateness_cost)
        costs = config.deadline.miss_cost_s + config.deadline.lateness_cost * lateness
        reward_bound = reward_bound + smallest * (config.deadline_weight * (1.0 + lateness) + costs)
    own_mean = abs(math.fsum(slot.reward)) / len(slot.reward)
    mean_bound = reward_bound.mean() + relative * own_mean
    reward_bound = (1.0 - share) * reward_bound + share * mean_bound
    reward: Sequence[float] = slot.reward
    if played.reward.shape[1] == 1:  # the central view's, one for all
        reward, reward_bound = [math.fsum(slot.reward) / len(slot.reward)], np.array([mean_bound])

    def compare(name: str, actual: Any, expected: Any, bound: Any) -> None:
        assert_within(actual, expected, bound, f"{name} of game {game}")

    for name in ("upload_s", "forward_s", "compute_s"):
        expected = np.array(getattr(slot, name))
        compare(name, getattr(played, name)[game], expected, relative * expected)
    if "download_s" in played.extra:
        expected = np.array(slot.download_s)
        bits = np.array(snapshot["task_bits"])
        compare("download_s", played.extra["download_s"][game], expected, relative * expected + smallest * bits)
    if config.levels is not None:
        assert_within(played.extra["offload_ratio"][game], slot.offload_ratio, 2.0 * eps, f"shares of game {game}")
        power_bound = 2.0 * eps * np.array(slot.tx_power_w)
        compare("tx_power_w", played.extra["tx_power_w"][game], slot.tx_power_w, power_bound)
        compare("local_s", played.extra["local_s"][game], slot.local_s, local_bound)
    if "active" in played.extra:
        assert played.extra["active"][game].tolist() == slot.active
    compare("imbalance", played.imbalance[game], slot.imbalance, imbalance_bound)
    contested = set(contested_servers(slot, actions, snapshot, eps))
    clear = np.array([int(action) not in contested for action in actions])
    compare("wait_s", played.wait_s[game][clear], np.array(slot.wait_s)[clear], wait_bound[clear])
    compare("delay_s", played.delay_s[game][clear], np.array(slot.delay_s)[clear], delay_bound[clear])
    if "energy_j" in played.extra:
        compare("energy_j", played.extra["energy_j"][game][clear], energy[clear], energy_bound[clear])
    if "missed" in played.extra:
        compare("lateness_s", played.extra["lateness_s"][game][clear], lateness[clear], lateness_bound[clear])
        assert np.array_equal(played.extra["missed"][game][clear & timely], np.array(slot.missed)[clear & timely])
    if "utilisation" in played.extra:
        queueing = slice(0, len(server_hz) - config.elastic_servers)
        could = math.fsum(server_hz[queueing]) * config.slot_s
        work_done = math.fsum(slot.queued_cycles) + could  # what the cycles served are the difference of
        compare("utilisation", played.extra["utilisation"][game], slot.utilisation, relative * work_done / could)
    if clear.all():
        compare("reward", played.reward[game], reward, reward_bound)
    elif share == 0.0 and len(reward) > 1:
        compare("reward", played.reward[game][clear], np.array(reward)[clear], reward_bound[clear])
    if not played.restarted:
        served = np.array(slot.queued_cycles) + server_hz * config.slot_s
        if config.queue_clock == "continuous":
            served = server_hz * (np.array(slot.free_s) + config.slot_s)
        compare("backlog", played.after["backlog_cycles"][game], slot.next_backlog_cycles, relative * served)
        _assert_effects_next(played.after, game, snapshot, slot, config, relative)
    return bool(clear.all())


def _assert_effects_next(
    after: Snapshot, game: int, snapshot: Snapshot, slot: oracle.Slot, config: EdgeOffloadConfig, relative: float
) -> None:
    """Queues of users, and what a slot fixes of the next one's failures."""
    if "device_backlog_cycles" in after:
        work = snapshot["device_backlog_cycles"] + snapshot["task_cycles"] + snapshot["device_hz"] * config.slot_s
        found = after["device_backlog_cycles"][game]
        assert_within(found, slot.next_device_backlog_cycles, relative * work, f"device queues of game {game}")
    if "uplink_backlog_bits" in after:
        expected = np.array(slot.next_uplink_backlog_bits)
        bound = 3.0 * relative * (snapshot["uplink_backlog_bits"] + snapshot["task_bits"])
        bound = bound + np.where(expected <= 1.0 + bound, 1.0, 0.0)  # which may count as sent, or not
        assert_within(after["uplink_backlog_bits"][game], expected, bound, f"uplink queues of game {game}")
    if "down_s" in after:
        left_s, bound = np.array(slot.left_down_s), relative * (np.array(snapshot["down_s"]) + config.slot_s)
        down = left_s > bound  # the others may fail
        assert_within(after["down_s"][game][down], left_s[down], bound[down], f"down_s of game {game}")
        assert (after["down_s"][game] >= 0.0).all()


def contested_servers(slot: oracle.Slot, actions: Sequence[int], snapshot: Snapshot, eps: float) -> Iterator[int]:
    """The servers that two unlike tasks reach so close to each other that rounding may put them in another order.

    Tasks alike to the last bit do tie.
    """
    unsent = snapshot.get("uplink_backlog_bits", np.zeros(len(actions)))
    for m in {int(action) for action in actions} - {0}:
        tasks = sorted(
            (slot.arrival_s[n], snapshot["task_bits"][n], snapshot["channel_gain"][n], unsent[n])
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

    def flag_bound(flag: bool) -> float:
        return 0.0

    def range_bound(value: float, low: float, high: float) -> float:
        half = oracle_features.half_width(low, high)
        return 8.0 * FLOAT32_EPS + 8.0 * eps * (abs(value) + abs(low) + abs(high)) / half

    for game in range(len(state)):
        one = game_of_batch(snapshot, game)
        rows, whole = (np.array(x) for x in oracle_features.seen(one, config))
        row_bounds, whole_bound = oracle_features.seen(one, config, load_bound, range_bound, flag_bound)
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
    gains = tuple(oracle_radio.path_gain(at_m, config) for at_m in (config.cell_radius_m, config.min_distance_m))
    name = "channel_gain" if config.channel is None else "path_gain"
    _assert_between(snapshot[name], (gains[0], gains[1]), 40.0 * slack, name)  # a power multiplies rounding
    _assert_between(snapshot["device_hz"], config.device_hz, slack, "device_hz")
    _assert_between(snapshot["server_hz"], config.speed_bounds_hz, slack, "server_hz")
    if config.server_hz is not None:
        assert_within(snapshot["server_hz"][0], config.server_hz, slack * np.array(config.server_hz), "server_hz")
    queueing = config.servers - config.elastic_servers
    load_s = snapshot["backlog_cycles"] / snapshot["server_hz"]
    assert (load_s[:, queueing:] == 0.0).all()
    for name in ("device_backlog_cycles", "uplink_backlog_bits", "down_s"):
        assert not snapshot.get(name, np.zeros(1)).any(), name
    _assert_between(load_s[:, :queueing], config.initial_load_s, slack, "initial load")


def assert_tasks(snapshot: Snapshot, config: EdgeOffloadConfig, eps: float) -> None:
    """The coming tasks are within the ranges that they are drawn from."""
    slack = 16.0 * eps
    if config.task_trace is not None:
        assert_trace(snapshot, config, slack)
    else:
        _assert_between(snapshot["task_bits"], config.task_bits, slack, "task_bits")
        least, most = oracle_features.cycles_range(config)
        factor = 1.0 if config.heavy_tasks is None else config.heavy_tasks.factor
        cycles_bounds = least * min(1.0, factor), most * max(1.0, factor)
        _assert_between(snapshot["task_cycles"], cycles_bounds, 2.0 * slack, "task_cycles")
    if config.deadline is not None:
        _assert_between(snapshot["deadline_s"], config.deadline.range_s, slack, "deadline_s")
    if config.arrivals is not None:
        assert np.isin(snapshot["bursting"], (0.0, 1.0)).all()
        assert np.isin(snapshot["active"], (0.0, 1.0)).all()


def _assert_between(values: np.ndarray, bounds: tuple[float, float], slack: float, what: str) -> None:
    low, high = bounds
    assert ((values >= low * (1.0 - slack) - _TINY) & (values <= high * (1.0 + slack))).all(), (what, values, bounds)
