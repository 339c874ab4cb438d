"""Sweeps: to the end, killed at any moment, stopped, two at once."""

import json
import signal
from pathlib import Path

import pytest

from recipes.cli import main
from recipes.commands.exit_codes import REFUSED, STOPPED
from recipes.runs import RunFolder
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import Finished, descendants, run, run_here, start, survivors
from tests.recipes.runs import TINY_DQN, table, table_without_times

pytestmark = RAY_NOISE

THREE = ("--algorithms", "idql-tolb", "--seeds", "3", "--env-steps", "2000", "--jobs", "1", "--checkpoint-every", "0")


def arguments_of(out: Path, *arguments: str) -> list[str]:
    return ["sweep", "--out", str(out), *arguments, *TINY_DQN]


def sweep(out: Path, *arguments: str) -> Finished:
    return run(*arguments_of(out, *arguments))


def test_a_sweep_to_its_end_and_beyond(local_session: None, tmp_path: Path) -> None:
    arguments = arguments_of(tmp_path, "--algorithms", "dtomalb", "idql-tolb", "--env-steps", "200", "--jobs", "1")
    done = run_here(*arguments)
    assert done.returncode == 0, done.stderr
    rows = table(tmp_path)
    assert [row["algorithm"] for row in rows] == ["dtomalb"] * 2 + ["idql-tolb"] * 2
    assert [row["checkpoint"] for row in rows] == ["best", "last"] * 2
    assert json.loads((tmp_path / "results.json").read_text())[0]["utility"] == float(rows[0]["utility"])
    for row in rows:
        folder = RunFolder.open(tmp_path / row["run"])
        assert folder.summary is not None
        assert float(row["utility"]) == folder.summary["final"][row["checkpoint"]]["utility"]["mean"]
        assert list(folder.path.glob("events.out.tfevents.*"))
    assert "2 runs, 0 of them already finished" in done.stderr
    assert "runs/idql-tolb/paper/seed-0: utility" in done.stderr
    assert "results.csv" in done.stdout

    more = run_here(*arguments, "--seeds", "2")
    assert more.returncode == 0, more.stderr
    assert "4 runs, 2 of them already finished" in more.stderr
    assert [row for row in table(tmp_path) if row["seed"] == "0"] == rows  # with their times: not trained again
    assert len(table(tmp_path)) == 8


@pytest.mark.slow
def test_ray_and_tune_are_quiet(tmp_path: Path) -> None:
    done = sweep(tmp_path, "--algorithms", "dtomalb", "idql-tolb", "--env-steps", "200")
    assert done.returncode == 0, done.stderr
    others = [line for line in done.stderr.splitlines() if "env steps" not in line]  # one every ten seconds
    assert len(others) < 8, done.stderr
    assert len(table(tmp_path)) == 4


@pytest.fixture(scope="module")
def undisturbed(local_session: None, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The table of a sweep without a fault."""
    out = tmp_path_factory.mktemp("undisturbed")
    done = run_here(*arguments_of(out, *THREE))
    assert done.returncode == 0, done.stderr
    return table_without_times(out)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])  # test_interrupts sends SIGINT
def test_a_sweep_that_is_killed_loses_nothing(
    undisturbed: list[dict[str, str]], tmp_path: Path, number: signal.Signals
) -> None:
    second = RunFolder(tmp_path / "runs/idql-tolb/paper/seed-1")
    with start(*arguments_of(tmp_path, *THREE)) as process:
        process.wait_until(second.last_checkpoint)
        below = descendants(process.pid)
        process.send_signal(number)
        stopped = process.wait()
        assert below
        assert not survivors(below)
    first = RunFolder.open(tmp_path / "runs/idql-tolb/paper/seed-0")
    finished = (first.path / "summary.json").read_bytes()
    if number != signal.SIGKILL:
        assert stopped.returncode == STOPPED, stopped.stderr
        assert "of 3 runs are unfinished; re-run the command to resume" in stopped.stderr
        assert "Traceback" not in stopped.stderr
    last = second.last_checkpoint()
    assert last is not None
    kept = [row for row in second.rows() if int(row["env_steps"]) <= last[1].env_steps]
    assert not second.finished

    again = run_here(*arguments_of(tmp_path, *THREE))
    assert again.returncode == 0, again.stderr
    assert "3 runs, 1 of them already finished" in again.stderr
    assert (first.path / "summary.json").read_bytes() == finished
    assert [row["seed"] for row in table(tmp_path)] == ["0", "0", "1", "1", "2", "2"]
    assert table_without_times(tmp_path) == undisturbed
    assert kept
    assert second.rows()[: len(kept)] == kept  # with their times: not trained again


@pytest.mark.slow
def test_two_sweeps_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = arguments_of(tmp_path, "--algorithms", "idql-tolb", "--env-steps", "4000")
    with start(*arguments) as process:
        process.wait_until((tmp_path / "runs/idql-tolb/paper/seed-0/progress.csv").exists)
        assert main(arguments) == REFUSED
        assert f"another sweep is using {tmp_path}" in capsys.readouterr().err
        done = process.wait()
    assert done.returncode == 0, done.stderr
    assert [row["checkpoint"] for row in table(tmp_path)] == ["best", "last"]
    assert json.loads((tmp_path / "runs/idql-tolb/paper/seed-0/summary.json").read_text())["env_steps"] >= 4_000


@pytest.mark.slow
def test_runs_that_cannot_start_do_not_stop_the_others(tmp_path: Path) -> None:
    """A folder that is not a run fails, with the reason, and the other runs are trained.

    One run at a time: the first starts in a new process, the third in the process that the second has left.
    """
    all_blocked = [tmp_path / f"runs/idql-tolb/paper/seed-{seed}" for seed in (0, 2)]
    for blocked in all_blocked:
        blocked.mkdir(parents=True)
        (blocked / "thesis.txt").write_text("mine")
    done = sweep(tmp_path, "--algorithms", "idql-tolb", "--seeds", "4", "--env-steps", "200", "--jobs", "1")
    assert done.returncode == 1
    for blocked in all_blocked:
        (told,) = [line for line in done.stderr.splitlines() if f"runs/idql-tolb/paper/{blocked.name} failed" in line]
        assert "exists and is not a run" in told
        assert (blocked / "thesis.txt").read_text() == "mine"
    assert [row["seed"] for row in table(tmp_path)] == ["1", "1", "3", "3"]
