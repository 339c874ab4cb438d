"""Least mean delay of one slot over all (M + 1)^N joint actions: P1, equation (12).

`solve_exact` proves the optimum up to a stated size, `solve_bounded` gives a good joint action and a proven lower bound
at any size. Both split the problem by k, the number of offloaders, keep a lower bound for every k, and work on the k
with the least one until no k can beat the best joint action found.

**Exact solver for one k.** Take the users in one order of arrival, the *base* order, from the last to the first. If
every server is reached in that order, user n joining server m with c tasks behind it adds
start[n, m] + (c + 1) C_n / f_m to the sum of delays, so a dynamic program over the number of tasks on each server
is exact: C(k + M, M) states a user.

**Conflicts.** The forward hop can make server 1 see two users in the other order than servers 2..M do. The program above
then charges the pair C_j / f_m for the wrong one, and only if both are at the same server whose order differs: the sum of
delays is that of the program plus a correction per such pair. So while a user still has a partner to come, the state
also holds whether the user is at that server; the correction is charged when the partner joins, and after the last
partner the two cases are merged by their minimum. The state keeps all that later costs depend on, hence the program
stays exact, at a factor of 2 for every user open at a time. Where that would be too wide, the search branches on one
open user being at that server or not: in both branches it needs no state.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeoffload_env.policies.slot_bound import (
    REL_TOL,
    Bools,
    FixedCount,
    Floats,
    Ints,
    PriceAscent,
    SlotProblem,
    count_bounds,
)

__all__ = [
    "EXACT_MAX_STATES",
    "EXACT_MAX_USERS",
    "SlotProblem",
    "SlotSolution",
    "is_exact_size",
    "solve_bounded",
    "solve_exact",
]

EXACT_MAX_STATES = 600_000  # M C(N + M, M): M times the ways to put up to N tasks on M servers; N = 24 at M = 5
EXACT_MAX_USERS = 50
MAX_WIDTH = 3_000_000  # transitions of one layer, conflicts included, above which the search branches

BURST = 20  # steps of `PriceAscent` before another k may have the least bound
MAX_STEPS = 400  # steps of `PriceAscent` for one k
KICKS = 40  # perturbations of the best joint action in `solve_bounded`


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotSolution:
    """A joint action for one slot and what is proven about it."""

    actions: Ints  # (N,), 0 = device, m >= 1 = server m
    mean_delay_s: float  # mean over users, of these actions
    lower_bound_s: float  # no joint action has a lower mean delay, up to 1e-12 of it in rounding
    exact: bool  # proven optimal

    @property
    def gap(self) -> float:
        """(mean - bound) / mean, 0 where the mean is 0."""
        return (self.mean_delay_s - self.lower_bound_s) / self.mean_delay_s if self.mean_delay_s > 0.0 else 0.0


def is_exact_size(num_users: int, num_servers: int) -> bool:
    """Whether `solve_exact` takes slots of this size."""
    return num_users <= EXACT_MAX_USERS and _num_states(num_users, num_servers) <= EXACT_MAX_STATES


def _num_states(users: int, servers: int) -> int:
    return servers * comb(users + servers, servers)


class _OutOfTime(Exception):
    pass


class _Search:
    """The best joint action so far and, for every number of offloaders, a lower bound on the sum of delays."""

    def __init__(self, problem: SlotProblem, time_limit_s: float | None, incumbent: ArrayLike | None) -> None:
        if time_limit_s is not None and not time_limit_s >= 0.0:
            raise ValueError(f"time_limit_s must be at least 0 or None, got {time_limit_s}")
        self.deadline = np.inf if time_limit_s is None else perf_counter() + time_limit_s
        self.problem = problem
        self.bounds = count_bounds(problem)
        self.actions = np.zeros(problem.num_users, dtype=np.int64)
        self.total = float(problem.local_s.sum())
        if incumbent is not None:
            for actions in np.atleast_2d(np.asarray(incumbent)):
                self.offer(problem.check_actions(actions))

    def offer(self, actions: Ints) -> float:
        """Keep `actions` if they are the best so far; their sum of delays."""
        total = float(self.problem.delays(actions).sum())
        if total < self.total:
            self.total, self.actions = total, actions
        return total

    @property
    def late(self) -> bool:
        return perf_counter() >= self.deadline

    def beaten(self, bound: float) -> bool:
        """Whether nothing above `bound` can improve on the best joint action."""
        return bound >= self.total * (1.0 - REL_TOL)

    def weakest(self, among: Iterable[int]) -> int | None:
        """The number of offloaders in `among` with the least bound, None if none of them can improve."""
        count = min(among, key=self.bounds.__getitem__, default=None)
        return None if count is None or self.beaten(self.bounds[count]) else count

    def solution(self) -> SlotSolution:
        mean = float(self.problem.delays(self.actions).mean())
        bound = float(self.bounds.min())
        exact = self.beaten(bound)
        lower = mean if exact else min(mean, bound / self.problem.num_users)
        return SlotSolution(actions=self.actions.copy(), mean_delay_s=mean, lower_bound_s=lower, exact=exact)


def solve_exact(
    problem: SlotProblem, *, time_limit_s: float | None = None, incumbent: ArrayLike | None = None
) -> SlotSolution:
    """A joint action of least mean delay.

    `incumbent`, (N,) or (I, N) joint actions, can only speed the search up. The time depends on the data: many users whose
    order differs between servers take long. After `time_limit_s` seconds the best joint action so far comes back with
    a valid lower bound and `exact` False; without a limit, or within it, the result is deterministic and `exact`.

    Raises `ValueError` above the size `is_exact_size` allows, and for an impossible incumbent or time limit.
    """
    users, servers = problem.num_users, problem.num_servers
    if not is_exact_size(users, servers):
        raise ValueError(
            f"N = {users} users and M = {servers} servers are too many for the exact optimum: allowed are "
            f"N <= {EXACT_MAX_USERS} and M C(N + M, M) <= {EXACT_MAX_STATES}, here {_num_states(users, servers)}; "
            f"solve_bounded takes any size and proves a lower bound"
        )
    search = _Search(problem, time_limit_s, incumbent)
    fixed: dict[int, FixedCount] = {}
    everywhere = np.ones((users, servers + 1), dtype=bool)
    while not search.late:
        count = search.weakest(range(users + 1))
        if count is None:
            break
        if count not in fixed:
            fixed[count] = FixedCount(problem, count)
            bound, actions = fixed[count].assignment()
            search.bounds[count] = max(search.bounds[count], bound)
            search.offer(actions)
            continue
        try:
            search.bounds[count] = max(search.bounds[count], _branch(search, fixed[count], everywhere))
        except _OutOfTime:
            break
    return search.solution()


def _branch(search: _Search, fixed: FixedCount, allowed: Bools) -> float:
    """Least sum of delays with this k and users at `allowed` places only, or the best known sum where that is less."""
    bound, actions = fixed.assignment(allowed)
    if actions is None or search.beaten(bound):
        return search.total
    search.offer(actions)
    program = _Program(fixed, allowed)
    if program.width <= MAX_WIDTH:
        total, actions = program.solve(search.deadline)
        if total < search.total:
            search.offer(actions)
        return search.total
    user, server = program.widest
    for at_server in (False, True):
        part = allowed.copy()
        part[user] &= (np.arange(part.shape[1]) == server + 1) == at_server
        _branch(search, fixed, part)
    return search.total


@dataclass(frozen=True)
class _States:
    """Tasks per server, all vectors with a sum up to N, in order of the sum."""

    tasks: NDArray[np.float64]  # (M, S)
    before: NDArray[np.intp]  # (M, S): state with one task less on server m, S (a state of value inf) if there is none
    first: NDArray[np.intp]  # (N + 2,): first state of each sum


@lru_cache(maxsize=8)
def _states(users: int, servers: int) -> _States:
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
    return _States(np.ascontiguousarray(tasks.T, dtype=np.float64), before, first)


class _Program:
    """The dynamic program of one k with users at `allowed` places, (N, M + 1), only."""

    def __init__(self, fixed: FixedCount, allowed: Bools) -> None:
        self.fixed = fixed
        self.states = _states(*fixed.start.shape)
        self.local = np.where(allowed[:, 0], fixed.problem.local_s, np.inf)
        self.start = np.where(allowed[:, 1:], fixed.start, np.inf)
        # The server of each user that has no other place, else -1.
        self.tied = np.where(allowed.sum(axis=1) == 1, allowed.argmax(axis=1) - 1, -1)
        self.width = np.inf
        for base in {order.tobytes(): order for order in fixed.order[::-1]}.values():
            plan = _Plan(fixed, base[::-1], allowed, self.tied < 0)
            if plan.width * self.states.before.size < self.width:
                self.plan, self.width = plan, plan.width * self.states.before.size
            if plan.width == 1:
                break
        self.widest = self.plan.widest

    def _corrections(self, user: int, open_users: list[int]) -> list[tuple[int, int, int, float]]:
        """(axis, label, server, seconds) charged when `user` joins a server where an open or tied partner is.

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

    def solve(self, deadline: float) -> tuple[float, Ints | None]:
        """Least sum of delays in s and actions (N,) that attain it, infinity and None if there are none.

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
                raise _OutOfTime
            low, high = states.first[max(0, count - (users - 1 - step))], states.first[min(step + 1, count) + 1]
            join = value[..., states.before[:, low:high]]
            join += self.start[user][:, None] + self.fixed.unit[user][:, None] * (states.tasks[:, low:high])
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
            return np.inf, None
        return float(total.min()), self._trace(trail, int(states.first[count] + total.argmin()))

    def _trace(self, trail: list[tuple[list[int], Floats, list[int], Floats]], state: int) -> Ints:
        """Actions (N,) that lead to the final `state`, step by step from the last."""
        states, plan = self.states, self.plan
        actions = np.zeros(self.local.size, dtype=np.int64)
        label_of: dict[int, int] = {}
        for user, (before_users, value, after_users, layer) in zip(plan.users[::-1], trail[::-1], strict=True):
            merged = [u for u in after_users if u not in label_of]
            cases = layer[(*(label_of.get(u, slice(None)) for u in after_users), state)]
            label_of.update(zip(merged, np.unravel_index(cases.argmin(), cases.shape), strict=True))
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


class _Plan:
    """Which users are open when, with `users` taken in this order (a base order from the last arrival to the first)."""

    def __init__(self, fixed: FixedCount, users: Ints, allowed: Bools, free: Bools) -> None:
        self.users: list[int] = users.tolist()
        step = np.argsort(users)
        # [m, i, j]: i is taken before j though it is at server m first, both may be there, and the charge would be wrong.
        conflict = (step[:, None] < step) & (fixed.rank[:, :, None] < fixed.rank[:, None, :])
        conflict &= (fixed.unit.T[:, :, None] != fixed.unit.T[:, None, :]) & allowed.T[1:, :, None] & allowed.T[1:, None, :]
        self.conflict = conflict
        opens = conflict.any(axis=2) & free
        self.labels = [np.flatnonzero(column).tolist() for column in opens.T]
        self.last = np.where(conflict.any(axis=0) & free[:, None], step, -1).max(axis=1)
        self.width, self.widest = 1, (0, 0)
        for now in range(users.size):
            spanning = [u for u in self.users[: now + 1] if self.last[u] >= now and self.labels[u]]
            width = int(np.prod([1 + len(self.labels[u]) for u in spanning], dtype=object))
            if width > self.width:
                user = max(spanning, key=lambda u: self.last[u] - step[u])
                self.width, self.widest = width, (user, self.labels[user][0])


def solve_bounded(
    problem: SlotProblem,
    *,
    time_limit_s: float,
    incumbent: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> SlotSolution:
    """A good joint action and a proven lower bound on the mean delay, at any size.

    `incumbent`, (N,) or (I, N) joint actions, are starts for the search; `rng` (default: seeded with 0) draws its
    perturbations. Deterministic for a given input and generator state unless `time_limit_s` seconds run out; the bound
    is valid either way, and the return may be late by one step for one k (about 0.1 s at N = 200).

    Raises `ValueError` for an impossible incumbent or time limit.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    search = _Search(problem, time_limit_s, incumbent)
    counts = range(problem.num_users + 1)
    with_count = lru_cache(maxsize=16)(lambda count: FixedCount(problem, count))

    def improve(actions: Ints) -> None:
        """Offer `actions` after a local search with their own number of offloaders."""
        count = np.count_nonzero(actions)
        if count and not search.late:
            actions = with_count(count).descend(actions, search.deadline)
        search.offer(actions)

    improve(search.actions)
    improve(_greedy(problem))
    relaxed: set[int] = set()
    while not search.late and (count := search.weakest(counts)) not in {None, *relaxed}:
        bound, actions = with_count(count).assignment()
        search.bounds[count] = max(search.bounds[count], bound)
        relaxed.add(count)
        improve(actions)
    ascents: dict[int, PriceAscent] = {}
    while not search.late and (count := search.weakest(counts)) is not None:
        if count not in ascents:
            ascents[count] = PriceAscent(FixedCount(problem, count))
        ascent = ascents[count]
        going = ascent.run(BURST, search.total, search.deadline)
        search.bounds[count] = max(search.bounds[count], ascent.bound)
        improve(ascent.rounded())
        if not search.beaten(search.bounds[count]) and not (going and ascent.iterations < MAX_STEPS):
            break  # the least bound of all cannot be raised any more
    for _ in range(KICKS):
        if search.late or search.weakest(counts) is None:
            break
        kicked = search.actions.copy()
        moved = rng.choice(problem.num_users, size=min(4, problem.num_users), replace=False)
        kicked[moved] = rng.permutation(kicked[moved])
        if kicked[moved[0]]:
            kicked[moved[0]] = rng.integers(1, problem.num_servers + 1)
        improve(kicked)
    return search.solution()


def _greedy(problem: SlotProblem) -> Ints:
    """Users in index order, each where its own task ends first with everyone uploading, actions (N,)."""
    actions = np.zeros(problem.num_users, dtype=np.int64)
    ahead = problem.backlog_cycles.copy()
    for user, cycles in enumerate(problem.task_cycles):
        remote = problem.upload_s[-1, user] + problem.forward_s[user] + (ahead + cycles) / problem.server_hz
        server = int(remote.argmin())
        if remote[server] < problem.local_s[user]:
            actions[user] = server + 1
            ahead[server] += cycles
    return actions
