"""The oracle: one slot of one game in plain Python, which every view is checked against.

Written from the paper's equations, the README's table of assumptions and the formulas of the effects, one user at a
time, with nothing of ``edgeoffload_env`` in it. Slow on purpose: each line can be checked against the paper by eye.
"""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Outcome of a slot; lists over users, but the servers' queues and times over servers.

    What belongs to an effect that is off is what the effect would leave if it did nothing.
    """

    active: list[bool]
    target: list[int]
    delay_s: list[float]
    upload_s: list[float]
    forward_s: list[float]
    wait_s: list[float]
    compute_s: list[float]
    download_s: list[float]
    arrival_s: list[float]
    energy_j: list[float]
    missed: list[bool]
    lateness_s: list[float]
    reward: list[float]
    next_device_backlog_cycles: list[float]
    next_uplink_backlog_bits: list[float]
    imbalance: float
    utilisation: float
    queued_cycles: list[float]
    next_backlog_cycles: list[float]
    free_s: list[float]
    """When each server is done with all its tasks, seconds after the start of the slot."""
    left_down_s: list[float]
    """Time until each server runs again, before those that run may fail at the start of the next slot."""
    tx_power_w: list[float]
    offload_ratio: list[float]
    local_s: list[float]
    offloaded_s: list[float]
    """Delay of each offloaded part, which the device's part may outlast; 0 of a local task."""


def path_gain(distance_m: float) -> float:
    """3GPP TR 36.814 macro: a loss of 128.1 + 37.6 log10(d / km) dB."""
    loss_db = 128.1 + 37.6 * math.log10(distance_m / 1000.0)
    return 10.0 ** (-loss_db / 10.0)


def powers_w(config: Any) -> Sequence[float]:
    """The powers that users choose from: the game's own where they choose none."""
    levels = config.levels
    return [config.tx_power_w] if levels is None or levels.tx_power_w is None else levels.tx_power_w


def ratios(config: Any) -> Sequence[float]:
    """The shares of a task that users choose from."""
    levels = config.levels
    return [1.0] if levels is None or levels.offload_ratio is None else levels.offload_ratio


def choices(config: Any) -> list[tuple[int, float, float]]:
    """Server, power and share of each action, counted out; 0 is the device, at the last power for what is unsent."""
    servers = config.num_servers
    away = [(m, p, r) for m in range(1, servers + 1) for p in powers_w(config) for r in ratios(config)]
    return [(0, powers_w(config)[-1], 0.0), *away]


def uplink_rate_bps(sharers: int, gain: float, config: Any, power_w: float | None = None) -> float:
    """Equation (5); at the last power unless another is given."""
    noise_w_per_hz = 10.0 ** (config.noise_dbm_per_hz / 10.0) / 1000.0
    band_hz = config.bandwidth_hz / sharers
    snr = (powers_w(config)[-1] if power_w is None else power_w) * gain / (band_hz * noise_w_per_hz)
    return band_hz * math.log1p(snr) / math.log(2.0)


def forward_s(bits: float, action: int, config: Any) -> float:
    """Equation (9): nothing to server 1, one fibre hop to servers 2, 3, ..., and its latency."""
    if action < 2:
        return 0.0
    rate, latency = (
        value[action - 2] if isinstance(value, Sequence) else value
        for value in (config.forward_bps, config.forward_latency_s)
    )
    return bits / rate + latency


class Work(NamedTuple):
    """Work of one server with the continuous clock; times are seconds after the start of the slot."""

    start_s: dict[int, float]
    """When it starts on each user's task."""
    busy_s: list[tuple[float, float]]
    """From when to when it is busy."""


def work_off(arrival_s: Mapping[int, float], work_s: Mapping[int, float], runs_s: float, backlog_s: float) -> Work:
    """One server, event by event: it runs from some time on, does its backlog, and then tasks in order of arrival."""
    work = Work({}, [(runs_s, runs_s + backlog_s)])
    done, arrives = -1, 0  # of what happens at the same time, the server is done first
    events = [(arrival, arrives, n) for n, arrival in arrival_s.items()] + [(runs_s + backlog_s, done, -1)]
    heapq.heapify(events)
    line: deque[int] = deque()
    busy = True
    while events:
        now, what, n = heapq.heappop(events)
        if what == done:
            busy = False
        else:
            line.append(n)
        if line and not busy:
            first = line.popleft()
            busy, work.start_s[first] = True, now
            work.busy_s.append((now, now + work_s[first]))
            heapq.heappush(events, (now + work_s[first], done, first))
    return work


def play(snapshot: Mapping[str, Any], actions: Sequence[int], config: Any) -> Slot:
    """One slot from a view's snapshot (without batch axis), everyone's actions and the configuration's fields."""

    def given(name: str, where_off: float, count: int) -> list[float]:
        return [float(x) for x in snapshot[name]] if name in snapshot else [where_off] * count

    bits, cycles, device_hz, gain, server_hz, backlog = (
        [float(x) for x in snapshot[name]]
        for name in ("task_bits", "task_cycles", "device_hz", "channel_gain", "server_hz", "backlog_cycles")
    )
    users, servers = range(len(actions)), range(len(server_hz))
    active = [flag == 1.0 for flag in given("active", 1.0, len(users))]
    deadline_s = given("deadline_s", math.inf, len(users))
    device_backlog = given("device_backlog_cycles", 0.0, len(users))  # D_n
    unsent = given("uplink_backlog_bits", 0.0, len(users))  # U_n
    down_s = given("down_s", 0.0, len(servers))  # D_m
    queueing = servers[: len(servers) - config.elastic_servers]  # the servers that have a queue

    chosen = [choices(config)[int(actions[n]) if active[n] else 0] for n in users]
    target, power_w, ratio = ([choice[i] for choice in chosen] for i in range(3))
    offloaders = [n for n in users if target[n] >= 1]
    local = [n for n in users if target[n] == 0 and active[n]]
    senders = [n for n in users if target[n] >= 1 or unsent[n] > 0.0]
    sharers = len(senders) if config.channel_sharing == "active" else len(users)  # K
    rate_bps = {n: uplink_rate_bps(sharers, gain[n], config, power_w[n]) for n in senders}

    upload, forward, wait, compute, download, energy, on_device = ([0.0 for _ in users] for _ in range(7))
    all_cycles = cycles
    kept = [0.0 for _ in users]  # cycles that stay on the device
    for n in users:
        if n in local:
            kept[n] = cycles[n]
        elif n in offloaders:
            kept[n] = (1.0 - ratio[n]) * cycles[n]
        if kept[n] > 0.0:
            on_device[n] = (device_backlog[n] + kept[n]) / device_hz[n]
    bits = [ratio[n] * bits[n] for n in users]  # of what goes to a server
    cycles = [ratio[n] * all_cycles[n] if n in offloaders else all_cycles[n] for n in users]
    for n in local:
        wait[n] = device_backlog[n] / device_hz[n]
        compute[n] = cycles[n] / device_hz[n]  # (6)
    for n in offloaders:
        upload[n] = (unsent[n] + bits[n]) / rate_bps[n]  # (7)
        forward[n] = forward_s(bits[n], target[n], config)  # (9)
        compute[n] = cycles[n] / server_hz[target[n] - 1]  # (8), last term
        download[n] = config.result_ratio * bits[n] / config.downlink_bps
    arrival = [upload[n] + forward[n] for n in users]

    queue = [[left] for left in backlog]  # summed exactly: running sums of like terms round alike, and drift
    for n in sorted(offloaders, key=lambda n: (arrival[n], n)):  # first come, first served; ties by user
        m = target[n] - 1
        wait[n] = down_s[m]
        if m in queueing:
            wait[n] += math.fsum(queue[m]) / server_hz[m]  # (8), the queue
            queue[m].append(cycles[n])
    queued = [math.fsum(queue[m]) if m in queueing else 0.0 for m in servers]
    left = [max(0.0, queued[m] - server_hz[m] * max(0.0, config.slot_s - down_s[m])) for m in servers]
    served = [queued[m] - left[m] for m in servers]
    free = [down_s[m] + queued[m] / server_hz[m] for m in servers]
    if config.queue_clock == "continuous":
        for m in servers:
            tasks = {n: arrival[n] for n in offloaders if target[n] == m + 1}
            if m not in queueing:  # starts on every task once it is there and the server runs
                for n in tasks:
                    wait[n] = max(0.0, down_s[m] - arrival[n])
                continue
            work = work_off(tasks, {n: compute[n] for n in tasks}, down_s[m], backlog[m] / server_hz[m])
            for n, start in work.start_s.items():
                wait[n] = start - arrival[n]
            free[m] = work.busy_s[-1][1]
            left[m] = server_hz[m] * max(0.0, free[m] - config.slot_s - max(0.0, down_s[m] - config.slot_s))
            in_slot = [max(0.0, min(end, config.slot_s) - begin) for begin, end in work.busy_s]
            served[m] = server_hz[m] * math.fsum(in_slot)

    whole = [upload[n] + forward[n] + wait[n] + compute[n] + download[n] for n in users]  # (10), (11)
    delay = [max(whole[n], on_device[n]) if n in offloaders else whole[n] for n in users]
    if config.energy is not None:
        for n in users:
            energy[n] = config.energy.switched_capacitance * device_hz[n] ** 2 * kept[n]
        for n in offloaders:
            after_upload_s = forward[n] + wait[n] + compute[n] + download[n]
            sending_j = power_w[n] * bits[n] / rate_bps[n]
            energy[n] += sending_j + config.energy.idle_power_w * after_upload_s
    missed = [delay[n] > deadline_s[n] for n in users]
    lateness = [max(0.0, delay[n] - deadline_s[n]) for n in users]

    load_s = [queued[m] / server_hz[m] for m in queueing]  # (13), (15)
    mean_load_s = math.fsum(load_s) / len(load_s)
    imbalance = math.fsum((load - mean_load_s) ** 2 for load in load_s) / len(load_s)  # (19)
    own = []
    for n in users:
        reward = -config.delay_weight * delay[n] - config.balance_weight * imbalance  # (20)
        if config.energy is not None:
            reward -= config.energy_weight * config.energy.cost_s_per_j * energy[n]
        if config.deadline is not None:
            late = config.deadline.miss_cost_s * missed[n] + config.deadline.lateness_cost * lateness[n]
            reward -= config.deadline_weight * late
        own.append(reward)
    mean_own = math.fsum(own) / len(own)
    share = config.reward_sharing
    return Slot(
        active=active,
        target=target,
        delay_s=delay,
        upload_s=upload,
        forward_s=forward,
        wait_s=wait,
        compute_s=compute,
        download_s=download,
        arrival_s=arrival,
        energy_j=energy,
        missed=missed,
        lateness_s=lateness,
        reward=[(1.0 - share) * r + share * mean_own for r in own],
        imbalance=imbalance,
        utilisation=math.fsum(served[m] for m in queueing) / math.fsum(server_hz[m] * config.slot_s for m in queueing),
        queued_cycles=queued,
        next_backlog_cycles=left,
        free_s=free,
        next_device_backlog_cycles=[
            max(0.0, device_backlog[n] + kept[n] - device_hz[n] * config.slot_s) for n in users
        ],
        next_uplink_backlog_bits=[
            still_to_send(unsent[n] + (bits[n] if n in offloaders else 0.0) - rate_bps[n] * config.slot_s)
            if n in senders
            else 0.0
            for n in users
        ],
        left_down_s=[max(0.0, time - config.slot_s) for time in down_s],
        tx_power_w=[power_w[n] if n in senders else 0.0 for n in users],
        offload_ratio=ratio,
        local_s=on_device,
        offloaded_s=[whole[n] if n in offloaders else 0.0 for n in users],
    )


def still_to_send(bits: float) -> float:
    """Less than one bit counts as sent."""
    return bits if bits >= 1.0 else 0.0


def action_masks(snapshot: Mapping[str, Any], config: Any) -> list[list[int]]:
    """Each user's allowed actions: all, or the device alone without a task."""
    return [[1] + [int(active)] * (len(choices(config)) - 1) for active in snapshot["active"]]


def closest_arrivals_s(slot: Slot) -> float:
    """The least gap between two different arrival times at one server, in s; infinite without two."""
    places: dict[int, list[float]] = {}
    for action, arrival in zip(slot.target, slot.arrival_s, strict=True):
        if action >= 1:
            places.setdefault(action, []).append(arrival)
    gaps = []
    for arrivals in places.values():
        arrivals.sort()
        gaps += [late - early for early, late in itertools.pairwise(arrivals) if late > early]
    return min(gaps, default=math.inf)


def closest_deadline_s(slot: Slot, snapshot: Mapping[str, Any]) -> float:
    """The least gap between a task's delay and its deadline, in s; infinite without deadlines."""
    if "deadline_s" not in snapshot:
        return math.inf
    pairs = zip(slot.delay_s, snapshot["deadline_s"], slot.active, strict=True)
    return min((abs(delay - deadline) for delay, deadline, active in pairs if active), default=math.inf)
