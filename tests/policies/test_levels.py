"""Policies in games with powers and shares: costs of every action by the scalar model of the tests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeoffload_env import evaluate, policies, scenarios
from edgeoffload_env.policies.best_response import hops_to_places_s, own_costs_s
from tests import oracle
from tests.helpers import random_actions
from tests.policies.games import make_for, one_game, view_of_game
from tests.policies.test_herd import own_cost_s

LEVELS = st.fixed_dictionaries(
    {
        "tx_power_w": st.sampled_from([None, (0.3,), (0.05, 0.2, 0.8)]),
        "offload_ratio": st.sampled_from([None, (0.6,), (0.5, 0.75, 1.0)]),
    }
)
GAMES = {
    "seed": st.integers(0, 2**32 - 1),
    "users": st.integers(1, 6),
    "servers": st.integers(1, 4),
    "effects": st.sampled_from([0.0, 0.5, 1.0]),
    "levels": LEVELS,
}


def scalar_in_turn(snapshot, config, price):
    """Users in index order, each by the action of least cost behind what is assigned; ties to the lowest action."""
    choices, actions = oracle.choices(config), []
    servers = range(config.servers)
    elastic, continuous = config.servers - config.elastic_servers, config.queue_clock == "continuous"
    hz, down_s = snapshot["server_hz"], snapshot.get("down_s", [0.0 for _ in servers])
    queued = list(snapshot["backlog_cycles"])
    free_s = [down_s[m] + queued[m] / hz[m] for m in servers]
    for n in range(config.num_users):
        ahead = [(free_s[m] - down_s[m]) * hz[m] for m in servers] if continuous else queued
        behind = dict(snapshot) | {"backlog_cycles": np.array(ahead)}
        costs = []
        for action, (m, _, _) in enumerate(choices):
            queue_s = queued[m - 1] / hz[m - 1] if 0 < m <= elastic else 0.0
            costs.append(own_cost_s(behind, config, n, action) + price * queue_s)
        idle = "active" in snapshot and snapshot["active"][n] == 0.0
        actions.append(0 if idle else costs.index(min(costs)))
        m, _, ratio = choices[actions[-1]]
        if m:
            alone = [actions[-1] if user == n else 0 for user in range(config.num_users)]
            arrival_s = oracle.play(behind, alone, config.replace(channel_sharing="all")).arrival_s[n]
            cycles = ratio * snapshot["task_cycles"][n]
            queued[m - 1] += cycles
            if m <= elastic:
                free_s[m - 1] = max(free_s[m - 1], arrival_s) + cycles / hz[m - 1]
    return actions


@settings(max_examples=60)
@given(**GAMES, price=st.sampled_from([0.0, 3.0]))
def test_users_in_turn_as_the_scalar_form(seed, users, servers, effects, levels, price):
    view = view_of_game(seed, users, servers, batch=2, effects=effects, levels=levels)
    actions = policies.make("drift-plus-penalty", price=price).act(view)
    for game in range(2):
        assert actions[game].tolist() == scalar_in_turn(one_game(view, game), view.config, price)


@settings(max_examples=80)
@given(**GAMES)
def test_own_costs_are_the_slots(seed, users, servers, effects, levels):
    view = view_of_game(seed, users, servers, batch=2, effects=effects, levels=levels)
    config = view.config
    actions = random_actions(np.random.default_rng(seed), config, 2)
    user = seed % users
    costs_s = own_costs_s(view.arrays, config, actions, user, hops_to_places_s(view.arrays, config))
    for game in range(2):
        snapshot = one_game(view, game)
        if "active" in snapshot:
            if snapshot["active"][user] == 0.0:
                continue
            actions[game] *= snapshot["active"].astype(int)  # those without a task stay
            costs_s = own_costs_s(view.arrays, config, actions, user, hops_to_places_s(view.arrays, config))
        for action in range(len(oracle.choices(config))):
            moved = actions[game].copy()
            moved[user] = action
            slot = oracle.play(snapshot, moved, config)
            expected = slot.delay_s[user]
            if config.energy is not None:
                expected += config.energy.cost_s_per_j * slot.energy_j[user]
            if config.deadline is not None:
                expected += config.deadline.miss_cost_s * slot.missed[user]
                expected += config.deadline.lateness_cost * slot.lateness_s[user]
            assert costs_s[game, action] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("name", ["nearest", "fixed", "round-robin", "proportional", "least-loaded"])
def test_policies_that_pick_a_server_alone_take_the_last_of_each(name):
    with_levels = scenarios.configure("urban", levels={"tx_power_w": (0.05, 0.5), "offload_ratio": (0.5, 1.0)})
    plain = scenarios.configure("urban")
    found, expected = (evaluate(make_for(name, config), config, 4, max_cycles=10) for config in (with_levels, plain))
    np.testing.assert_allclose(found.utility, expected.utility, rtol=1e-9)


def test_random_takes_every_action():
    config = scenarios.get("power-control").config
    view = view_of_game(0, 30, 5, batch=50, levels=config.levels)
    assert np.unique(policies.make("random").act(view)).tolist() == list(range(16))


@pytest.mark.parametrize("name", ["greedy", "herd", "best-response", "lookahead"])
@pytest.mark.parametrize("levels", [{"tx_power_w": (0.05, 0.5)}, {"offload_ratio": (0.5, 1.0)}], ids=str)
def test_a_user_alone_gains_by_levels(name, levels):
    """For one slot at one server, where its cost is everyone's. Among many, cheap powers hold the band for longer."""
    alone = {"num_users": 1, "server_hz": (4e9,), "bandwidth_hz": 2e6, "max_cycles": 1, "arrivals": None}
    alone = scenarios.configure("urban", **alone, initial_load_s=(0.0, 1.0))
    policy = policies.make(name, **({"price": 0.0} if name == "lookahead" else {}))
    chosen, without = (
        evaluate(policy, alone.replace(**{"levels": some, "energy.cost_s_per_j": 1.0}), 128).utility
        for some in (levels, None)
    )
    assert (chosen >= without - 1e-12).all()
    assert (chosen > without + 1e-3).sum() > 5


@pytest.mark.parametrize("bounded", [True, False])
def test_optimum_refuses_levels(bounded):
    policy = policies.make("optimum", bounded=bounded)
    with pytest.raises(ValueError, match=r"^optimum: cannot solve games with levels = Levels"):
        policy.check(scenarios.configure("sparse", levels={"offload_ratio": (0.5, 1.0)}))
    policy.check(scenarios.configure("sparse"))
