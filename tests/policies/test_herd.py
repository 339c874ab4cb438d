"""``herd``: own costs by the scalar model of the tests, own observations alone, and noise from the view's generator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig, evaluate, policies
from edgeoffload_env.policies import PolicyView
from tests import oracle, oracle_radio
from tests.helpers import ALL_ON, make_game, random_snapshot
from tests.oracle_features import cycles_range
from tests.policies.games import one_game, small_view, view_of_game
from tests.policies.test_greedy import three_users


def own_cost_s(snapshot, config, user, place):
    """A user's cost at a place where nobody else goes, with the band split over all, by the scalar model."""
    actions = [0] * config.num_users
    actions[user] = place
    slot = oracle.play(snapshot, actions, config.replace(channel_sharing="all"))
    cost = slot.delay_s[user]
    if config.energy is not None:
        cost += config.energy.cost_s_per_j * slot.energy_j[user]
    if config.deadline is not None:
        cost += config.deadline.miss_cost_s * slot.missed[user]
        cost += config.deadline.lateness_cost * slot.lateness_s[user]
    return cost


def believed(snapshot, config):
    """What users take for the game: all that they see, and the middle of the range of what they do not see."""
    seen = dict(snapshot)
    if config.failures is not None:
        seen["down_s"] = [config.failures.mttr_s if down > 0.0 else 0.0 for down in snapshot["down_s"]]
    if config.observation == "load":
        users, servers = [1.0] * config.num_users, [1.0] * config.servers
        loads_s = [q / f for q, f in zip(snapshot["backlog_cycles"], snapshot["server_hz"], strict=True)]
        if config.server_hz_range is not None:
            seen["server_hz"] = [sum(config.server_hz_range) / 2.0] * config.servers
        seen["backlog_cycles"] = [load * f for load, f in zip(loads_s, seen["server_hz"], strict=True)]
        seen["task_bits"] = [sum(config.task_bits) / 2.0 * x for x in users]
        seen["task_cycles"] = [sum(cycles_range(config)) / 2.0 * x for x in users]
        seen["device_hz"] = [sum(config.device_hz) / 2.0 * x for x in users]
        distance_m = max(config.min_distance_m, config.cell_radius_m / 2.0**0.5)
        seen["channel_gain"] = [oracle_radio.path_gain(distance_m, config) * x for x in users]
        if config.deadline is not None:
            seen["deadline_s"] = [sum(config.deadline.range_s) / 2.0 * x for x in users]
        for name in ("device_backlog_cycles", "uplink_backlog_bits"):
            seen[name] = [0.0 * x for x in users]
        seen["down_s"] = [0.0 * x for x in servers]
    return seen


def scalar_choices(snapshot, config):
    """Each user where its own cost is least, ties to the lowest place; users without a task stay."""
    seen, choices = believed(snapshot, config), []
    for user in range(config.num_users):
        costs = [own_cost_s(seen, config, user, place) for place in range(len(oracle.choices(config)))]
        idle = "active" in snapshot and snapshot["active"][user] == 0.0
        choices.append(0 if idle else costs.index(min(costs)))
    return choices


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    users=st.integers(1, 5),
    servers=st.integers(1, 4),
    effects=st.sampled_from([0.0, 0.5, 1.0]),
    observation=st.sampled_from(["full", "load"]),
)
def test_as_the_scalar_form(seed, users, servers, effects, observation):
    view = view_of_game(seed, users, servers, batch=2, effects=effects, observation=observation)
    actions = policies.make("herd").act(view)
    for game in range(2):
        assert actions[game].tolist() == scalar_choices(one_game(view, game), view.config)


@pytest.mark.parametrize(("min_distance_m", "away"), [(35.0, True), (1700.0, True), (2500.0, False)])
def test_users_that_do_not_see_their_link_count_on_the_median_distance(min_distance_m, away):
    """1.77 km in a cell of 2.5 km: an upload of 1 s, less than the device takes. From the edge it takes 4 s."""
    config = EdgeOffloadConfig(num_users=4, observation="load", cell_radius_m=2500.0, min_distance_m=min_distance_m)
    snapshot = random_snapshot(np.random.default_rng(0), config, 1)
    snapshot["backlog_cycles"][:] = 0.0
    view = PolicyView(config, snapshot, np.random.default_rng(0))
    (choices,) = policies.make("herd").act(view)
    assert choices.tolist() == scalar_choices(one_game(view), config)
    assert (choices > 0).all() == away


def test_by_hand():
    # each user: 2 s on its device, 1.2 + 0.1 = 1.3 s at server 1, 0.1 + 0.25 = 0.35 s at server 2
    assert policies.make("herd").act(three_users()).tolist() == [[2, 2, 2]]
    # with 2 Gcycles at server 1: 0.2 + 0.1 = 0.3 s there, for all of them; greedy sends user 1 to server 2
    assert policies.make("herd").act(three_users(backlog_cycles=[2e9, 0.0])).tolist() == [[1, 1, 1]]
    assert policies.make("herd").act(three_users(backlog_cycles=[30e9, 9e9])).tolist() == [[0, 0, 0]]
    # users with other devices: 0.25 s for the first one alone
    assert policies.make("herd").act(three_users(device_hz=[4e9, 0.5e9, 1e9])).tolist() == [[0, 2, 2]]


def test_a_server_that_is_down_counts_as_down_for_the_mean_repair():
    fields = {name: array[0] for name, array in three_users().snapshot.items() if name != "slot"}
    for mttr_s, choice in ((0.94, 2), (0.96, 1)):  # 1.3 s at server 1, and 0.35 s after the repair at server 2
        config = three_users().config.replace(failures={"mtbf_s": 10.0, "mttr_s": mttr_s})
        for down_s in (0.01, 100.0):
            view = small_view(config, **fields, down_s=[0.0, down_s])
            assert policies.make("herd").act(view).tolist() == [[choice] * 3]


def changed(view, **arrays):
    """The same view with other arrays in its snapshot."""
    return PolicyView(view.config, {**view.snapshot, **arrays}, np.random.default_rng(0))


@pytest.mark.parametrize("observation", ["full", "load"])
def test_users_go_by_their_own_observation_alone(observation):
    """Games that one user cannot tell apart: all that the others have is drawn anew, and every time to repair."""
    config = ALL_ON.replace(observation=observation)
    rng = np.random.default_rng(4)
    snapshot = random_snapshot(rng, config, 50, twins=0.0)
    other = random_snapshot(rng, config, 50, twins=0.0)
    view = PolicyView(config, snapshot, np.random.default_rng(0))
    before = policies.make("herd").act(view)
    keep = ("server_hz", "backlog_cycles", "slot")
    for user in range(config.num_users):
        arrays = {name: array.copy() for name, array in other.items() if name not in keep}
        for name in arrays.keys() - {"down_s", "bursting"}:
            arrays[name][:, user] = snapshot[name][:, user]
        arrays["down_s"] = np.where(snapshot["down_s"] > 0.0, rng.uniform(0.01, 9.0, snapshot["down_s"].shape), 0.0)
        changed_view = changed(view, **arrays)
        assert np.array_equal(changed_view.observation[:, user], view.observation[:, user])
        after = policies.make("herd").act(changed_view)
        assert np.array_equal(after[:, user], before[:, user])
        others = np.arange(config.num_users) != user
        assert not np.array_equal(after[:, others], before[:, others])


def test_nothing_but_the_loads_counts_where_users_see_the_loads_alone():
    config = ALL_ON.replace(observation="load", arrivals=None)
    rng = np.random.default_rng(5)
    snapshot = random_snapshot(rng, config, 50)
    other = random_snapshot(rng, config, 50)
    view = PolicyView(config, snapshot, rng)
    other["server_hz"] = 2.0 * snapshot["server_hz"]  # twice as fast with twice the cycles: the same loads
    other["backlog_cycles"] = 2.0 * snapshot["backlog_cycles"]
    blind = changed(view, **other)
    assert np.array_equal(blind.observation, view.observation)
    choices = policies.make("herd").act(view)
    assert np.array_equal(policies.make("herd").act(blind), choices)
    assert (choices == choices[:, :1]).all(), "all users see the same"
    assert len(np.unique(choices)) > 2
    emptier = changed(view, backlog_cycles=np.zeros_like(snapshot["backlog_cycles"]))
    assert not np.array_equal(policies.make("herd").act(emptier), choices)


@pytest.mark.parametrize("observation", ["full", "load"])
@pytest.mark.parametrize("noise_s", [0.0, 10.0])
def test_users_without_a_task_stay_at_home(observation, noise_s):
    config = ALL_ON.replace(observation=observation)
    view = PolicyView(config, random_snapshot(np.random.default_rng(0), config, 200), np.random.default_rng(0))
    actions = policies.make("herd", noise_s=noise_s).act(view)
    idle = view.snapshot["active"] == 0.0
    assert (actions[idle] == 0).all()
    assert (actions[~idle] > 0).any()


def test_noise_makes_the_choice_a_softmax_of_the_costs():
    """Gumbel noise of scale s on the costs: places are chosen in proportion to exp(-cost / s)."""
    games, noise_s = 40_000, 0.5
    view = three_users(device_hz=[0.6e9, 0.9e9, 2e9])
    config, snapshot = view.config, one_game(view)
    many = {name: np.repeat(array, games, axis=0) for name, array in view.snapshot.items()}
    actions = policies.make("herd", noise_s=noise_s).act(PolicyView(config, many, np.random.default_rng(0)))
    seen = believed(snapshot, config)
    for user in range(3):
        costs = np.array([own_cost_s(seen, config, user, place) for place in range(3)])
        odds = np.exp((costs.min() - costs) / noise_s)
        odds /= odds.sum()
        shares = np.bincount(actions[:, user], minlength=3) / games
        assert shares == pytest.approx(odds, abs=5 * (0.25 / games) ** 0.5)
    together = np.mean(actions[:, 0] == actions[:, 1])
    assert together < 0.95, "every user has noise of its own"


def test_noise_comes_from_the_views_generator_alone():
    def act(noise_s, rng):
        game = make_game(0, users=20, servers=4, batch=3)
        return policies.make("herd", noise_s=noise_s).act(PolicyView(game.config, game.snapshot, rng))

    before = np.random.get_state()[1].copy()  # noqa: NPY002  # the global state is what must stay
    first, again, other = (act(1.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    rng = np.random.default_rng(3)
    state = rng.bit_generator.state
    assert np.array_equal(act(0.0, rng), act(0.0, np.random.default_rng(4)))
    assert rng.bit_generator.state == state, "without noise nothing is drawn"
    act(1e-9, rng)
    assert rng.bit_generator.state != state


@pytest.mark.parametrize("observation", ["full", "load"])
def test_plays_with_all_effects_on(observation):
    for noise_s in (0.0, 0.1):
        policy = policies.make("herd", noise_s=noise_s)
        result = evaluate(policy, ALL_ON, episodes=2, max_cycles=20, observation=observation)
        assert np.isfinite(result.utility).all()
        assert (result.offload_fraction > 0.0).all()
