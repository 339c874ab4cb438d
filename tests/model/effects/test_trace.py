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
from tests import oracle_trace
from tests.drivers import DRIVERS, VectorDriver
from tests.helpers import TRACE_ON, assert_one_traceback, assert_same, assert_trace, compiles, random_actions
from tests.pages import ROOT
from tests.policies.games import make_for

SINGLE = ("parallel", "aec", "central")


@pytest.fixture
def write(tmp_path):
    """Write a file of lines and return its path."""

    def write(*lines, name="trace.csv"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def short(write):
    """Seven tasks in six slots of a second, one slot empty."""
    rows = ["0,1e6,1e9", "0.5,2e6,2e9", "0.75,3e6,3e9", "1.5,4e6,4e9", "2,5e6,5e9", "5,6e6,6e9", "5.5,7e6,7e9"]
    return write("time_s,bits,cycles", *rows)


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
        ones = np.ones(len(gaps))
        ranges = {"bits_range": (1.0, 1.0), "cycles_range": (1.0, 1.0), "most_bits": 1.0, "most_cycles": 1.0}
        tasks = trace_file.Tasks(time_s=time_s, bits=ones, cycles=ones, **ranges)
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


class TestColumns:
    HEAD = "when,in,out"

    def read(self, write, columns, *rows, **fields):
        return TaskTrace(path=write(self.HEAD, *rows), columns={"time": "when"} | columns, **fields).tasks

    def test_a_column_a_number_and_a_sum(self, write):
        rows = ("7,10,2", "7,20,3", "9.5,30,4")
        tasks = self.read(write, {"bits": "in", "cycles": 5e8}, *rows, time_unit_s=0.5)
        assert tasks.time_s.tolist() == [0.0, 0.0, 1.25]
        assert tasks.bits.tolist() == [10.0, 20.0, 30.0]
        assert tasks.cycles.tolist() == [5e8] * 3
        sums = {"bits": {"in": 2.0}, "cycles": {"in": 100.0, "out": 1000.0, "constant": 5.0}}
        tasks = self.read(write, sums, *rows)
        assert tasks.bits.tolist() == [20.0, 40.0, 60.0]
        assert tasks.cycles.tolist() == [3005.0, 5005.0, 7005.0]
        assert (tasks.most_bits, tasks.most_cycles) == (60.0, 7005.0)

    @pytest.mark.parametrize(
        "dates",
        [
            ("2023-11-16 18:17:03.9799600", "2023-11-16 18:17:04.2299600", "2023-11-17 18:17:03.9799600"),
            ("2024-05-10 00:00:00.000000+00:00", "2024-05-10 02:00:00.250000+02:00", "2024-05-11T00:00:00Z"),
        ],
    )
    def test_dates(self, write, dates):
        tasks = self.read(write, {"bits": "in", "cycles": 1e9}, *(f"{date},5,5" for date in dates))
        np.testing.assert_allclose(tasks.time_s, [0.0, 0.25, 86400.0], atol=1e-6)
        tasks = self.read(write, {"bits": "in", "cycles": 1e9}, *(f"{date},5,5" for date in dates), time_unit_s=0.1)
        np.testing.assert_allclose(tasks.time_s, [0.0, 0.025, 8640.0], atol=1e-6)

    def test_quotes_blanks_byte_order_marks_and_empty_lines(self, tmp_path):
        path = tmp_path / "odd.csv"
        path.write_bytes('\ufeff"time_s", bits ,note,cycles\r\n0,1e6,"a, b",1e9\r\n\r\n1, 2e6 ,"c\nd",1e9\r\n'.encode())
        tasks = TaskTrace(path=path).tasks
        assert (tasks.time_s.tolist(), tasks.bits.tolist()) == ([0.0, 1.0], [1e6, 2e6])

    def test_more_rows_than_are_read_at_once(self, write, monkeypatch):
        monkeypatch.setattr(trace_file, "_ROWS_AT_ONCE", 2)
        rows = [f"{j},{j + 1},1" for j in range(7)]
        assert self.read(write, {"bits": "in", "cycles": 1e9}, *rows).bits.tolist() == [
            1.0,
            2.0,
            3.0,
            4.0,
            5.0,
            6.0,
            7.0,
        ]
        with pytest.raises(
            ValueError, match="line 9: 'when' must be a number or an ISO date, not before the line above"
        ):
            self.read(write, {"bits": "in", "cycles": 1e9}, *rows, "5,1,1")

    def test_short_forms(self, write):
        path = write(self.HEAD, "0,1,1")
        forms = [{"in": 1.0}, "in"], [{"constant": 3.0}, 3], [{"in": 2}, {"in": 2.0}]
        for long, form in forms:
            traces = [TaskTrace(path=path, columns={"time": "when", "bits": x, "cycles": 1e9}) for x in (long, form)]
            assert traces[0] == traces[1]
            assert json.dumps(traces[0].columns) == json.dumps(traces[1].columns)

    def test_what_is_given_is_not_kept(self, write):
        given = {"time": "when", "bits": {"in": 2.0}, "cycles": 1e9}
        trace = TaskTrace(path=write(self.HEAD, "0,1,1"), columns=given)
        given["bits"]["in"] = 9.0
        assert trace.columns["bits"] == {"in": 2.0}


LATER = "must be a number or an ISO date, not before the line above, got "
ROWS = ["time_s,bits,cycles", "0,1e6,1e9", "1,1e6,1e9", "2,1e6,1e9"]
BAD_LINES = {  # what is wrong: the lines, and the message behind the path
    "an empty file": ([], " must have one column 'bits', got none of that name; its columns: none"),
    "no task": (ROWS[:1], " must have a line for each task below its line of names, got no task"),
    "a column missing": (["time,bits,cycles", *ROWS[1:]], " must have one column 'time_s', got none of that name; "),
    "a column twice": (["time_s,bits,cycles,bits", "0,1,1,1"], " must have one column 'bits', got several; its "),
    "no number": ([*ROWS[:2], "1,big,1e9"], ", line 3: 'bits' must be a number, got 'big'"),
    "no value": ([*ROWS[:3], "2,,1e9"], ", line 4: 'bits' must be a number, got ''"),
    "no time": ([ROWS[0], "soon,1e6,1e9"], ", line 2: 'time_s' must be a number or an ISO date, got 'soon'"),
    "a date among numbers": (
        [*ROWS[:2], "2024-05-10,1e6,1e9"],
        ", line 3: 'time_s' must be a number, got '2024-05-10'",
    ),
    "a number among dates": (
        ["time_s,bits,cycles", "2024-05-10,1e6,1e9", "5.5,1e6,1e9"],
        ", line 3: 'time_s' must be an ISO date as in the lines above, got '5.5'",
    ),
    "negative bits": ([*ROWS[:3], "2,-5,1e9"], ", line 4: bits of the task must be in [1, 1e+14], got -5.0"),
    "no bits": ([*ROWS[:3], "2,0,1e9"], ", line 4: bits of the task must be in [1, 1e+14], got 0.0"),
    "endless cycles": ([*ROWS[:3], "2,1,inf"], ", line 4: cycles of the task must be in [1, 1e+16], got inf"),
    "undefined cycles": ([*ROWS[:3], "2,1,nan"], ", line 4: cycles of the task must be in [1, 1e+16], got nan"),
    "unsorted": ([*ROWS, "1.5,1e6,1e9"], f", line 5: 'time_s' {LATER}'1.5'"),
    "an undefined time": ([*ROWS[:2], "nan,1e6,1e9"], f", line 3: 'time_s' {LATER}'nan'"),
    "a column too few": ([*ROWS[:2], "1,1e6"], ", line 3: the number of columns must be 3, got 2"),
    "a column too many": ([*ROWS[:2], "1,1e6,1e9,7"], ", line 3: the number of columns must be 3, got 4"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_bad_files_are_refused_with_their_name_and_line(write, case):
    lines, message = BAD_LINES[case]
    path = write(*lines)
    for make in (TaskTrace, lambda path: EdgeOffloadConfig(task_trace={"path": path})):
        with pytest.raises(ValueError, match=f"^{re.escape(path + message)}") as refused:
            make(path=path)
        assert_one_traceback(refused.value)


def test_no_file(tmp_path):
    (tmp_path / "binary.csv").write_bytes(b"time_s,bits,cycles\n\xff\xfe\n")
    for path, message in (
        (
            tmp_path / "none.csv",
            "^TaskTrace.path must be a readable file, got '.*none.csv': No such file or directory$",
        ),
        (tmp_path, "^TaskTrace.path must be a readable file, got '.*': Is a directory$"),
        (tmp_path / "binary.csv", "binary.csv must be a CSV file in UTF-8: "),
    ):
        with pytest.raises(ValueError, match=message) as refused:
            TaskTrace(path=path)
        assert_one_traceback(refused.value)


GOOD_COLUMNS = {"time": "time_s", "bits": "bits", "cycles": "cycles"}
SIZE = (
    "TaskTrace.columns['bits'] must be the name of a column, a number, or a dict of factors by column and 'constant', "
    "got"
)
BAD_FIELDS = [
    ({"path": 3}, "TaskTrace.path must be the path of a CSV file, got 3"),
    ({"path": ""}, "TaskTrace.path must be the path of a CSV file, got ''"),
    ({"path": None}, "TaskTrace.path must be the path of a CSV file, got None"),
    ({"columns": "bits"}, "TaskTrace.columns must be a dict with time, bits, cycles, got 'bits'"),
    ({"columns": {}}, "TaskTrace.columns lacks the entry 'time'; it must have time, bits, cycles"),
    ({"columns": {"time": "time_s", "bits": 1e6}}, "TaskTrace.columns lacks the entry 'cycles'; it must have"),
    ({"columns": GOOD_COLUMNS | {"bit": "x"}}, "unknown entry of TaskTrace.columns: 'bit'; did you mean 'bits'?"),
    ({"columns": GOOD_COLUMNS | {"time": 0}}, "TaskTrace.columns['time'] must be the name of a column, got 0"),
    ({"columns": GOOD_COLUMNS | {"bits": True}}, f"{SIZE} True"),
    ({"columns": GOOD_COLUMNS | {"bits": {}}}, f"{SIZE} {{}}"),
    ({"columns": GOOD_COLUMNS | {"bits": {1: 2.0}}}, f"{SIZE} {{1: 2.0}}"),
    ({"columns": GOOD_COLUMNS | {"bits": ["bits"]}}, f"{SIZE} ['bits']"),
    ({"columns": GOOD_COLUMNS | {"bits": {"bits": "2"}}}, "TaskTrace.columns['bits']['bits'] must be a number in"),
    ({"columns": GOOD_COLUMNS | {"bits": 0.5}}, "TaskTrace.columns['bits'] must be a number in [1, "),
    ({"time_unit_s": 0.0}, "TaskTrace.time_unit_s must be a number in [1e-12, 1e+09] s, got 0.0"),
    ({"time_unit_s": "1"}, "TaskTrace.time_unit_s must be a number in [1e-12, 1e+09] s, got '1'"),
    ({"sha256": 5}, "TaskTrace.sha256 must be hexadecimal digits or None, got 5"),
    ({"sha256": "00"}, "TaskTrace.sha256 must be '"),
]


@pytest.mark.parametrize(("fields", "message"), BAD_FIELDS, ids=[message for _, message in BAD_FIELDS])
def test_bad_fields_are_refused_by_name(short, fields, message):
    for make in (TaskTrace, lambda **fields: EdgeOffloadConfig(task_trace=fields)):
        with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}") as refused:
            make(**({"path": short} | fields))
        assert_one_traceback(refused.value)
    with pytest.raises(TypeError, match=r"^task_trace lacks the field 'path'; it must have path, "):
        EdgeOffloadConfig(task_trace={})
    with pytest.raises(ValueError, match=r"^an item of extra_effects must be an effect of your own; "):
        EdgeOffloadConfig(extra_effects=(TaskTrace(path=short),))


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
        read = []
        monkeypatch.setattr(trace_file._Reader, "read", lambda *_: read.append(1))
        trace_file.load.cache_clear()
        for _ in range(3):
            trace_file.load(short, "0", json.dumps(GOOD_COLUMNS), 1.0)
        trace_file.load.cache_clear()
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
