"""Links and positions: what they are drawn from, how they change, and where users go."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0, scenarios
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.effects import mobility
from edgeoffload_env.views.ahead import _SLOTS_AT_ONCE
from tests import oracle_radio
from tests.drivers import DRIVERS, ParallelDriver, VectorDriver
from tests.helpers import assert_same
from tests.model.effects.conftest import GAME, VIEWS
from tests.model.effects.test_random_processes import (
    LEAST_P,
    assert_distributed,
    assert_share,
    assert_uniform,
    assert_unrelated,
)

SPEEDS = (8.0, 20.0)
WANDERING, WAYPOINTS = {"speed_mps": SPEEDS}, {"speed_mps": SPEEDS, "model": "waypoint"}
RADIO = {"channel": {"fading": "rician", "rician_k_db": 3.0, "shadowing_db": 6.0}, "mobility": WANDERING}
every_view = pytest.mark.parametrize("make", DRIVERS.values(), ids=DRIVERS)
both_models = pytest.mark.parametrize("model", [WANDERING, WAYPOINTS], ids=["gauss-markov", "waypoint"])


def fading_of(found):
    return found["channel_gain"] / (found["path_gain"] * 10.0 ** (found["shadow_db"] / 10.0))


def test_rayleigh_fading(snapshots):
    found = snapshots(channel={"fading": "rayleigh", "shadowing_db": 4.0})
    fading = fading_of(found)
    floored = np.isclose(fading, 1e-3, rtol=1e-9, atol=0.0)
    assert (floored | (fading > 1e-3)).all()
    assert_share(floored, -np.expm1(-1e-3))
    assert_distributed(fading[~floored] - 1e-3, stats.expon)
    assert_unrelated(fading[:, :-1], fading[:, 1:])  # from slot to slot
    assert_unrelated(fading[..., :-1], fading[..., 1:])  # from user to user
    assert_unrelated(fading, found["task_bits"])
    assert_unrelated(fading, found["shadow_db"])
    for name in ("path_gain", "shadow_db"):  # nobody moves
        assert (found[name] == found[name][:, :1]).all()


@pytest.mark.parametrize("k_db", [-60.0, 0.0, 10.0])
def test_rician_fading(snapshots, k_db):
    """2 (K + 1) times the power is noncentral chi-squared with two degrees of freedom and 2 K."""
    fading = fading_of(snapshots(channel={"fading": "rician", "rician_k_db": k_db}))
    k = 10.0 ** (k_db / 10.0)
    floored = np.isclose(fading, 1e-3, rtol=1e-9, atol=0.0)
    assert (floored | (fading > 1e-3)).all()
    power = stats.ncx2(2, 2.0 * k, scale=0.5 / (k + 1.0))
    assert_share(floored, power.cdf(1e-3))
    above = power.cdf(fading[~floored])
    assert_uniform((above - power.cdf(1e-3)) / power.sf(1e-3), 0.0, 1.0)
    standard_error = power.std() / np.sqrt(fading.size)
    assert abs(fading.mean() - 1.0) < 4.0 * standard_error
    assert fading.var() == pytest.approx((2.0 * k + 1.0) / (k + 1.0) ** 2, rel=0.1)
    assert_unrelated(fading[:, :-1], fading[:, 1:])


@pytest.mark.parametrize("channel", [{}, {"path_loss": "uma-nlos"}, {"shadowing_db": 5.0}], ids=str)
def test_without_fading_links_that_stand_still_are_constant(snapshots, channel):
    found = snapshots(5, channel=channel)
    for name in ("channel_gain", "path_gain", "shadow_db"):
        assert (found[name] == found[name][:, :1]).all()
    assert (found["shadow_db"] == 0.0).all() == ("shadowing_db" not in channel)
    np.testing.assert_allclose(fading_of(found), 1.0)


def test_path_loss_is_at_the_distances_of_the_plain_game(snapshots):
    plain, street = snapshots(1), snapshots(1, channel={"path_loss": "umi-nlos"})
    config = GAME.replace(channel={"path_loss": "umi-nlos"})
    distances_m = 1000.0 * (plain["channel_gain"] / 10.0**-12.81) ** (-1.0 / 3.76)
    expected = [oracle_radio.path_gain(at_m, config) for at_m in distances_m.ravel().tolist()]
    np.testing.assert_allclose(street["path_gain"].ravel(), expected)


def test_shadowing_at_reset():
    drawn = []
    view = VectorDriver(GAME.replace(channel={"shadowing_db": 6.0}), 200, dtype="float64")
    view.reset(seed=0)
    drawn.append(view.snapshot()["shadow_db"])
    assert_distributed(drawn, stats.norm, scale=6.0)
    assert_unrelated(drawn[0][:, :-1], drawn[0][:, 1:])


@both_models
@pytest.mark.parametrize("lag", [1, 20, 100])
def test_shadowing_forgets_over_the_way(snapshots, model, lag):
    """e^(-d / 50 m) is what is left of it after d metres, and its distribution stays the same."""
    found = snapshots(channel={"shadowing_db": 6.0, "shadowing_m": 50.0}, mobility=model)
    shadow_db = found["shadow_db"]
    ways_m = 0.15 * np.linalg.norm(found["velocity_mps"], axis=-1)
    for start in range(0, 400 - lag, 2 * max(lag, 10) + 1):
        left = np.exp(-ways_m[:, start + 1 : start + lag + 1].sum(axis=1) / 50.0)
        news = (shadow_db[:, start + lag] - left * shadow_db[:, start]) / np.sqrt(1.0 - left**2)
        assert stats.kstest(news.ravel(), stats.norm(scale=6.0).cdf).pvalue > LEAST_P / 100  # of many
        shadow_all = np.ravel(shadow_db[:, start])
        assert stats.pearsonr(np.ravel(news), shadow_all).pvalue > LEAST_P / 100
    # four times the way over which it forgets all lie between these slots of the slowest
    assert stats.kstest(shadow_db[:, ::200].ravel(), stats.norm(scale=6.0).cdf).pvalue > LEAST_P


@both_models
def test_starts(model):
    """Everyone is uniform over the disc, at the distance of the game in which nobody moves."""
    views = [VectorDriver(GAME.replace(mobility=m), 300, dtype="float64") for m in (model, None)]
    moving, still = [view.reset(seed=3) is not None and view.snapshot() for view in views]
    assert_same(moving["channel_gain"], still["channel_gain"])
    place_m = moving["position_m"]
    distance_m = np.linalg.norm(place_m, axis=-1)
    assert_uniform(distance_m**2 / 250.0**2, 0.0, 1.0)
    assert_uniform(np.arctan2(place_m[..., 1], place_m[..., 0]), -np.pi, np.pi)
    config = EdgeOffloadConfig()
    expected = [oracle_radio.path_gain(at_m, config) for at_m in distance_m.ravel().tolist()]
    np.testing.assert_allclose(still["channel_gain"].ravel(), expected)
    speed_mps = np.linalg.norm(moving["velocity_mps"], axis=-1)
    assert_uniform(speed_mps, *SPEEDS)
    assert_unrelated(speed_mps, distance_m)
    if "waypoint_m" in moving:
        goal_m = moving["waypoint_m"]
        assert_uniform((goal_m**2).sum(axis=-1) / 250.0**2, 0.0, 1.0)
        assert_uniform(np.arctan2(goal_m[..., 1], goal_m[..., 0]), -np.pi, np.pi)
        unit = (goal_m - place_m) / np.linalg.norm(goal_m - place_m, axis=-1, keepdims=True)
        np.testing.assert_allclose(moving["velocity_mps"], speed_mps[..., None] * unit)
    else:
        assert_same(moving["mean_velocity_mps"], moving["velocity_mps"])
        assert_uniform(np.arctan2(moving["velocity_mps"][..., 1], moving["velocity_mps"][..., 0]), -np.pi, np.pi)


def test_gauss_markov(snapshots):
    """Kicks are N(0, s^2 (1 - a^2)) with s a quarter of 14 m/s; mean speeds stay; users stay uniform over the cell."""
    found = snapshots(mobility=WANDERING | {"memory_s": 2.0})
    config = GAME.replace(mobility=WANDERING | {"memory_s": 2.0})
    kicks, reflections = [], 0
    for episode in range(3):
        for slot in range(399):
            before, after = ({name: v[episode, slot + i] for name, v in found.items()} for i in (0, 1))
            for n in range(GAME.num_users):
                kick, reflected = oracle_radio.kick_mps(before, after, n, config)
                kicks.append(kick)
                reflections += reflected is not None
    assert reflections > 20
    scale = 0.25 * 14.0 * np.sqrt(-np.expm1(-2.0 * 0.15 / 2.0))
    assert_distributed(kicks, stats.norm, scale=scale)
    assert_unrelated(*np.array(kicks).T)
    mean_mps = np.linalg.norm(found["mean_velocity_mps"], axis=-1)
    np.testing.assert_allclose(mean_mps, np.broadcast_to(mean_mps[:, :1], mean_mps.shape))
    assert_in_cell(found)


def assert_in_cell(found):
    assert np.linalg.norm(found["position_m"], axis=-1).max() <= 250.0 * (1.0 + 1e-12)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_wandering_users_stay_uniform_over_the_cell(backend):
    games = 400
    view = VectorDriver(EdgeOffloadConfig(mobility=WANDERING, max_cycles=500), games, backend=backend, dtype="float64")
    view.reset(seed=1)
    for _ in range(400):  # a minute, in which everyone crosses the cell
        after = view.env.step(np.zeros((games, 10), dtype=int))
    place_m = view.snapshot()["position_m"]
    assert after is not None
    assert_uniform((place_m**2).sum(axis=-1) / 250.0**2, 0.0, 1.0 + 1e-12)
    assert_uniform(np.arctan2(place_m[..., 1], place_m[..., 0]), -np.pi, np.pi)


def test_waypoints(snapshots):
    found = snapshots(mobility=WAYPOINTS)
    speeds = np.linalg.norm(found["velocity_mps"], axis=-1)
    np.testing.assert_allclose(speeds, np.broadcast_to(speeds[:, :1], speeds.shape))
    goals = found["waypoint_m"]
    new = (goals[:, 1:] != goals[:, :-1]).any(axis=-1)
    reached = np.linalg.norm(goals[:, :-1] - found["position_m"][:, :-1], axis=-1) <= 0.15 * speeds[:, :-1]
    assert np.array_equal(new, reached)
    assert new.sum() > 50
    assert_uniform((goals[:, 1:][new] ** 2).sum(axis=-1) / 250.0**2, 0.0, 1.0)
    assert_in_cell(found)


def play_motion(step, *arguments, **fields):
    """A step of one user by hand, from and to pairs."""
    motion = mobility.Motion(*(np.array(v, dtype=float)[:, None] for v in fields.values()))
    return [v[:, 0].tolist() for v in step(motion, *arguments, xp=xp)]


def test_a_reflection_by_hand():
    """After 0.1 s at (30, 40) m/s a user of (99, 0) m is at (102, 4) m, 102.08 m away, and comes back to 97.92 m."""
    moved = play_motion(
        lambda *a, xp: mobility.gauss_markov(*a, 1.0, 0.0, 0.1, 100.0, xp=xp),
        np.zeros((2, 1)),
        position_m=(99.0, 0.0),
        velocity_mps=(30.0, 40.0),
        mean_mps=(30.0, 40.0),
    )
    away = np.array([102.0, 4.0])
    length = np.hypot(*away)
    assert moved[0] == pytest.approx((away / length * (200.0 - length)).tolist())
    for velocity in moved[1:]:
        assert np.hypot(*velocity) == pytest.approx(50.0)
        assert np.dot(velocity, away) == pytest.approx(-np.dot((30.0, 40.0), away))
        assert np.dot(velocity, (-4.0, 102.0)) == pytest.approx(np.dot((30.0, 40.0), (-4.0, 102.0)))


@pytest.mark.parametrize(
    ("speed_mps", "expected_m"),
    [(10.0, 100.0), (50.0, 60.0), (130.0, -20.0), (250.0, -100.0)],  # beyond the centre from 110 m/s on
)
def test_a_reflection_far_outside_by_hand(speed_mps, expected_m):
    """From (90, 0) m along x for 1 s in a cell of 100 m: a user at 100 m stays, beyond it the edge sends it back."""
    velocity = (speed_mps, 0.0)
    still = np.zeros((2, 1))
    fields = {"position_m": (90.0, 0.0), "velocity_mps": velocity, "mean_mps": velocity}
    moved = play_motion(lambda *a, xp: mobility.gauss_markov(*a, 1.0, 0.0, 1.0, 100.0, xp=xp), still, **fields)
    assert moved[0] == pytest.approx([expected_m, 0.0])
    assert moved[1] == pytest.approx([speed_mps if speed_mps == 10.0 else -speed_mps, 0.0])


@pytest.mark.parametrize(
    ("place", "goal", "expected"),
    [
        ((0.0, 0.0), (30.0, 0.0), ([5.0, 0.0], [50.0, 0.0], [30.0, 0.0])),
        ((0.0, 0.0), (3.0, 0.0), ([3.0, 2.0], [0.0, 50.0], [3.0, 60.0])),  # 3 m, a turn and 2 m
        ((0.0, 0.0), (5.0, 0.0), ([5.0, 0.0], [0.0, 50.0], [5.0, 60.0])),
        ((3.0, 60.0), (3.0, 60.0), ([3.0, 60.0], None, [3.0, 60.0])),  # no way to go at all
        ((0.0, 0.0), (0.0, 59.0), ([0.0, 5.0], [0.0, 50.0], [0.0, 59.0])),
    ],
)
def test_ways_to_a_waypoint_by_hand(place, goal, expected):
    following = np.array([[goal[0]], [60.0]])
    found = play_motion(mobility.waypoint, following, 0.1, position_m=place, velocity_mps=(30.0, 40.0), waypoint_m=goal)
    for one, other in zip(found, expected, strict=True):
        assert other is None or one == pytest.approx(other)
    assert np.hypot(*found[1]) == pytest.approx(50.0)


@both_models
@pytest.mark.parametrize("channel", [None, RADIO["channel"]], ids=["plain", "rician"])
def test_many_slots_at_once_are_as_one_after_the_other(model, channel):
    config = EdgeOffloadConfig(num_users=7, mobility=model, channel=channel, cell_radius_m=60.0)
    view = ParallelDriver(config)
    view.reset(seed=0)
    before = {name: values for name, values in view.snapshot().items() if name != "slot"}
    rng, slots = np.random.default_rng(0), 50
    noise = {
        process.name: {"user": rng.random((process.next_uniforms.get("user", 0), 7, slots))}
        for process in config.schema.moving
    }
    rows = {}
    for process in config.schema.at_once:
        fields = before | rows
        if process.many is None:
            rows |= process.next(noise[process.name], fields, config, xp=xp)
        else:
            rows |= process.many(noise[process.name], fields, before, config, xp=xp)
    fields = dict(before)
    for slot in range(slots):
        for process in config.schema.moving:
            of_slot = {"user": noise[process.name]["user"][..., slot : slot + 1]}
            fields |= process.next(of_slot, fields, config, xp=xp)
        for name, values in rows.items():
            assert np.array_equal(values[slot], fields[name][0]), (slot, name)
    assert set(rows) >= {"position_m", "channel_gain"}


@every_view
@both_models
def test_a_game_goes_on_from_its_snapshot(make, model):
    config = GAME.replace(**(RADIO | {"mobility": model}), max_cycles=90)
    view, twins = make(config), [make(config), make(config)]
    view.reset(seed=2)
    actions = np.ones((view.batch, 10), dtype=int)
    for _ in range(3):
        view.step(actions)
    snapshot = view.snapshot()
    played = view.step(actions)
    games = []
    for twin in twins:
        twin.reset(seed=8, snapshot=snapshot)
        assert_same(twin.snapshot(), snapshot)
        games.append([twin.step(actions)._asdict() for _ in range(_SLOTS_AT_ONCE + 5)])
    assert_same(*games)
    for name in ("upload_s", "delay_s", "reward"):
        assert_same(games[0][0][name], getattr(played, name))
    assert not np.array_equal(games[0][0]["after"]["channel_gain"], played.after["channel_gain"])


@both_models
def test_links_of_a_single_game_do_not_depend_on_the_horizon(model):
    episodes = []
    for max_cycles in (5, _SLOTS_AT_ONCE + 2, 2 * _SLOTS_AT_ONCE + 5):
        view = ParallelDriver(GAME.replace(**(RADIO | {"mobility": model}), max_cycles=max_cycles))
        view.reset(seed=5)
        taken = [view.snapshot()]
        taken += [view.step(np.zeros((1, 10), dtype=int)).after for _ in range(min(max_cycles, _SLOTS_AT_ONCE + 2) - 1)]
        episodes.append(taken)
    for episode in episodes:
        assert_same(episode, episodes[-1][: len(episode)])


def test_the_link_is_that_of_the_slot():
    env = edgeoffload_v0.parallel_env(GAME.replace(**RADIO))
    observations, _ = env.reset(seed=0)
    for _ in range(3):
        column = env.config.schema.slices["link_quality"].start
        edge, near = (np.log(oracle_radio.path_gain(at_m, env.config)) for at_m in (250.0, 35.0))
        z = (np.log(env.snapshot()["channel_gain"]) - 0.5 * (edge + near)) / (0.5 * (near - edge))
        np.testing.assert_allclose([row[column] for row in observations.values()], z / (1.0 + abs(z)), rtol=1e-5)
        observations = env.step(dict.fromkeys(env.agents, 1))[0]


WRONG = {
    "position_m": (300.0, "snapshot field 'position_m' must be in the cell, within cell_radius_m = 250.0, got "),
    "velocity_mps": (1e6, "snapshot field 'velocity_mps' must be such that nobody moves farther in a slot than 10 "),
    "mean_velocity_mps": (1e6, "snapshot field 'mean_velocity_mps' must be such that nobody moves farther"),
    "shadow_db": (61.0, "snapshot field 'shadow_db' must be at most 10 shadowing_db = 60 dB to either side, got "),
    "path_gain": (1e29, "snapshot field 'path_gain' must be such that delays stay within the numbers of float32"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("make", [ParallelDriver, VectorDriver], ids=["parallel", "numpy"])
def test_impossible_snapshots_are_refused(make, name):
    view = make(GAME.replace(**RADIO))
    view.reset(seed=0)
    good = view.snapshot()
    value, message = WRONG[name]
    for bad, expected in (
        (good[name] * 0.0 + value, message),
        (good[name] * np.nan, f"snapshot field '{name}' must be finite numbers"),
        (good[name][..., None], f"the shape of snapshot field '{name}' must be"),
    ):
        with pytest.raises(ValueError, match=f"^{expected}"):
            view.reset(snapshot=good | {name: bad})
        assert_same(view.snapshot(), good)


@pytest.mark.parametrize("clock", ["slot", "continuous"])
def test_queues_that_a_later_gain_would_send_for_ever_are_refused(clock):
    """The gain of the slot is a good one, those that follow are not."""
    radio = {"fading": "rayleigh", "shadowing_db": 8.0}
    view = VectorDriver(GAME.replace(channel=radio, uplink_queue=True, queue_clock=clock), dtype="float32")
    view.reset(seed=0)
    good = view.snapshot()
    played = view.step(np.ones((view.batch, 10), dtype=int))
    assert np.isfinite(played.reward).all()
    bad = good | {"shadow_db": good["shadow_db"] * 0.0 - 79.0, "uplink_backlog_bits": good["task_bits"] * 0.0 + 1e21}
    with pytest.raises(ValueError, match=r"^snapshot field .(uplink_backlog_bits|task_bits). must be "):
        view.reset(snapshot=bad)


@pytest.mark.parametrize("view", VIEWS)
def test_a_game_without_speed_is_still(view):
    make, _ = VIEWS[view]
    game = make(GAME.replace(mobility={"speed_mps": (0.0, 0.0)}, channel={"shadowing_db": 3.0}, max_cycles=80))
    game.reset(seed=0)
    before = game.snapshot()
    for _ in range(70):
        after = game.step(np.zeros((game.batch, 10), dtype=int)).after
    for name in ("position_m", "velocity_mps", "shadow_db"):
        assert_same(after[name], before[name])
    np.testing.assert_allclose(after["channel_gain"], before["channel_gain"])


def test_vehicles_see_what_urban_sees():
    """The same columns, of which the link alone changes within an episode."""
    urban, vehicles = (scenarios.get(name).config for name in ("urban", "vehicles"))
    assert [f.name for f in urban.schema.columns] == [f.name for f in vehicles.schema.columns]
    lasting = [set(config.schema.episode_features) for config in (urban, vehicles)]
    assert lasting[0] - lasting[1] == {"link_quality"}
    assert dataclasses.replace(vehicles, channel=None, mobility=None) == urban
