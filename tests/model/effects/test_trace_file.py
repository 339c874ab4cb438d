"""Files of traces: columns, dates, and what is refused with its name and line."""

import json
import re

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, trace_file
from edgeoffload_env.effects import TaskTrace
from tests.helpers import assert_one_traceback


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
ENDLESS = "must be a number in [-1e+30, 1e+30] or an ISO date, got "
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
    "an endless time": ([*ROWS, "inf,1e6,1e9"], f", line 5: 'time_s' {ENDLESS}'inf'"),
    "an endless first time": ([ROWS[0], "-inf,1e6,1e9"], f", line 2: 'time_s' {ENDLESS}'-inf'"),
    "a time that would overflow": ([*ROWS, "1e300,1e6,1e9"], f", line 5: 'time_s' {ENDLESS}'1e300'"),
    "a field too long": ([*ROWS[:2], f"1,{'1' * 200_000},1e9"], ", line 3: not CSV, field larger than field limit"),
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
    (tmp_path / "binary.csv").write_bytes(b"time_s,bits,cycles\n0,1e6,1e9\n\xff\xfe\n")
    for path, message in (
        (
            tmp_path / "none.csv",
            "^TaskTrace.path must be a readable file, got '.*none.csv': No such file or directory$",
        ),
        (tmp_path, "^TaskTrace.path must be a readable file, got '.*': Is a directory$"),
        (tmp_path / "binary.csv", "binary.csv, line 3: not UTF-8, invalid start byte$"),
        ("a\0b", "^TaskTrace.path must be a readable file, got '.*': embedded null byte$"),
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
    (
        {"columns": GOOD_COLUMNS | {"time": "constant"}},
        "TaskTrace.columns['time'] must be the name of a column other than 'constant', got 'constant'",
    ),
    (
        {"columns": GOOD_COLUMNS | {"bits": "constant"}},
        "TaskTrace.columns['bits'] must be the name of a column other than 'constant', a number, or a dict of factors",
    ),
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
    message = r"^task_trace lacks the field 'path'; it must have path and optionally columns, "
    with pytest.raises(TypeError, match=message):
        EdgeOffloadConfig(task_trace={})
    with pytest.raises(ValueError, match=r"^an item of extra_effects must be an effect of your own; "):
        EdgeOffloadConfig(extra_effects=(TaskTrace(path=short),))
