"""The oracle: one slot of one game and its observations in plain Python, which every view is checked against.

Written from the paper's equations and the README's table of assumptions, one user at a time, with nothing of
``edgeoffload_env`` in it. Slow on purpose: each line can be checked against the paper by eye.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Outcome of a slot; lists over users, but ``queued_cycles`` and ``next_backlog_cycles`` over servers."""

    delay_s: list[float]
    upload_s: list[float]
    forward_s: list[float]
    wait_s: list[float]
    compute_s: list[float]
    arrival_s: list[float]
    reward: list[float]
    imbalance: float
    queued_cycles: list[float]
    next_backlog_cycles: list[float]


def path_gain(distance_m: float) -> float:
    """3GPP TR 36.814 macro: a loss of 128.1 + 37.6 log10(d / km) dB."""
    loss_db = 128.1 + 37.6 * math.log10(distance_m / 1000.0)
    return 10.0 ** (-loss_db / 10.0)


def uplink_rate_bps(sharers: int, gain: float, config: Any) -> float:
    """Equation (5)."""
    noise_w_per_hz = 10.0 ** (config.noise_dbm_per_hz / 10.0) / 1000.0
    band_hz = config.bandwidth_hz / sharers
    snr = config.tx_power_w * gain / (band_hz * noise_w_per_hz)
    return band_hz * math.log1p(snr) / math.log(2.0)


def forward_s(bits: float, action: int, config: Any) -> float:
    """Equation (9): nothing to server 1, one fibre hop to servers 2, 3, ..."""
    if action < 2:
        return 0.0
    if isinstance(config.forward_bps, Sequence):
        return bits / config.forward_bps[action - 2]
    return bits / config.forward_bps


def play(snapshot: Mapping[str, Any], actions: Sequence[int], config: Any) -> Slot:
    """One slot from a view's snapshot (without batch axis), everyone's actions and the configuration's fields."""
    bits, cycles, device_hz, gain, server_hz, backlog = (
        [float(x) for x in snapshot[name]]
        for name in ("task_bits", "task_cycles", "device_hz", "channel_gain", "server_hz", "backlog_cycles")
    )
    actions = [int(a) for a in actions]
    users = range(len(actions))
    offloaders = [n for n in users if actions[n] >= 1]
    sharers = len(offloaders) if config.channel_sharing == "active" else len(actions)

    upload, forward, wait = ([0.0 for _ in users] for _ in range(3))
    compute = [cycles[n] / device_hz[n] for n in users]  # (6)
    for n in offloaders:
        upload[n] = bits[n] / uplink_rate_bps(sharers, gain[n], config)  # (7)
        forward[n] = forward_s(bits[n], actions[n], config)  # (9)
        compute[n] = cycles[n] / server_hz[actions[n] - 1]  # (8), last term
    arrival = [upload[n] + forward[n] for n in users]

    queue = [[left] for left in backlog]  # summed exactly: running sums of like terms round alike, and drift
    for n in sorted(offloaders, key=lambda n: (arrival[n], n)):  # first come, first served; ties by user
        m = actions[n] - 1
        wait[n] = math.fsum(queue[m]) / server_hz[m]  # (8), the queue
        queue[m].append(cycles[n])
    queued = [math.fsum(work) for work in queue]

    delay = [upload[n] + forward[n] + wait[n] + compute[n] for n in users]  # (10), (11)
    load_s = [q / f for q, f in zip(queued, server_hz, strict=True)]  # (13), (15)
    mean_load_s = math.fsum(load_s) / len(load_s)
    imbalance = math.fsum((load - mean_load_s) ** 2 for load in load_s) / len(load_s)  # (19)
    own = [-config.delay_weight * t - config.balance_weight * imbalance for t in delay]  # (20)
    mean_own = math.fsum(own) / len(own)
    share = config.reward_sharing
    return Slot(
        delay_s=delay,
        upload_s=upload,
        forward_s=forward,
        wait_s=wait,
        compute_s=compute,
        arrival_s=arrival,
        reward=[(1.0 - share) * r + share * mean_own for r in own],
        imbalance=imbalance,
        queued_cycles=queued,
        next_backlog_cycles=[max(0.0, q - f * config.slot_s) for q, f in zip(queued, server_hz, strict=True)],
    )


def closest_arrivals_s(slot: Slot, actions: Sequence[int]) -> float:
    """The least gap between two different arrival times at one server, in s; infinite without two."""
    places: dict[int, list[float]] = {}
    for action, arrival in zip(actions, slot.arrival_s, strict=True):
        if action >= 1:
            places.setdefault(int(action), []).append(arrival)
    gaps = []
    for arrivals in places.values():
        arrivals.sort()
        gaps += [late - early for early, late in itertools.pairwise(arrivals) if late > early]
    return min(gaps, default=math.inf)


def log_path_gain(distance_m: float) -> float:
    """The natural logarithm of the channel gain."""
    return -(128.1 + 37.6 * math.log10(distance_m / 1000.0)) * math.log(10.0) / 10.0


def squashed_load(load_s: float) -> float:
    """A load factor in s as a feature."""
    return 2.0 * (load_s / 0.5) / (1.0 + load_s / 0.5) - 1.0


def half_width(low: float, high: float) -> float:
    """Of a range; what lies within a millionth of its middle has no width and counts as 10 % to either side."""
    narrow = high - low < 1e-6 * abs(high + low)
    return 0.05 * abs(high + low) if narrow else 0.5 * (high - low)


def centred(value: float, low: float, high: float) -> float:
    """z / (1 + |z|) with z = -1 at the low end of a range and 1 at its high end; without width 10 % to either side."""
    z = (value - 0.5 * (low + high)) / half_width(low, high)
    return z / (1.0 + abs(z))


def seen(
    snapshot: Mapping[str, Any],
    config: Any,
    load_feature: Callable[[float], float] = squashed_load,
    range_feature: Callable[[float, float, float], float] = centred,
) -> tuple[list[list[float]], list[float]]:
    """One game's observations, a list for each user, and its global state.

    Other functions can take the place of the features, such as the error bound of each entry.
    """
    load = [load_feature(q / f) for q, f in zip(snapshot["backlog_cycles"], snapshot["server_hz"], strict=True)]
    speeds_hz = config.server_hz_range or (min(config.server_hz), max(config.server_hz))
    speed = [range_feature(f, *speeds_hz) for f in snapshot["server_hz"]]
    link_bounds = log_path_gain(config.cell_radius_m), log_path_gain(config.min_distance_m)
    users = [
        [
            range_feature(snapshot["task_bits"][n], *config.task_bits),
            range_feature(snapshot["task_cycles"][n], *config.task_cycles),
            range_feature(snapshot["device_hz"][n], *config.device_hz),
            range_feature(math.log(snapshot["channel_gain"][n]), *link_bounds),
        ]
        for n in range(config.num_users)
    ]
    seen_speed = speed if config.server_hz_range else []
    if config.observation == "load":  # the paper's (14) and no more, for users and critic alike
        return [load for _ in users], load
    return [load + own + seen_speed for own in users], load + speed + [x for own in users for x in own]
