"""The record of how algorithms were tuned, ``tuning.csv``: ``python -m benchmarks tuned SWEEP SEARCH`` adds to it.

A row for each run: what was searched, and how its last checkpoint does on the 32 games of the training's own
evaluations; the games of final results are not looked at for it.
"""

import csv
from pathlib import Path
from typing import Any

from benchmarks.provenance import note
from benchmarks.rows import Row, write_rows
from recipes.files import finite_or_none
from recipes.runs import RunFolder
from recipes.sweep import combinations, read_search

FILE = "tuning.csv"
_KEY = ("algorithm", "scenario", "seed")
_FOUND = ("env_steps", "episodes", "utility", "score", "wall_s")


def keep(sweep: Path, search: Path, results: Path) -> int:
    """Add the finished runs of a search to the table, each in the place of the one with the same settings.

    Args:
        sweep: its folder, which may hold other searches' runs as well.
        search: the file of what was searched.
        results: the folder of the table.

    Returns:
        How many runs there were.
    """
    settings = list(combinations(read_search(search)))
    searched = {name for setting in settings for name in setting}
    files = sorted((sweep / "runs").glob("**/summary.json"))
    runs = [RunFolder.open(file.parent) for file in files]
    runs = [run for run in runs if any(_has(run, setting) for setting in settings)]
    new = [_row(run, searched) for run in runs]
    texts = [{name: "" if value is None else str(value) for name, value in finite_or_none(row).items()} for row in new]
    rows: list[Row] = [*entries(results), *texts]
    names = sorted({name for row in rows for name in row} - {*_KEY, *_FOUND})
    kept = {tuple(row.get(name, "") for name in (*_KEY, *names)): row for row in rows}
    write_rows(results / FILE, (*_KEY, *names, *_FOUND), [kept[key] for key in sorted(kept)])
    made_with = [(run.summary or {})["versions"] for run in runs]
    command = "python -m recipes sweep, as in benchmarks/tuning/README.md"
    note(results, FILE, command, "the columns up to env_steps", made_with, extends=True)
    return len(new)


def _has(run: RunFolder, setting: dict[str, Any]) -> bool:
    """Whether a run has a setting's values, on a scenario as it is."""
    values = run.settings.to_json()["hyperparameters"]
    return not run.settings.env and all(name in values and values[name] == setting[name] for name in setting)


def entries(results: Path) -> list[dict[str, str]]:
    """The table's rows as they are written."""
    path = results / FILE
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _row(folder: RunFolder, searched: set[str]) -> Row:
    settings, summary = folder.settings, folder.summary
    assert summary is not None
    values = settings.to_json()["hyperparameters"]
    found = summary["evaluation"]
    return {
        "algorithm": settings.algorithm,
        "scenario": settings.scenario,
        "seed": settings.seed,
        **{name: values[name] for name in searched},
        "env_steps": summary["env_steps"],
        "episodes": found["episodes"],
        "utility": found["utility"]["mean"],
        "score": found["score"]["mean"],
        "wall_s": summary["wall_s"],
    }
