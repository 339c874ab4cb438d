"""The raw results: a row for each trained run's checkpoints and evaluations, kept as soon as the run is finished.

======================  =============================================================================================
``final.csv``           a row per run and checkpoint ("last", "best"): means over the final evaluation's episodes
``curves.csv``          a row per evaluation during training
``servers.csv``         a row per run and server: load factor and share of the tasks under the last checkpoint
``configurations.json``  per algorithm, variant and game: what was set, versions, the command of the first run
``summary.json``        scenario -> algorithm -> metric -> {iqm, low, high}: the interquartile mean over seeds of the
                        last checkpoints and its 95 % interval; a scenario with another number of users than its own
                        is "paper, N = 20"
``users.csv``           a row per shipped policy and number of users
``provenance.json``     per file: the command that makes it again, its configuration, versions
``elsewhere.csv``       a row per run on ``paper`` and game it was not trained on: how its last checkpoint does there
======================  =============================================================================================
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.provenance import note
from benchmarks.servers import ServerUse
from benchmarks.statistics import CONFIDENCE, REPETITIONS, estimate
from edgeoffload_env import Evaluation, scenarios
from edgeoffload_env.evaluation import METRICS
from recipes.files import atomic_write, finite_or_none, write_json
from recipes.runs import RunFolder
from recipes.sweep import PlannedRun

KEY = ("algorithm", "scenario", "num_users", "variant", "seed")
FINAL = (*KEY, "checkpoint", "settings", "code", "env_steps", "episodes", *METRICS, "score", "wall_s")
CURVES = (*KEY, "env_steps", "utility", "score")
SERVERS = (*KEY, "server", "server_hz", "load_factor_s", "task_share")
ELSEWHERE = (*KEY, "game", "episodes", *METRICS, "score")
_BOOTSTRAP_SEED = 0

Row = dict[str, Any]


class Results:
    """The folder that holds them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def final(self) -> list[Row]:
        """The rows of ``final.csv``, numbers as numbers; none while there is no file."""
        return read_rows(self.folder / "final.csv")

    def curves(self) -> list[Row]:
        """The rows of ``curves.csv``."""
        return read_rows(self.folder / "curves.csv")

    def servers(self) -> list[Row]:
        """The rows of ``servers.csv``."""
        return read_rows(self.folder / "servers.csv")

    def anarchy(self) -> list[Row]:
        """The rows of ``anarchy.csv``; see :mod:`benchmarks.anarchy`."""
        return read_rows(self.folder / "anarchy.csv")

    def complexity(self) -> list[Row]:
        """The rows of ``complexity.csv``; see :mod:`benchmarks.complexity`."""
        return read_rows(self.folder / "complexity.csv")

    def users(self) -> list[Row]:
        """The rows of ``users.csv``; see :mod:`benchmarks.users`."""
        return read_rows(self.folder / "users.csv")

    def elsewhere(self) -> list[Row]:
        """The rows of ``elsewhere.csv``."""
        return read_rows(self.folder / "elsewhere.csv")

    def add_elsewhere(self, variant: str, run: PlannedRun, found: dict[str, Evaluation]) -> None:
        """Keep how a run's last checkpoint does in games it was not trained on."""
        key = key_of(variant, run)
        new = [
            {**key, "game": game, "episodes": result.episodes}
            | {name: interval.mean for name, interval in result.summary().items()}
            for game, result in found.items()
        ]
        write_rows(self.folder / "elsewhere.csv", ELSEWHERE, _replaced(self.elsewhere(), key, new, "game"))

    def add_servers(self, variant: str, run: PlannedRun, use: ServerUse) -> None:
        """Keep how a run's last checkpoint uses the servers."""
        key = key_of(variant, run)
        new = [
            {**key, "server": m + 1, **dict(zip(use._fields, map(float, values), strict=True))}
            for m, values in enumerate(zip(*use, strict=True))
        ]
        write_rows(self.folder / "servers.csv", SERVERS, _replaced(self.servers(), key, new, "server"))

    def add(self, variant: str, run: PlannedRun, folder: RunFolder) -> None:
        """Keep a finished run's rows, in the place of those it had."""
        summary = folder.summary
        assert summary is not None
        key = key_of(variant, run)
        final = [
            {
                **key,
                "checkpoint": checkpoint,
                "settings": digest(run),
                "code": summary.get("code", ""),
                "env_steps": result["at_env_steps"],
                "episodes": result["episodes"],
                **{name: result[name]["mean"] for name in (*METRICS, "score")},
                "wall_s": summary["wall_s"],
            }
            for checkpoint, result in summary["final"].items()
        ]
        curve = [
            {**key, "env_steps": int(row["env_steps"]), "utility": row["eval_utility"], "score": row["eval_score"]}
            for row in folder.rows()
        ]
        self._add_configuration(variant, run, summary)
        write_rows(self.folder / "curves.csv", CURVES, _replaced(self.curves(), key, curve))
        write_rows(
            self.folder / "final.csv", FINAL, _replaced(self.final(), key, final)
        )  # last: it says that all is there

    def summarise(self, command: str) -> None:
        """Write ``summary.json`` from the rows that a command makes, and where both come from."""
        write_json(self.folder / "summary.json", summary_of(self.final()))
        made_with = [group["versions"] for group in self.configurations().values()]
        for file in ("final.csv", "curves.csv", "servers.csv", "elsewhere.csv"):
            if (self.folder / file).exists():
                what = "of each algorithm, variant and game: configurations.json"
                note(self.folder, file, command, what, made_with)
        bootstrap: dict[str, Any] = {"rows": "final.csv", "checkpoint": "last", "metrics": [*METRICS, "score"]}
        bootstrap |= {"confidence": CONFIDENCE, "repetitions": REPETITIONS, "seed": _BOOTSTRAP_SEED}
        note(self.folder, "summary.json", f"{command} --no-training", bootstrap)

    def configurations(self) -> dict[str, Any]:
        """What ``configurations.json`` holds, by algorithm, variant and game."""
        file = self.folder / "configurations.json"
        known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return known

    def _add_configuration(self, variant: str, run: PlannedRun, summary: dict[str, Any]) -> None:
        known, settings = self.configurations(), run.settings
        name = f"{label(settings.algorithm, variant)}, {settings.scenario}, N = {settings.env_config.num_users}"
        here = {"hyperparameters": summary["hyperparameters"], "env": summary["env"], "versions": summary["versions"]}
        if name in known and here.items() <= known[name].items():
            return
        known[name] = here | {"command": settings.command}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "configurations.json", dict(sorted(known.items())))


def key_of(variant: str, run: PlannedRun) -> Row:
    """What tells a run's rows from others."""
    settings = run.settings
    return {
        "algorithm": settings.algorithm,
        "scenario": settings.scenario,
        "num_users": settings.env_config.num_users,
        "variant": variant,
        "seed": settings.seed,
    }


def digest(run: PlannedRun) -> str:
    """Of everything that decides what the run computes: rows of other settings do not count."""
    return hashlib.sha256(json.dumps(run.settings.to_json(), sort_keys=True).encode()).hexdigest()[:12]


def label(algorithm: str, variant: str) -> str:
    """What figures and tables call an algorithm or a variant of it."""
    return f"{algorithm} ({variant})" if variant else algorithm


def summary_of(rows: Iterable[Row]) -> dict[str, Any]:
    """Interquartile means over the seeds' last checkpoints, with 95 % intervals; None where there is no score.

    One seed has no interval: ``low`` and ``high`` are None.
    """
    groups: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        if row["checkpoint"] == "last":
            name = game_name(row["scenario"], row["num_users"])
            groups.setdefault(name, {}).setdefault(label(row["algorithm"], row["variant"]), []).append(row)
    return {
        game: {
            name: {metric: _estimated(members, metric) for metric in (*METRICS, "score")}
            for name, members in sorted(algorithms.items())
        }
        for game, algorithms in sorted(groups.items())
    }


def game_name(scenario: str, num_users: int) -> str:
    """What summaries call a scenario with so many users: its name alone where they are its own."""
    return scenario if scenarios.configure(scenario).num_users == num_users else f"{scenario}, N = {num_users}"


def _estimated(rows: Sequence[Row], metric: str) -> dict[str, float] | None:
    values = [row[metric] for row in sorted(rows, key=lambda row: row["seed"])]
    if any(value is None for value in values):
        return None
    found = estimate(np.asarray(values)[:, None], np.random.default_rng(_BOOTSTRAP_SEED))
    interval: dict[str, float] = finite_or_none({"iqm": found.value, "low": found.low, "high": found.high})
    return interval


def _replaced(rows: list[Row], key: Row, new: list[Row], last: str = "env_steps") -> list[Row]:
    others = [row for row in rows if any(row[name] != value for name, value in key.items())]
    return sorted(others + new, key=lambda row: (*(row[name] for name in KEY), row[last]))


def read_rows(path: Path) -> list[Row]:
    """A table's rows, numbers as numbers, empty cells as None; none while there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: _value(name, text) for name, text in row.items()} for row in csv.DictReader(file)]


_TEXTS = (
    *("algorithm", "scenario", "variant", "checkpoint", "settings", "game", "policy"),
    *("about", "command", "versions", "package", "code"),
)
_COUNTS = ("num_users", "seed", "env_steps", "episodes", "server", "slots", "outputs", "parameters")


def _value(name: str, text: str) -> Any:
    if name in _TEXTS:
        return text
    if not text:
        return None
    return int(text) if name in _COUNTS else float(text)


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table in one move; numbers that are not finite become empty cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(finite_or_none(row) for row in rows)
