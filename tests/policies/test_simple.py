"""Each simple policy against its definition."""

import numpy as np
import pytest

from edgeoffload_env import policies
from edgeoffload_env.policies import PolicyView
from tests.helpers import make_game
from tests.policies.games import make_for, view_of_game


@pytest.fixture
def view():
    return view_of_game(0, users=7, servers=3, batch=5)


def test_local(view):
    assert np.array_equal(policies.make("local").act(view), np.zeros((5, 7)))


def test_nearest(view):
    assert np.array_equal(policies.make("nearest").act(view), np.ones((5, 7)))


def test_round_robin():
    view = view_of_game(0, users=4, servers=3, batch=3)
    view.snapshot["slot"][:] = [0, 1, 2]
    # server 1 + (slot * N + n) mod M: the turn goes on where the last slot's users ended
    expected = [[1, 2, 3, 1], [2, 3, 1, 2], [3, 1, 2, 3]]
    assert policies.make("round-robin").act(view).tolist() == expected


def test_round_robin_late_in_the_longest_episode():
    view = view_of_game(0, users=6, servers=5)
    slot = 10**15 - 1
    view.snapshot["slot"][:] = slot
    assert policies.make("round-robin").act(view)[0].tolist() == [1 + (slot * 6 + n) % 5 for n in range(6)]


def test_least_loaded_goes_by_seconds_not_by_cycles():
    game = make_game(0, users=2, servers=3, batch=3)
    game.snapshot["server_hz"][:] = [1e9, 2e9, 4e9]
    game.snapshot["backlog_cycles"][:] = [
        [3e9, 4e9, 12e9],  # 3 s, 2 s, 3 s
        [2e9, 4e9, 6e9],  # 2 s, 2 s, 1.5 s: server 3 has the most cycles
        [1e9, 2e9, 4e9],  # 1 s each: the lowest index
    ]
    view = PolicyView(game.config, game.snapshot, np.random.default_rng(0))
    assert policies.make("least-loaded").act(view).tolist() == [[2, 2], [3, 3], [1, 1]]


def test_random_goes_everywhere_with_equal_odds():
    view = view_of_game(0, users=10, servers=3, batch=4000)
    actions = policies.make("random").act(view)
    shares = np.bincount(actions.ravel(), minlength=4) / actions.size
    # five standard errors of a share of 1/4 among 40,000
    assert shares == pytest.approx(np.full(4, 0.25), abs=5 * (0.25 * 0.75 / actions.size) ** 0.5)
    assert len(np.unique(actions[:, 0])) == len(np.unique(actions[0])) == 4


def test_proportional_goes_by_each_games_speeds_and_never_stays():
    game = make_game(0, users=100, servers=3, batch=400, server_hz=(1e9, 2e9, 5e9), server_hz_range=None)
    game.snapshot["server_hz"][:200] = [1e9, 2e9, 5e9]
    game.snapshot["server_hz"][200:] = [4e9, 3e9, 1e9]
    actions = policies.make("proportional").act(PolicyView(game.config, game.snapshot, np.random.default_rng(1)))
    for half, odds in ((actions[:200], (0, 1 / 8, 2 / 8, 5 / 8)), (actions[200:], (0, 4 / 8, 3 / 8, 1 / 8))):
        shares = np.bincount(half.ravel(), minlength=4) / half.size
        assert shares == pytest.approx(odds, abs=5 * (0.25 / half.size) ** 0.5)


@pytest.mark.parametrize("name", ["random", "proportional"])
def test_chance_comes_from_the_views_generator_alone(name):
    def act(seed):
        game = make_game(0, users=20, servers=4, batch=3)
        return policies.make(name).act(PolicyView(game.config, game.snapshot, np.random.default_rng(seed)))

    before = np.random.get_state()[1].copy()  # noqa: NPY002  # the global state is what must stay
    assert np.array_equal(act(1), act(1))
    assert not np.array_equal(act(1), act(2))
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", [name for name in policies.names() if name != "optimum"])
@pytest.mark.parametrize(("users", "servers"), [(1, 1), (5, 1), (1, 6), (120, 25)])
def test_every_policy_plays_any_size_and_leaves_the_view_alone(name, users, servers):
    view = view_of_game(3, users, servers, batch=2)
    before = {field: array.copy() for field, array in view.snapshot.items()}
    actions = make_for(name, view.config).act(view)
    assert actions.shape == (2, users)
    assert actions.dtype.kind in "iu"
    assert actions.min() >= 0
    assert actions.max() <= servers
    assert all(np.array_equal(array, before[field]) for field, array in view.snapshot.items())
