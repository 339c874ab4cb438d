"""Least mean delay of one slot over all (M + 1)^N joint actions: P1, equation (12).

`solve_exact` proves the optimum up to a stated size, `solve_bounded` gives a good joint action and a proven lower bound
at any size. Both split the problem by k, the number of offloaders, keep a lower bound for every k, and work on the k
with the least one until no k can beat the best joint action found. The bounds and the local search are in `slot_bound`,
the exact dynamic program for one k in `slot_program`.
"""

from functools import lru_cache
from math import comb
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike

from edgeoffload_env.policies.slot_bound import REL_TOL, FixedCount, PriceAscent, count_bounds
from edgeoffload_env.policies.slot_problem import Bools, Ints, SlotProblem, SlotSolution
from edgeoffload_env.policies.slot_program import OutOfTimeError, Program

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
PERTURBATIONS = 40  # perturbations of the best joint action in `solve_bounded`


def is_exact_size(num_users: int, num_servers: int) -> bool:
    """Return whether `solve_exact` takes slots of this size."""
    return num_users <= EXACT_MAX_USERS and _num_states(num_users, num_servers) <= EXACT_MAX_STATES


def _num_states(users: int, servers: int) -> int:
    return servers * comb(users + servers, servers)


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

    def offer(self, actions: Ints | None) -> None:
        """Keep `actions` if they are the best so far."""
        if actions is not None:
            total = float(self.problem.delays(actions).sum())
            if total < self.total:
                self.total, self.actions = total, actions

    def raise_bound(self, count: int, bound: float) -> None:
        """Record a proven lower bound on the sum of delays with `count` offloaders."""
        self.bounds[count] = max(self.bounds[count], bound)

    @property
    def timed_out(self) -> bool:
        return perf_counter() >= self.deadline

    def ruled_out(self, bound: float) -> bool:
        """Return whether a lower bound rules out any improvement on the best joint action."""
        return bound >= self.total * (1.0 - REL_TOL)

    def least_bounded(self) -> int | None:
        """Return the number of offloaders with the least bound, None if the best joint action is proven optimal."""
        count = int(self.bounds.argmin())
        return None if self.ruled_out(self.bounds[count]) else count

    def solution(self) -> SlotSolution:
        mean = float(self.problem.delays(self.actions).mean())
        bound = float(self.bounds.min())
        exact = self.ruled_out(bound)
        lower = mean if exact else min(mean, bound / self.problem.num_users)
        return SlotSolution(actions=self.actions.copy(), mean_delay_s=mean, lower_bound_s=lower, exact=exact)


def solve_exact(
    problem: SlotProblem, *, time_limit_s: float | None = None, incumbent: ArrayLike | None = None
) -> SlotSolution:
    """Find a joint action of least mean delay.

    `incumbent`, (N,) or (I, N) joint actions, can only speed the search up. The time depends on the data: it grows with
    the users whose order of arrival differs between servers. After `time_limit_s` seconds the best joint action so far
    is returned with a valid lower bound and `exact` False; without a limit, or within it, the result is deterministic
    and `exact`.

    Raises `ValueError` above the size `is_exact_size` allows, and for an impossible incumbent or time limit.
    """
    users, servers = problem.num_users, problem.num_servers
    if not is_exact_size(users, servers):
        raise ValueError(
            f"N = {users} users and M = {servers} servers are too many for the exact optimum, which needs "
            f"N <= {EXACT_MAX_USERS} and M C(N + M, M) <= {EXACT_MAX_STATES}, got {_num_states(users, servers)}; "
            f"use solve_bounded for any size and a proven lower bound"
        )
    search = _Search(problem, time_limit_s, incumbent)
    fixed: dict[int, FixedCount] = {}
    everywhere = np.ones((users, servers + 1), dtype=bool)
    while not search.timed_out:
        count = search.least_bounded()
        if count is None:
            break
        if count not in fixed:
            fixed[count] = FixedCount(problem, count)
            bound, actions = fixed[count].assignment()
            search.raise_bound(count, bound)
            search.offer(actions)
            continue
        try:
            _exhaust(search, fixed[count], everywhere)
        except OutOfTimeError:
            break
        search.raise_bound(count, search.total)
    return search.solution()


def _exhaust(search: _Search, fixed: FixedCount, allowed: Bools) -> None:
    """Offer the best joint action with this k and users at `allowed` places, unless no such action can improve.

    Raises `OutOfTimeError` at the deadline.
    """
    if search.timed_out:
        raise OutOfTimeError
    bound, actions = fixed.assignment(allowed)
    if search.ruled_out(bound):
        return
    search.offer(actions)
    program = Program(fixed, allowed)
    if program.width <= MAX_WIDTH or program.widest is None:
        search.offer(program.solve(search.deadline))
        return
    user, server = program.widest
    for at_server in (False, True):
        part = allowed.copy()
        part[user] &= (np.arange(part.shape[1]) == server + 1) == at_server
        _exhaust(search, fixed, part)


def solve_bounded(
    problem: SlotProblem,
    *,
    time_limit_s: float,
    incumbent: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> SlotSolution:
    """Find a good joint action and a proven lower bound on the mean delay, at any size.

    `incumbent`, (N,) or (I, N) joint actions, are starting points; `rng` (default: seeded with 0) draws the
    perturbations. Deterministic for a given input and generator state unless `time_limit_s` seconds run out; the bound
    is valid either way, and the time limit may be exceeded by one step for one k.

    Raises `ValueError` for an impossible incumbent or time limit.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    search = _Search(problem, time_limit_s, incumbent)
    with_count = lru_cache(maxsize=8)(lambda count: FixedCount(problem, count))

    def improve(actions: Ints) -> None:
        """Offer the result of a local search from `actions`."""
        count = np.count_nonzero(actions)
        if count and not search.timed_out:
            actions = with_count(count).local_search(actions, search.deadline)
        search.offer(actions)

    improve(search.actions)
    improve(_greedy(problem))
    relaxed: set[int] = set()
    while not search.timed_out and (count := search.least_bounded()) is not None and count not in relaxed:
        bound, actions = with_count(count).assignment()
        search.raise_bound(count, bound)
        relaxed.add(count)
        if actions is not None:
            improve(actions)
    ascents: dict[int, PriceAscent] = {}
    while not search.timed_out and (count := search.least_bounded()) is not None:
        if count not in ascents:
            ascents[count] = PriceAscent(FixedCount(problem, count))
        ascent = ascents[count]
        going = ascent.run(BURST, search.total, search.deadline)
        search.raise_bound(count, ascent.bound)
        improve(ascent.rounded())
        if not search.ruled_out(search.bounds[count]) and not (going and ascent.iterations < MAX_STEPS):
            break  # the least bound of all cannot be raised any more
    for _ in range(PERTURBATIONS):
        if search.timed_out or search.least_bounded() is None:
            break
        perturbed = search.actions.copy()
        moved = rng.choice(problem.num_users, size=min(4, problem.num_users), replace=False)
        perturbed[moved] = rng.permutation(perturbed[moved])
        if perturbed[moved[0]]:
            perturbed[moved[0]] = rng.integers(1, problem.num_servers + 1)
        improve(perturbed)
    return search.solution()


def _greedy(problem: SlotProblem) -> Ints:
    """Users in index order, each where its own task ends first with everyone uploading, actions (N,)."""
    actions = np.zeros(problem.num_users, dtype=np.int64)
    ahead = problem.backlog_cycles.copy()
    for user, cycles in enumerate(problem.task_cycles):
        remote = problem.upload_s[-1, user] + problem.extra_s[-1, user] + problem.forward_s[user]
        remote += (ahead + cycles) / problem.server_hz
        server = int(remote.argmin())
        if remote[server] < problem.local_s[user]:
            actions[user] = server + 1
            ahead[server] += cycles
    return actions
