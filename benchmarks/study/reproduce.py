"""Train missing runs, store their rows as soon as they are finished, draw figures, update the docs pages.

A stored run is never trained again; after a crash, re-run the command to resume.
"""

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from benchmarks.analysis import pages
from benchmarks.analysis.figures import FIGURES, draw
from benchmarks.analysis.summary import summarise
from benchmarks.study.generalization import generalization
from benchmarks.study.measurements import FOR_FIGURES
from benchmarks.study.provenance import DRAWS
from benchmarks.study.server_use import server_use
from benchmarks.study.store import KEY, RESULTS, Results, digest, key_of
from edgeoffload_env._validation import fail
from recipes.protocol import FINAL_EPISODES, FINAL_SEED
from recipes.runs import RunFolder
from recipes.sweep import PlannedRun
from recipes.trained_policy import load_trained_policy

Missing = dict[Path, tuple[str, PlannedRun]]
"""Variant and run by the run's folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--figure", nargs="+", default=["all"], choices=[*FIGURES, "all"], help="figures (all)")
    parser.add_argument("--quick", action="store_true", help="two seeds, a thirtieth of the steps, labelled so")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="runs such as '*/idql-tolb/paper/*'")
    text = "only store what is finished, and draw"
    parser.add_argument("--no-training", dest="training", action="store_false", help=text)
    parser.add_argument("--retrain", action="store_true", help="train runs of earlier random streams again")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="folder to train in (runs/reproduce)")
    parser.add_argument("--results", type=Path, metavar="DIR", help="folder of rows and figures (benchmarks/results)")
    text = "maximum number of concurrent runs (number of cores)"
    parser.add_argument("--jobs", dest="max_concurrent", type=int, metavar="K", help=text)
    parser.add_argument("--address", metavar="ADDRESS", help="address of a Ray cluster; auto: the one of this machine")


def run(options: argparse.Namespace) -> int:
    """Reproduce figures; return 1 if runs are unfinished."""
    runs = options.runs or Path("runs", "quick" if options.quick else "reproduce")
    figures = list(FIGURES) if "all" in options.figure else options.figure
    results = options.results or (runs / "results" if options.quick else RESULTS)
    passed = ("quick", "only", "training", "retrain", "max_concurrent", "address")
    unfinished = reproduce(figures, runs, results, **{name: getattr(options, name) for name in passed})
    if not options.quick and options.results is None:
        pages.write()
    for name in unfinished:
        print(f"unfinished: {name}; re-run the command to resume", file=sys.stderr)
    return 1 if unfinished else 0


def reproduce(
    figures: Sequence[str],
    runs: Path,
    results: Path,
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    training: bool = True,
    retrain: bool = False,
    max_concurrent: int | None = None,
    address: str | None = None,
) -> list[str]:
    """Train the runs that figures lack, store their rows, and draw.

    Args:
        figures: names from ``FIGURES``.
        runs: folder to train in.
        results: folder of rows and figures.
        quick: two seeds and a thirtieth of the env steps.
        only: patterns such as ``*/idql-tolb/*`` of the names of runs; all by default.
        training: train missing runs; otherwise only finished runs are stored.
        retrain: count rows of earlier random streams as missing.
        max_concurrent: maximum number of concurrent runs.
        address: address of a Ray cluster.

    Returns:
        Names of the runs that are not finished.

    Raises:
        ValueError: a pattern that is the name of no run.
    """
    stored = Results(results)
    _check_patterns(only, figures, quick)
    missing = _missing(stored, figures, quick, only, retrain)
    for variant, planned in list(missing.values()):
        folder = RunFolder(runs / planned.folder)
        folder.check_settings(planned.settings)
        if folder.finished:
            _store(stored, variant, planned, folder)
            del missing[planned.folder]
    print(f"{len(missing)} runs are missing in {results}", file=sys.stderr)
    if missing and training:
        _train(missing, runs, stored, max_concurrent, address)
    for name in figures if training else ():
        if name in FOR_FIGURES:
            FOR_FIGURES[name](stored, quick)
    summarise(stored, f"python -m benchmarks reproduce --figure all{' --quick' if quick else ''}")
    for name in figures:
        print(*draw(name, stored, quick=quick), sep="\n")
    return [planned.name for _, planned in missing.values() if not RunFolder(runs / planned.folder).finished]


def _check_patterns(only: Sequence[str], figures: Sequence[str], quick: bool) -> None:
    planned = {run.name for name in figures for study in FIGURES[name].studies for _, run in study.runs(quick)}
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in planned):
            runs = ", ".join(sorted({name.rpartition("/")[0] for name in planned}))
            fail("--only", pattern, f"a pattern of runs of these figures, such as {runs}, followed by /seed-K")


def _missing(stored: Results, figures: Sequence[str], quick: bool, only: Sequence[str], retrain: bool) -> Missing:
    final = stored.table("final")
    if retrain:
        final = final[final["draws"] == DRAWS]
    trained = set(final[[*KEY, "settings"]].itertuples(index=False, name=None))
    generalized = set(stored.table("generalization")[[*KEY]].itertuples(index=False, name=None))
    missing: Missing = {}
    for name in figures:
        for study in FIGURES[name].studies:
            for variant, planned in study.runs(quick):
                key = tuple(key_of(variant, planned).values())
                complete = key in generalized or not _generalizes(planned)
                wanted = not only or any(fnmatchcase(planned.name, pattern) for pattern in only)
                if wanted and not (complete and (*key, digest(planned)) in trained):
                    missing[planned.folder] = (variant, planned)
    return missing


def _store(stored: Results, variant: str, planned: PlannedRun, folder: RunFolder) -> None:
    """Store a finished run's rows; ``final.csv`` last, since a run in it counts as stored."""
    from filelock import FileLock

    policy, config = load_trained_policy(folder), planned.settings.env_config
    use = server_use(policy, config, FINAL_EPISODES, FINAL_SEED)
    also, found = planned.settings.scenarios[1:], None
    if _generalizes(planned):
        found = generalization(policy, config, FINAL_EPISODES, FINAL_SEED, also=also)
    stored.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(stored.folder / ".lock"):
        stored.add_servers(variant, planned, use)
        if found is not None:
            stored.add_generalization(variant, planned, found)
        stored.add(variant, planned, folder)


def _generalizes(planned: PlannedRun) -> bool:
    """Return whether a run is evaluated on other games.

    Those on unchanged ``paper`` with default settings are, and those on several scenarios.
    """
    settings = planned.settings
    return len(settings.scenarios) > 1 or (settings.scenario == "paper" and not (settings.env or planned.searched))


def _train(missing: Missing, runs: Path, stored: Results, max_concurrent: int | None, address: str | None) -> None:
    from filelock import FileLock

    from recipes.rllib.session import cluster, local_ray

    runs.mkdir(parents=True, exist_ok=True)
    with FileLock(runs / ".lock", timeout=0), local_ray(max_concurrent) if address is None else cluster(address):
        from recipes.rllib.tuning import train_runs

        def store(planned: PlannedRun) -> None:
            _store(stored, missing[planned.folder][0], planned, RunFolder(runs / planned.folder))

        to_train = [planned for _, planned in missing.values()]
        train_runs(to_train, runs, max_concurrent=max_concurrent, finished=store)
