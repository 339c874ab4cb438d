"""``python -m benchmarks reproduce``: train what is missing, draw the figures, write the tables."""

import argparse
import sys
from pathlib import Path

from benchmarks.reproduce import FIGURES, reproduce

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Run a command; 1 if some runs are unfinished."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("reproduce", help="the paper's figures, and those beyond it")
    command.add_argument("--figure", nargs="+", default=["all"], choices=[*FIGURES, "all"], help="which (all)")
    command.add_argument("--quick", action="store_true", help="two seeds and a tenth of the steps, labelled as such")
    command.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="runs such as '*/idql-tolb/paper/*'")
    command.add_argument("--no-training", action="store_true", help="only keep what is finished, and draw")
    command.add_argument("--runs", type=Path, metavar="DIR", help="where runs are trained (runs/reproduce)")
    command.add_argument("--results", type=Path, metavar="DIR", help="of rows and figures (benchmarks/results)")
    command.add_argument("--jobs", type=int, metavar="K", help="the most runs at a time (as many as there are cores)")
    command.add_argument("--address", metavar="ADDRESS", help="of a Ray cluster to use; auto: this machine's")
    options = parser.parse_args()
    figures = list(FIGURES) if "all" in options.figure else options.figure
    runs = options.runs or Path("runs", "quick" if options.quick else "reproduce")
    results = options.results or (runs / "results" if options.quick else ROOT / "benchmarks" / "results")
    unfinished = reproduce(
        figures,
        runs,
        results,
        quick=options.quick,
        only=options.only,
        training=not options.no_training,
        max_concurrent=options.jobs,
        address=options.address,
    )
    for name in unfinished:
        print(f"unfinished: {name}; the same command goes on", file=sys.stderr)
    return 1 if unfinished else 0


if __name__ == "__main__":
    sys.exit(main())
