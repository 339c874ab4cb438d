"""``best-response``: true delays, and an equilibrium wherever it settles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeoffload_env import edgeoffload_v0, policies
from edgeoffload_env.policies.best_response import hops_to_places_s, own_costs_s
from tests.policies.games import one_game, oracle_delays_s, view_in_scenario, view_of_game


def best_gains_s(view, game, actions):
    """Gain of each user from moving alone, found by trying every move in the parallel view."""
    env = edgeoffload_v0.parallel_env(view.config)
    snapshot = one_game(view, game) | {"slot": int(view.snapshot["slot"][game])}

    def delays_s(joint):
        env.reset(seed=0, options={"snapshot": snapshot})
        infos = env.step({f"user_{n}": int(place) for n, place in enumerate(joint)})[-1]
        return [info["delay_s"] for info in infos.values()]

    now = delays_s(actions)
    gains = []
    for user in range(view.config.num_users):
        moved = [[*actions[:user], place, *actions[user + 1 :]] for place in range(view.config.servers + 1)]
        gains.append(now[user] - min(delays_s(joint)[user] for joint in moved))
    return np.array(gains) / np.array(now)


@pytest.mark.parametrize("clock", ["slot", "continuous"])
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), users=st.integers(1, 9), servers=st.integers(1, 5))
def test_nobody_gains_in_an_equilibrium(seed, users, servers, clock):
    view = view_of_game(seed, users, servers, batch=2, queue_clock=clock)
    policy = policies.make("best-response")
    actions = policy.act(view)
    for game in range(2):
        gains = best_gains_s(view, game, actions[game].tolist())
        assert (gains.max() <= 1e-9) == policy.settled[game]


@pytest.mark.parametrize("clock", ["slot", "continuous"])
@settings(max_examples=100)
@given(seed=st.integers(0, 2**32 - 1), users=st.integers(1, 30), servers=st.integers(1, 10), outages=st.booleans())
def test_own_delays_are_the_slots(seed, users, servers, outages, clock):
    fields = {"failures": {"mtbf_s": 5.0, "mttr_s": 1.0}, "elastic_servers": servers // 3} if outages else {}
    view = view_of_game(seed, users, servers, batch=2, queue_clock=clock, **fields)
    targets = np.random.default_rng(seed).integers(0, servers + 1, size=(2, users))
    user = seed % users
    delays_s = own_costs_s(view.arrays, view.config, targets, user, hops_to_places_s(view.arrays, view.config))
    for game in range(2):
        for place in range(servers + 1):
            moved = targets[game].copy()
            moved[user] = place
            assert delays_s[game, place] == pytest.approx(oracle_delays_s(view, game, moved)[user], rel=1e-11)


def test_where_it_did_not_settle_someone_gains():
    policy = policies.make("best-response")
    env = edgeoffload_v0.vector_env(32, "crowded", dtype="float64")
    env.reset(seed=1)
    restless = 0
    for _ in range(env.config.max_cycles):
        view = policies.view_of(env, np.random.default_rng(0))
        actions = policy.act(view)
        assert policy.settled.dtype == np.bool_
        assert policy.settled.shape == (32,)
        games = np.flatnonzero(~policy.settled)
        restless += len(games)
        for game in games:
            assert best_gains_s(view, game, actions[game].tolist()).max() > 1e-9
        if len(games):  # more rounds do not help: they go in circles
            alone = {name: array[games] for name, array in view.snapshot.items()}
            patient = policies.make("best-response", max_rounds=2000)
            assert np.array_equal(patient.act(policies.PolicyView(view.config, alone, view.rng)), actions[games])
        env.step(actions)
    assert 1 <= restless <= 100, "about one slot in a hundred"


def test_the_round_limit_leaves_what_there_is():
    view = view_in_scenario("crowded", seed=4, batch=50)
    hurried, patient = policies.make("best-response", max_rounds=1), policies.make("best-response")
    first, last = hurried.act(view), patient.act(view)
    assert hurried.settled.sum() < patient.settled.sum()
    assert not np.array_equal(first, last)
    assert np.array_equal(first[hurried.settled], last[hurried.settled])
    assert np.array_equal(first[hurried.settled], policies.make("greedy").act(view)[hurried.settled])


def test_games_of_a_batch_do_not_disturb_each_other():
    view = view_of_game(5, users=12, servers=3, batch=8)
    together = policies.make("best-response").act(view)
    for game in range(8):
        alone = {name: array[game : game + 1] for name, array in view.snapshot.items()}
        actions = policies.make("best-response").act(policies.PolicyView(view.config, alone, view.rng))
        assert np.array_equal(actions[0], together[game])
