"""The continuous clock by hand, its two algorithms against each other, its bounds, and whole episodes with it."""

import array_api_compat.numpy as numpy_xp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig, observation, scenarios
from edgeoffload_env.model import numpy_namespace, servers
from edgeoffload_env.model.effects import clock
from edgeoffload_env.model.slot import STAGES
from tests.drivers import DRIVERS, VectorDriver
from tests.helpers import ALL_ON, random_actions
from tests.model.effects.test_hand_worked import FAILURES, GAME, PLAYERS, START

CONTINUOUS = {"queue_clock": "continuous"}


@pytest.fixture(params=PLAYERS)
def check(request):
    """Play a slot of the hand-worked game with the continuous clock and compare some of what comes of it."""

    def check(fields, start, expected, actions):
        found = PLAYERS[request.param](GAME.replace(**CONTINUOUS, **fields), START | start, actions)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-12, err_msg=name)

    return check


class TestByHand:
    """Uploads of 0.1 s, 0.02 s more to server 2 of 20 GHz; server 1 of 10 GHz has 0.1 s queued, server 2 0.2 s."""

    def test_servers_work_while_tasks_are_on_their_way(self, check):
        expected = {
            # 1 Gcycle is done as user 0 arrives at 0.1 s; server 2 is free at 0.2 s, user 1 there at 0.12 s
            "wait_s": [0.0, 0.08, 0.0],
            "delay_s": [0.2, 0.3, 0.5],
            "imbalance": 0.0025,  # loads 0.2 and 0.3 s, as with the slot clock
            "next_backlog_cycles": [1e9, 4e9],  # free at 0.2 and 0.3 s, less 0.1 s
        }
        check({}, {}, expected, [1, 2, 0])

    def test_a_server_pauses_until_the_next_task_is_there(self, check):
        # server 1 is free at 0.02 s, user 0 arrives at 0.1 s and takes 0.1 s; user 2 arrives with it and takes 0.05 s
        expected = {
            "wait_s": [0.0, 0.0, 0.1],
            "imbalance": 0.0036,  # loads 0.17 and 0.05 s: the pause is no work
            "next_backlog_cycles": [1.5e9, 0.0],  # free at 0.25 s
        }
        start = {"backlog_cycles": [0.2e9, 1e9], "device_hz": [1e9] * 3}
        check({}, start, expected, [1, 0, 1])

    def test_the_earlier_task_goes_first_whatever_its_index(self, check):
        # user 1 is there at 0.05 s and served from 0.1 s to 0.3 s; user 0 arrives at 0.1 s
        start = {"task_bits": [2e6, 1e6, 2e6]}
        check({}, start, {"wait_s": [0.2, 0.05, 0.0], "next_backlog_cycles": [3e9, 2e9]}, [1, 1, 0])

    def test_a_task_on_its_way_keeps_its_place(self, check):
        # sent for 0.5 s; what is queued after the slot includes the time until it arrives
        start = {"task_bits": [10e6, 2e6, 2e6], "backlog_cycles": [0.0, 0.0]}
        check({}, start, {"wait_s": [0.0, 0.0, 0.0], "next_backlog_cycles": [5e9, 0.0]}, [1, 0, 0])

    def test_a_server_that_is_down(self, check):
        expected = {
            # server 1 runs from 0.04 s and is free at 0.14 s; server 2 from 0.15 s, free at 0.35 s
            "wait_s": [0.04, 0.23, 0.0],
            "imbalance": 0.0025,
            "next_backlog_cycles": [1.4e9, 6e9],  # free at 0.24 s; at 0.45 s, 0.05 s of which the repair takes
            "utilisation": 0.2,  # 0.6 of 3 Gcycles
        }
        check(FAILURES, {"down_s": [0.04, 0.15]}, expected, [1, 2, 0])

    def test_utilisation_leaves_pauses_out(self, check):
        # server 1: 0.02 s, pause until 0.05 s, 0.04 s of user 2; server 2: nothing, and user 1 arrives after the slot
        start = {"down_s": [0.0, 0.0], "backlog_cycles": [0.2e9, 0.0], "task_bits": [2e6, 2e6, 1e6]}
        start["task_cycles"] = [1e9, 2e9, 0.4e9]
        expected = {"utilisation": 0.2, "wait_s": [0.0, 0.0, 0.0], "next_backlog_cycles": [0.0, 2.4e9]}
        check(FAILURES, start, expected, [0, 2, 1])

    def test_elastic_servers_start_at_once(self, check):
        fields = {"server_hz": (10e9, 20e9, 40e9), "elastic_servers": 1}
        start = {"server_hz": fields["server_hz"], "backlog_cycles": [1e9, 4e9, 0.0]}
        expected = {"wait_s": [0.0] * 3, "next_backlog_cycles": [0.0, 2e9, 0.0], "imbalance": 0.0025}
        check(fields, start, expected, [3, 3, 3])
        expected = {"wait_s": [0.28, 0.28, 0.0], "next_backlog_cycles": [0.0, 2e9, 0.0]}  # there at 0.12 s
        check(fields | FAILURES, start | {"down_s": [0.0, 0.0, 0.4]}, expected, [3, 3, 0])

    def test_latencies_are_part_of_the_way(self, check):
        # there at 0.27 s, when server 2 is free since 0.2 s
        expected = {"wait_s": [0.0, 0.0, 0.0], "next_backlog_cycles": [1e9, 5.4e9]}
        check({"forward_latency_s": 0.15}, {}, expected, [1, 2, 0])

    def test_an_upload_behind_earlier_bits(self, check):
        # there at 0.15 s; server 1 is free at 0.1 s
        expected = {"wait_s": [0.0, 0.08, 0.0], "next_backlog_cycles": [1.5e9, 4e9]}
        check({"uplink_queue": True}, {"uplink_backlog_bits": [1e6, 0.0, 0.0]}, expected, [1, 2, 0])

    def test_local_tasks_wait_for_their_device(self, check):
        start = {"device_backlog_cycles": [0.0, 0.3e9, 0.2e9]}
        check({"device_queue": True}, start, {"wait_s": [0.0, 0.08, 0.2]}, [1, 2, 0])


def queues_of(seed, batch, users, num_servers):
    """Arrivals on a coarse grid, so that many tie, and slacks."""
    rng = np.random.default_rng(seed)
    arrival_s = rng.integers(0, max(2, users // 2), (batch, users)) / 8.0
    target = rng.integers(0, num_servers + 1, (batch, users))
    return np.maximum(rng.normal(size=(batch, users)), 0.0), arrival_s, target


def scalar_latest(slack, arrival_s, target):
    """The running maximum of each server's slacks, one task at a time."""
    latest, at_server = np.zeros(len(slack)), {}
    for n in sorted(range(len(slack)), key=lambda n: (arrival_s[n], n)):
        latest[n] = at_server[target[n]] = max(at_server.get(target[n], 0.0), slack[n])
    return latest


@pytest.mark.parametrize("backend", ["numpy", "numpy with short cuts", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(
    seed=st.integers(0, 2**32 - 1), batch=st.integers(1, 4), users=st.integers(1, 100), num_servers=st.integers(1, 20)
)
def test_all_forms_are_equal(seed, batch, users, num_servers, dtype, backend):
    if backend == "torch":
        import array_api_compat.torch as xp
    else:
        xp = numpy_xp if backend == "numpy" else numpy_namespace
    slack, arrival_s, target = queues_of(seed, batch, users, num_servers)
    slack = slack.astype(dtype)
    expected = np.array([scalar_latest(*game) for game in zip(slack, arrival_s, target, strict=True)])
    floats = [xp.asarray(array, dtype=getattr(xp, dtype)) for array in (slack, arrival_s)]
    arguments = (*floats, xp.asarray(target))
    results = {
        "pairwise": clock.latest_pairwise(*arguments, xp=xp),
        "scan": clock.latest_by_scan(*arguments, num_servers, xp=xp),
        "chosen by size": clock.latest_slack_s(*arguments, num_servers, xp=xp),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(servers, "BROADCAST_MAX_ELEMENTS", 0)
        results["pairwise, a loop over rivals"] = clock.latest_pairwise(*arguments, xp=xp)
    for name, latest in results.items():
        assert str(latest.dtype).endswith(dtype)
        assert np.array_equal(np.asarray(latest)[target > 0], expected[target > 0]), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(("games", "users"), [(1, 30), (3, 30), (40, 30), (3, 90)])
def test_whole_games_by_either_algorithm(games, users, backend, dtype):
    """The choice by size makes no difference but for rounding, in waits and in queues."""
    config = scenarios.configure("urban-outages", num_users=users, cell_radius_m=700.0, max_cycles=12, **CONTINUOUS)
    views = [VectorDriver(config, games, backend=backend, dtype=dtype) for _ in range(2)]
    rng = np.random.default_rng(0)
    for view in views:
        view.reset(seed=3)
    tolerance = 1e-9 if dtype == "float64" else 1e-4
    for _ in range(6):
        start, actions, played = views[0].snapshot(), random_actions(rng, config, games), []
        for view, most in zip(views, (0, 10**9), strict=True):
            view.reset(seed=3, snapshot=start)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(servers, "PAIRWISE_MAX_USERS", most)
                played.append(view.step(actions))
        scan, pairwise = played
        np.testing.assert_allclose(scan.wait_s, pairwise.wait_s, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(
            scan.after["backlog_cycles"], pairwise.after["backlog_cycles"], rtol=tolerance, atol=1e3
        )
    assert (pairwise.wait_s > 0.0).any()


@pytest.mark.parametrize("driver", ["parallel", "numpy-float64", "torch-float64"])
def test_games_of_a_batch_and_games_that_go_on_from_a_snapshot(driver):
    """A batch plays what its games play alone, and a snapshot holds all that later slots depend on."""
    config = ALL_ON.replace(max_cycles=20, **CONTINUOUS)
    batch = VectorDriver(config, 3, dtype="float64")
    batch.reset(seed=4)
    alone = DRIVERS[driver](config)
    rng = np.random.default_rng(4)
    compared = 0
    for _ in range(15):
        start, actions = batch.snapshot(), random_actions(rng, config, 3)
        played = batch.step(actions)
        game = int(rng.integers(3))
        one = {name: np.repeat(values[game : game + 1], alone.batch, axis=0) for name, values in start.items()}
        alone.reset(seed=0, snapshot=one)
        again = alone.step(np.repeat(actions[game : game + 1], alone.batch, axis=0))
        np.testing.assert_allclose(again.wait_s[0], played.wait_s[game], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(again.after["backlog_cycles"][0], played.after["backlog_cycles"][game], rtol=1e-9)
        compared += int((played.wait_s[game] > 0.0).sum())
    assert compared > 15


def test_the_slot_clock_is_absent():
    """It adds no stage to a slot: what is played is what is played without the field."""
    for config in (EdgeOffloadConfig(), ALL_ON):
        off, on = (config.replace(queue_clock=name).schema for name in ("slot", "continuous"))
        added = {stage.__qualname__ for stage in on.stages if hasattr(stage, "__qualname__")}
        added -= {stage.__qualname__ for stage in off.stages if hasattr(stage, "__qualname__")}
        assert added == {
            f"ContinuousClock.{name}" for name in ("before_wait", "after_wait", "before_serve", "after_serve")
        }
        assert [type(effect) for effect in on.effects if effect not in off.effects] == [clock.ContinuousClock]
    assert EdgeOffloadConfig().schema.stages == STAGES


def test_nothing_is_added_to_what_is_seen():
    plain, continuous = EdgeOffloadConfig(), EdgeOffloadConfig(**CONTINUOUS)
    assert set(continuous.schema.snapshot) == set(plain.schema.snapshot)
    assert set(continuous.schema.infos) == set(plain.schema.infos)
    assert observation.names(continuous) == observation.names(plain)
    assert observation.state_names(continuous) == observation.state_names(plain)
    assert len(continuous.schema.metrics) == len(plain.schema.metrics)


@pytest.mark.parametrize(
    ("value", "error"),
    [("fluid", ValueError), ("", ValueError), (None, TypeError), (True, TypeError), (1.0, TypeError)],
)
def test_other_clocks_are_refused(value, error):
    with pytest.raises(error, match="queue_clock must be 'slot' or 'continuous', got "):
        EdgeOffloadConfig(queue_clock=value)


class TestBounds:
    def test_late_arrivals(self):
        fields = {"task_bits": (1.0, 1e14), "forward_bps": 1.0, "forward_latency_s": 1e9}
        assert EdgeOffloadConfig(**fields).servers == 5
        with pytest.raises(ValueError, match=r"task_bits must be such that tasks reach their servers within 1e\+14 s"):
            EdgeOffloadConfig(**fields, **CONTINUOUS)

    def test_uploads_that_pile_up(self):
        fields = {"task_bits": (1e10, 1e10), "bandwidth_hz": 1.0, "max_cycles": 10**6}
        assert EdgeOffloadConfig(**fields, **CONTINUOUS).queue_clock == "continuous"
        assert EdgeOffloadConfig(**fields, uplink_queue=True).uplink_queue
        with pytest.raises(ValueError, match="task_bits must be such that tasks reach their servers within"):
            EdgeOffloadConfig(**fields, **CONTINUOUS, uplink_queue=True)

    def test_the_imbalance_of_late_arrivals(self):
        fields = {"num_users": 10**5, "task_bits": (1.0, 9e13), "forward_bps": 1.0, "max_cycles": 1}
        fields |= {"reward_sharing": 1.0, "balance_weight": 1e6}
        assert EdgeOffloadConfig(**fields).balance_weight == 1e6
        with pytest.raises(ValueError, match=r"balance_weight must be at most .* with these queues and uploads, got"):
            EdgeOffloadConfig(**fields, **CONTINUOUS)

    def test_snapshots(self):
        config = EdgeOffloadConfig(**CONTINUOUS, uplink_queue=True)
        view = VectorDriver(config, 2, dtype="float64")
        view.reset(seed=0)
        snapshot = view.snapshot()
        with pytest.raises(ValueError, match="snapshot field 'task_bits' must be such that tasks reach their servers"):
            view.reset(seed=0, snapshot=snapshot | {"uplink_backlog_bits": np.full((2, 10), 1e23)})
        view.reset(seed=0, snapshot=snapshot | {"uplink_backlog_bits": np.full((2, 10), 1e20)})
        played = view.step(np.full((2, 10), 2))
        assert np.isfinite(played.reward).all()
        assert (played.after["backlog_cycles"] < 1e30).all()
