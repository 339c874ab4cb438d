"""Raw results: CSV tables in one folder, written as soon as a run is finished and read as pandas data frames.

======================  =============================================================================================
``final.csv``           a row per run and checkpoint ("last", "best"): means over the final evaluation's episodes
``curves.csv``          a row per evaluation during training
``servers.csv``         a row per run and server: load factor and share of the tasks under the last checkpoint
``generalization.csv``  a row per run on ``paper`` and other game, held out or among several that it was trained on
``users.csv``           a row per shipped policy and number of users
``effects.csv``         a row per shipped policy and scenario with effects
``tuning_rounds.csv``   a row per run of the search for hyper-parameters
``verdict_rates.csv``   a row per simulated truth and number of seeds: shares of verdicts
``configurations.json``  per algorithm, variant and game: settings, versions, the command of the first run
======================  =============================================================================================

The column ``draws`` of ``final.csv`` is the version of the environment's random streams that the run was trained and
evaluated on (:data:`benchmarks.study.provenance.DRAWS`).
"""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from benchmarks.analysis import verdicts
from benchmarks.study.provenance import DRAWS
from benchmarks.study.server_use import ServerUse
from edgeoffload_env import Evaluation, scenarios
from edgeoffload_env._files import atomic_write
from edgeoffload_env.evaluation import METRICS
from edgeoffload_env.evaluation.evaluate import SCORES, shipped_metrics
from edgeoffload_env.evaluation.score import score_baselines
from recipes.files import write_json
from recipes.runs import RunFolder
from recipes.sweep import PlannedRun

KEY = ("algorithm", "scenario", "num_users", "variant", "seed")
_RUN = ("checkpoint", "settings", "code", "draws", "env_steps", "episodes")
_PRICES = ("num_users", "load", "slots", "price_mean", "price_p95", "price_max", "settled")
COLUMNS: dict[str, tuple[str, ...]] = {
    "final": (*KEY, *_RUN, *METRICS, "score", "wall_s"),
    "curves": (*KEY, "env_steps", "utility", "score"),
    "servers": (*KEY, "server", "server_hz", "load_factor_s", "task_share"),
    "generalization": (*KEY, "game", "episodes", *METRICS, "score"),
    "users": ("policy", "num_users", "episodes", *METRICS),
    "price_of_anarchy": (*_PRICES, *(f"{p}_utility" for p in ("best-response", "optimum", "drift-plus-penalty"))),
    "complexity": ("algorithm", "num_users", "outputs", "parameters", "update_s", "decision_s"),
    "leaderboard": (
        *("policy", "scenario", "num_users", "episodes", *shipped_metrics(), *SCORES, "utility_low", "utility_high"),
        *("about", "command", "versions"),
    ),
    "effects": (
        *("scenario", "policy", "tuned", "episodes", *shipped_metrics(), *SCORES, "utility_low", "utility_high"),
        *("above_greedy", "above_greedy_low", "above_greedy_high"),
    ),
    "policies": ("scenario", "policy", "package"),
    "slopes": ("critic", "seed", "env_steps", "agreement"),
    "verdict_rates": ("truth", "seeds", *verdicts.VERDICTS),
    "tuning_rounds": (
        *("algorithm", "round", "setting", "scenario", "seed", "settings", "code"),
        *("env_steps", "utility", "score", "wall_s", "values"),
    ),
}
"""The tables and their columns; ``policies.csv`` has more, from ``python -m edgeoffload_env evaluate --csv``."""
_TEXTS = (
    *("algorithm", "scenario", "variant", "checkpoint", "settings", "game", "policy"),
    *("about", "command", "versions", "package", "code", "tuned", "values", "truth"),
)
Row = dict[str, Any]
Value = TypeVar("Value")
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


class Results:
    """The folder of the raw results.

    Attributes:
        folder: its path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def table(self, name: str) -> pd.DataFrame:
        """Return a table by its name in :data:`COLUMNS`; it is empty while there is no file."""
        return read_table(self.folder / f"{name}.csv", COLUMNS[name])

    def version(self) -> tuple[tuple[str, int], ...]:
        """Return names and times of change of the tables' files."""
        return tuple(sorted((path.name, path.stat().st_mtime_ns) for path in self.folder.glob("*.csv")))

    def last(self) -> pd.DataFrame:
        """Return the rows of ``final.csv`` of last checkpoints."""
        return select(self.table("final"), checkpoint="last")

    def write(self, name: str, rows: Any) -> None:
        """Replace a table by rows, a data frame or an iterable of dicts."""
        write_table(self.folder / f"{name}.csv", rows, COLUMNS[name])

    def merge(self, name: str, rows: Sequence[Row], key: list[str]) -> None:
        """Add rows to a table, in place of those with the same key, and sort it by the key."""
        frames = [frame for frame in (self.table(name), pd.DataFrame(rows)) if len(frame)]
        self.write(name, pd.concat(frames).drop_duplicates(key, keep="last").sort_values(key, kind="stable"))

    def add_generalization(self, variant: str, run: PlannedRun, found: dict[str, Evaluation]) -> None:
        """Store a run's results on other games than the first that it was trained on."""
        rows = [
            {"game": game, "episodes": result.episodes}
            | {name: interval.mean for name, interval in result.summary().items()}
            for game, result in found.items()
        ]
        self._replace("generalization", variant, run, rows, "game")

    def add_servers(self, variant: str, run: PlannedRun, use: ServerUse) -> None:
        """Store how a run's last checkpoint uses the servers."""
        rows = pd.DataFrame(use._asdict()).assign(server=range(1, len(use.server_hz) + 1)).to_dict("records")
        self._replace("servers", variant, run, rows, "server")

    def add(self, variant: str, run: PlannedRun, folder: RunFolder) -> None:
        """Store a finished run's curve and final results; ``final.csv`` last, since a run in it counts as stored."""
        summary = folder.summary
        assert summary is not None
        self._add_configuration(variant, run, summary)
        curve = [
            {"env_steps": int(row["env_steps"]), "utility": row["eval_utility"], "score": row["eval_score"]}
            for row in folder.rows()
        ]
        self._replace("curves", variant, run, curve, "env_steps")
        made = {"settings": digest(run), "code": summary.get("code", ""), "draws": DRAWS, "wall_s": summary["wall_s"]}
        final = [
            {"checkpoint": checkpoint, "env_steps": result["at_env_steps"], "episodes": result["episodes"], **made}
            | {name: result[name]["mean"] for name in (*METRICS, "score")}
            for checkpoint, result in summary["final"].items()
        ]
        self._replace("final", variant, run, final, "env_steps")

    def configurations(self) -> dict[str, Any]:
        """Return ``configurations.json``: settings by algorithm, variant and game."""
        file = self.folder / "configurations.json"
        known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return known

    def _add_configuration(self, variant: str, run: PlannedRun, summary: dict[str, Any]) -> None:
        known, settings = self.configurations(), run.settings
        name = f"{label(settings.algorithm, variant)}, {settings.scenario}, N = {settings.env_config.num_users}"
        here = {part: summary[part] for part in ("hyperparameters", "env", "versions")}
        if name in known and here.items() <= known[name].items():
            return
        known[name] = here | {"command": settings.command}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "configurations.json", dict(sorted(known.items())))

    def _replace(self, name: str, variant: str, run: PlannedRun, rows: list[Row], last: str) -> None:
        key, old = key_of(variant, run), self.table(name)
        frame = pd.DataFrame([key | row for row in rows])
        if len(old := old[~_matches(old, key)]):
            frame = pd.concat([old, frame])
        self.write(name, frame.sort_values([*KEY, last], kind="stable"))


def cached(function: Callable[[Results], Value]) -> Callable[[Results], Value]:
    """Keep the last value of a function of results until a table changes."""

    @functools.lru_cache(maxsize=1)
    def known(results: Results, version: object) -> Value:
        return function(results)

    return functools.wraps(function)(lambda results: known(results, results.version()))


def key_of(variant: str, run: PlannedRun) -> Row:
    """Return the columns :data:`KEY` of a run's rows."""
    settings = run.settings
    users = settings.env_config.num_users
    return dict(zip(KEY, (settings.algorithm, settings.scenario, users, variant, settings.seed), strict=True))


def digest(run: PlannedRun) -> str:
    """Return a digest of all settings of a run; stored rows with another digest do not count as this run's."""
    return hashlib.sha256(json.dumps(run.settings.to_json(), sort_keys=True).encode()).hexdigest()[:12]


def are_alike(*groups: pd.DataFrame) -> bool:
    """Tell whether rows of ``final.csv`` are of the same random streams: earlier ones had other defaults."""
    return len({int(draws) for rows in groups for draws in rows["draws"]}) <= 1


def label(algorithm: str, variant: str) -> str:
    """Return the name of an algorithm and its variant in figures and tables."""
    return f"{algorithm} ({variant})" if variant else algorithm


def game_name(scenario: str, num_users: int) -> str:
    """Return the name of a scenario, with its number of users if that is not the scenario's default."""
    return scenario if scenarios.configure(scenario).num_users == num_users else f"{scenario}, N = {num_users}"


def select(frame: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """Return the rows with these values."""
    return frame[_matches(frame, wanted)]


def _matches(frame: pd.DataFrame, wanted: Row) -> Any:
    return np.logical_and.reduce([np.asarray(frame[name] == value, dtype=bool) for name, value in wanted.items()])


def rows_of(
    frame: pd.DataFrame, algorithm: str, scenario: str, num_users: int | None = None, variant: str = ""
) -> pd.DataFrame:
    """Return the rows of an algorithm in a game, by default with the scenario's own number of users."""
    num_users = scenarios.configure(scenario).num_users if num_users is None else num_users
    return select(frame, algorithm=algorithm, scenario=scenario, num_users=num_users, variant=variant)


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the scores that the package's stored baselines give to their utilities.

    Rows without a score, of games that are no scenario's, keep none.
    """
    rows = rows.copy()
    for (scenario, num_users), group in rows[rows["score"].notna()].groupby(["scenario", "num_users"]):
        own = scenarios.configure(scenario, num_users=num_users)
        played = group["game"] if "game" in rows else group["scenario"]
        for game, here in group.groupby(played):
            elsewhere = game in scenarios.names() and game != scenario
            baselines = score_baselines(scenarios.configure(game) if elsewhere else own)
            assert baselines is not None
            rows.loc[here.index, "score"] = baselines.score(here["utility"])
            if "gain_over_fixed" in rows:
                rows.loc[here.index, "gain_over_fixed"] = baselines.gain_over_fixed(here["utility"])
    return rows


def values(frame: pd.DataFrame, *who: Any, metric: str = "utility", **options: Any) -> Any:
    """Return a metric's values ``[seeds]``; arguments as of :func:`rows_of`."""
    return rows_of(frame, *who, **options)[metric].to_numpy(dtype=float)


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV table: texts as strings, other columns as numbers, empty cells of those as NaN."""
    if not path.exists():
        return pd.DataFrame(columns=list(columns))
    frame = pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False, na_values=[""])
    return frame.fillna({name: "" for name in _TEXTS if name in frame})


def write_table(path: Path, rows: Any, columns: Sequence[str]) -> None:
    """Write a CSV table atomically; numbers that are not finite become empty cells."""
    frame = pd.DataFrame(rows, columns=list(columns)).replace([np.inf, -np.inf], np.nan)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        frame.to_csv(unfinished, index=False, lineterminator="\n")
