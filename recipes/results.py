"""The tidy table of a sweep: two rows for each finished run, its last and its best checkpoint."""

import csv
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edgeoffload_env.evaluation import METRICS
from recipes.files import finite, atomic_write, write_json
from recipes.runs import RunFolder

CSV_FILE, JSON_FILE = "results.csv", "results.json"
_FIXED = ("algorithm", "scenario", "num_users", "seed", "checkpoint")


def rows_of(sweep: Path) -> list[dict[str, Any]]:
    """The rows of all finished runs below a sweep's folder, sorted by what was run.

    Columns: ``algorithm``, ``scenario``, ``num_users``, ``seed``, ``checkpoint`` ("last" or "best"), what ``--set`` or
    the search set otherwise than by default, ``env_steps`` of training until then, ``episodes`` that the checkpoint was
    judged on, the means of the metrics and the score over them, ``wall_s`` of the whole training, ``run``.
    """
    rows: list[dict[str, Any]] = []
    for file in sorted(sweep.glob("runs/**/summary.json")):
        folder = RunFolder.open(file.parent)
        rows += _rows(folder, sweep)
    rows.sort(key=lambda row: tuple(row[name] for name in _FIXED))
    varied = list(dict.fromkeys(name for row in rows for name in row["set"]))
    return [
        {**{name: row[name] for name in _FIXED}, **{name: row["all"].get(name) for name in varied}, **row["figures"]}
        for row in rows
    ]


def _rows(folder: RunFolder, sweep: Path) -> list[dict[str, Any]]:
    settings, summary = folder.settings, folder.summary
    assert summary is not None
    defaults = {name: default for name, default, _ in type(settings.hyperparameters).described()}
    chosen = {name: value for name, value in vars(settings.hyperparameters).items() if value != defaults[name]}
    game = {f"env.{name}": value for name, value in settings.env.items() if name != "num_users"}
    everything = vars(settings.hyperparameters) | {f"env.{k}": v for k, v in vars(settings.env_config).items()}
    return [
        {
            "algorithm": settings.algorithm,
            "scenario": settings.scenario,
            "num_users": settings.env_config.num_users,
            "seed": settings.seed,
            "checkpoint": checkpoint,
            "set": chosen | game,
            "all": everything,
            "figures": {
                "env_steps": result["at_env_steps"],
                "episodes": result["episodes"],
                **{name: result[name]["mean"] for name in (*METRICS, "score")},
                "wall_s": summary["wall_s"],
                "run": folder.path.relative_to(sweep).as_posix(),
            },
        }
        for checkpoint, result in summary["final"].items()
    ]


def write_tables(sweep: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write ``results.csv`` and ``results.json`` in a sweep's folder, each in one move."""
    write_json(sweep / JSON_FILE, list(rows))
    with atomic_write(sweep / CSV_FILE) as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else _FIXED, lineterminator="\n")
        writer.writeheader()
        writer.writerows(finite(row) for row in rows)


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The last checkpoints of runs that differ only by their seed in one line: mean utility, its deviation, score."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    names: list[str] = []
    for row in rows:
        if row["checkpoint"] != "last":
            continue
        names = [name for name in list(row)[: list(row).index("episodes")] if name not in ("seed", "checkpoint")]
        groups.setdefault(tuple(str(row[name]) for name in names), []).append(row)
    lines = [[*names, "seeds", "utility", "std", "score"]]
    for key, members in groups.items():
        utilities = [row["utility"] for row in members]
        scores = [row["score"] for row in members if row["score"] is not None]
        lines.append(
            [
                *key,
                str(len(members)),
                f"{statistics.fmean(utilities):.2f}",
                f"{statistics.stdev(utilities):.2f}" if len(members) > 1 else "-",
                f"{statistics.fmean(scores):.3f}" if scores and all(map(math.isfinite, scores)) else "-",
            ]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(cells).rstrip() for cells in padded)
