"""The command ``python -m recipes sweep``."""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from edgeoffload_env._validation import check_float, check_int
from recipes import registry, results
from recipes.runs import RunError, RunFolder, StoppedError
from recipes.settings import parse_assignments
from recipes.stopping import StopSignals
from recipes.sweep import PlannedRun, combinations, plan, read_search
from recipes.train import CHECKPOINT_S

DONE, FAILED, REFUSED, STOPPED = 0, 1, 2, 130


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    known = ", ".join(registry.ALGORITHMS)
    command.add_argument("--algorithms", nargs="+", required=True, metavar="ALGO", help=f"of {known}")
    command.add_argument("--scenarios", nargs="+", default=["paper"], metavar="NAME", help="the games (paper)")
    command.add_argument("--seeds", type=int, default=1, metavar="K", help="how many seeds for each (1)")
    command.add_argument("--first-seed", type=int, default=0, metavar="SEED", help="the seeds count up from here (0)")
    command.add_argument("--num-users", type=int, nargs="+", default=[], metavar="N", help="numbers of users")
    command.add_argument("--env-steps", type=int, metavar="N", help="slots to play (each algorithm's own)")
    command.add_argument("--search", type=Path, metavar="FILE.yaml", help="a field -> list of values, or low and high")
    command.add_argument("--samples", type=int, default=1, metavar="K", help="draws from the ranges of --search (1)")
    command.add_argument("--search-seed", type=int, default=0, metavar="SEED", help="of these draws (0)")
    command.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", dest="assignments", help="as in train, for all"
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the sweep's folder; may be extended")
    command.add_argument("--jobs", type=int, metavar="K", help="the most runs at a time (as many as there are cores)")
    command.add_argument("--gpu-share", type=float, default=1.0, help="of a GPU, for each run with device=cuda (1)")
    add_session_arguments(command)


def add_session_arguments(command: argparse.ArgumentParser) -> None:
    """Add what ``train`` and ``sweep`` share, and what changes no result."""
    command.add_argument("--address", metavar="ADDRESS", help="of a Ray cluster to use; auto: this machine's")
    command.add_argument(
        "--checkpoint-every",
        type=float,
        default=CHECKPOINT_S,
        metavar="SECONDS",
        help=f"what a killed process loses at most ({CHECKPOINT_S:g})",
    )


def run(options: argparse.Namespace) -> int:
    """Train what is missing, then write and print the table of all that is there.

    Raises:
        RunError: arguments that cannot be, another process at work on the folder, or a folder that holds runs with
            other settings; nothing was started.
    """
    from filelock import FileLock, Timeout  # comes with Ray

    try:
        runs = _planned(options)
    except (TypeError, ValueError) as error:
        raise RunError(str(error)) from error
    out: Path = options.out
    missing = [run for run in runs if not _is_finished(out, run)]
    print(f"{len(runs)} runs, {len(runs) - len(missing)} of them finished before", file=sys.stderr)
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"another sweep is at work on {out}; wait for it, or choose another --out") from None
    try:
        try:
            errors = _train(missing, options) if missing else {}
        except StoppedError:
            errors = {}
        rows = results.rows_of(out)
        results.write_tables(out, rows)
    finally:
        lock.release()
    if rows:
        print(results.table(rows))
        print(f"\nThe table is in {out}: {results.CSV_FILE} and {results.JSON_FILE}; each run in {out / 'runs'},")
        print(f"with TensorBoard event files: tensorboard --logdir {out / 'runs'}")
    unfinished = [run.name for run in missing if not _is_finished(out, run)]
    for name in errors.keys() & set(unfinished):
        print(f"{name} failed: {errors[name].strip().splitlines()[-1]}", file=sys.stderr)
    if unfinished:
        print(f"{len(unfinished)} of {len(runs)} runs are unfinished; the same command goes on", file=sys.stderr)
        return FAILED if errors.keys() & set(unfinished) else STOPPED
    return DONE


def _planned(options: argparse.Namespace) -> list[PlannedRun]:
    seeds = check_int("--seeds", options.seeds, 1, 10**6)
    first = check_int("--first-seed", options.first_seed, 0, 2**31 - 1 - seeds)
    samples = check_int("--samples", options.samples, 1, 10**6)
    check_int("--search-seed", options.search_seed, 0, 2**128)
    if options.jobs is not None:
        check_int("--jobs", options.jobs, 1, 10**6)
    check_float("--gpu-share", options.gpu_share, 0.01, 1.0)
    check_float("--checkpoint-every", options.checkpoint_every, 0.0, 1e9)
    search: list[dict[str, Any]] = [{}]
    if options.search is not None:
        search = list(combinations(read_search(options.search), samples, options.search_seed))
    return plan(
        options.algorithms,
        options.scenarios,
        range(first, first + seeds),
        num_users=options.num_users,
        search=search,
        env_steps=options.env_steps,
        assigned=parse_assignments(options.assignments),
    )


def _is_finished(out: Path, run: PlannedRun) -> bool:
    """Whether the run has its summary.

    Raises:
        RunError: the folder holds a run with other settings.
    """
    folder = RunFolder(out / run.folder)
    folder.check_same(run.settings)
    return folder.finished


def _train(runs: list[PlannedRun], options: argparse.Namespace) -> dict[str, str]:
    from recipes.rllib.session import cluster, local_ray

    stop = StopSignals()
    with contextlib.ExitStack() as session:
        with stop.caught():  # later Tune does
            session.enter_context(local_ray(options.jobs) if options.address is None else cluster(options.address))
            from recipes.rllib.tuning import train_runs
        stop.check()
        return train_runs(
            runs,
            options.out,
            max_concurrent=options.jobs,
            gpu_share=options.gpu_share,
            checkpoint_s=options.checkpoint_every,
        )
