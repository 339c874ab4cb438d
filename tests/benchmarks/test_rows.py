"""The raw results: kept once, summarised from themselves."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import provenance
from benchmarks.rows import Results, digest, summary_of
from benchmarks.statistics import REPETITIONS, interquartile_mean
from benchmarks.studies import FIGURES, Study
from recipes.checkpoints import Progress
from recipes.runs import RunFolder
from recipes.sweep import PlannedRun, plan
from recipes.versions import versions

PUBLISHED = Path(__file__).parents[2] / "benchmarks" / "results"
METRICS = ("utility", "mean_delay_s", "p95_delay_s", "imbalance", "offload_fraction", "jain_fairness", "score")


def finished(folder: Path, run: PlannedRun, utility: float) -> RunFolder:
    """A run's folder as training leaves it."""
    begun = RunFolder.begin(folder / run.folder, run.settings)
    for step in (500, 1_000):
        begun.add_row({"env_steps": step, "eval_utility": utility * 1_000 / step, "eval_score": float("nan")})
    begun.save_checkpoint(Progress(1_000, 2.0), lambda path: (path / "weights").write_text("w"))
    result: dict[str, Any] = {name: {"mean": utility} for name in METRICS} | {"episodes": 320, "at_env_steps": 1_000}
    settings = run.settings.to_json()
    begun.finish(
        settings
        | {
            "env_steps": 1_000,
            "evaluation": result,
            "final": {"last": result, "best": result},
            "versions": {},
            "code": f"code of seed {run.settings.seed}",
            "wall_s": 2.0,
        }
    )
    begun.release()
    return begun


def test_rows_are_kept_once_and_read_as_they_were(tmp_path: Path) -> None:
    kept = Results(tmp_path / "results")
    assert kept.final() == []
    (run,) = plan(["dtomalb"], ["paper"], [3], env_steps=1_000)
    folder = finished(tmp_path, run, -12.25)
    kept.add("", run, folder)
    kept.add("", run, folder)
    kept.add("other", run, folder)
    rows = kept.final()
    assert [(row["variant"], row["checkpoint"]) for row in rows] == [
        ("", "last"),
        ("", "best"),
        ("other", "last"),
        ("other", "best"),
    ]
    assert rows[0]["settings"] == digest(run) != digest(plan(["dtomalb"], ["paper"], [3], env_steps=999)[0])
    assert rows[0]["code"] == "code of seed 3"
    assert (rows[0]["utility"], rows[0]["seed"], rows[0]["num_users"], rows[0]["wall_s"]) == (-12.25, 3, 10, 2.0)
    curve = [row for row in kept.curves() if not row["variant"]]
    assert [(row["env_steps"], row["utility"], row["score"]) for row in curve] == [
        (500, -24.5, None),
        (1_000, -12.25, None),
    ]
    configurations = json.loads((kept.folder / "configurations.json").read_text())
    assert configurations["dtomalb, paper, N = 10"]["command"] == (
        "python -m recipes train dtomalb --scenario paper --seed 3 --env-steps 1000"
    )


def test_rows_and_their_summary_say_where_they_come_from(tmp_path: Path) -> None:
    kept = Results(tmp_path / "results")
    (run,) = plan(["dtomalb"], ["paper"], [3], env_steps=1_000)
    kept.add("", run, finished(tmp_path, run, -12.25))
    kept.summarise("python -m benchmarks reproduce --figure 5")
    known = provenance.read(kept.folder)
    assert known.keys() == {"final.csv", "curves.csv", "summary.json"}
    assert known["final.csv"] == known["curves.csv"]
    assert known["final.csv"]["command"] == "python -m benchmarks reproduce --figure 5"
    assert known["final.csv"]["versions"] == [{}]  # as the run's own summary says above
    summary = known["summary.json"]
    assert summary["versions"] == [versions()]
    assert summary["configuration"]["repetitions"] == REPETITIONS
    for _ in range(2):
        provenance.note(kept.folder, "final.csv", "another", {"seed": 0}, extends=True)
    assert provenance.read(kept.folder)["final.csv"]["command"] == "another"
    assert provenance.read(kept.folder)["final.csv"]["versions"] == [{}, versions()]
    assert provenance.read(kept.folder)["summary.json"] == summary


def test_the_summary_is_over_seeds() -> None:
    row = {"algorithm": "dtoma", "scenario": "paper", "num_users": 10, "variant": "", "checkpoint": "last"}
    utilities = [-11.0, -12.0, -12.5, -20.0]
    rows = [row | dict.fromkeys(METRICS, u) | {"seed": seed} for seed, u in enumerate(utilities)]
    rows += [rows[0] | {"checkpoint": "best", "utility": 0.0}]
    found = summary_of(rows)["paper"]["dtoma"]
    assert found["utility"]["iqm"] == interquartile_mean(np.asarray(utilities)) == -12.25
    assert found["utility"]["low"] <= -12.25 <= found["utility"]["high"]
    assert set(found) == set(METRICS)
    alone = summary_of([row | {"num_users": 20} for row in rows[:1]])["paper, N = 20"]["dtoma"]
    assert alone["utility"] == {"iqm": -11.0, "low": None, "high": None}


def test_studies_name_runs_that_can_be() -> None:
    for studies in FIGURES.values():
        for study in studies:
            for quick in (False, True):
                runs = study.runs(quick)
                assert len({run.folder for _, run in runs}) == len(runs)
    study = Study(("dtomalb",), ("paper",), seeds=4, num_users=(5, 10))
    names = [run.name for _, run in study.runs(quick=True)]
    assert names == [
        "runs/dtomalb/paper/num_users=5/seed-0",
        "runs/dtomalb/paper/num_users=5/seed-1",
        "runs/dtomalb/paper/seed-0",  # ten users are the scenario's own: the same runs as without naming them
        "runs/dtomalb/paper/seed-1",
    ]
    assert {run.settings.env_steps for _, run in study.runs(quick=True)} == {6_000}


@pytest.mark.skipif(not (PUBLISHED / "summary.json").exists(), reason="no results are published yet")
def test_the_published_summary_follows_from_the_published_rows() -> None:
    published = json.loads((PUBLISHED / "summary.json").read_text(encoding="utf-8"))
    again = json.loads(json.dumps(summary_of(Results(PUBLISHED).final())))
    assert published.keys() == again.keys()
    for game, algorithms in again.items():
        for name, metrics in algorithms.items():
            for metric, value in metrics.items():
                there = published[game][name][metric]
                assert there == (pytest.approx(value, rel=1e-9) if isinstance(value, dict) else value)
