"""From nothing to figures and tables: every run is trained once, and its rows are kept at once."""

import itertools
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchmarks import anarchy, leaderboard, users
from benchmarks.elsewhere import elsewhere
from benchmarks.figures import draw
from benchmarks.figures.beyond import GAP_GAMES, GAP_POLICIES
from benchmarks.provenance import note
from benchmarks.rows import KEY, Results, digest, key_of, write_rows
from benchmarks.servers import server_use
from benchmarks.studies import FIGURES
from recipes.protocol import FINAL_EPISODES, FINAL_SEED
from recipes.runs import RunFolder
from recipes.sweep import PlannedRun
from recipes.trained_policy import load_trained_policy

__all__ = ["FIGURES", "reproduce"]

_QUICK_EPISODES = 4
"""Of policies that are judged beside quick runs; ``optimum`` takes its time with many users."""


def reproduce(
    figures: Sequence[str],
    runs: Path,
    results: Path,
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    training: bool = True,
    max_concurrent: int | None = None,
    address: str | None = None,
) -> list[str]:
    """Train what the figures lack, keep its rows, draw.

    Args:
        figures: names from ``FIGURES``.
        runs: the folder to train in.
        results: the folder of rows and figures.
        quick: two seeds and a tenth of the env steps.
        only: patterns such as ``*/idql-tolb/*``; runs whose name fits none of them are left alone. All by default.
        training: train what is missing; otherwise only finished runs are kept.
        max_concurrent: the most runs at a time.
        address: of a Ray cluster.

    Returns:
        Names of the runs that are not finished.
    """
    kept = Results(results)
    have = {(*(row[name] for name in KEY), row["settings"]) for row in kept.final()}
    were_elsewhere = {tuple(row[name] for name in KEY) for row in kept.elsewhere()}
    missing: dict[Path, tuple[str, PlannedRun]] = {}
    for variant, run in (pair for name in figures for study in FIGURES[name] for pair in study.runs(quick)):
        wanted = not only or any(fnmatchcase(run.name, pattern) for pattern in only)
        key = tuple(key_of(variant, run).values())
        is_kept = (*key, digest(run)) in have and (key in were_elsewhere or not _goes_elsewhere(run))
        if wanted and not is_kept:
            missing[run.folder] = (variant, run)
    for variant, run in list(missing.values()):
        folder = RunFolder(runs / run.folder)
        folder.check_settings(run.settings)
        if folder.finished:
            _keep(kept, variant, run, folder)
            del missing[run.folder]
    print(f"{len(missing)} runs are missing in {results}", file=sys.stderr)
    if missing and training:
        _train(missing, runs, kept, max_concurrent, address)
    for name in figures if training else ():
        if name in _MEASURES:
            _MEASURES[name](kept, quick)
    kept.summarise(_command("all", quick))
    for name in figures:
        for path in draw(name, kept, quick=quick):
            print(path)
    return [run.name for _, run in missing.values() if not RunFolder(runs / run.folder).finished]


def _keep(kept: Results, variant: str, run: PlannedRun, folder: RunFolder) -> None:
    """A finished run's rows; ``final.csv`` last, since a run that is there counts as kept."""
    from filelock import FileLock

    policy, config = load_trained_policy(folder), run.settings.env_config
    use = server_use(policy, config, FINAL_EPISODES, FINAL_SEED)
    found = elsewhere(policy, config, FINAL_EPISODES, FINAL_SEED) if _goes_elsewhere(run) else None
    kept.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.folder / ".lock"):
        kept.add_servers(variant, run, use)
        if found is not None:
            kept.add_elsewhere(variant, run, found)
        kept.add(variant, run, folder)


def _goes_elsewhere(run: PlannedRun) -> bool:
    """Held-out scenarios are for what was trained on ``paper`` as it is."""
    return run.settings.scenario == "paper" and not run.settings.env and not run.searched


def _judge_policies(kept: Results, quick: bool) -> None:
    """The leaderboard's rows that the gap to ``optimum`` needs."""
    judged = {(row["policy"], row["scenario"]) for row in leaderboard.entries(kept.folder)}
    for policy, scenario in itertools.product(GAP_POLICIES, GAP_GAMES):
        if (policy, scenario) not in judged:
            episodes = _QUICK_EPISODES if quick else FINAL_EPISODES
            leaderboard.add(kept.folder, [leaderboard.judge(policy, scenario, episodes=episodes)])


def _vary_users(kept: Results, quick: bool) -> None:
    """Shipped policies for as many users as were trained."""
    counts = {row["num_users"] for row in kept.final() if row["scenario"] == "paper" and not row["variant"]}
    have = kept.users()
    lacking = counts - {row["num_users"] for row in have}
    if lacking:
        episodes = _QUICK_EPISODES if quick else FINAL_EPISODES
        rows = [*have, *users.rows(lacking, episodes)]
        rows.sort(key=lambda row: (users.POLICIES.index(row["policy"]), row["num_users"]))
        write_rows(kept.folder / "users.csv", users.COLUMNS, rows)
        told: dict[str, Any] = {"scenario": "paper", "seed": FINAL_SEED}
        note(kept.folder, "users.csv", _command("7", quick), told, extends=True)


def _price_anarchy(kept: Results, quick: bool) -> None:
    if kept.anarchy():
        return
    counts, episodes = anarchy.USERS, anarchy.EPISODES
    if quick:
        counts, episodes = anarchy.QUICK_USERS, anarchy.QUICK_EPISODES
    found = [anarchy.price_of_anarchy(num_users, episodes) for num_users in counts]
    write_rows(kept.folder / "anarchy.csv", anarchy.COLUMNS, found)
    told = {"num_users": counts, "episodes": episodes, "seed": anarchy.SEED}
    note(kept.folder, "anarchy.csv", _command("anarchy", quick), told)


def _measure_costs(kept: Results, quick: bool) -> None:
    """What an update and a decision of each algorithm cost."""
    if kept.complexity():
        return
    from benchmarks import complexity
    from recipes.rllib.session import local_ray

    counts, repetitions = complexity.USERS, complexity.REPETITIONS
    if quick:
        counts, repetitions = complexity.QUICK_USERS, complexity.QUICK_REPETITIONS
    with local_ray():
        write_rows(kept.folder / "complexity.csv", complexity.COLUMNS, complexity.costs(counts, repetitions))
    told = {"num_users": counts, "settings": complexity.ALGORITHMS, "repetitions": repetitions, "threads": 1}
    note(kept.folder, "complexity.csv", _command("joint-head", quick), told)


_MEASURES = {"optimum": _judge_policies, "7": _vary_users, "anarchy": _price_anarchy, "joint-head": _measure_costs}
"""What a figure needs beside trained runs, unless it is there."""


def _command(figure: str, quick: bool) -> str:
    return f"python -m benchmarks reproduce --figure {figure}{' --quick' if quick else ''}"


def _train(
    missing: dict[Path, tuple[str, PlannedRun]],
    runs: Path,
    kept: Results,
    max_concurrent: int | None,
    address: str | None,
) -> None:
    from filelock import FileLock

    from recipes.rllib.session import cluster, local_ray

    runs.mkdir(parents=True, exist_ok=True)
    with FileLock(runs / ".lock", timeout=0), local_ray(max_concurrent) if address is None else cluster(address):
        from recipes.rllib.tuning import train_runs

        train_runs(
            [run for _, run in missing.values()],
            runs,
            max_concurrent=max_concurrent,
            finished=lambda run: _keep(kept, missing[run.folder][0], run, RunFolder(runs / run.folder)),
        )
