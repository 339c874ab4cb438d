"""Results that one command makes again: ``python -m benchmarks {reproduce,judge,tuned,pages}``."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks import leaderboard, pages, tuned
from benchmarks.pages import RESULTS
from benchmarks.reproduce import FIGURES, reproduce
from edgeoffload_env import scenarios
from recipes.errors import RunError
from recipes.protocol import FINAL_EPISODES


def main() -> int:
    """Run a command; 1 if some runs are unfinished, 2 if it was refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("reproduce", help="train what is missing, keep its rows, draw the figures")
    command.set_defaults(command=_reproduce)
    command.add_argument("--figure", nargs="+", default=["all"], choices=[*FIGURES, "all"], help="which (all)")
    command.add_argument("--quick", action="store_true", help="two seeds and a tenth of the steps, labelled as such")
    command.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="runs such as '*/idql-tolb/paper/*'")
    command.add_argument("--no-training", action="store_true", help="only keep what is finished, and draw")
    command.add_argument("--runs", type=Path, metavar="DIR", help="where runs are trained (runs/reproduce)")
    command.add_argument("--results", type=Path, metavar="DIR", help="of rows and figures (benchmarks/results)")
    command.add_argument("--jobs", type=int, metavar="K", help="the most runs at a time (as many as there are cores)")
    command.add_argument("--address", metavar="ADDRESS", help="of a Ray cluster to use; auto: this machine's")

    command = commands.add_parser("judge", help="a policy of any kind under the protocol, and on the leaderboard")
    command.set_defaults(command=_judge)
    text = "shipped ones, module:factory, or a run's folder"
    command.add_argument("policies", nargs="+", metavar="POLICY", help=text)
    command.add_argument("--scenario", nargs="+", default=["paper"], metavar="NAME", help="which (paper)")
    command.add_argument("--about", metavar="TEXT", help="what it is and knows, in a line")
    text = "of rows (benchmarks/results, and the leaderboard's page is written)"
    command.add_argument("--results", type=Path, metavar="DIR", help=text)

    command = commands.add_parser("tuned", help="keep what a search of hyper-parameters found")
    command.set_defaults(command=_tuned)
    command.add_argument("sweep", type=Path, help="the folder of the search's runs")
    command.add_argument("search", type=Path, help="the file of what was searched")
    command.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="of rows (benchmarks/results)")

    command = commands.add_parser("pages", help="write the tables of the README and of docs/ from the results")
    command.set_defaults(command=lambda _: pages.main())
    options = parser.parse_args()
    try:
        return int(options.command(options) or 0)
    except (RunError, TypeError, ValueError, ImportError) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 2


def _reproduce(options: argparse.Namespace) -> int:
    figures = list(FIGURES) if "all" in options.figure else options.figure
    runs = options.runs or Path("runs", "quick" if options.quick else "reproduce")
    unfinished = reproduce(
        figures,
        runs,
        options.results or (runs / "results" if options.quick else RESULTS),
        quick=options.quick,
        only=options.only,
        training=not options.no_training,
        max_concurrent=options.jobs,
        address=options.address,
    )
    if not options.quick and options.results is None:
        pages.main()
    for name in unfinished:
        print(f"unfinished: {name}; the same command goes on", file=sys.stderr)
    return 1 if unfinished else 0


def _judge(options: argparse.Namespace) -> None:
    chosen = [scenarios.get(name) for name in options.scenario]
    slots = sum(scenario.config.max_cycles for scenario in chosen) * FINAL_EPISODES * len(options.policies)
    with tqdm(total=slots, unit="slot", unit_scale=True, disable=None, leave=False, file=sys.stderr) as bar:
        for scenario in chosen:
            for policy in options.policies:
                row = leaderboard.judge(policy, scenario.name, options.about, bar.update)
                leaderboard.add(options.results or RESULTS, [row])
                bar.write(f"{row['scenario']}: {row['policy']} {row['utility']:.2f}", file=sys.stderr)
    if options.results is None:
        pages.main()


def _tuned(options: argparse.Namespace) -> None:
    print(f"{tuned.keep(options.sweep, options.search, options.results)} runs kept")


if __name__ == "__main__":
    sys.exit(main())
