"""Traces in configurations: other fields, their content, and what games share."""

import contextlib
import copy
import dataclasses
import hashlib
import io
import json
import pickle
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

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
from tests import oracle_trace
from tests.helpers import TRACE_ON, assert_one_traceback
from tests.model.effects.test_trace import game

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
        program = textwrap.dedent(f"""
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
        """)
        with contextlib.redirect_stdout(io.StringIO()) as here:
            exec(program, {})
        command = [sys.executable, "-W", "error", "-c", program]
        elsewhere = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout
        assert elsewhere == here.getvalue()
        assert "trace_start" in elsewhere
