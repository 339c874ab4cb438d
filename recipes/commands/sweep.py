"""``python -m recipes sweep``."""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from edgeoffload_env._validation import check_float, check_int
from recipes import registry, results
from recipes.commands import arguments
from recipes.commands.exit_codes import DONE, FAILED, STOPPED
from recipes.errors import RunError, StoppedError, UsageError
from recipes.runs import RunFolder
from recipes.settings import parse_assignments
from recipes.stop_signals import StopSignals
from recipes.sweep import PlannedRun, combinations, plan, read_search

HELP = "train many runs on Ray Tune; the same command resumes them, and an extended one trains the new runs"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    known = ", ".join(registry.ALGORITHMS)
    command.add_argument("--algorithms", nargs="+", required=True, metavar="ALGO", help=f"one or more of {known}")
    command.add_argument(
        "--scenarios",
        nargs="+",
        default=["paper"],
        metavar="NAME",
        help="scenarios to train on, names or module:name of configurations (default: paper)",
    )
    command.add_argument("--seeds", type=int, default=1, metavar="K", help="number of seeds (default: 1)")
    command.add_argument("--first-seed", type=int, default=0, metavar="SEED", help="first seed (default: 0)")
    command.add_argument(
        "--num-users", type=int, nargs="+", default=[], metavar="N", help="numbers of users (default: the scenario's)"
    )
    command.add_argument(
        "--env-steps", type=int, metavar="N", help="env steps of each run (default: the algorithm's, see ls)"
    )
    command.add_argument(
        "--search", type=Path, metavar="FILE.yaml", help="fields to vary: lists of values, ranges, choices"
    )
    command.add_argument(
        "--samples", type=int, default=1, metavar="K", help="draws from the ranges of --search (default: 1)"
    )
    command.add_argument("--search-seed", type=int, default=0, metavar="SEED", help="seed of these draws (default: 0)")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="assignments",
        help="set a field in all runs, as in train; repeatable",
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the sweep; an existing sweep is extended"
    )
    command.add_argument("--jobs", type=int, metavar="K", help="most runs at a time (default: the number of cores)")
    command.add_argument(
        "--gpu-share", type=float, default=1.0, metavar="F", help="fraction of a GPU per device=cuda run (default: 1)"
    )
    arguments.add_session(command)


def run(options: argparse.Namespace) -> int:
    """Train the missing runs, then write and print the results table of all finished runs.

    Raises:
        UsageError: invalid arguments, or Ray is not installed.
        RunError: another process is using the folder, or it holds runs with other settings.
    """
    try:
        return _run(options)
    except ImportError as error:
        raise UsageError(f"{error}; sweeps need `pip install -c constraints.txt -e '.[rllib]'`") from error


def _run(options: argparse.Namespace) -> int:
    from filelock import FileLock, Timeout  # comes with Ray

    try:
        runs = _plan(options)
    except (ImportError, TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    out: Path = options.out
    missing = [run for run in runs if not _is_finished(out, run)]
    print(f"{len(runs)} runs, {len(runs) - len(missing)} of them already finished", file=sys.stderr)
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"another sweep is using {out}; wait for it, or choose another --out") from None
    try:
        try:
            errors = _train(missing, options) if missing else {}
        except (StoppedError, KeyboardInterrupt):  # the latter while Ray starts
            errors = {}
        rows = results.result_rows(out)
        results.write_tables(out, rows)
    finally:
        lock.release()
    if rows:
        print(results.summary_table(rows))
        print(f"\nThe table is in {out}: {results.CSV_FILE} and {results.JSON_FILE}; the runs are in {out / 'runs'},")
        print(f"with TensorBoard event files: tensorboard --logdir {out / 'runs'}")
    unfinished = [run.name for run in missing if not _is_finished(out, run)]
    failed = errors.keys() & set(unfinished)
    for name in sorted(failed):
        reason = errors[name].strip().splitlines()[-1].removeprefix("Training failed: ")
        print(f"{name} failed: {reason}", file=sys.stderr)
    if not unfinished:
        return DONE
    print(f"{len(unfinished)} of {len(runs)} runs are unfinished; re-run the command to resume", file=sys.stderr)
    return FAILED if failed else STOPPED


def _plan(options: argparse.Namespace) -> list[PlannedRun]:
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
    """Return whether a run has its summary.

    Raises:
        RunError: its folder holds a run with other settings.
    """
    folder = RunFolder(out / run.folder)
    folder.check_settings(run.settings)
    return folder.finished


def _train(runs: list[PlannedRun], options: argparse.Namespace) -> dict[str, str]:
    """Train runs, and return the errors of those that failed, by name."""
    from recipes.rllib.session import cluster, local_ray

    stop = StopSignals()
    with contextlib.ExitStack() as session:
        with stop.installed():  # until Tune installs its own handlers
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
