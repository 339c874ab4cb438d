"""Tasks replayed from a trace: which user starts which task when, what the file may hold, and what games share."""

import copy
import dataclasses
import hashlib
import json
import pickle
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from edgeoffload_env import (
    EdgeOffloadConfig,
    edgeoffload_v0,
    evaluate,
    observation,
    policies,
    scenarios,
    stored,
    trace_file,
)
from edgeoffload_env.effects import EXAMPLE_TRACE, TaskTrace
from edgeoffload_env.example_trace import BITS, CYCLES, TASKS, example_trace
from edgeoffload_env.model.trace_schedule import Tasks
from tests import oracle_trace
from tests.drivers import DRIVERS, VectorDriver
from tests.helpers import TRACE_ON, assert_one_traceback, assert_same, assert_trace, compiles, random_actions
from tests.pages import ROOT
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


ROWS = ["time_s,bits,cycles", "0,1e6,1e9", "1,1e6,1e9", "2,1e6,1e9"]
OTHERS = {
    "arrivals": {"probability": 0.5},
    "heavy_tasks": {"probability": 0.1, "factor": 2.0},
    "cycles_per_bit": (100.0, 200.0),
    "task_cycles": (1e9, 2e9),
    "task_bits": (1e6, 2e6),
}


class TestInTheConfiguration:
    @pytest.mark.parametrize("name", OTHERS)
    def test_nothing_else_makes_tasks(self, short, name):
        allowed = "left out" if name == "task_bits" else "None"
        message = f"^{name} must be {allowed} where task_trace is given: its file says what tasks there are, got "
        with pytest.raises(ValueError, match=message) as refused:
            game(short, **{name: OTHERS[name]})
        assert_one_traceback(refused.value)
        with pytest.raises(ValueError, match=message):
            game(short).replace(**{name: OTHERS[name]})
        with pytest.raises(ValueError, match=message):
            EdgeOffloadConfig().replace(**{"task_trace.path": short, name: OTHERS[name]})

    def test_it_takes_the_place_of_a_scenarios_tasks(self, short):
        config = scenarios.configure("urban", max_cycles=3, slot_s=1.0, task_trace={"path": short})
        assert (config.arrivals, config.heavy_tasks, config.task_cycles) == (None, None, None)
        assert config.task_bits == EdgeOffloadConfig().task_bits
        assert config.deadline == scenarios.get("urban").config.deadline
        without = config.replace(task_trace=None)
        assert without.task_cycles == EdgeOffloadConfig().task_cycles

    def test_dotted_names(self, short, write):
        config = game(short).replace(**{"task_trace.time_unit_s": 2.0})
        assert config.task_trace == TaskTrace(path=short, time_unit_s=2.0)
        other = write("time_s,bits,cycles", *(f"{j},1e6,1e9" for j in range(9)), name="other.csv")
        assert config.replace(**{"task_trace.path": other}).task_trace == TaskTrace(path=other, time_unit_s=2.0)

    def test_observed_sizes_are_scaled_over_most_of_the_trace(self):
        config = TRACE_ON
        tasks = oracle_trace.tasks_of(config.task_trace)
        assert config.bits_range == pytest.approx(oracle_trace.middle_range([task.bits for task in tasks]))
        assert config.cycles_range == pytest.approx(oracle_trace.middle_range([task.cycles for task in tasks]))
        assert (config.most_bits, config.most_cycles) == (max(t.bits for t in tasks), max(t.cycles for t in tasks))
        assert observation.names(config) == observation.names(
            config.replace(task_trace=None, arrivals={"probability": 0.5})
        )

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"bits": 1e14}, "^task_trace must be small enough, at these speeds, to keep delays below 1e"),
            ({"cycles": 1e16}, "^task_trace must be small enough, at these speeds, to keep delays below 1e"),
        ],
    )
    def test_sizes_that_would_overflow(self, short, columns, message):
        slow = {"device_hz": (1.0, 1.0), "server_hz": (1.0,), "tx_power_w": 1e-9, "noise_dbm_per_hz": 0.0}
        columns = {"time": "time_s", "bits": 1.0, "cycles": 1.0} | columns
        with pytest.raises(ValueError, match=message):
            game(short, task_trace={"path": short, "columns": columns}, slot_s=0.1, max_cycles=55, **slow)

    def test_downloads_are_of_its_tasks(self, write):
        trace = {"path": write("time_s,bits,cycles", "0,1e13,1e9", "0.5,2e6,2e9")}
        slow = {"result_ratio": 1e6, "downlink_bps": 1.0, "bandwidth_hz": 1e12, "max_cycles": 2}
        with pytest.raises(ValueError, match=r"^result_ratio must be such that a result is"):
            EdgeOffloadConfig(task_trace=trace, **slow)

    def test_optimum_refuses_it(self, short):
        with pytest.raises(ValueError, match=r"^optimum: cannot solve games with task_trace = "):
            policies.make("optimum").check(game(short))


class TestContent:
    """The content of the file is part of the game; where it lies is not."""

    def test_equal_games(self, short, write, tmp_path):
        moved = tmp_path / "elsewhere.csv"
        moved.write_bytes((tmp_path / "trace.csv").read_bytes())
        here, there = game(short), game(moved)
        assert here == there
        assert hash(here) == hash(there)
        assert stored.game_of(here) == stored.game_of(there)
        assert "path" not in stored.game_of(here)["task_trace"]
        assert here.task_trace.sha256 == hashlib.sha256(moved.read_bytes()).hexdigest()
        changed = game(write("time_s,bits,cycles", *(f"{j},1e6,1e9" for j in range(7)), name="other.csv"))
        assert here != changed
        assert stored.game_of(here) != stored.game_of(changed)
        assert here != game(short, task_trace={"path": short, "time_unit_s": 1.5})

    def test_json(self, short):
        config = game(short)
        given = json.loads(json.dumps(dataclasses.asdict(config.task_trace)))
        assert set(given) == {"path", "columns", "time_unit_s", "sha256"}
        assert game(short, task_trace=given) == config
        assert np.isnan(evaluate("local", config, episodes=1).score).all()

    def test_other_content_is_refused(self, write):
        path = write(*ROWS)
        config = game(path)
        given, pickled = dataclasses.asdict(config.task_trace), pickle.dumps(config)
        write(*ROWS, "3,1e6,1e9")
        content = f"that of the content of {re.escape(path)}, got '{given['sha256']}'"
        message = rf"^TaskTrace.sha256 must be '[0-9a-f]{{64}}', {content}$"
        with pytest.raises(ValueError, match=message):
            game(path, task_trace=given)
        with pytest.raises(ValueError, match=message):
            edgeoffload_v0.parallel_env(pickle.loads(pickled))
        assert len(config.task_trace.tasks.bits) == 3  # what was read stays
        assert len(game(path).task_trace.tasks.bits) == 4

    def test_relative_paths_are_made_absolute(self, short, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert TaskTrace(path="trace.csv").path == short
        monkeypatch.setenv("HOME", str(tmp_path))
        assert TaskTrace(path="~/trace.csv").path == short


class TestSharing:
    def test_one_array_for_all_games(self, short):
        config = game(short)
        tasks = config.task_trace.tasks
        for other in (game(short), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
            assert other.task_trace.tasks is tasks
        views = [edgeoffload_v0.vector_env(2, config, dtype=dtype) for dtype in ("float32", "float64")]
        for view in (*views, *copy.deepcopy(views)):
            view.reset(seed=0)
            assert view._tables["task_trace"]["bits"] is tasks.bits
        for array in (tasks.time_s, tasks.bits, tasks.cycles, config.task_trace.schedule(config).first_task):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1

    def test_pickles_hold_no_tasks(self):
        sizes = []
        for trace in (TRACE_ON.task_trace, None):
            config = TRACE_ON.replace(task_trace=trace)
            views = [
                edgeoffload_v0.parallel_env(config),
                *(edgeoffload_v0.vector_env(2, config, backend=b) for b in ("numpy", "torch")),
            ]
            for view in views:
                view.reset(seed=0)
            sizes.append([len(pickle.dumps(view)) for view in (config, *views)])
        assert (np.subtract(*sizes) < 20_000).all()  # the trace's numbers take 48000 bytes, what is drawn ahead 10000

    def test_copies_and_pickles_play_on_alike(self):
        env = edgeoffload_v0.parallel_env(TRACE_ON)
        env.reset(seed=3)
        env.step(dict.fromkeys(env.agents, 1))
        for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
            expected = copy.deepcopy(env).step(dict.fromkeys(env.agents, 1))
            assert twin.step(dict.fromkeys(env.agents, 1))[1] == expected[1]

    def test_a_file_is_read_once(self, short, monkeypatch):
        read, real = [], trace_file._Reader.read
        monkeypatch.setattr(trace_file._Reader, "read", lambda reader, unit: read.append(1) or real(reader, unit))
        for _ in range(3):
            game(short)
        assert read == [1]

    def test_two_processes_play_the_same(self, tmp_path):
        program = f"""
            import hashlib
            import numpy as np
            from edgeoffload_env import edgeoffload_v0
            for backend in ("numpy", "torch"):
                env = edgeoffload_v0.vector_env(8, "urban", backend=backend, task_trace={{"path": {EXAMPLE_TRACE!r}}})
                print(env.config.task_trace.sha256)
                env.reset(seed=4)
                for slot in range(3):
                    rewards = env.step(np.full((8, 30), 1 + slot))[1]
                    print(hashlib.sha256(np.asarray(rewards).tobytes()).hexdigest())
                    for name, array in env.snapshot().items():
                        print(name, hashlib.sha256(np.asarray(array).tobytes()).hexdigest())
        """
        command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
        printed = {
            subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout
            for cwd in (tmp_path, ROOT)
        }
        assert len(printed) == 1
        assert "trace_start" in printed.pop()


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
