"""From nothing to a figure, for real, with a study of its own."""

import shutil
from pathlib import Path

import pytest

from benchmarks import leaderboard
from benchmarks.figures.beyond import GAP_POLICIES
from benchmarks.reproduce import reproduce
from benchmarks.rows import Results
from benchmarks.studies import FIGURES, Study
from tests.recipes.noise import RAY_NOISE

pytestmark = [pytest.mark.slow, *RAY_NOISE]


def test_a_figure_from_nothing_and_again_from_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Study(("idql-tolb",), ("paper",), seeds=2, num_users=(2, 3), env_steps=6_000)
    monkeypatch.setitem(FIGURES, "7", (study,))
    runs, results = tmp_path / "runs", tmp_path / "results"
    assert reproduce(["7"], runs, results, quick=True) == []
    assert "4 runs are missing" in capsys.readouterr().err
    rows = Results(results).final()
    assert len(rows) == 2 * 2 * 2
    assert {row["num_users"] for row in rows} == {2, 3}
    assert {path.name for path in (results / "figures").iterdir()} == {"figure-7.png", "figure-7.svg"}

    shutil.rmtree(runs)  # what was kept needs no runs
    drawn = (results / "figures" / "figure-7.svg").read_bytes()
    assert b"quick: 2 seeds, a tenth of the steps; not a result" in drawn
    assert reproduce(["7"], runs, results, quick=True) == []
    assert "0 runs are missing" in capsys.readouterr().err
    assert Results(results).final() == rows
    assert (results / "figures" / "figure-7.svg").read_bytes() == drawn
    assert not runs.exists()


def test_policies_that_a_figure_needs_are_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FIGURES, "optimum", ())
    for module in ("benchmarks.reproduce", "benchmarks.figures.beyond"):
        monkeypatch.setattr(f"{module}.GAP_GAMES", ("sparse",))
    assert reproduce(["optimum"], tmp_path / "runs", tmp_path, quick=True) == []
    utility = {policy: leaderboard.utility_of(tmp_path, policy, "sparse") for policy in GAP_POLICIES}
    assert utility["optimum"] >= utility["greedy"] > -20.0
    assert (tmp_path / "figures" / "figure-optimum.png").exists()
    monkeypatch.setattr(leaderboard, "judge", None)
    assert reproduce(["optimum"], tmp_path / "runs", tmp_path, quick=True) == []
