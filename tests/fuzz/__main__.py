"""Run the fuzzer with new seeds: ``python -m tests.fuzz --minutes 30``. Ctrl-C stops it."""

import argparse
import itertools
import os
import random
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.speed import report
from tests.fuzz.machine import KINDS, describe, machine_of

EXAMPLES = 100  # of one view at a time


def main() -> int:
    """Return 1 after the first failure, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="duration (default: 30)")
    parser.add_argument("--views", nargs="+", choices=KINDS, default=KINDS, help="views to fuzz (default: all)")
    parser.add_argument("--seed", type=int, help="first seed, to reproduce a failure; each run adds 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write counts to a file")
    arguments = parser.parse_args()
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pictures without a screen
    warnings.simplefilter("error")
    first = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    start, examples, calls = time.monotonic(), 0, Counter[str]()
    try:
        for turn in itertools.count():
            minutes = (time.monotonic() - start) / 60.0
            if minutes >= arguments.minutes:
                break
            kind, seed = arguments.views[turn % len(arguments.views)], first + turn
            machine = machine_of(kind)
            if not passes(machine, seed):
                print(f"{kind} failed: reproduce with --views {kind} --seed {seed}", flush=True)
                return 1
            examples += EXAMPLES
            calls.update(machine.seen)
            minutes = (time.monotonic() - start) / 60.0
            rate = examples / minutes
            print(
                f"{minutes:5.1f} min, {rate:4.0f} examples/min, {kind}, seed {seed}: {describe(machine.seen)}",
                flush=True,
            )
    except KeyboardInterrupt:
        print("stopped")
    minutes = (time.monotonic() - start) / 60.0
    print(f"{examples} examples in {minutes:.1f} min, none failed")
    if arguments.json:
        played = {"first_seed": first, "minutes": round(minutes, 1), "examples": examples, "failed": 0}
        report.write_json(played | {"calls": dict(calls.most_common()), "machine": report.machine()}, arguments.json)
    return 0


def passes(machine: type, seed: int) -> bool:
    """Run many sequences; print the smallest failure."""
    machine._hypothesis_internal_use_seed = seed  # type: ignore[attr-defined]  # what hypothesis.seed() sets on tests
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=30,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
