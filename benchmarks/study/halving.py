"""Search for hyper-parameters by successive halving over several games, alike for every algorithm.

``benchmarks/config/tuning/rounds.yaml`` has games, rounds and spaces. A round trains each of its settings on every game
with fresh seeds, on Ray Tune; the best go on to the next. The rule: mean over games and seeds of the score on the
evaluation episodes of the training, clipped to [-1, 1]; of equal means the one with the better worst run. Rounds wait
for all of their runs: Tune's ASHA would promote in the order in which trials happen to finish.

A run's row is stored when it ends, and a stored run is never trained again, on whatever machine; after a crash, re-run
the command to resume.
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import config
from benchmarks.study.provenance import note
from benchmarks.study.store import RESULTS, Results, Row, digest
from edgeoffload_env._validation import check_known
from recipes.files import finite_or_none
from recipes.runs import RunFolder
from recipes.sweep import PlannedRun, combinations, parse_search, plan

TABLE = "tuning_rounds"


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round of the search."""

    settings: int
    """Settings that take part."""
    seeds: int
    """Fresh seeds that each is trained with on every game."""
    budget: float
    """Fraction of each game's env steps."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Games and rounds of the search."""

    games: tuple[tuple[str, int], ...]
    """Scenarios with the env steps of a whole run."""
    rounds: tuple[Round, ...]
    first_seed: int

    def seeds(self, number: int) -> range:
        """Return the seeds of a round."""
        first = self.first_seed + sum(one.seeds for one in self.rounds[:number])
        return range(first, first + self.rounds[number].seeds)


_READ = config.read("tuning/rounds.yaml")
PROTOCOL = Protocol(
    games=tuple((game["scenario"], game["env_steps"]) for game in _READ["games"]),
    rounds=tuple(Round(**one) for one in _READ["rounds"]),
    first_seed=_READ["first_seed"],
)
SPACES: dict[str, dict[str, Any]] = {
    algorithm: _READ["spaces"][family] for family, algorithms in _READ["families"].items() for algorithm in algorithms
}
"""The space that each algorithm searches."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("algorithms", nargs="+", metavar="ALGO", help=f"one or more of {', '.join(SPACES)}")
    parser.add_argument("--runs", type=Path, default=Path("runs/tuning"), metavar="DIR", help="(runs/tuning)")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="(benchmarks/results)")
    parser.add_argument("--quick", action="store_true", help="a thirtieth of the env steps, stored beside the runs")
    parser.add_argument("--jobs", type=int, metavar="K", help="maximum number of concurrent runs (number of cores)")


def run(options: argparse.Namespace) -> int:
    """Search for each algorithm, and print its best settings; return 1 if runs are unfinished."""
    for algorithm in options.algorithms:
        check_known("algorithm", algorithm, SPACES)
    runs, results = (options.runs, options.results) if not options.quick else (options.runs / "quick",) * 2
    for algorithm in options.algorithms:
        best = search(
            algorithm, runs, Results(results), PROTOCOL, divisor=30 if options.quick else 1, jobs=options.jobs
        )
        if not best:
            return 1
        for place, (values, score) in enumerate(best[:2]):
            print(f"{algorithm}, {'runner-up' if place else 'winner'}: score {score:.3f} with {json.dumps(values)}")
    return 0


def search(
    algorithm: str, runs: Path, stored: Results, protocol: Protocol, *, divisor: int = 1, jobs: int | None = None
) -> list[tuple[dict[str, Any], float]]:
    """Play all rounds.

    Args:
        algorithm: a name of :data:`SPACES`.
        runs: folder to train in.
        stored: where rows are stored.
        protocol: games and rounds.
        divisor: divides the env steps, for quick trials.
        jobs: maximum number of concurrent runs.

    Returns:
        The settings of the last round and their scores, best first; none if runs are unfinished.
    """
    settings = draws(algorithm, protocol.rounds[0].settings)
    ranked: list[tuple[int, float]] = [(number, math.nan) for number in settings]
    for number, entry in enumerate(protocol.rounds):
        places = [place for place, _ in ranked[: entry.settings]]
        planned = [
            (place, one)
            for place in places
            for scenario, env_steps in protocol.games
            for one in plan(
                [algorithm],
                [scenario],
                protocol.seeds(number),
                search=[settings[place]],
                env_steps=round(entry.budget * env_steps),
                env_steps_divisor=divisor,
            )
        ]
        folder, cells = runs / f"round-{number + 1}", {}
        for place, one in planned:
            cells[digest(one)] = {"round": number + 1, "setting": place, "values": _text(settings[place])}
        rows = _rows_of_round([one for _, one in planned], cells, folder, stored, jobs)
        if len(rows) < len(planned):
            return []
        ranked = ranking(rows)
    return [(settings[place], score) for place, score in ranked]


def _rows_of_round(
    planned: Sequence[PlannedRun], cells: dict[str, Row], folder: Path, stored: Results, jobs: int | None
) -> pd.DataFrame:
    """Train the runs of a round that are not stored yet, and return the rows of all that are stored afterwards.

    Args:
        planned: the round's runs.
        cells: the columns ``round``, ``setting`` and ``values`` of their rows, by digest.
        folder: to train in.
        stored: where rows are stored.
        jobs: maximum number of concurrent runs.
    """

    def store(one: PlannedRun) -> None:
        _store(stored, _row(folder, one) | cells[digest(one)])

    def missing() -> list[PlannedRun]:
        known = set(stored.table(TABLE)["settings"])
        return [one for one in planned if digest(one) not in known]

    for one in missing():
        run = RunFolder(folder / one.folder)
        run.check_settings(one.settings)
        if run.finished:
            store(one)
    _train(missing(), folder, jobs, store)
    rows = stored.table(TABLE)
    return rows[rows["settings"].isin(cells)]


def draws(algorithm: str, count: int) -> dict[int, dict[str, Any]]:
    """Return settings by number: 0 is the defaults, the others are drawn from the algorithm's space."""
    fields = parse_search(SPACES[algorithm])
    return dict(enumerate([{}, *combinations([fields], samples=count - 1)]))


def ranking(rows: pd.DataFrame) -> list[tuple[int, float]]:
    """Return settings and their mean clipped scores, best first; of equal means the better worst run goes first."""
    clipped = rows.assign(score=rows["score"].fillna(-1.0).clip(-1.0, 1.0)).groupby("setting")["score"]
    found = pd.DataFrame({"mean": clipped.mean(), "worst": clipped.min()})
    found = found.sort_values(["mean", "worst"], ascending=False, kind="stable")
    return [(int(setting), float(mean)) for setting, mean in found["mean"].items()]


def _train(
    missing: Sequence[PlannedRun], folder: Path, jobs: int | None, finished: Callable[[PlannedRun], None]
) -> None:
    if not missing:
        return
    from filelock import FileLock

    from recipes.rllib.session import local_ray

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", timeout=0), local_ray(jobs):
        from recipes.rllib.tuning import train_runs

        train_runs(missing, folder, max_concurrent=jobs, finished=finished)


def _row(folder: Path, planned: PlannedRun) -> Row:
    summary = RunFolder(folder / planned.folder).summary
    assert summary is not None
    found = finite_or_none({name: summary["evaluation"][name]["mean"] for name in ("utility", "score")})
    settings = planned.settings
    return {
        "algorithm": settings.algorithm,
        "scenario": settings.scenario,
        "seed": settings.seed,
        "settings": digest(planned),
        "code": summary.get("code", ""),
        "env_steps": summary["env_steps"],
        **found,
        "wall_s": summary["wall_s"],
    }


def _store(stored: Results, row: Row) -> None:
    """Store the row of a finished run, which replaces that of the same run with other settings."""
    from filelock import FileLock

    stored.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(stored.folder / ".lock"):
        stored.merge(TABLE, [row], ["algorithm", "round", "setting", "scenario", "seed"])
        command = "python -m benchmarks tune ALGO ..."
        note(stored.folder, f"{TABLE}.csv", command, "benchmarks/config/tuning/rounds.yaml", extends=True)


def _text(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)
