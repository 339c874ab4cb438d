"""Bounds and a local search for one slot with a given number of offloaders: parts of `slot_optimum`.

Everything below fixes k, the number of offloaders, and with it all upload delays. The rest is a quadratic
semi-assignment problem: user n at place a costs `linear[n, a]` (place 0 is the device), and every pair of users at the
same server costs the compute time of whichever of the two arrives there first, since the other waits for it.

Three lower bounds on the sum of delays for a given k, each at least as tight as the one before:

* `count_bounds`: k users with the least own cost, plus the k cheapest service positions for the smallest task;
* `FixedCount.assignment`: the p-th task from the end of a server's queue delays p tasks (itself and the p - 1 behind
  it) by its compute time, so the sum of delays is the cost of a linear assignment of users to (server, position from
  the end). Dropping the arrival order from it leaves a relaxation, solved exactly;
* `PriceAscent`: weak duality. With a price per user in place of "every user is at exactly one place", each server picks
  its own best set of users by a dynamic program that respects its arrival order. Any prices give a valid bound.
"""

from functools import cached_property
from time import perf_counter

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.optimize import linear_sum_assignment

from edgeoffload_env.policies.slot_problem import Bools, Floats, Ints, SlotProblem

REL_TOL = 1e-12  # two sums of delays closer than this are equal: float64 rounding over some hundred terms


def count_bounds(problem: SlotProblem) -> Floats:
    """Cheap lower bounds on the sum of delays with exactly k offloaders, k = 0..N: shape (N + 1,), seconds.

    The p-th task from the end of server m's queue adds (backlog_m + p C_n) / f_m, which is at least
    (C_n - C_min) / f_max + (backlog_m + p C_min) / f_m: a term of the user plus a term of the position.
    """
    users = problem.num_users
    least = problem.task_cycles.min()
    own = problem.forward_s.min(axis=1) + (problem.task_cycles - least) / problem.server_hz.max()
    gain = np.sort(problem.upload_s + problem.extra_s + own - problem.local_s, axis=1).cumsum(axis=1).diagonal()
    position = (problem.backlog_cycles + np.arange(1, users + 1)[:, None] * least) / problem.server_hz
    service = np.sort(position, axis=None)[:users].cumsum()
    bounds: Floats = problem.local_s.sum() + np.concatenate(([0.0], gain + service))
    return bounds


class FixedCount:
    """The slot with exactly `count` >= 1 offloaders; sums of delays, not means, throughout."""

    def __init__(self, problem: SlotProblem, count: int) -> None:
        self.problem = problem
        self.count = count
        arrival = problem.upload_s[count - 1][:, None] + problem.forward_s
        self.order: Ints = np.argsort(arrival, axis=0, kind="stable").T  # (M, N) users, first arrival first
        arrival += problem.extra_s[count - 1][:, None]  # a cost that does not move anybody in the order
        self.start: Floats = arrival + problem.backlog_cycles / problem.server_hz  # (N, M) s, before any new task
        self.unit: Floats = problem.task_cycles[:, None] / problem.server_hz  # (N, M) s, compute delay

    @cached_property
    def rank(self) -> Ints:
        """(M, N): place of each user in the arrival order of each server."""
        return np.argsort(self.order, axis=1)

    @cached_property
    def linear(self) -> Floats:
        """(N, M + 1) s: delay of each user alone at each place."""
        return np.column_stack((self.problem.local_s, self.start + self.unit))

    @cached_property
    def pair(self) -> Floats:
        """(M + 1, N, N) s: what two users add to the sum of delays by being at the same place."""
        pair = np.zeros((self.problem.num_servers + 1, self.problem.num_users, self.problem.num_users))
        first = self.rank[:, :, None] < self.rank[:, None, :]
        pair[1:] = np.where(first, self.unit.T[:, :, None], self.unit.T[:, None, :])
        pair[:, np.arange(first.shape[1]), np.arange(first.shape[1])] = 0.0
        return pair

    def _matching(self, allowed: Bools | None) -> tuple[Floats, Ints, int] | None:
        """Match users to N - k device columns and to positions from the end of each server's queue.

        Returns the cost matrix, the column of each user and the positions per server; None if there is no matching.

        Exactly N - k users must be on the device: its columns carry a reward above all that moving one user off the
        device can save. Positions are first limited to a few per server; if an optimum leaves the last one of each
        server free, more cannot help: they cost every user at least as much as the free one, whose dual is 0.
        """
        users, servers = self.start.shape
        home = users - self.count
        depth = min(self.count, -(-self.count // servers) + 3)
        while True:
            queue = self.start[:, :, None] + self.unit[:, :, None] * np.arange(1.0, depth + 1.0)
            cost = np.empty((users, home + servers * depth))
            cost[:, :home] = (self.problem.local_s - self._reward)[:, None]
            if allowed is not None:
                queue[~allowed[:, 1:]] = np.inf
                cost[~allowed[:, 0], :home] = np.inf
            cost[:, home:] = queue.reshape(users, -1)
            try:
                columns = linear_sum_assignment(cost)[1]
            except ValueError:  # raised by scipy where no assignment has a finite cost
                if depth == self.count:
                    return None
                depth = self.count
                continue
            if depth == self.count or not np.any((columns >= home) & ((columns - home) % depth == depth - 1)):
                return (cost, columns, depth) if np.count_nonzero(columns < home) == home else None
            depth = min(self.count, 2 * depth)

    @property
    def _reward(self) -> float:
        return 1.0 + float(self.problem.local_s.max())

    def assignment(self, allowed: Bools | None = None) -> tuple[float, Ints | None]:
        """Solve the relaxation without the arrival order: a lower bound in s, and the actions (N,) that attain it.

        `allowed`, (N, M + 1), restricts users to places; where it leaves no joint action with `count` offloaders the
        bound is infinite and there are no actions.
        """
        matching = self._matching(allowed)
        if matching is None:
            return np.inf, None
        cost, columns, depth = matching
        home = columns.size - self.count
        bound = cost[np.arange(columns.size), columns].sum() + self._reward * home
        return float(bound), np.where(columns < home, 0, 1 + (columns - home) // depth)

    def prices(self) -> Floats:
        """Compute the optimal duals of the users in `assignment`, (N,) s: a good start for `PriceAscent`.

        Shortest paths in the residual graph: a user pays no more than its cheapest free column, nor more than what it
        takes to replace another user.
        """
        matching = self._matching(None)
        assert matching is not None, "without restrictions every count is feasible"
        cost, columns, _ = matching
        free = np.ones(cost.shape[1], dtype=bool)
        free[columns] = False
        replace = cost[:, columns] - cost[np.arange(columns.size), columns]
        price: Floats = cost[:, free].min(axis=1, initial=cost.max())
        for _ in range(columns.size):
            lower = np.minimum(price, (replace + price).min(axis=1))
            if np.array_equal(lower, price):
                break
            price = lower
        return price

    def local_search(self, actions: Ints, deadline: float) -> Ints:
        """Find a local optimum from `actions` (N,): moves between servers and swaps of any two users, at fixed `count`.

        Apply the best change of either kind until none gains, or until `deadline` (of `perf_counter`) passes.
        """
        actions = actions.copy()
        user = np.arange(actions.size)
        # load[n, a]: what user n adds, or would add, at place a given where all others are
        load = self.linear + np.einsum("anj,ja->na", self.pair, np.eye(self.pair.shape[0])[actions])
        slack = REL_TOL * float(self.linear.max())
        while perf_counter() < deadline:
            now = load[user, actions]
            move = load - now[:, None]
            move[:, 0] = move[actions == 0] = 0.0
            meet = self.pair[actions[:, None], user[None, :], user[:, None]]  # [j, n]: n meets j at j's place
            half = load[:, actions] - now[:, None] - meet.T
            swap = half + half.T
            swap[actions[:, None] == actions] = 0.0
            mover, place = divmod(int(move.argmin()), move.shape[1])
            left, right = divmod(int(swap.argmin()), swap.shape[1])
            if min(move[mover, place], swap[left, right]) >= -slack:
                break
            if move[mover, place] <= swap[left, right]:
                changes = [(mover, place)]
            else:
                changes = [(left, int(actions[right])), (right, int(actions[left]))]
            for user_moved, new_place in changes:
                load[:, actions[user_moved]] -= self.pair[actions[user_moved], user_moved]
                load[:, new_place] += self.pair[new_place, user_moved]
                actions[user_moved] = new_place
        return actions


class PriceAscent:
    """Lagrangian bound for one k: each user pays a price for service; `bound` is the best bound so far in s.

    For prices y the bound is sum(y) plus the least of: local_n - y_n over N - k users, plus for every server the best
    set of c_m users (each giving back its price) served in arrival order, over all c with sum k. The sets come from a
    dynamic program per server over its users from the last arrival to the first, state = tasks behind.
    """

    def __init__(self, fixed: FixedCount) -> None:
        self.fixed = fixed
        self.best_prices = fixed.prices()
        self.bound = -np.inf
        self.picks: Bools = np.zeros_like(fixed.linear, dtype=bool)  # (N, M + 1), of the best bound
        self.iterations = 0
        self._step = 1.0
        self._stalled = 0
        self._last_first: Ints = fixed.order[:, ::-1].T  # (N, M) users
        columns = np.arange(fixed.start.shape[1])
        self._start = fixed.start[self._last_first, columns]
        self._unit = fixed.unit[self._last_first, columns]

    def evaluate(self, prices: Floats) -> tuple[float, Bools]:
        """Compute the bound in s at `prices` (N,) and the users that each place picks, (N, M + 1)."""
        fixed = self.fixed
        count, (users, servers) = fixed.count, fixed.start.shape
        cost = self._unit[:, :, None] * np.arange(1.0, count + 1.0)  # (N, M, k): k-th from the end of the queue
        cost += (self._start - prices[self._last_first])[:, :, None]
        take = np.empty((users, servers, count), dtype=bool)
        value = np.full((servers, count + 1), np.inf)
        value[:, 0] = 0.0
        added = np.empty((servers, count))
        for t in range(users):
            np.add(value[:, :-1], cost[t], out=added)
            np.less(added, value[:, 1:], out=take[t])
            np.minimum(value[:, 1:], added, out=value[:, 1:])
        total, splits = value[0], []
        for m in range(1, servers):  # best split of c tasks between the servers before m and m itself
            padded = np.concatenate((np.full(count, np.inf), total))
            options = sliding_window_view(padded, count + 1)[:, ::-1] + value[m]
            splits.append(options.argmin(axis=1))
            total = options.min(axis=1)
        picks = np.zeros((users, servers + 1), dtype=bool)
        left = count
        for m in range(servers - 1, -1, -1):
            here = int(splits[m - 1][left]) if m else left
            left -= here
            for t in range(users - 1, -1, -1):
                if here == 0:
                    break
                if take[t, m, here - 1]:
                    picks[self._last_first[t, m], m + 1] = True
                    here -= 1
        local = fixed.problem.local_s - prices
        stay = np.argsort(local, kind="stable")[: users - count]
        picks[stay, 0] = True
        return float(prices.sum() + total[count] + local[stay].sum()), picks

    def run(self, iterations: int, target: float, deadline: float) -> bool:
        """Take up to `iterations` subgradient steps towards `target` (s, the best sum known); False on convergence.

        Stop at once when the bound reaches the target or when `deadline` (of `perf_counter`) passes.
        """
        prices = self.best_prices
        for _ in range(iterations):
            bound, picks = self.evaluate(prices)
            self.iterations += 1
            if bound > self.bound:
                self._stalled = 0 if bound > self.bound + 1e-5 * (target - self.bound) else self._stalled + 1
                self.bound, self.best_prices, self.picks = bound, prices, picks
            else:
                self._stalled += 1
            if self._stalled >= 6:
                self._step, self._stalled = self._step / 2.0, 0
                prices, bound, picks = self.best_prices, self.bound, self.picks
            slope = 1.0 - picks.sum(axis=1)
            norm = float(slope @ slope)
            if norm == 0.0 or bound >= target or self._step < 1e-3:
                return False
            if perf_counter() >= deadline:
                break
            prices = prices + self._step * (target - bound) / norm * slope
        return True

    def rounded(self) -> Ints:
        """Round the picks to actions (N,): users not picked exactly once take the place of least linear cost."""
        cost = np.where(self.picks | ~self.picks.any(axis=1, keepdims=True), self.fixed.linear, np.inf)
        actions: Ints = cost.argmin(axis=1)
        return actions
