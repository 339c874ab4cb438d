"""The one-slot solvers against enumeration of all joint actions by an independent scalar implementation."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeoffload_env.policies import slot_optimum
from edgeoffload_env.policies.slot_bound import FixedCount, PriceAscent, count_bounds
from edgeoffload_env.policies.slot_optimum import (
    EXACT_MAX_USERS,
    SlotProblem,
    SlotSolution,
    is_exact_size,
    solve_bounded,
    solve_exact,
)

SPEEDS = (12e9, 14e9, 16e9, 18e9, 20e9)


def scalar_delays(problem, actions):
    users = range(len(actions))
    offloaders = sum(a > 0 for a in actions)
    delays = [float(problem.local_s[n]) for n in users]
    for m in range(problem.server_hz.size):
        queue = []
        for n in users:
            if actions[n] == m + 1:
                queue.append((float(problem.upload_s[offloaders - 1, n]) + float(problem.forward_s[n, m]), n))
        ahead = float(problem.backlog_cycles[m])
        for arrival, n in sorted(queue):
            wait = ahead / float(problem.server_hz[m])
            delays[n] = arrival + wait + float(problem.task_cycles[n]) / float(problem.server_hz[m])
            ahead += float(problem.task_cycles[n])
    return delays


def enumerate_optimum(problem):
    """The least mean delay, and the least sum of delays for each number of offloaders."""
    users, servers = problem.local_s.size, problem.server_hz.size
    least = [float("inf")] * (users + 1)
    for actions in itertools.product(range(servers + 1), repeat=users):
        count = users - actions.count(0)
        least[count] = min(least[count], sum(scalar_delays(problem, actions)))
    return min(least) / users, least


def assert_optimal(problem, solution):
    best, _ = enumerate_optimum(problem)
    assert solution.exact
    assert solution.mean_delay_s == pytest.approx(best, rel=1e-12)
    assert solution.lower_bound_s == solution.mean_delay_s
    assert_consistent(problem, solution)


def assert_consistent(problem, solution):
    assert solution.actions.shape == problem.local_s.shape
    assert solution.actions.dtype == np.int64
    assert solution.mean_delay_s == pytest.approx(np.mean(scalar_delays(problem, solution.actions)), rel=1e-12)
    assert solution.lower_bound_s <= solution.mean_delay_s
    assert solution.lower_bound_s == pytest.approx((1.0 - solution.gap) * solution.mean_delay_s, rel=1e-12)


def typical(rng, users, servers, *, upload=0.02, forward=1e-9, backlog=2e9, shared="active"):
    """A slot like the paper's; `upload` s per offloader for a middling user, `forward` s per bit."""
    bits, cycles = rng.uniform(2.4e6, 4e6, users), rng.uniform(0.8e9, 1.2e9, users)
    each = upload * bits / 3.2e6 * 10.0 ** rng.uniform(-0.6, 0.4, users)
    count = np.arange(1, users + 1) if shared == "active" else np.full(users, users)
    hop = np.repeat((forward * bits)[:, None], servers, axis=1)
    hop[:, 0] = 0.0
    return SlotProblem(
        local_s=cycles / rng.uniform(0.3e9, 0.5e9, users),
        upload_s=count[:, None] * each,
        forward_s=hop,
        backlog_cycles=rng.uniform(0.0, backlog, servers),
        task_cycles=cycles,
        server_hz=np.array(SPEEDS[:servers]),
    )


def replaced(problem, **changes):
    names = ("local_s", "upload_s", "forward_s", "backlog_cycles", "task_cycles", "server_hz")
    return SlotProblem(**{name: changes.get(name, getattr(problem, name)) for name in names})


def reversed_hops(rng, users, servers):
    """Server 1 sees the users in exactly the other order than servers 2..M."""
    upload = np.sort(rng.uniform(0.005, 0.02, users))
    hop = np.repeat((2.0 * (upload[-1] - upload))[:, None], servers, axis=1)
    hop[:, 0] = 0.0
    return replaced(typical(rng, users, servers), upload_s=np.tile(upload, (users, 1)), forward_s=hop)


def own_orders(rng, users, servers):
    """Every server sees the users in an order of its own."""
    problem = typical(rng, users, servers, upload=1e-4)
    return replaced(problem, forward_s=rng.uniform(0.0, 0.05, (users, servers)))


def on_a_grid(rng, users, servers):
    """Small integers everywhere: exact ties of arrivals, of tasks, of servers and of solutions."""

    def draw(high, *shape):
        return rng.integers(0, high, shape).astype(float)

    return SlotProblem(
        local_s=draw(8, users),
        upload_s=np.sort(draw(4, users, users), axis=0),
        forward_s=draw(3, users, servers),
        backlog_cycles=draw(4, servers),
        task_cycles=draw(4, users),
        server_hz=1.0 + draw(2, servers),
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("make", [typical, reversed_hops, own_orders, on_a_grid])
def test_exact_is_the_enumerated_optimum(make, seed):
    rng = np.random.default_rng(seed)
    for users, servers in ((1, 1), (1, 3), (2, 2), (3, 3), (4, 2), (4, 3), (5, 1), (5, 2)):
        problem = make(rng, users, servers)
        assert_optimal(problem, solve_exact(problem))


@pytest.mark.parametrize("make", [typical, reversed_hops, own_orders, on_a_grid])
def test_exact_with_five_users_and_three_servers(make):
    rng = np.random.default_rng(100)
    for _ in range(8):
        problem = make(rng, 5, 3)
        assert_optimal(problem, solve_exact(problem))


@pytest.mark.parametrize("make", [typical, reversed_hops, on_a_grid])
def test_exact_with_six_users_and_three_servers(make):
    problem = make(np.random.default_rng(7), 6, 3)
    assert_optimal(problem, solve_exact(problem))


@pytest.mark.parametrize("make", [reversed_hops, own_orders, on_a_grid])
def test_exact_where_conflicts_force_branching(make, monkeypatch):
    monkeypatch.setattr(slot_optimum, "MAX_WIDTH", 1)
    rng = np.random.default_rng(11)
    for _ in range(15):
        problem = make(rng, 5, 2)
        problem = replaced(problem, task_cycles=problem.task_cycles * rng.integers(1, 4, 5))  # wrong charges matter
        assert_optimal(problem, solve_exact(problem))


@pytest.mark.parametrize(
    "changes",
    [
        {"forward": 8e-9},  # a hop of 26 ms beside uploads of 2 to 25 ms
        {"forward": 8e-9, "upload": 0.002},
        {"backlog": 60e9},
        {"shared": "all"},
        {"upload": 0.8},
        {"upload": 1e-5, "forward": 0.0},
    ],
)
def test_exact_over_the_regimes_of_the_game(changes):
    rng = np.random.default_rng(5)
    for _ in range(6):
        problem = typical(rng, 5, 2, **changes)
        assert_optimal(problem, solve_exact(problem))


def test_equal_servers_and_equal_users():
    problem = typical(np.random.default_rng(0), 5, 3)
    same = replaced(
        problem,
        server_hz=np.full(3, 15e9),
        backlog_cycles=np.full(3, 1e9),
        forward_s=np.zeros((5, 3)),
        task_cycles=np.full(5, 1e9),
        upload_s=np.full((5, 5), 0.01),
        local_s=np.full(5, 2.5),
    )
    assert_optimal(same, solve_exact(same))


def test_all_local_and_all_offloaded():
    rng = np.random.default_rng(3)
    problem = typical(rng, 5, 2, upload=100.0)
    assert solve_exact(problem).actions.tolist() == [0] * 5
    assert solve_exact(replaced(problem, local_s=np.zeros(5))).mean_delay_s == 0.0
    problem = typical(rng, 5, 2)
    solution = solve_exact(problem)
    assert (solution.actions > 0).all()
    assert_optimal(problem, solution)


def test_incumbents_change_the_effort_only():
    problem = typical(np.random.default_rng(1), 7, 3)
    free = solve_exact(problem)
    for incumbent in (free.actions, np.stack((np.zeros(7, np.int64), free.actions)), [1] * 7):
        started = solve_exact(problem, incumbent=incumbent)
        assert started.exact
        assert started.mean_delay_s == pytest.approx(free.mean_delay_s, rel=1e-12)
    assert solve_bounded(problem, time_limit_s=0.0, incumbent=free.actions).mean_delay_s == free.mean_delay_s


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 3), st.sampled_from([typical, own_orders, on_a_grid]))
def test_bounds_hold(seed, users, servers, make):
    problem = make(np.random.default_rng(seed), users, servers)
    best, least = enumerate_optimum(problem)
    tolerance = 1e-12 * sum(least)
    assert (count_bounds(problem) <= np.array(least) + tolerance).all()
    for count in range(1, users + 1):
        fixed = FixedCount(problem, count)
        bound, actions = fixed.assignment()
        assert actions is not None
        assert np.count_nonzero(actions) == count
        assert bound <= least[count] + tolerance
        ascent = PriceAscent(fixed)
        ascent.run(10, least[count], np.inf)
        assert bound - tolerance <= ascent.bound <= least[count] + tolerance
        assert fixed.local_search(actions, np.inf).astype(bool).sum() == count
    for limit in (0.0, 10.0):
        solution = solve_bounded(problem, time_limit_s=limit)
        assert solution.lower_bound_s <= best + tolerance
        assert solution.mean_delay_s >= best - tolerance
        assert not solution.exact or solution.mean_delay_s <= best + tolerance
        assert solution.mean_delay_s == pytest.approx(sum(scalar_delays(problem, solution.actions)) / users)


@pytest.mark.parametrize("make", [typical, reversed_hops, own_orders])
def test_descent_ends_in_a_local_optimum(make):
    rng = np.random.default_rng(9)
    for _ in range(5):
        problem = make(rng, 7, 3)
        start = rng.permutation([0, 0, 1, 1, 2, 3, 3])
        end = FixedCount(problem, 5).local_search(start, np.inf)
        total = sum(scalar_delays(problem, end))
        assert total <= sum(scalar_delays(problem, start))
        for left, right in itertools.combinations(range(7), 2):
            swapped = end.copy()
            swapped[[left, right]] = end[[right, left]]
            assert sum(scalar_delays(problem, swapped)) >= total * (1.0 - 1e-9)
        for user, server in itertools.product(np.flatnonzero(end), range(1, 4)):
            moved = end.copy()
            moved[user] = server
            assert sum(scalar_delays(problem, moved)) >= total * (1.0 - 1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 3), st.data())
def test_delays_are_the_scalar_ones(seed, users, servers, data):
    problem = on_a_grid(np.random.default_rng(seed), users, servers)
    actions = data.draw(st.lists(st.integers(0, servers), min_size=users, max_size=users))
    np.testing.assert_allclose(problem.delays(actions), scalar_delays(problem, actions), rtol=1e-13)


@pytest.mark.parametrize("make", [typical, reversed_hops])
def test_bounded_beside_exact_at_the_size_of_the_paper(make):
    rng = np.random.default_rng(2)
    for _ in range(4):
        problem = make(rng, 10, 5)
        exact, bounded = solve_exact(problem), solve_bounded(problem, time_limit_s=10.0)
        assert exact.exact
        assert bounded.lower_bound_s <= exact.mean_delay_s * (1.0 + 1e-12)
        assert exact.mean_delay_s * (1.0 - 1e-12) <= bounded.mean_delay_s <= exact.mean_delay_s * 1.005
        assert bounded.gap < 0.01


def test_exact_at_twenty_users_agrees_with_the_bound():
    problem = typical(np.random.default_rng(4), 20, 5, backlog=40e9)
    exact, bounded = solve_exact(problem), solve_bounded(problem, time_limit_s=10.0)
    assert exact.exact
    assert bounded.lower_bound_s <= exact.mean_delay_s * (1.0 + 1e-12)
    assert bounded.mean_delay_s >= exact.mean_delay_s * (1.0 - 1e-12)


def test_bounded_at_fifty_users():
    problem = typical(np.random.default_rng(6), 50, 5)
    solution = solve_bounded(problem, time_limit_s=10.0)
    assert_consistent(problem, solution)
    assert solution.gap < 0.005
    again = solve_bounded(problem, time_limit_s=10.0, rng=np.random.default_rng(0))
    assert again.actions.tolist() == solution.actions.tolist()
    assert again.lower_bound_s == solution.lower_bound_s


def test_a_time_limit_holds_and_leaves_a_valid_bound():
    problem = reversed_hops(np.random.default_rng(8), 20, 5)
    good = solve_bounded(problem, time_limit_s=10.0)
    for limit in (0.0, 0.05):
        start = time.process_time()
        solution = solve_exact(problem, time_limit_s=limit)
        assert time.process_time() - start < limit + 1.0
        assert not solution.exact
        assert 0.0 < solution.lower_bound_s <= good.mean_delay_s
        assert_consistent(problem, solution)
    large = typical(np.random.default_rng(8), 200, 5)
    start = time.process_time()
    solution = solve_bounded(large, time_limit_s=0.2)
    assert time.process_time() - start < 1.2
    assert 0.0 < solution.lower_bound_s <= solution.mean_delay_s
    assert solution.mean_delay_s < large.local_s.mean()


def test_sizes():
    assert is_exact_size(10, 5)
    assert is_exact_size(20, 5)
    assert not is_exact_size(50, 5)
    assert not is_exact_size(EXACT_MAX_USERS + 1, 1)
    problem = typical(np.random.default_rng(0), 50, 5)
    with pytest.raises(ValueError, match=r"N = 50 users and M = 5 .*use solve_bounded"):
        solve_exact(problem)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("local_s", np.full(3, -1.0)),
        ("upload_s", np.zeros((2, 3))),
        ("forward_s", np.zeros((2, 3))),
        ("backlog_cycles", np.array([np.nan, 0.0])),
        ("task_cycles", np.zeros(4)),
        ("server_hz", np.array([0.0, 1e9])),
    ],
)
def test_impossible_problems_name_the_field(field, value):
    with pytest.raises(ValueError, match=field):
        replaced(typical(np.random.default_rng(0), 3, 2), **{field: value})


def test_impossible_arguments():
    problem = typical(np.random.default_rng(0), 3, 2)
    for incumbent in ([0, 1], [0, 1, 3], [0, -1, 1], [0.0, 1.0, 1.0], [True, False, True]):
        with pytest.raises(ValueError, match="actions"):
            solve_exact(problem, incumbent=incumbent)
    with pytest.raises(ValueError, match="time_limit_s"):
        solve_bounded(problem, time_limit_s=-1.0)


def test_gap_of_a_solution():
    solution = SlotSolution(actions=np.zeros(1, np.int64), mean_delay_s=2.0, lower_bound_s=1.5, exact=False)
    assert solution.gap == 0.25
