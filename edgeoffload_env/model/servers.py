"""Queues at the edge servers: equations (8) and (13), first come first served.

:func:`cycles_ahead` has two forms, tested equal. *Pairwise* compares every user with every rival: least overhead for
few users. *Sorted* puts the tasks of a game in order of (server, arrival) and accumulates: N log N for many.
"""

from typing import Any

import numpy as np

from edgeoffload_env.model import numpy_namespace
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


def next_backlog_cycles(queued_cycles: Array, server_hz: Array, service_s: Array | float, *, xp: Any) -> Array:
    """Q_m at the start of the next slot: max(0, queued cycles - f_m * slot), ``[B, M]`` (implied by (13) and (14)).

    ``service_s`` are the seconds that a server works in the slot, the whole slot unless it is down.
    """
    return xp.clip(queued_cycles - server_hz * service_s, min=0.0)


def service_order(arrival_s: Array, target: Array, num_servers: int, dtype: Any, *, xp: Any) -> Array | None:
    """Return the order of service, in the form that suits so many games and users.

    First come, first served; equal arrivals in order of the user index.

    Args:
        arrival_s: when each task reaches its server, seconds after the start of the slot, >= 0, ``[B, N]``.
        target: a_n, 0 = device, m >= 1 = server m; integers ``[B, N]``.
        num_servers: the number of servers, M.
        dtype: float type of the numbers that will be put in order.
        xp: the array API namespace.

    Returns:
        :func:`pairs_in_order` of few users, :func:`sorted_order` of many.
    """
    if arrival_s.shape[-1] <= PAIRWISE_MAX_USERS:
        return pairs_in_order(arrival_s, target, dtype, xp=xp)
    return sorted_order(arrival_s, target, num_servers, xp=xp)


def cycles_ahead(
    arrival_s: Array, target: Array, task_cycles: Array, num_servers: int, *, order: Array | None = None, xp: Any
) -> Array:
    """Cycles of this slot's tasks that reach each user's server before the user's own task does: the sum in (8).

    First come, first served; equal arrivals in order of the user index.

    Args:
        arrival_s: when each task reaches its server, seconds after the start of the slot, >= 0, ``[B, N]``.
        target: a_n, 0 = device, m >= 1 = server m; integers ``[B, N]``.
        task_cycles: C_n, ``[B, N]``.
        num_servers: the number of servers, M.
        order: :func:`service_order` where it is known.
        xp: the array API namespace.

    Returns:
        ``[B, N]``, cycles. Where ``target`` is 0 the value has no meaning.
    """
    if arrival_s.shape[-1] <= PAIRWISE_MAX_USERS:
        return ahead_pairwise(arrival_s, target, task_cycles, order=order, xp=xp)
    return ahead_sorted(arrival_s, target, task_cycles, num_servers, order=order, xp=xp)


def ahead_pairwise(
    arrival_s: Array, target: Array, task_cycles: Array, *, order: Array | None = None, xp: Any
) -> Array:
    """:func:`cycles_ahead` by comparing each user with each rival; N * N comparisons."""
    users, dtype = arrival_s.shape[-1], task_cycles.dtype
    if order is None:
        order = pairs_in_order(arrival_s, target, dtype, xp=xp)
    if order is not None:
        if order.ndim == 2:
            return task_cycles.dot(order)  # a third of the time of ``@``
        return (task_cycles[:, None, :] @ order)[:, 0, :]
    if xp is numpy_namespace:
        ahead = np.empty_like(task_cycles)  # in its layout, which the order of later sums follows
        ahead[:] = _ahead_of_pairs(arrival_s.T, target.T, task_cycles.T).T
        return ahead
    index = xp.arange(users, device=arrival_s.device)
    ahead = xp.zeros_like(task_cycles)
    for n in range(users):  # one rival at a time, so that what is compared stays in cache
        rival = slice(n, n + 1)
        first = served_first(arrival_s[:, rival], target[:, rival], index > n, arrival_s, target)
        ahead = ahead + xp.astype(first, dtype) * task_cycles[:, rival]
    return ahead


def pairs_in_order(arrival_s: Array, target: Array, dtype: Any, *, xp: Any) -> Array | None:
    """1 where a rival (row) is served before a user (column), else 0.

    Returns:
        ``[N, N]`` of one game on numpy, ``[B, N, N]`` of few games, None of more than fit in cache.
    """
    batch, users = arrival_s.shape
    if xp is numpy_namespace and batch == 1:
        lower_s, higher_s = xp.pairs(arrival_s)
        lower_target, higher_target = xp.pairs(target)
        # of two, the one of lower index is first unless it arrives later
        first = (lower_target == higher_target) & ((lower_s <= higher_s) ^ xp.own_is_lower(users))
    elif batch * users * users <= BROADCAST_MAX_ELEMENTS:
        index = xp.arange(users, device=arrival_s.device)
        first = served_first(
            arrival_s[:, :, None], target[:, :, None], index[:, None] < index, arrival_s[:, None, :], target[:, None, :]
        )
    else:
        return None
    return xp.astype(first, dtype)


def _ahead_of_pairs(arrival_s: Array, target: Array, task_cycles: Array) -> Array:
    """:func:`ahead_pairwise` on numpy, every two users compared once; all ``[N, B]``.

    Cycles are added in order of the rival's index, as in the form for other libraries, whose compilers fuse it.
    """
    ahead = np.zeros(task_cycles.shape, task_cycles.dtype)
    cycles, rest = np.empty_like(ahead), np.empty_like(ahead)
    for n in range(len(task_cycles) - 1):
        higher = slice(n + 1, None)
        same_server = target[higher] == target[n]
        n_first = same_server & (arrival_s[n] <= arrival_s[higher])
        cycles[higher] = n_first
        cycles[higher] *= task_cycles[n]
        ahead[higher] += cycles[higher]
        rest[higher] = same_server ^ n_first
        rest[higher] *= task_cycles[higher]
        rest[n] = ahead[n]
        np.add.reduce(rest[n:], axis=0, out=ahead[n])
    return ahead


def served_first(
    rival_arrival: Array, rival_target: Array, rival_index_lower: Array, arrival: Array, target: Array
) -> Array:
    """Whether a rival is served before the user: same server, and earlier or tied with a lower index."""
    earlier = (rival_arrival < arrival) | ((rival_arrival == arrival) & rival_index_lower)
    return (rival_target == target) & earlier


def ahead_sorted(
    arrival_s: Array,
    target: Array,
    task_cycles: Array,
    num_servers: int,
    *,
    order: Array | None = None,
    xp: Any,
) -> Array:
    """:func:`cycles_ahead` by one sort and a running sum per game; N log N."""
    batch, users = arrival_s.shape
    row = xp.arange(batch, dtype=xp.int64, device=arrival_s.device)[:, None]
    if order is None:
        order = sorted_order(arrival_s, target, num_servers, xp=xp)
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


def sorted_order(arrival_s: Array, target: Array, num_servers: int, *, xp: Any) -> Array:
    """The users in order of (game, target, arrival, index), as positions in flat arrays; int64 ``[B * N]``."""
    batch, users = arrival_s.shape
    row = xp.arange(batch, dtype=xp.int64, device=arrival_s.device)[:, None]
    return xp.reshape(row * users + _order_by_server_and_arrival(arrival_s, target, num_servers, xp=xp), (-1,))


def _order_by_server_and_arrival(arrival_s: Array, target: Array, num_servers: int, *, xp: Any) -> Array:
    """The users of each game in order of (target, arrival, index), int64 ``[B, N]``."""
    users = arrival_s.shape[-1]
    index_bits = max(1, (users - 1).bit_length())
    index = xp.arange(users, dtype=xp.int64, device=arrival_s.device)
    server = xp.astype(target, xp.int64)
    server_bits = num_servers.bit_length()
    if arrival_s.dtype == xp.float32 and server_bits + 31 + index_bits <= 63:
        # the bits of non-negative floats are in order, so one integer holds all three keys and needs one plain sort
        bits = xp.astype(arrival_s.view(xp.int32), xp.int64)
        key = (((server << 31) | bits) << index_bits) | index
        return _sorted_rows(key, server_bits + 31 + index_bits, xp=xp) & ((1 << index_bits) - 1)
    by_arrival = xp.argsort(arrival_s, axis=-1, stable=True)
    key = (xp.take_along_axis(server, by_arrival, axis=-1) << index_bits) | index
    by_server = _sorted_rows(key, server_bits + index_bits, xp=xp) & ((1 << index_bits) - 1)
    return xp.take_along_axis(by_arrival, by_server, axis=-1)


def _sorted_rows(key: Array, bits: int, *, xp: Any) -> Array:
    """Each row of non-negative integers below ``2 ** bits`` sorted.

    As one long sort with the row in front where that fits: torch sorts one dimension by radix, in half the time.
    """
    rows = key.shape[0]
    if bits + (rows - 1).bit_length() > 63:
        return xp.sort(key, axis=-1)
    row = xp.arange(rows, dtype=key.dtype, device=key.device)[:, None] << bits
    return xp.reshape(xp.sort(xp.reshape(row | key, (-1,))), key.shape) ^ row
