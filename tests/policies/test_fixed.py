"""``fixed``: counts as targets, stored counts, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeoffload_env import evaluate, policies, scenarios, stored
from tests.helpers import assert_one_traceback
from tests.policies.games import view_of_game


@pytest.fixture
def stored_counts(monkeypatch):
    """Other counts for ``paper`` than those in the file: everyone to server 1 but user 0."""
    counts = [1, 9, 0, 0, 0, 0]
    entry = stored.content()["scenarios"]["paper"]
    entry = entry | {"fixed": entry["fixed"] | {"parameters": {"counts": counts}}}
    monkeypatch.setattr(stored, "content", lambda: {"scenarios": {"paper": entry}})
    return counts


def test_counts_by_hand():
    view = view_of_game(0, users=6, servers=3, batch=4)
    assert policies.make("fixed", counts=[1, 2, 0, 3]).act(view).tolist() == [[0, 1, 1, 3, 3, 3]] * 4
    assert policies.make("fixed", counts=(0, np.int64(0), np.array(6), 0)).act(view).tolist() == [[2] * 6] * 4


@given(counts=st.lists(st.integers(0, 12), min_size=2, max_size=9).filter(any))
def test_as_many_users_at_each_place_as_counted(counts):
    view = view_of_game(1, users=sum(counts), servers=len(counts) - 1, batch=2, effects=0.5)
    policy = policies.make("fixed", counts=counts)
    assert policy.counts == tuple(counts)
    policy.check(view.config)
    levels = view.config.levels_per_server
    for row in policy.act(view):
        assert np.bincount((row - 1) // levels + 1, minlength=len(counts)).tolist() == counts
        assert (np.diff(row) >= 0).all()
        assert (row % levels == 0).all()  # everyone takes the last level


def test_the_same_in_every_slot():
    actions = []

    class Watched:
        def act(self, view):
            actions.append(policies.make("fixed", counts=(2, 0, 1)).act(view))
            return actions[-1]

    evaluate(Watched(), "bursty", episodes=2, num_users=3, server_hz=(8e9, 9e9), max_cycles=5)
    assert np.array_equal(actions, [[[0, 0, 2]] * 2] * 5)


def test_constant_assignments_are_the_simple_policies():
    for name, counts in (("local", (10, 0, 0, 0, 0, 0)), ("nearest", (0, 10, 0, 0, 0, 0))):
        ours = evaluate(policies.make("fixed", counts=counts), episodes=2, max_cycles=5)
        assert np.array_equal(ours.utility, evaluate(name, episodes=2, max_cycles=5).utility)


@pytest.mark.parametrize(
    "changes", [{}, {"delay_weight": 0.0, "balance_weight": 3.0, "reward_sharing": 1.0, "observation": "load"}]
)
def test_without_counts_it_takes_the_stored_ones(stored_counts, changes):
    config = scenarios.configure("paper", **changes)
    assert policies.make("fixed").counts_for(config) == tuple(stored_counts)
    view = policies.PolicyView(config, {"slot": np.zeros(3, dtype=np.int64)}, np.random.default_rng(0))
    assert policies.make("fixed").act(view).tolist() == [[0] + [1] * 9] * 3
    plain = evaluate(policies.make("fixed", counts=stored_counts), config, episodes=2)
    assert np.array_equal(evaluate("fixed", config, episodes=2).utility, plain.utility)


def test_every_scenario_has_stored_counts():
    for name in scenarios.names():
        config = scenarios.get(name).config
        counts = policies.make("fixed").counts_for(config)
        assert list(counts) == stored.content()["scenarios"][name]["fixed"]["parameters"]["counts"]
        assert (len(counts), sum(counts)) == (config.servers + 1, config.num_users)


@pytest.mark.parametrize("changes", [{"max_cycles": 49}, {"num_users": 9}, {"device_queue": True}, {"slot_s": 0.1}])
@pytest.mark.usefixtures("stored_counts")
def test_a_changed_game_has_none(changes):
    with pytest.raises(ValueError, match=r"^fixed: no counts are stored for this game; give counts, .*search_fixed"):
        evaluate("fixed", episodes=1, **changes)
    own = [changes.get("num_users", 10), 0, 0, 0, 0, 0]
    assert evaluate(policies.make("fixed", counts=own), episodes=1, **changes).utility.shape == (1,)


@pytest.mark.parametrize(
    ("counts", "error", "message"),
    [
        ([1, -1, 0], ValueError, r"^counts must be an integer in \[0, 1000000\], got -1$"),
        ([1, 10**6 + 1], ValueError, r"^counts must be an integer in \[0, 1000000\], got 1000001$"),
        ([1, True], TypeError, r"^counts must be an integer in .*, got True$"),
        ([1.0, 2], TypeError, r"^counts must be an integer in .*, got 1.0$"),
        ([1, "2"], TypeError, r"^counts must be an integer in .*, got '2'$"),
        ([1, None], TypeError, r"^counts must be an integer in .*, got None$"),
        ([[1, 2]], TypeError, r"^counts must be an integer in .*, got \[1, 2\]$"),
        (10, TypeError, r"^counts must be None, or users on the device and at each server, got 10$"),
        ("1,2", TypeError, r"^counts must be None, or users .*, got '1,2'$"),
        ({0: 10}, TypeError, r"^counts must be None, or users .*, got \{0: 10\}$"),
    ],
)
def test_bad_counts(counts, error, message):
    with pytest.raises(error, match=message) as refused:
        policies.make("fixed", counts=counts)
    assert_one_traceback(refused.value)


@pytest.mark.parametrize(
    "counts",
    [(10,), (10, 0, 0, 0, 0), (10, 0, 0, 0, 0, 0, 0), (9, 0, 0, 0, 0, 0), (5, 6, 0, 0, 0, 0), (0,) * 6, ()],
)
def test_counts_of_another_game(counts):
    policy = policies.make("fixed", counts=counts)
    with pytest.raises(ValueError, match=r"^counts must be 6 integers with the sum 10, got \(") as refused:
        policy.check(scenarios.get("paper").config)
    assert str(counts) in str(refused.value)
    with pytest.raises(ValueError, match=r"^counts must be 6 integers with the sum 10"):
        evaluate(policy, episodes=1)
    with pytest.raises(ValueError, match=r"^counts must be 4 integers with the sum 7"):
        policy.act(view_of_game(0, users=7, servers=3))
