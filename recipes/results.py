"""Results table of a sweep: two rows for each finished run, its last and its best checkpoint."""

import csv
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edgeoffload_env.evaluation import METRICS
from edgeoffload_env.evaluation.evaluate import SCORES
from recipes.files import atomic_write, finite_or_none, write_json
from recipes.runs import RunFolder

CSV_FILE, JSON_FILE = "results.csv", "results.json"
_FIXED = ("algorithm", "scenario", "num_users", "seed", "checkpoint")


def result_rows(sweep: Path) -> list[dict[str, Any]]:
    """Return the rows of all finished runs in a sweep's folder, sorted by algorithm, scenario, users and seed.

    Columns: ``algorithm``, ``scenario``, ``num_users``, ``seed``, ``checkpoint`` ("last" or "best"), every setting that
    differs from its default in any run, ``env_steps`` at the checkpoint, ``episodes`` of its final evaluation, the mean
    of each metric and of the score over these episodes, ``wall_s`` of the whole training, ``run`` (the run's folder).
    """
    rows: list[dict[str, Any]] = []
    for file in sorted(sweep.glob("runs/**/summary.json")):
        folder = RunFolder.open(file.parent)
        rows += _run_rows(folder, sweep)
    rows.sort(key=lambda row: tuple(row[name] for name in _FIXED))
    varied = list(dict.fromkeys(name for row in rows for name in row["changed"]))
    return [
        {**{name: row[name] for name in _FIXED}, **{name: row["all"].get(name) for name in varied}, **row["results"]}
        for row in rows
    ]


def _run_rows(folder: RunFolder, sweep: Path) -> list[dict[str, Any]]:
    settings, summary = folder.settings, folder.summary
    assert summary is not None
    defaults = {name: default for name, default, _ in type(settings.hyperparameters).described()}
    changed = {name: value for name, value in vars(settings.hyperparameters).items() if value != defaults[name]}
    game = {f"env.{name}": value for name, value in settings.env.items() if name != "num_users"}
    all_settings = vars(settings.hyperparameters) | {f"env.{k}": v for k, v in vars(settings.env_config).items()}
    return [
        {
            "algorithm": settings.algorithm,
            "scenario": settings.scenario,
            "num_users": settings.env_config.num_users,
            "seed": settings.seed,
            "checkpoint": checkpoint,
            "changed": changed | game,
            "all": all_settings,
            "results": {
                "env_steps": result["at_env_steps"],
                "episodes": result["episodes"],
                **{name: result[name]["mean"] for name in METRICS},
                **{name: result.get(name, {"mean": None})["mean"] for name in SCORES},  # old runs have no gain
                "wall_s": summary["wall_s"],
                "run": folder.path.relative_to(sweep).as_posix(),
            },
        }
        for checkpoint, result in summary["final"].items()
    ]


def write_tables(sweep: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write ``results.csv`` and ``results.json`` into a sweep's folder, each atomically."""
    write_json(sweep / JSON_FILE, list(rows))
    with atomic_write(sweep / CSV_FILE) as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else _FIXED, lineterminator="\n")
        writer.writeheader()
        writer.writerows(finite_or_none(row) for row in rows)


def summary_table(rows: Iterable[dict[str, Any]]) -> str:
    """Format the last checkpoints: a line per group of seeds, with mean utility, standard deviation, score and gain."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    names: list[str] = []
    for row in rows:
        if row["checkpoint"] != "last":
            continue
        names = [name for name in list(row)[: list(row).index("episodes")] if name not in ("seed", "checkpoint")]
        groups.setdefault(tuple(str(row[name]) for name in names), []).append(row)
    lines = [[*names, "seeds", "utility", "std", "score", "gain over fixed"]]
    for key, members in groups.items():
        utilities = [row["utility"] for row in members]
        lines.append(
            [
                *key,
                str(len(members)),
                f"{statistics.fmean(utilities):.2f}",
                f"{statistics.stdev(utilities):.2f}" if len(members) > 1 else "-",
                *(_mean([row[name] for row in members]) for name in SCORES),
            ]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def _mean(scores: Sequence[float | None]) -> str:
    known = [score for score in scores if score is not None]
    return f"{statistics.fmean(known):.3f}" if known and all(map(math.isfinite, known)) else "-"
