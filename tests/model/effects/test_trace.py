"""Tasks replayed from a trace: which user starts which task when, what the file may hold, and what games share."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from edgeoffload_env import (
    EdgeOffloadConfig,
    edgeoffload_v0,
    evaluate,
    policies,
)
from edgeoffload_env.effects import EXAMPLE_TRACE, TaskTrace
from edgeoffload_env.example_trace import BITS, CYCLES, TASKS, example_trace
from edgeoffload_env.model.trace_schedule import Tasks
from tests import oracle_trace
from tests.drivers import DRIVERS, VectorDriver
from tests.helpers import TRACE_ON, assert_same, assert_trace, compiles, random_actions
from tests.policies.games import make_for

SINGLE = ("parallel", "aec", "central")


def game(path, **fields):
    return EdgeOffloadConfig(
        **({"num_users": 2, "slot_s": 1.0, "max_cycles": 3, "task_trace": {"path": path}} | fields)
    )


class TestSchedule:
    def test_by_hand(self, short):
        """Three tasks arrive in the first slot and two users start them: one waits, and delays those after it."""
        schedule = game(short).task_trace.schedule(game(short))
        assert schedule.first_task.tolist() == [0, 2, 4, 5, 5, 5, 7, 7]
        assert (schedule.slots, schedule.moved) == (6, 1)
        three = game(short, num_users=3)
        assert three.task_trace.schedule(three).first_task.tolist() == [0, 3, 4, 5, 5, 5, 7, 7]
        assert three.task_trace.schedule(three).moved == 0

    @given(
        gaps=st.lists(st.integers(0, 40), min_size=1, max_size=60),
        users=st.integers(1, 5),
        quarters=st.integers(1, 12),
    )
    def test_against_a_queue(self, gaps, users, quarters):
        """On times in quarters of a second, which floats hold exactly."""
        slot_s, time_s = 0.25 * quarters, 0.25 * np.cumsum([0, *gaps[1:]])
        tasks = Tasks.of(time_s, np.ones(len(gaps)), np.ones(len(gaps)))
        slots = oracle_trace.play(
            tuple(oracle_trace.Task(seconds, float(j), 1.0) for j, seconds in enumerate(time_s)), users, slot_s
        )
        if len(gaps) > users * (1 + int(time_s[-1] // slot_s)):
            with pytest.raises(ValueError, match=r"^num_users must be at least \d+, got "):
                tasks.schedule(users, slot_s)
            return
        schedule = tasks.schedule(users, slot_s)
        found = [list(range(*schedule.first_task[k : k + 2])) for k in range(schedule.slots)]
        assert found == [sorted(int(task.bits) for task in started.values()) for started in slots]
        assert [{j % users for j in numbers} for numbers in found] == [set(started) for started in slots]
        assert schedule.first_task[-2:].tolist() == [len(gaps)] * 2
        starts = {int(task.bits): k for k, started in enumerate(slots) for task in started.values()}
        assert schedule.moved == sum(starts[j] > seconds // slot_s for j, seconds in enumerate(time_s))
        assert tasks.schedule(users, slot_s) is schedule

    def test_too_many_tasks(self, short):
        message = (
            "^num_users must be at least 2, got 1: task_trace has 7 tasks in 6 slots of 1 s, and a user starts one "
        )
        with pytest.raises(ValueError, match=message):
            game(short, num_users=1)
        assert game(short, num_users=1, slot_s=0.5).task_trace is not None

    def test_too_short(self, short):
        assert game(short, max_cycles=6).max_cycles == 6
        message = "^max_cycles must be at most 6, the slots of 1 s in task_trace, got 7$"
        with pytest.raises(ValueError, match=message):
            game(short, max_cycles=7)

    def test_too_long(self, short):
        with pytest.raises(
            ValueError, match=r"^slot_s must be more than 3.27\S+e-07 s, got 1e-09: task_trace lasts 5.5 s"
        ):
            game(short, slot_s=1e-9)


@pytest.mark.parametrize("driver", DRIVERS)
class TestReplay:
    def test_episodes(self, driver):
        """All slots of episodes, beyond what is drawn ahead, hold the tasks of their slots of the trace."""
        config = TRACE_ON.replace(max_cycles=70)
        view = DRIVERS[driver](config)
        tolerance = 1e-6 if "float32" in driver else 1e-12
        starts, shares = [], []
        for episode in range(2):
            if episode == 0 or driver in SINGLE:
                view.reset(seed=5 if episode == 0 else None)
            starts.append(view.snapshot()["trace_start"].ravel())
            for slot in range(config.max_cycles - 1):
                before = view.snapshot()
                assert_trace(before, config, tolerance)
                shares.append(before["active"].mean())
                assert np.array_equal(before["trace_start"].ravel(), starts[-1] + slot)
                view.step(np.ones((view.batch, config.num_users), dtype=int))
            view.step(np.ones((view.batch, config.num_users), dtype=int))
        assert len(set(np.concatenate(starts).tolist())) > len(starts) - 1
        assert min(shares) < 1.0
        assert max(shares) == 1.0  # also where tasks wait for the next slot

    def test_goes_on_from_a_snapshot(self, driver):
        view, twin = (DRIVERS[driver](TRACE_ON) for _ in range(2))
        view.reset(seed=3)
        rng = np.random.default_rng(0)
        for _ in range(5):
            view.step(random_actions(rng, TRACE_ON, view.batch))
        twin.reset(seed=99, snapshot=view.snapshot())
        for _ in range(5):
            actions = random_actions(rng, TRACE_ON, view.batch)
            expected, found = view.step(actions).after, twin.step(actions).after
            for name in ("trace_start", "active", "task_bits", "task_cycles"):
                assert np.array_equal(found[name], expected[name]), name

    def test_behind_the_end_nobody_has_a_task(self, driver, short):
        config = game(short)
        view = DRIVERS[driver](config)
        view.reset(seed=0)
        snapshot = view.snapshot()
        view.reset(seed=0, snapshot=snapshot | {"trace_start": np.full_like(snapshot["trace_start"], 5.0)})
        after = view.step(np.zeros((view.batch, 2), dtype=int)).after
        assert_trace(after, config, 1e-6)
        assert not after["active"].any()

    def test_the_start_has_a_stream_of_its_own(self, driver):
        """Episodes of a seed have the same devices, channels and deadlines as without a trace."""
        drawn = []
        for trace in (TRACE_ON.task_trace, None):
            view = DRIVERS[driver](TRACE_ON.replace(task_trace=trace))
            view.reset(seed=8)
            snapshots = [view.snapshot(), view.step(np.zeros((view.batch, TRACE_ON.num_users), dtype=int)).after]
            names = ("device_hz", "channel_gain", "server_hz", "deadline_s", "down_s")
            drawn.append({name: np.array([snapshot[name] for snapshot in snapshots]) for name in names})
        assert_same(drawn[0], drawn[1])


@pytest.mark.parametrize(("backend", "dtype"), [("numpy", "float64"), ("torch", "float32")])
def test_starts_are_uniform_over_all_that_fit(short, backend, dtype):
    view = VectorDriver(game(short, max_cycles=3), 4000, backend=backend, dtype=dtype)
    view.reset(seed=1)
    starts, counts = np.unique(view.snapshot()["trace_start"], return_counts=True)
    assert starts.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert stats.chisquare(counts).pvalue > 1e-3
    view = VectorDriver(game(short, max_cycles=6), 100, backend=backend, dtype=dtype)
    view.reset(seed=1)
    assert not view.snapshot()["trace_start"].any()


@pytest.mark.slow
@compiles
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled(dtype):
    views = [VectorDriver(TRACE_ON, 4, backend="torch", dtype=dtype, compile=compiled) for compiled in (True, False)]
    for view in views:
        view.reset(seed=2)
    rng = np.random.default_rng(0)
    for _ in range(5):
        actions = random_actions(rng, TRACE_ON, 4)
        compiled, plain = (view.step(actions).after for view in views)
        for name in ("trace_start", "active", "task_bits", "task_cycles"):
            assert np.array_equal(compiled[name], plain[name]), name
    twin = copy.deepcopy(views[0])
    assert_same(twin.step(actions)._asdict(), views[0].step(actions)._asdict())


def test_snapshots_are_checked(short):
    env = edgeoffload_v0.parallel_env(game(short))
    env.reset(seed=0)
    good = env.snapshot()
    for start in (0.5, 6.0, 1e9):
        with pytest.raises(ValueError, match=r"^snapshot field 'trace_start' must be a whole number in \[0, 5\], got "):
            env.reset(options={"snapshot": good | {"trace_start": np.array([start])}})
    with pytest.raises(ValueError, match=r"^snapshot field 'trace_start' must be finite numbers in \[0, 1e\+?30\)"):
        env.reset(options={"snapshot": good | {"trace_start": np.array([-1.0])}})
    with pytest.raises(ValueError, match="snapshot lacks the field 'trace_start'"):
        env.reset(options={"snapshot": {name: value for name, value in good.items() if name != "trace_start"}})
    assert_same(env.snapshot(), good)


def test_the_example_is_what_its_program_writes():
    with open(EXAMPLE_TRACE, encoding="utf-8") as file:
        assert file.read() == example_trace()
    plain = TaskTrace(path=EXAMPLE_TRACE)
    sums = TaskTrace(path=EXAMPLE_TRACE, columns={"time": "time_s", "bits": BITS, "cycles": CYCLES})
    assert len(plain.tasks.bits) == TASKS
    assert np.array_equal(plain.tasks.bits, sums.tasks.bits)
    assert np.array_equal(plain.tasks.cycles, sums.tasks.cycles)


def test_policies_play_it():
    for name in sorted(set(policies.names()) - {"optimum"}):
        result = evaluate(make_for(name, TRACE_ON), TRACE_ON, episodes=2, max_cycles=10)
        assert np.isfinite(result.utility).all(), name
        assert result.offload_fraction.shape == (2,)
