"""Raw results: stored once, read as they were, summarised."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from benchmarks.analysis.figures import FIGURES
from benchmarks.analysis.statistics import REPETITIONS
from benchmarks.analysis.summary import summarise, summary_of
from benchmarks.study import provenance
from benchmarks.study.plan import Study
from benchmarks.study.store import COLUMNS, Results, cached, digest, read_table, write_table
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


def test_rows_are_stored_once_and_read_as_they_were(tmp_path: Path) -> None:
    stored = Results(tmp_path / "results")
    assert stored.table("final").empty
    (run,) = plan(["dtomalb"], ["paper"], [3], env_steps=1_000)
    folder = finished(tmp_path, run, -12.25)
    for variant in ("", "", "other"):
        stored.add(variant, run, folder)
    rows = stored.table("final")
    assert [*zip(rows["variant"], rows["checkpoint"], strict=True)] == [
        ("", "last"),
        ("", "best"),
        ("other", "last"),
        ("other", "best"),
    ]
    first = rows.iloc[0]
    assert first["settings"] == digest(run) != digest(plan(["dtomalb"], ["paper"], [3], env_steps=999)[0])
    assert (first["code"], first["draws"]) == ("code of seed 3", provenance.DRAWS)
    assert [first[name] for name in ("utility", "seed", "num_users", "wall_s")] == [-12.25, 3, 10, 2.0]
    curve = stored.table("curves")
    curve = curve[curve["variant"] == ""]
    assert curve["env_steps"].tolist() == [500, 1_000]
    assert curve["utility"].tolist() == [-24.5, -12.25]
    assert curve["score"].isna().all()
    configurations = json.loads((stored.folder / "configurations.json").read_text())
    assert configurations["dtomalb, paper, N = 10"]["command"] == (
        "python -m recipes train dtomalb --scenario paper --seed 3 --env-steps 1000"
    )


def test_the_origins_of_rows_and_summary_are_recorded(tmp_path: Path) -> None:
    stored = Results(tmp_path / "results")
    (run,) = plan(["dtomalb"], ["paper"], [3], env_steps=1_000)
    stored.add("", run, finished(tmp_path, run, -12.25))
    summarise(stored, "python -m benchmarks reproduce --figure 5")
    known = provenance.read(stored.folder)
    assert known.keys() == {"final.csv", "curves.csv", "summary.json"}
    assert known["final.csv"] == known["curves.csv"]
    assert known["final.csv"]["command"] == "python -m benchmarks reproduce --figure 5"
    assert known["final.csv"]["draws"] == [provenance.DRAWS]
    assert known["final.csv"]["versions"] == [{}]  # as the run's own summary says above
    summary = known["summary.json"]
    assert summary["versions"] == [versions()]
    assert summary["configuration"]["repetitions"] == REPETITIONS
    for _ in range(2):
        provenance.note(stored.folder, "final.csv", "another", {"seed": 0}, extends=True)
    assert provenance.read(stored.folder)["final.csv"]["command"] == "another"
    assert provenance.read(stored.folder)["final.csv"]["versions"] == [{}, versions()]
    assert provenance.read(stored.folder)["summary.json"] == summary


def test_a_value_is_kept_until_a_table_changes(tmp_path: Path) -> None:
    calls: list[int] = []

    @cached
    def rows_of(results: Results) -> int:
        calls.append(1)
        return len(results.table("users"))

    stored = Results(tmp_path)
    stored.write("users", [{"policy": "greedy", "num_users": 5}])
    assert rows_of(stored) == rows_of(stored) == 1
    assert len(calls) == 1
    stored.write("users", [{"policy": "greedy", "num_users": n} for n in (5, 10)])
    assert rows_of(stored) == 2


def test_the_summary_is_over_seeds() -> None:
    row = {"algorithm": "dtoma", "scenario": "paper", "num_users": 10, "variant": "", "checkpoint": "last"}
    utilities = [-11.0, -12.0, -12.5, -20.0]
    rows = [row | dict.fromkeys(METRICS, u) | {"seed": seed} for seed, u in enumerate(utilities)]
    rows += [rows[0] | {"checkpoint": "best", "utility": 0.0}]
    found = summary_of(pd.DataFrame(rows))["paper"]["dtoma"]
    assert found["utility"]["iqm"] == stats.trim_mean(utilities, 0.25) == -12.25
    assert found["utility"]["low"] <= -12.25 <= found["utility"]["high"]
    assert set(found) == set(METRICS)
    alone = summary_of(pd.DataFrame([row | {"num_users": 20} for row in rows[:1]]))["paper, N = 20"]["dtoma"]
    assert alone["utility"] == {"iqm": -11.0, "low": None, "high": None}


def test_the_runs_of_all_studies_are_valid() -> None:
    for figure in FIGURES.values():
        for study in figure.studies:
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
    assert {run.settings.env_steps for _, run in study.runs(quick=True)} == {2_000}


@pytest.mark.parametrize("name", [name for name in COLUMNS if (PUBLISHED / f"{name}.csv").exists()])
def test_a_published_table_is_written_as_it_was_read(name: str, tmp_path: Path) -> None:
    rows = read_table(PUBLISHED / f"{name}.csv", COLUMNS[name])
    assert len(rows)
    write_table(tmp_path / "again.csv", rows, [*rows.columns])
    assert (tmp_path / "again.csv").read_bytes() == (PUBLISHED / f"{name}.csv").read_bytes()


def test_the_published_summary_follows_from_the_published_rows() -> None:
    published = json.loads((PUBLISHED / "summary.json").read_text(encoding="utf-8"))
    again = json.loads(json.dumps(summary_of(Results(PUBLISHED).table("final"))))
    assert published.keys() == again.keys()
    for game, algorithms in again.items():
        for name, metrics in algorithms.items():
            for metric, value in metrics.items():
                there = published[game][name][metric]
                numbers = value.items() if isinstance(value, dict) else [(None, value)]
                for part, number in numbers:  # None where one seed has no interval
                    stored = there if part is None else there[part]
                    assert stored == (pytest.approx(number, rel=1e-9) if isinstance(number, float) else number)
