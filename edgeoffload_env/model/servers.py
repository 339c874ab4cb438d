"""Queues at the edge servers: equations (8) and (13), first come first served.

:func:`cycles_ahead` has two forms, tested equal. *Pairwise* compares every user with every rival: least overhead for
few users. *Sorted* puts the tasks of a game in order of (server, arrival) and accumulates: N log N for many.
"""

from typing import Any

from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.routing import BROADCAST_MAX_ELEMENTS

PAIRWISE_MAX_USERS = 64  # where the two forms cost about the same, on numpy and on torch


def load_factor_s(queued_cycles: Array, server_hz: Array) -> Array:
    """Equations (13) and (15): LD_m = queued cycles / f_m, in seconds of work, ``[B, M]``."""
    return queued_cycles / server_hz


def wait_s(backlog_cycles: Array, ahead_cycles: Array, server_hz: Array) -> Array:
    """Equation (8), the queueing part: (Q_m + cycles that arrived at m earlier in this slot) / f_m, in seconds.

    All arguments ``[B, N]``: the backlog and speed of each user's own server, and :func:`cycles_ahead`.
    """
    return (backlog_cycles + ahead_cycles) / server_hz


def next_backlog_cycles(queued_cycles: Array, server_hz: Array, slot_s: float, *, xp: Any) -> Array:
    """Q_m at the start of the next slot: max(0, queued cycles - f_m * slot), ``[B, M]`` (implied by (13) and (14))."""
    return xp.clip(queued_cycles - server_hz * slot_s, min=0.0)


def cycles_ahead(arrival_s: Array, target: Array, task_cycles: Array, num_servers: int, *, xp: Any) -> Array:
    """Cycles of this slot's tasks that reach each user's server before the user's own task does: the sum in (8).

    First come, first served; equal arrivals in order of the user index.

    Args:
        arrival_s: when each task reaches its server, seconds after the start of the slot, >= 0, ``[B, N]``.
        target: a_n, 0 = device, m >= 1 = server m; integers ``[B, N]``.
        task_cycles: C_n, ``[B, N]``.
        num_servers: M.
        xp: the array API namespace.

    Returns:
        ``[B, N]``, cycles. Where ``target`` is 0 the value has no meaning.
    """
    if arrival_s.shape[-1] <= PAIRWISE_MAX_USERS:
        return ahead_pairwise(arrival_s, target, task_cycles, xp=xp)
    return ahead_sorted(arrival_s, target, task_cycles, num_servers, xp=xp)


def ahead_pairwise(arrival_s: Array, target: Array, task_cycles: Array, *, xp: Any) -> Array:
    """:func:`cycles_ahead` by comparing each user with each rival; N * N comparisons."""
    batch, users = arrival_s.shape
    dtype = task_cycles.dtype
    if batch * users * users <= BROADCAST_MAX_ELEMENTS:
        index = xp.arange(users, device=arrival_s.device)
        rival, own = arrival_s[:, :, None], arrival_s[:, None, :]
        earlier = (rival < own) | ((rival == own) & (index[:, None] < index))
        served_first = earlier & (target[:, :, None] == target[:, None, :])
        return (task_cycles[:, None, :] @ xp.astype(served_first, dtype))[:, 0, :]
    # one user at a time against all later ones, so that what is compared stays in cache
    ahead, rest = [], xp.zeros_like(task_cycles)
    for n in range(users - 1):
        own, later = slice(n, n + 1), slice(n + 1, users)
        together = target[:, own] == target[:, later]
        first = together & (arrival_s[:, own] <= arrival_s[:, later])  # a tie goes to the lower index
        second = xp.astype(together ^ first, dtype)
        ahead.append(rest[:, :1] + xp.sum(second * task_cycles[:, later], axis=-1, keepdims=True))
        rest = rest[:, 1:] + xp.astype(first, dtype) * task_cycles[:, own]
    return xp.concat([*ahead, rest], axis=1)


def ahead_sorted(arrival_s: Array, target: Array, task_cycles: Array, num_servers: int, *, xp: Any) -> Array:
    """:func:`cycles_ahead` by one sort and a running sum per game; N log N."""
    batch, users = arrival_s.shape
    row = xp.arange(batch, dtype=xp.int64, device=arrival_s.device)[:, None]
    order = row * users + _order_by_server_and_arrival(arrival_s, target, num_servers, xp=xp)
    order = xp.reshape(order, (-1,))  # flat positions in service order
    cycles = xp.reshape(xp.reshape(task_cycles, (-1,))[order], (batch, users))
    # double precision, so that subtracting the servers before leaves the digits of the wait
    served = xp.cumulative_sum(cycles, axis=-1, dtype=xp.float64)
    before = xp.reshape(served - cycles, (-1,))
    group = xp.reshape(row * (num_servers + 1) + target, (-1,))[order]  # non-decreasing
    groups = xp.arange(batch * (num_servers + 1), dtype=xp.int64, device=arrival_s.device)
    start = xp.searchsorted(group, groups)  # where each (game, server) begins
    # an empty last group starts past the end; nobody asks for it
    start = xp.minimum(start, xp.full_like(start, batch * users - 1))
    ahead = xp.astype(before - before[start[group]], task_cycles.dtype)
    result = xp.empty_like(ahead)
    result[order] = ahead
    return xp.reshape(result, (batch, users))


def _order_by_server_and_arrival(arrival_s: Array, target: Array, num_servers: int, *, xp: Any) -> Array:
    """The users of each game in order of (target, arrival, index), int64 ``[B, N]``."""
    users = arrival_s.shape[-1]
    index_bits = max(1, (users - 1).bit_length())
    index = xp.arange(users, dtype=xp.int64, device=arrival_s.device)
    server = xp.astype(target, xp.int64)
    if arrival_s.dtype == xp.float32 and num_servers.bit_length() + 31 + index_bits <= 63:
        # the bits of non-negative floats are in order, so one integer holds all three keys and needs one plain sort
        bits = xp.astype(arrival_s.view(xp.int32), xp.int64)
        key = (((server << 31) | bits) << index_bits) | index
        return xp.sort(key, axis=-1) & ((1 << index_bits) - 1)
    by_arrival = xp.argsort(arrival_s, axis=-1, stable=True)
    key = (xp.take_along_axis(server, by_arrival, axis=-1) << index_bits) | index
    return xp.take_along_axis(by_arrival, xp.sort(key, axis=-1) & ((1 << index_bits) - 1), axis=-1)
