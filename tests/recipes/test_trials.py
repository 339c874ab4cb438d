"""Trials of a sweep in this process: resume, reuse of a process, reports of failures."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recipes.errors import RunError
from recipes.runs import RunFolder
from recipes.settings import parse_assignments
from recipes.sweep import plan
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import run
from tests.recipes.runs import TINY, TINY_DQN, rows_without_times

pytestmark = RAY_NOISE


def test_a_trial_resumes_its_run(local_session: None, tmp_path: Path) -> None:
    from recipes.rllib.trial import RunTrial, trial_config

    (planned,) = plan(["idql-tolb"], ["paper"], [0], env_steps=2_000, assigned=parse_assignments(TINY_DQN[1::2]))
    marker = tmp_path / "marker"
    marker.touch()
    config = {"run": trial_config(dataclasses.replace(planned, folder=Path("run")), tmp_path, marker, 1.0, 60.0)}
    tmp_path /= "run"
    first = RunTrial(config=config)
    assert not first.train()["done"]
    first.train()
    first.stop()
    stopped = RunFolder.open(tmp_path).last_checkpoint()
    assert stopped is not None
    assert 1_000 <= stopped[1].env_steps < 1_100
    rows = RunFolder.open(tmp_path).rows()
    second = RunTrial(config=config)
    result = second.train()
    while not result["done"]:
        result = second.train()
    second.stop()
    again = RunFolder.open(tmp_path)
    assert again.rows()[: len(rows)] == rows  # with their times: they were not trained again
    assert len(again.rows()) == 4
    assert again.finished
    third = RunTrial(config=config)  # the first process died before it reported its end
    assert third.train()["utility"] == result["utility"]
    third.stop()
    marker.unlink()
    with pytest.raises(RunError, match="on a cluster --out must be a folder that all nodes share"):
        RunTrial(config=config).train()


@pytest.mark.parametrize("algorithm", ["idql-tolb", pytest.param("rllib-ppo", marks=pytest.mark.slow)])
def test_a_process_trains_one_run_after_another(local_session: None, tmp_path: Path, algorithm: str) -> None:
    """And trains each to the same bits as a process of its own."""
    from filelock import FileLock

    from recipes.rllib.trial import RunTrial, trial_config

    tiny = [
        *TINY,
        *(TINY_DQN[len(TINY) :] if algorithm == "idql-tolb" else ("--set", "train_batch_size_per_learner=100")),
    ]
    runs = plan([algorithm], ["paper"], [0, 1], env_steps=1_000, assigned=parse_assignments(tiny[1::2]))
    marker = tmp_path / "marker"
    marker.touch()
    configs = [{"run": trial_config(planned, tmp_path, marker, 1.0, 60.0)} for planned in runs]
    trial = RunTrial(config=configs[0])
    while not trial.train()["done"]:
        pass
    with FileLock(tmp_path / runs[0].folder / ".lock").acquire(timeout=0):  # the lock is free between runs
        assert trial.reset(configs[1])
    assert not trial.train()["done"]
    while not trial.train()["done"]:
        pass
    trial.stop()
    alone = run("train", algorithm, "--seed", "1", "--env-steps", "1000", "--out", str(tmp_path / "alone"), *tiny)
    assert alone.returncode == 0, alone.stderr
    first, second, other = (RunFolder.open(tmp_path / name) for name in (runs[0].folder, runs[1].folder, "alone"))
    assert first.finished
    assert rows_without_times(second.path) == rows_without_times(other.path) != rows_without_times(first.path)
    assert second.summary is not None
    assert other.summary is not None
    assert second.summary["final"] == other.summary["final"]


@pytest.mark.parametrize("kept", ["Failure # 1\nRunError: a reason", ""])
def test_a_failed_trial_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: str) -> None:
    from recipes.rllib.sweep_report import SweepReport

    (planned,) = plan(["idql-tolb"], ["paper"], [0], env_steps=200)
    report = SweepReport([planned], {}, lambda _: None)
    file = tmp_path / "error.txt"
    if kept:
        file.write_text(kept)
    storage = SimpleNamespace(trial_fs_path="storage")
    trial: Any = SimpleNamespace(config={"run": {"name": planned.name}}, error_file=str(file), storage=storage)
    report.on_trial_error(0, [trial], trial)
    report.close()
    assert report.errors == {planned.name: kept or "its process died while it started this run"}
    note = "; traceback in storage/error.txt" if kept else ""
    assert f"{planned.name}: failed{note}\n" in capsys.readouterr().err
