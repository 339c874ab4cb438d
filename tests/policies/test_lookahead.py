"""``lookahead`` against the scalar model of the tests: its costs, its descent, and where it ends."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeoffload_env import evaluate, policies
from edgeoffload_env.effects import Effect, Quantity, RewardTerm
from edgeoffload_env.policies import PolicyView
from edgeoffload_env.policies.lookahead import slot_cost_s
from tests import oracle
from tests.helpers import ALL_ON, random_snapshot
from tests.policies.games import one_game, view_in_scenario, view_of_game

PATIENT = 10**6
"""More rounds than any of these games takes."""


def scalar_cost_s(snapshot, actions, config, price):
    """Everyone's costs at weight 1, N times the imbalance, and the price on the squares of the next queues."""
    slot = oracle.play(snapshot, actions, config)
    cost = sum(slot.delay_s) + config.num_users * slot.imbalance
    if config.energy is not None:
        cost += config.energy.cost_s_per_j * sum(slot.energy_j)
    if config.deadline is not None:
        cost += config.deadline.miss_cost_s * sum(slot.missed) + config.deadline.lateness_cost * sum(slot.lateness_s)
    queues_s = [q / f for q, f in zip(slot.next_backlog_cycles, snapshot["server_hz"], strict=True)]
    return cost + price * sum(queue_s**2 for queue_s in queues_s)


def scalar_descent(snapshot, start, config, price, rounds):
    """Each user in turn where the cost of the slot is least, where it is unless another place costs less."""
    targets, places = list(start), range(len(oracle.choices(config)))
    for _ in range(rounds):
        before = list(targets)
        for n in range(config.num_users):
            if "active" in snapshot and snapshot["active"][n] == 0.0:
                continue
            tried = [[*targets[:n], place, *targets[n + 1 :]] for place in places]
            costs = [scalar_cost_s(snapshot, joint, config, price) for joint in tried]
            best = costs.index(min(costs))
            if costs[best] < costs[targets[n]]:
                targets[n] = best
        if targets == before:
            break
    return targets


GAMES = {
    "seed": st.integers(0, 2**32 - 1),
    "users": st.integers(1, 6),
    "servers": st.integers(1, 4),
    "effects": st.sampled_from([0.0, 0.5, 1.0]),
}


@settings(max_examples=60)
@given(**GAMES, price=st.sampled_from([0.0, 1.0, 300.0]))
def test_the_cost_of_a_slot_is_the_models(seed, users, servers, effects, price):
    view = view_of_game(seed, users, servers, batch=3, effects=effects)
    targets = np.random.default_rng(seed).integers(0, len(oracle.choices(view.config)), (3, users))
    costs_s = slot_cost_s(view.arrays, targets, view.config, price)
    assert costs_s.shape == (3,)
    for game in range(3):
        expected = scalar_cost_s(one_game(view, game), targets[game], view.config, price)
        assert costs_s[game] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=40)
@given(**GAMES, price=st.sampled_from([0.0, 10.0, 100.0]), rounds=st.sampled_from([1, 2, PATIENT]))
def test_as_the_scalar_form(seed, users, servers, effects, price, rounds):
    view = view_of_game(seed, users, servers, batch=2, twins=0.0, effects=effects)
    start = policies.make("greedy").act(view)
    actions = policies.make("lookahead", price=price, rounds=rounds).act(view)
    for game in range(2):
        expected = scalar_descent(one_game(view, game), start[game].tolist(), view.config, price, rounds)
        assert actions[game].tolist() == expected


@settings(max_examples=40)
@given(**GAMES, price=st.floats(0.0, 300.0))
def test_no_user_alone_improves_where_it_ends(seed, users, servers, effects, price):
    view = view_of_game(seed, users, servers, effects=effects)
    (ended,) = policies.make("lookahead", price=price, rounds=PATIENT).act(view)
    snapshot = one_game(view)
    reached = scalar_cost_s(snapshot, ended, view.config, price)
    for user, place in itertools.product(range(users), range(len(oracle.choices(view.config)))):
        moved = ended.copy()
        moved[user] = place
        assert scalar_cost_s(snapshot, moved, view.config, price) >= reached * (1.0 - 1e-9)


def test_more_rounds_go_on_to_where_no_user_alone_improves():
    games, price = 4, 100.0
    view = view_in_scenario("crowded", seed=3, batch=games)
    users, places = view.config.num_users, view.config.servers + 1
    ended = [policies.make("lookahead", price=price, rounds=rounds).act(view) for rounds in (1, 2, PATIENT)]
    costs = np.array([slot_cost_s(view.arrays, targets, view.config, price) for targets in ended])
    assert (costs[1] < costs[0]).any()
    moved = np.repeat(ended[-1], users * places, axis=0).reshape(games, users, places, users)
    for user in range(users):
        moved[:, user, :, user] = np.arange(places)
    many = {name: np.repeat(array, users * places, axis=0) for name, array in view.arrays.items()}
    others = slot_cost_s(many, moved.reshape(-1, users), view.config, price).reshape(games, -1)
    assert (others.min(axis=1) >= costs[-1] * (1.0 - 1e-12)).all()


@pytest.mark.parametrize("price", [0.0, 100.0])
@pytest.mark.parametrize("scenario", ["paper", "crowded", "urban-outages", "cloud"])
def test_every_round_costs_no_more_than_the_one_before(scenario, price):
    view = view_in_scenario(scenario, seed=1, batch=5)
    actions = [policies.make("greedy").act(view)]
    actions += [policies.make("lookahead", price=price, rounds=rounds).act(view) for rounds in (1, 2)]
    costs = np.array([slot_cost_s(view.arrays, targets, view.config, price) for targets in actions])
    assert (np.diff(costs, axis=0) <= 1e-9 * costs[:-1]).all()
    assert (costs[1] < costs[0]).any(), "one round gains on greedy"


@pytest.mark.parametrize("price", [0.0, 10.0])
def test_all_joint_actions_of_small_games(price):
    """Never below the least cost of all joint actions, and mostly there; `optimum` has the least mean delay alone."""
    users, servers, games = 4, 3, 30
    view = view_of_game(11, users, servers, batch=games, twins=0.0, balance_weight=0.0)
    joint = np.array(list(itertools.product(range(servers + 1), repeat=users)))
    many = {name: np.repeat(array, len(joint), axis=0) for name, array in view.arrays.items()}
    least = slot_cost_s(many, np.tile(joint, (games, 1)), view.config, price).reshape(games, -1).min(axis=1)

    def cost_s(actions):
        return slot_cost_s(view.arrays, actions, view.config, price)

    def mean_delay_s(actions):
        return [np.mean(oracle.play(one_game(view, i), actions[i], view.config).delay_s) for i in range(games)]

    reached = policies.make("lookahead", price=price, rounds=PATIENT).act(view)
    optimal = policies.make("optimum").act(view)
    assert (cost_s(reached) >= least * (1.0 - 1e-12)).all()
    there = cost_s(reached) <= least * (1.0 + 1e-9)
    assert there.mean() >= 0.7
    assert there.sum() > (cost_s(policies.make("greedy").act(view)) <= least * (1.0 + 1e-9)).sum()
    # what it gives up in delay it gains in balance and queues
    assert (np.array(mean_delay_s(reached)) >= np.array(mean_delay_s(optimal)) * (1.0 - 1e-12)).all()
    assert (cost_s(reached) <= cost_s(optimal) * (1.0 + 1e-9)).mean() >= 0.7


def test_a_price_leaves_shorter_queues():
    view = view_in_scenario("crowded", seed=2, batch=20)

    def left_s2(price):
        actions = policies.make("lookahead", price=price).act(view)
        slots = [oracle.play(one_game(view, game), actions[game], view.config) for game in range(20)]
        queues_s = [np.array(slot.next_backlog_cycles) / view.config.server_hz for slot in slots]
        return float(np.sum(np.square(queues_s)))

    left = [left_s2(price) for price in (0.0, 1.0, 10.0, 100.0)]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.8 * left[0]


@pytest.mark.parametrize("rounds", [1, PATIENT])
def test_games_of_a_batch_do_not_disturb_each_other(rounds):
    view = view_of_game(5, users=9, servers=3, batch=12, effects=0.7)
    policy = policies.make("lookahead", rounds=rounds)
    together = policy.act(view)
    for game in range(12):
        alone = {name: array[game : game + 1] for name, array in view.snapshot.items()}
        assert np.array_equal(policy.act(PolicyView(view.config, alone, view.rng))[0], together[game])
    assert not np.array_equal(together, policies.make("greedy").act(view))


def test_users_without_a_task_stay_at_home():
    view = PolicyView(ALL_ON, random_snapshot(np.random.default_rng(0), ALL_ON, 50), np.random.default_rng(0))
    actions = policies.make("lookahead").act(view)
    idle = view.snapshot["active"] == 0.0
    assert (actions[idle] == 0).all()
    assert (actions[~idle] > 0).any()


def test_weights_of_the_reward_leave_its_choices_alone():
    view = PolicyView(ALL_ON, random_snapshot(np.random.default_rng(1), ALL_ON, 20), np.random.default_rng(0))
    weights = {"delay_weight": 0.0, "balance_weight": 5.0, "deadline_weight": 0.0, "energy_weight": 9.0}
    other = PolicyView(ALL_ON.replace(**weights, reward_sharing=1.0), view.snapshot, view.rng)
    assert np.array_equal(policies.make("lookahead").act(view), policies.make("lookahead").act(other))


@dataclass(frozen=True, kw_only=True)
class Toll(Effect):
    """Whoever offloads pays more than any delay costs."""

    def quantities(self):
        return (Quantity(name="toll_s", unit="s", scope="user", kind="info", text="cost of leaving the device"),)

    def after_delay(self, slot):
        slot.outcome["toll_s"] = 1e3 * slot.offloads

    def reward_terms(self):
        return (RewardTerm(name="toll", text="toll_s", weight=lambda config: 1.0, cost=lambda infos: infos["toll_s"]),)


@pytest.mark.parametrize(("name", "offloaded"), [("lookahead", 0.0), ("greedy", 1.0), ("best-response", 1.0)])
def test_it_alone_counts_the_costs_of_effects_of_ones_own(name, offloaded):
    result = evaluate(name, "paper", 2, 0, extra_effects=(Toll(),), max_cycles=2)
    assert result.offload_fraction.tolist() == [offloaded] * 2
