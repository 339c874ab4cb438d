"""Servers that work while tasks are on their way. See docs/effects.md.

In order of arrival a server starts its tasks at start_i = max(a_i, F_(i-1)) and is done with them at F_i = start_i +
C_i / f; before the first it is free at F_0. Written out, with W_i the seconds of work of the slot's tasks ahead of i,

    start_i = W_i + max(F_0, max over j up to i of (a_j - W_j)),

so that all waits follow from the sums ahead (:func:`.servers.cycles_ahead`) and one running maximum of the slacks
a_j - W_j. The maximum has two forms as the sums do, tested equal: *pairwise*, and a *scan* in N log N.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeoffload_env._validation import fail
from edgeoffload_env.model import limits, numpy_namespace, servers
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.effects.failures import utilisation
from edgeoffload_env.model.effects.queues import full_cell_rate_bps, least_gain

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

LARGEST_ARRIVAL_S = 1e14
"""Latest arrival at a server, so that queues in cycles stay finite in float32 and valid in a snapshot."""


def slack_s(arrival_s: Array, ahead_cycles: Array, server_hz: Array) -> Array:
    """a_i - W_i, seconds, ``[B, N]``: a server free by then has tasks ahead done when task i arrives.

    Args:
        arrival_s: when each task reaches its server, seconds after the start of the slot, ``[B, N]``.
        ahead_cycles: :func:`.servers.cycles_ahead`, ``[B, N]``.
        server_hz: speed of each user's own server, ``[B, N]``.
    """
    return arrival_s - ahead_cycles / server_hz


def wait_s(free_s: Array, latest_s: Array, own_slack_s: Array, *, xp: Any) -> Array:
    """start_i - a_i = max(F_0, max over j up to i of the slacks) - slack_i, seconds, >= 0.

    Args:
        free_s: F_0 = D_m + Q_m / f_m of each task's server, seconds after the start of the slot, >= 0.
        latest_s: the greatest slack of the tasks up to i, at least 0.
        own_slack_s: :func:`slack_s`.
        xp: the array API namespace.
    """
    return xp.maximum(free_s, latest_s) - own_slack_s


def idle_cycles(latest_s: Array, down_s: Array | float, backlog_cycles: Array, server_hz: Array, *, xp: Any) -> Array:
    """Cycles that each server could do after its backlog while it waits for tasks to arrive, ``[B, M]``.

    f_m max(0, max over j of the slacks - F_0): together with the backlog and the tasks' cycles it is f_m (F - D_m), the
    work of a server that is busy until it is free.

    Args:
        latest_s: the greatest slack of the server's tasks, at least 0, ``[B, M]``.
        down_s: D_m, ``[B, M]`` or 0.
        backlog_cycles: Q_m, ``[B, M]``.
        server_hz: f_m, ``[B, M]``.
        xp: the array API namespace.
    """
    return xp.clip(server_hz * (latest_s - down_s) - backlog_cycles, min=0.0)


def latest_slack_s(
    slack: Array, arrival_s: Array, target: Array, num_servers: int, *, order: Array | None = None, xp: Any
) -> Array:
    """The greatest slack of the tasks that a server starts up to and with the own one: a running maximum.

    Args:
        slack: slacks or 0 where they are negative, seconds, ``[B, N]``.
        arrival_s: when each task reaches its server, seconds after the start of the slot, >= 0, ``[B, N]``.
        target: a_n, 0 = device, m >= 1 = server m; integers ``[B, N]``.
        num_servers: the number of servers, M.
        order: :func:`.servers.service_order` where it is known.
        xp: the array API namespace.

    Returns:
        ``[B, N]``, seconds. Where ``target`` is 0 the value has no meaning.
    """
    if arrival_s.shape[-1] <= servers.PAIRWISE_MAX_USERS:
        return latest_pairwise(slack, arrival_s, target, order=order, xp=xp)
    return latest_by_scan(slack, arrival_s, target, num_servers, order=order, xp=xp)


def latest_pairwise(slack: Array, arrival_s: Array, target: Array, *, order: Array | None = None, xp: Any) -> Array:
    """:func:`latest_slack_s` by comparing each user with each rival; N * N comparisons."""
    users = arrival_s.shape[-1]
    if order is None:
        order = servers.pairs_in_order(arrival_s, target, slack.dtype, xp=xp)
    if order is not None:
        if order.ndim == 2:
            return xp.maximum(slack, xp.maximum_reduce(order * slack.T, axis=0))
        return xp.maximum(slack, xp.max(order * slack[:, :, None], axis=1))
    if xp is numpy_namespace:
        latest = np.empty_like(slack)  # in its layout
        latest[:] = _latest_of_pairs(slack.T, arrival_s.T, target.T).T
        return latest
    index, latest = xp.arange(users, device=arrival_s.device), slack
    for n in range(users):  # one rival at a time, so that what is compared stays in cache
        rival = slice(n, n + 1)
        first = servers.served_first(arrival_s[:, rival], target[:, rival], index > n, arrival_s, target)
        latest = xp.maximum(latest, xp.astype(first, slack.dtype) * slack[:, rival])
    return latest


def _latest_of_pairs(slack: Array, arrival_s: Array, target: Array) -> Array:
    """:func:`latest_pairwise` on numpy, every two users compared once; all ``[N, B]``."""
    latest, some = slack.copy(), np.empty_like(slack)
    for n in range(len(slack) - 1):
        higher = slice(n + 1, None)
        same_server = target[higher] == target[n]
        n_first = same_server & (arrival_s[n] <= arrival_s[higher])
        np.multiply(n_first, slack[n], out=some[higher])
        np.maximum(latest[higher], some[higher], out=latest[higher])
        np.multiply(same_server ^ n_first, slack[higher], out=some[higher])
        some[n] = latest[n]
        np.maximum.reduce(some[n:], axis=0, out=latest[n])
    return latest


def latest_by_scan(
    slack: Array, arrival_s: Array, target: Array, num_servers: int, *, order: Array | None = None, xp: Any
) -> Array:
    """:func:`latest_slack_s` by one sort and a scan over 1, 2, 4, ... tasks of the same server; N log N."""
    batch, users = arrival_s.shape
    if order is None:
        order = servers.sorted_order(arrival_s, target, num_servers, xp=xp)
    latest, server = (xp.reshape(xp.reshape(array, (-1,))[order], (batch, users)) for array in (slack, target))
    step = 1
    while step < users:
        # sorted by server: where the ends of a stretch are at the same one, all of it is
        same_server = xp.astype(server[:, step:] == server[:, :-step], slack.dtype)
        later = xp.maximum(latest[:, step:], same_server * latest[:, :-step])
        latest = xp.concat([latest[:, :step], later], axis=-1)
        step *= 2
    result = xp.empty_like(xp.reshape(latest, (-1,)))
    result[order] = xp.reshape(latest, (-1,))
    return xp.reshape(result, (batch, users))


@dataclass(frozen=True, kw_only=True)
class ContinuousClock(Effect):
    """Servers start on each task as it arrives, and work while others are on their way."""

    @classmethod
    def of(cls, config: "EdgeOffloadConfig") -> "ContinuousClock | None":
        """See :class:`.Effect`."""
        return cls() if config.queue_clock == "continuous" else None

    def check(self, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        worst = limits.worst_case(config, gains=config.gain_bounds)
        uploads = min(config.max_cycles, limits.COUNTED_SLOTS) if config.uplink_queue else 1
        arrival_s = uploads * worst.upload_s + _longest_hop_s(config.most_bits, config)
        if not arrival_s <= LARGEST_ARRIVAL_S:
            expected = f"such that tasks reach their servers within {LARGEST_ARRIVAL_S:g} s where queue_clock = "
            name = "task_bits" if config.task_trace is None else "task_trace"
            fail(name, getattr(config, name), f"{expected}{config.queue_clock!r}")
        largest = limits.largest_balance_weight(config, worst.queue_s + arrival_s)
        if not config.balance_weight <= largest:
            fail("balance_weight", config.balance_weight, f"at most {largest:g} with these queues and uploads")

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        bits = snapshot["task_bits"] + (snapshot["uplink_backlog_bits"] if config.uplink_queue else 0.0)
        uploads_s = bits / full_cell_rate_bps(least_gain(snapshot, config), config, level=0, xp=numpy_namespace)
        if not (uploads_s + _longest_hop_s(snapshot["task_bits"], config)).max() <= LARGEST_ARRIVAL_S:
            expected = f"such that tasks reach their servers within {LARGEST_ARRIVAL_S:g} s"
            fail("snapshot field 'task_bits'", snapshot["task_bits"], expected)

    def before_wait(self, slot: Any) -> None:
        """Put the tasks in order of arrival, and keep the order."""
        outcome, count, cycles = slot.outcome, slot.routing.num_servers, slot.cycles
        slot.arrival_s = arrival_s = outcome["upload_s"] + outcome["forward_s"]
        slot.order = order = servers.service_order(arrival_s, slot.target, count, cycles.dtype, xp=slot.xp)
        slot.ahead_cycles = servers.cycles_ahead(arrival_s, slot.target, cycles, count, order=order, xp=slot.xp)

    def after_wait(self, slot: Any) -> None:
        """Let offloaded tasks wait from their arrival until their server starts on them, after repairs too."""
        xp, config, snapshot, routing = slot.xp, slot.config, slot.snapshot, slot.routing
        own_slack_s = slack_s(slot.arrival_s, slot.ahead_cycles, slot.executor_hz)
        slot.slack_s = xp.clip(own_slack_s, min=0.0)  # for before_serve too
        latest_s = latest_slack_s(
            slot.slack_s, slot.arrival_s, slot.target, routing.num_servers, order=slot.order, xp=xp
        )
        free_s = servers.load_factor_s(snapshot["backlog_cycles"], snapshot["server_hz"])
        if config.failures is not None:
            free_s = snapshot["down_s"] + free_s
        waits_s = wait_s(routing.to_users(free_s), latest_s, own_slack_s, xp=xp)
        if config.elastic_servers:
            repair_s: Any = 0.0
            if config.failures is not None:
                repair_s = xp.clip(routing.to_users(snapshot["down_s"]) - slot.arrival_s, min=0.0)
            queueing = xp.astype(slot.target <= config.servers - config.elastic_servers, waits_s.dtype)
            waits_s = queueing * waits_s + (1.0 - queueing) * repair_s
        slot.outcome["wait_s"] = xp.where(routing.away, waits_s, slot.outcome["wait_s"])

    def before_serve(self, slot: Any) -> None:
        """Count the time until a server is free as queued, pauses before later tasks included."""
        xp, config, snapshot = slot.xp, slot.config, slot.snapshot
        latest_s = slot.routing.most_to_servers(slot.slack_s)
        down_s = 0.0 if config.failures is None else snapshot["down_s"]
        idle = idle_cycles(latest_s, down_s, snapshot["backlog_cycles"], snapshot["server_hz"], xp=xp)
        if config.elastic_servers:
            index = xp.arange(config.servers, device=slot.target.device)
            idle = idle * xp.astype(index < config.servers - config.elastic_servers, idle.dtype)
        slot.queued_cycles = slot.queued_cycles + idle

    def after_serve(self, slot: Any) -> None:
        """Measure the time in which servers were busy, in place of the work they could have done."""
        if slot.config.failures is None:
            return
        xp, snapshot, outcome = slot.xp, slot.snapshot, slot.outcome
        left_s = xp.clip(slot.config.slot_s - (slot.arrival_s + outcome["wait_s"]), min=0.0)
        own = xp.minimum(slot.cycles, slot.executor_hz * left_s)
        earlier = xp.minimum(snapshot["backlog_cycles"], snapshot["server_hz"] * slot.service_s)
        outcome["utilisation"] = utilisation(earlier + slot.routing.to_servers(own), slot)


def _longest_hop_s(task_bits: Any, config: "EdgeOffloadConfig") -> Any:
    return task_bits / np.min(config.forward_bps) + np.max(config.forward_latency_s)
