"""Exact dynamic program for one slot with a given number of offloaders, k: a part of `slot_optimum`.

**One order.** Take the users in one order of arrival, the *base* order, from the last to the first. If every server is
reached in that order, user n joining server m with c tasks behind it adds start[n, m] + (c + 1) C_n / f_m to the sum of
delays, so a dynamic program over the number of tasks on each server is exact.

**Conflicts.** The forward hop can make server 1 see two users in the other order than servers 2..M do. The program then
charges the pair for the wrong one of the two, and only if both are at a server whose order is not the base order: the
sum of delays is that of the program plus one correction per such pair at the same server. So while a user still has a
partner to come, the state also holds whether the user is at that server; the correction is charged when the partner
joins, and after the last partner the cases are merged by their minimum. All that later costs depend on is in the state,
hence the program stays exact, at a factor of 2 for every user open at a time. Each server may have a different order.
Equal arrivals are part of the orders (lower index first), and a pair of equal tasks needs no correction.

Where `width` shows that too many users are open at a time, the caller branches on the user and server in `widest`: with
the user tied to the server, or barred from it, the program needs no state for it. (None is open if `widest` is None.)
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, prod
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env.policies.slot_bound import FixedCount
from edgeoffload_env.policies.slot_problem import Bools, Floats, Ints


class OutOfTimeError(Exception):
    """The deadline has passed."""


@dataclass(frozen=True)
class States:
    """Tasks per server, all vectors with a sum up to N, in order of the sum."""

    tasks: NDArray[np.float64]  # (M, S)
    before: NDArray[np.intp]  # (M, S): state with one task less on server m, S (a state of value inf) if there is none
    first: NDArray[np.intp]  # (N + 2,): first state of each sum


@lru_cache(maxsize=8)
def states_of(users: int, servers: int) -> States:
    """Return the states for this size, M C(N + M, M) entries in each table, cached for the next slots."""
    blocks = []
    for total in range(users + 1):  # stars and bars: a vector is where its M - 1 bars are, in lexicographic order
        bars = np.array(list(combinations(range(total + servers - 1), servers - 1)), dtype=np.int64).reshape(
            -1 if servers > 1 else 1, servers - 1
        )
        blocks.append(np.diff(bars, axis=1, prepend=-1, append=total + servers - 1) - 1)
    tasks = np.concatenate(blocks)
    first = np.cumsum([0, *map(len, blocks)])
    # ways[s, p]: vectors of p parts with sum s. By the hockey-stick identity ways[s, p] - ways[s - c, p] of them have a
    # first part below c, which gives the place of a vector in its block.
    ways = np.array([[comb(s + p - 1, p - 1) if p else 0 for p in range(servers + 1)] for s in range(users + 1)])
    parts = np.arange(servers, 0, -1)
    before = np.full((servers, len(tasks)), len(tasks), dtype=np.intp)
    for server in range(servers):
        some = np.flatnonzero(tasks[:, server])
        less = tasks[some]
        less[:, server] -= 1
        tail = np.cumsum(less[:, ::-1], axis=1)[:, ::-1]
        place = (ways[tail, parts] - ways[tail - less, parts]).sum(axis=1)
        before[server, some] = first[tail[:, 0]] + place
    return States(np.ascontiguousarray(tasks.T, dtype=np.float64), before, first)


class Program:
    """The dynamic program of one k with users at `allowed` places, (N, M + 1), only."""

    def __init__(self, fixed: FixedCount, allowed: Bools) -> None:
        self.fixed = fixed
        self.states = states_of(*fixed.start.shape)
        self.local = np.where(allowed[:, 0], fixed.problem.local_s, np.inf)
        self.start = np.where(allowed[:, 1:], fixed.start, np.inf)
        # The server of each user that has no other place, else -1.
        self.tied: Ints = np.where(allowed.sum(axis=1) == 1, allowed.argmax(axis=1) - 1, -1)
        orders = {order.tobytes(): order for order in fixed.order}.values()
        plans = (Plan(fixed, order[::-1], allowed, self.tied < 0) for order in reversed(orders))
        self.plan = min(plans, key=lambda plan: plan.width)
        self.width: int = self.plan.width * self.states.before.size  # sums in the widest layer
        self.widest = self.plan.widest

    def _corrections(self, user: int, open_users: list[int]) -> list[tuple[int, int, int, float]]:
        """Return (axis, label, server, seconds) charged when `user` joins the server of an open or tied partner.

        The axis is -1 for partners that are tied to the server.
        """
        plan, unit = self.plan, self.fixed.unit
        charges = []
        for server, partner in zip(*np.nonzero(plan.conflict[:, :, user]), strict=True):
            seconds = float(unit[partner, server] - unit[user, server])
            if self.tied[partner] == server:
                charges.append((-1, 0, int(server), seconds))
            elif self.tied[partner] < 0:
                charges.append(
                    (open_users.index(partner), 1 + plan.labels[partner].index(server), int(server), seconds)
                )
        return charges

    def solve(self, deadline: float) -> Ints | None:
        """Return actions (N,) with the least sum of delays, None if no joint action has k users at allowed servers.

        Raises `OutOfTimeError` once `deadline` (of `perf_counter`) has passed.

        `value` has one axis for each open user (label 0 = at none of the servers where it still has a conflict, label i
        = at the i-th of them) and a last one for the state; the state past the end has value inf.
        """
        states, plan, count = self.states, self.plan, self.fixed.count
        users, size = self.local.size, states.tasks.shape[1]
        value = np.full(size + 1, np.inf)
        value[0] = 0.0
        open_users: list[int] = []
        trail: list[tuple[list[int], Floats, list[int], Floats]] = []
        for step, user in enumerate(plan.users):
            if perf_counter() >= deadline:
                raise OutOfTimeError
            low, high = states.first[max(0, count - (users - 1 - step))], states.first[min(step + 1, count) + 1]
            join = value[..., states.before[:, low:high]]
            join += self.start[user][:, None] + self.fixed.unit[user][:, None] * states.tasks[:, low:high]
            for axis, label, server, seconds in self._corrections(user, open_users):
                at = () if axis < 0 else (slice(None),) * axis + (label,)
                join[(*at, ..., server, slice(None))] += seconds
            rest = value[..., low:high] + self.local[user]
            labels = plan.labels[user]
            others = [m for m in range(join.shape[-2]) if m not in labels] if labels else slice(None)
            np.minimum(rest, join[..., others, :].min(axis=-2, initial=np.inf), out=rest)
            layer = np.full((*value.shape[:-1], 1 + len(labels), size + 1), np.inf)
            layer[..., 0, low:high] = rest
            if labels:
                layer[..., 1:, low:high] = join[..., labels, :]
            now_open = [*open_users, user]
            trail.append((open_users, value, now_open, layer))
            done = [plan.last[u] <= step for u in now_open]
            value = layer.min(axis=tuple(np.flatnonzero(done)))
            open_users = [u for u, closed in zip(now_open, done, strict=True) if not closed]
        total = value[states.first[count] : states.first[count + 1]]
        if not np.isfinite(total).any():
            return None
        return self._trace(trail, int(states.first[count] + total.argmin()))

    def _trace(self, trail: list[tuple[list[int], Floats, list[int], Floats]], state: int) -> Ints:
        """Trace the actions (N,) that lead to the final `state`, backwards."""
        states, plan = self.states, self.plan
        actions = np.zeros(self.local.size, dtype=np.int64)
        label_of: dict[int, int] = {}
        for user, (before_users, value, after_users, layer) in zip(plan.users[::-1], trail[::-1], strict=True):
            merged = [u for u in after_users if u not in label_of]
            cases = layer[(*(label_of.get(u, slice(None)) for u in after_users), state)]
            argmin = map(int, np.unravel_index(cases.argmin(), cases.shape))
            label_of.update(zip(merged, argmin, strict=True))
            label = label_of.pop(user)
            if label:
                place = 1 + plan.labels[user][label - 1]
            else:
                at = tuple(label_of[u] for u in before_users)
                cost = np.append(value[at][state] + self.local[user], value[at][states.before[:, state]])
                cost[1:] += self.start[user] + self.fixed.unit[user] * states.tasks[:, state]
                for axis, needed, server, seconds in self._corrections(user, before_users):
                    if axis < 0 or at[axis] == needed:
                        cost[1 + server] += seconds
                cost[[1 + server for server in plan.labels[user]]] = np.inf
                place = int(cost.argmin())
            actions[user] = place
            if place:
                state = int(states.before[place - 1, state])
        return actions


class Plan:
    """Open users at each step for this order of `users` (a base order from the last arrival to the first)."""

    def __init__(self, fixed: FixedCount, users: Ints, allowed: Bools, free: Bools) -> None:
        self.users: list[int] = users.tolist()
        step = np.argsort(users)
        unit, may = fixed.unit.T, allowed.T[1:]
        # [m, i, j]: i is taken before j though it is at server m first, both may be there, and it makes a difference.
        conflict = (step[:, None] < step) & (fixed.rank[:, :, None] < fixed.rank[:, None, :])
        conflict &= (unit[:, :, None] != unit[:, None, :]) & may[:, :, None] & may[:, None, :]
        self.conflict: Bools = conflict
        opens = conflict.any(axis=2) & free
        self.labels = [np.flatnonzero(column).tolist() for column in opens.T]
        self.last = np.where(conflict.any(axis=0) & free[:, None], step, -1).max(axis=1)
        self.width = 1  # most combinations of open users' whereabouts at a time
        self.widest: tuple[int, int] | None = None  # the user open for longest then, and its server
        for now in range(users.size):
            spanning = [u for u in self.users[: now + 1] if self.last[u] >= now and self.labels[u]]
            width = prod(1 + len(self.labels[u]) for u in spanning)
            if width > self.width:
                user = max(spanning, key=lambda u: self.last[u] - step[u])
                self.width, self.widest = width, (user, self.labels[user][0])
