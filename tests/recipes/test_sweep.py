"""Sweeps for real, in processes of their own: to the end, killed at any moment, stopped, two at once."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recipes.cli import REFUSED, STOPPED, main
from recipes.runs import RunError, RunFolder
from recipes.settings import parse_assignments
from recipes.sweep import plan
from tests.recipes.noise import RAY_NOISE
from tests.recipes.test_training import CHECKOUT, TINY, command

pytestmark = RAY_NOISE
TINY_SWEEP = [*TINY, "--set", "num_steps_sampled_before_learning_starts=40", "--set", "train_batch_size_per_learner=4"]


def sweep(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("sweep", "--out", str(out), *arguments, *TINY_SWEEP),
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        check=False,
        timeout=600,  # on a machine that is busy with much else
    )


def start(out: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("sweep", "--out", str(out), *arguments, *TINY_SWEEP),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    )


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def table(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def without_clock(out: Path) -> list[dict[str, str]]:
    return [{name: text for name, text in row.items() if name != "wall_s"} for row in table(out)]


def running(out: Path) -> bool:
    """Whether a process still works on one of the sweep's runs."""
    from filelock import FileLock, Timeout

    for path in out.glob("runs/**/.lock"):
        try:
            with FileLock(path).acquire(timeout=0):
                pass
        except Timeout:
            return True
    return False


def test_a_sweep_to_its_end_and_beyond(tmp_path: Path) -> None:
    arguments = ("--algorithms", "dtomalb", "idql-tolb", "--env-steps", "200")
    done = sweep(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    rows = table(tmp_path)
    assert [row["algorithm"] for row in rows] == ["dtomalb"] * 2 + ["idql-tolb"] * 2
    assert [row["checkpoint"] for row in rows] == ["best", "last"] * 2
    assert json.loads((tmp_path / "results.json").read_text())[0]["utility"] == float(rows[0]["utility"])
    for row in rows:
        run = RunFolder.open(tmp_path / row["run"])
        assert run.finished
        assert float(row["utility"]) == run.summary["final"][row["checkpoint"]]["utility"]["mean"]  # type: ignore[index]
        assert list(run.path.glob("events.out.tfevents.*"))
    assert "2 runs, 0 of them finished before" in done.stderr
    assert "runs/idql-tolb/paper/seed-0: utility" in done.stderr
    assert len(done.stderr.splitlines()) < 12, done.stderr  # Ray and Tune are quiet
    assert "results.csv" in done.stdout

    more = sweep(tmp_path, *arguments, "--seeds", "2")
    assert more.returncode == 0, more.stderr
    assert "4 runs, 2 of them finished before" in more.stderr
    assert [row for row in table(tmp_path) if row["seed"] == "0"] == rows  # as they were, to the clock
    assert len(table(tmp_path)) == 8


THREE = ("--algorithms", "idql-tolb", "--seeds", "3", "--env-steps", "2000", "--jobs", "1", "--checkpoint-every", "0")


@pytest.fixture(scope="module")
def in_one_go(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The table of a sweep that nothing happened to."""
    out = tmp_path_factory.mktemp("in one go")
    done = sweep(out, *THREE)
    assert done.returncode == 0, done.stderr
    return without_clock(out)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_sweep_that_is_killed_loses_nothing(
    in_one_go: list[dict[str, str]], tmp_path: Path, number: signal.Signals
) -> None:
    process = start(tmp_path, *THREE)
    second = RunFolder(tmp_path / "runs/idql-tolb/paper/seed-1")
    wait_for(second.last_checkpoint, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    first = RunFolder.open(tmp_path / "runs/idql-tolb/paper/seed-0")
    finished = (first.path / "summary.json").read_bytes()
    if number != signal.SIGKILL:
        assert process.returncode == STOPPED, errors
        assert "of 3 runs are unfinished; the same command goes on" in errors
        assert "Traceback" not in errors
        assert not running(tmp_path)
    end = time.monotonic() + 60.0
    while running(tmp_path):  # Ray's processes miss a killed one after a moment
        assert time.monotonic() < end
        time.sleep(0.1)
    stood = second.last_checkpoint()
    assert stood is not None
    kept = [row for row in second.rows() if int(row["env_steps"]) <= stood[1].env_steps]
    assert not second.finished

    again = sweep(tmp_path, *THREE)
    assert again.returncode == 0, again.stderr
    assert "3 runs, 1 of them finished before" in again.stderr
    assert (first.path / "summary.json").read_bytes() == finished
    assert [row["seed"] for row in table(tmp_path)] == ["0", "0", "1", "1", "2", "2"]
    assert without_clock(tmp_path) == in_one_go
    assert kept
    assert second.rows()[: len(kept)] == kept  # to the clock: they were not trained again


def test_a_trial_goes_on_from_where_its_run_stood(local_session: None, tmp_path: Path) -> None:
    from recipes.rllib.tuning import RunTrial, _trial

    (run,) = plan(["idql-tolb"], ["paper"], [0], env_steps=2_000, assigned=parse_assignments(TINY_SWEEP[1::2]))
    sign = tmp_path / "sign"
    sign.touch()
    config = {"run": _trial(dataclasses.replace(run, folder=Path("run")), tmp_path, sign, 1.0, 60.0)}
    tmp_path /= "run"
    first = RunTrial(config=config)
    assert not first.train()["done"]
    first.train()
    first.stop()
    stood = RunFolder.open(tmp_path).last_checkpoint()
    assert stood is not None
    assert 1_000 <= stood[1].env_steps < 1_100
    rows = RunFolder.open(tmp_path).rows()
    second = RunTrial(config=config)
    result = second.train()
    while not result["done"]:
        result = second.train()
    second.stop()
    again = RunFolder.open(tmp_path)
    assert again.rows()[: len(rows)] == rows  # to the clock
    assert len(again.rows()) == 4
    assert again.finished
    third = RunTrial(config=config)  # as when a process dies before it could say that it was done
    assert third.train()["utility"] == result["utility"]
    third.stop()
    sign.unlink()
    with pytest.raises(RunError, match="on a cluster --out must be a folder that all nodes share"):
        RunTrial(config=config).train()


@pytest.mark.parametrize("algorithm", ["idql-tolb", "rllib-ppo"])
def test_a_process_takes_up_one_run_after_another(local_session: None, tmp_path: Path, algorithm: str) -> None:
    """And trains each to the bits that a process of its own would."""
    from filelock import FileLock

    from recipes.rllib.tuning import RunTrial, _trial

    tiny = [
        *TINY,
        *(TINY_SWEEP[len(TINY) :] if algorithm == "idql-tolb" else ("--set", "train_batch_size_per_learner=100")),
    ]
    runs = plan([algorithm], ["paper"], [0, 1], env_steps=1_000, assigned=parse_assignments(tiny[1::2]))
    sign = tmp_path / "sign"
    sign.touch()
    configs = [{"run": _trial(run, tmp_path, sign, 1.0, 60.0)} for run in runs]
    trial = RunTrial(config=configs[0])
    while not trial.train()["done"]:
        pass
    with FileLock(tmp_path / runs[0].folder / ".lock").acquire(timeout=0):  # free while the process waits for more
        assert trial.reset(configs[1])
    assert not trial.train()["done"]
    while not trial.train()["done"]:
        pass
    trial.stop()
    alone = command("train", algorithm, "--seed", "1", "--env-steps", "1000", "--out", str(tmp_path / "alone"), *tiny)
    subprocess.run(alone, cwd=CHECKOUT, check=True, capture_output=True, timeout=600)
    first, second, other = (RunFolder.open(tmp_path / name) for name in (runs[0].folder, runs[1].folder, "alone"))
    assert first.finished
    assert without_times(second) == without_times(other) != without_times(first)
    assert second.summary is not None
    assert other.summary is not None
    assert second.summary["final"] == other.summary["final"]


def without_times(run: RunFolder) -> list[dict[str, str]]:
    return [
        {name: text for name, text in row.items() if name not in ("wall_s", "env_steps_per_s")} for row in run.rows()
    ]


@pytest.mark.slow
def test_two_sweeps_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--algorithms", "idql-tolb", "--env-steps", "10000")
    process = start(tmp_path, *arguments)
    wait_for((tmp_path / "runs/idql-tolb/paper/seed-0/progress.csv").exists, process)
    assert main(["sweep", "--out", str(tmp_path), *arguments, *TINY_SWEEP]) == REFUSED
    assert f"another sweep is at work on {tmp_path}" in capsys.readouterr().err
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert [row["checkpoint"] for row in table(tmp_path)] == ["best", "last"]
    assert json.loads((tmp_path / "runs/idql-tolb/paper/seed-0/summary.json").read_text())["env_steps"] >= 10_000


@pytest.mark.slow
def test_a_trial_that_is_killed_goes_on(tmp_path: Path) -> None:
    process = start(tmp_path, "--algorithms", "idql-tolb", "--env-steps", "3000")
    wait_for((tmp_path / "runs/idql-tolb/paper/seed-0/progress.csv").exists, process)
    (trial,) = [pid for pid, name in children_of(process.pid) if name.startswith("ray::RunTrial")]
    os.kill(trial, signal.SIGKILL)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert [row["checkpoint"] for row in table(tmp_path)] == ["best", "last"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_that_cannot_be_does_not_stop_the_others(tmp_path: Path, seed: int) -> None:
    """Where one folder holds something else, that run fails, with the reason, and the others are trained.

    One at a time: the first in a new process, the second in the one that the first leaves.
    """
    blocked = tmp_path / f"runs/idql-tolb/paper/seed-{seed}"
    blocked.mkdir(parents=True)
    (blocked / "thesis.txt").write_text("mine")
    done = sweep(tmp_path, "--algorithms", "idql-tolb", "--seeds", "3", "--env-steps", "200", "--jobs", "1")
    assert done.returncode == 1
    assert f"runs/idql-tolb/paper/seed-{seed} failed" in done.stderr
    assert "holds something that is not a run" in done.stderr
    assert [row["seed"] for row in table(tmp_path)] == sorted(2 * [str(other) for other in {0, 1, 2} - {seed}])
    assert (blocked / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("kept", ["Failure # 1\nRunError: of its own", ""])
def test_a_trial_that_failed_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: str) -> None:
    from recipes.rllib.tuning import _Watch

    (run,) = plan(["idql-tolb"], ["paper"], [0], env_steps=200)
    watch = _Watch([run], {}, lambda run: None)
    file = tmp_path / "error.txt"
    if kept:
        file.write_text(kept)
    storage = SimpleNamespace(trial_fs_path="storage")
    trial: Any = SimpleNamespace(config={"run": {"name": run.name}}, error_file=str(file), storage=storage)
    watch.on_trial_error(0, [trial], trial)
    watch.close()
    assert watch.errors == {run.name: kept or "its process died as it took up this run"}
    told = "; its error is kept in storage/error.txt" if kept else ""
    assert f"{run.name}: failed{told}\n" in capsys.readouterr().err


def children_of(parent: int) -> list[tuple[int, str]]:
    """All processes below one, with their command lines."""
    below, found = {parent}, []
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    table = [line.split(None, 2) for line in listing.splitlines()]
    for _ in range(4):
        for pid, ppid, *words in table:
            if int(ppid) in below and int(pid) not in below:
                below.add(int(pid))
                found.append((int(pid), " ".join(words)))
    return found
