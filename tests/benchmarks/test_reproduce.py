"""From nothing to a figure, with real trainings of a small study."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.analysis import leaderboard
from benchmarks.analysis.figures import FIGURES
from benchmarks.study import plan, provenance, store
from benchmarks.study import reproduce as module
from benchmarks.study.plan import Study
from benchmarks.study.reproduce import reproduce
from benchmarks.study.store import Results
from recipes import sweep
from tests.benchmarks.test_store import finished
from tests.recipes.noise import RAY_NOISE

pytestmark = RAY_NOISE


@pytest.mark.slow
def test_a_figure_from_nothing_and_again_from_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Study(("idql-tolb",), ("paper",), seeds=2, num_users=(2, 3), env_steps=6_000)
    monkeypatch.setitem(FIGURES, "7", dataclasses.replace(FIGURES["7"], studies=(study,)))
    runs, results = tmp_path / "runs", tmp_path / "results"
    assert reproduce(["7"], runs, results, quick=True) == []
    assert "4 runs are missing" in capsys.readouterr().err
    rows = Results(results).table("final")
    assert len(rows) == 2 * 2 * 2
    assert set(rows["num_users"]) == {2, 3}
    assert {path.name for path in (results / "figures").iterdir()} == {"figure-7.png", "figure-7.svg"}

    shutil.rmtree(runs)  # stored rows need no runs
    drawn = (results / "figures" / "figure-7.svg").read_bytes()
    assert b"quick: 2 seeds, a thirtieth of the steps; not a result" in drawn
    assert reproduce(["7"], runs, results, quick=True) == []
    assert "0 runs are missing" in capsys.readouterr().err
    assert Results(results).table("final").equals(rows)
    assert (results / "figures" / "figure-7.svg").read_bytes() == drawn
    assert not runs.exists()


@pytest.mark.slow
def test_policies_that_a_figure_needs_are_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FIGURES, "optimum", dataclasses.replace(FIGURES["optimum"], studies=()))
    monkeypatch.setattr(plan, "OPTIMUM_GAMES", ("sparse",))
    results = Results(tmp_path)
    assert reproduce(["optimum"], tmp_path / "runs", tmp_path, quick=True) == []
    utility = {policy: leaderboard.utility_of(results, policy, "sparse") for policy in plan.OPTIMUM_POLICIES}
    assert utility["optimum"] >= utility["greedy"] > -20.0
    assert (tmp_path / "figures" / "figure-optimum.png").exists()
    monkeypatch.setattr(leaderboard, "judge", None)
    assert reproduce(["optimum"], tmp_path / "runs", tmp_path, quick=True) == []


def test_rows_of_earlier_streams_are_missing_if_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study(("dtomalb",), ("sparse",), seeds=2, env_steps=1_000)
    monkeypatch.setitem(FIGURES, "7", dataclasses.replace(FIGURES["7"], studies=(study,)))
    results = Results(tmp_path / "results")
    for _, run in study.runs():
        monkeypatch.setattr(store, "DRAWS", provenance.DRAWS - (run.settings.seed == 0))
        results.add("", run, finished(tmp_path, run, -7.0))
    for retrain, seeds in ((False, []), (True, [0])):
        missing = module._missing(results, ["7"], False, [], retrain)
        assert [run.settings.seed for _, run in missing.values()] == seeds


def test_a_pattern_of_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"--only must be a pattern of runs .*runs/dtomalb/paper, .*got '\*/dtomalb/moon/\*'"
    ):
        reproduce(["8"], tmp_path / "runs", tmp_path / "results", only=["*/dtomalb/moon/*"])
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("scenario", "values", "expected"),
    [
        ("paper", {}, True),
        ("paper", {"gamma": 0.8}, False),
        ("paper", {"gamma": 0.8, "also": ("urban",)}, True),  # plays what it was trained on, whatever its settings
        ("urban", {}, False),
    ],
)
def test_runs_on_the_papers_game_or_on_several_play_other_games(
    scenario: str, values: dict[str, Any], expected: bool
) -> None:
    (planned,) = sweep.plan(["dtomalb-equivariant"], [scenario], [0], search=[values])
    assert module._generalizes(planned) == expected
