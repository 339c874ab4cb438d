"""Record of the hyper-parameter search: ``tuning.csv``, a row for each run.

Results are those of the last checkpoint on the 32 episodes of the evaluations in training; the episodes of the final
evaluation play no part in tuning.
"""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.study.provenance import note
from benchmarks.study.store import RESULTS, Row, write_table
from recipes.files import finite_or_none
from recipes.runs import RunFolder
from recipes.sweep import combinations, read_search

FILE = "tuning.csv"
_KEY = ("algorithm", "scenario", "seed")
_FOUND = ("env_steps", "episodes", "utility", "score", "wall_s")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("sweep", type=Path, help="folder of the sweep's runs")
    parser.add_argument("search", type=Path, help="YAML file of the search")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="(benchmarks/results)")


def run(options: argparse.Namespace) -> None:
    """Add a search's finished runs to the table."""
    print(f"{add(options.sweep, options.search, options.results)} runs stored")


def add(sweep: Path, search: Path, results: Path) -> int:
    """Add the finished runs of a search to the table, replacing rows with the same settings.

    Args:
        sweep: folder of the runs, which may hold other searches' runs as well.
        search: YAML file of the search.
        results: folder of the table.

    Returns:
        The number of runs.
    """
    settings = list(combinations(read_search(search)))
    searched = {name for setting in settings for name in setting}
    runs = [RunFolder.open(file.parent) for file in sorted((sweep / "runs").glob("**/summary.json"))]
    runs = [run for run in runs if any(_matches(run, setting) for setting in settings)]
    new = [_row(run, searched) for run in runs]
    texts = [{name: "" if value is None else str(value) for name, value in finite_or_none(row).items()} for row in new]
    frame = pd.concat([entries(results), pd.DataFrame(texts, dtype=str)]).fillna("")
    names = sorted({*frame.columns} - {*_KEY, *_FOUND})
    frame = frame.drop_duplicates([*_KEY, *names], keep="last").sort_values([*_KEY, *names])
    write_table(results / FILE, frame, (*_KEY, *names, *_FOUND))
    made_with = [(run.summary or {})["versions"] for run in runs]
    command = "python -m recipes sweep, as in benchmarks/config/tuning/README.md"
    note(results, FILE, command, "the columns up to env_steps", made_with, extends=True)
    return len(new)


def entries(results: Path) -> pd.DataFrame:
    """Return the table with all cells as text."""
    path = results / FILE
    return pd.read_csv(path, dtype=str, keep_default_na=False) if path.exists() else pd.DataFrame(dtype=str)


def _matches(run: RunFolder, setting: dict[str, Any]) -> bool:
    """Return whether a run has a setting's values, on an unchanged scenario."""
    values = run.settings.to_json()["hyperparameters"]
    return not run.settings.env and all(name in values and values[name] == setting[name] for name in setting)


def _row(folder: RunFolder, searched: set[str]) -> Row:
    settings, summary = folder.settings, folder.summary
    assert summary is not None
    values, found = settings.to_json()["hyperparameters"], summary["evaluation"]
    results = (summary["env_steps"], found["episodes"], *(found[m]["mean"] for m in ("utility", "score")))
    return {
        **dict(zip(_KEY, (settings.algorithm, settings.scenario, settings.seed), strict=True)),
        **{name: values[name] for name in searched},
        **dict(zip(_FOUND, (*results, summary["wall_s"]), strict=True)),
    }
