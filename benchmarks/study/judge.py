"""Evaluate policies under the final protocol and store their rows on the leaderboard.

POLICY is a shipped policy's name (with parameters: ``drift-plus-penalty:price=5``), ``module:factory`` for a policy
object or a rule ``f(agent, observation) -> action``, or the folder of a run.
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks.analysis import leaderboard, pages
from benchmarks.study.store import RESULTS, Results
from edgeoffload_env import scenarios
from recipes.protocol import FINAL_EPISODES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("policies", nargs="+", metavar="POLICY", help="shipped policy, module:factory, or run folder")
    parser.add_argument("--scenario", nargs="+", default=["paper"], metavar="NAME", help="scenarios (paper)")
    parser.add_argument("--about", metavar="TEXT", help="a line on what it is and knows")
    text = "folder of results (benchmarks/results, and the docs pages are updated)"
    parser.add_argument("--results", type=Path, metavar="DIR", help=text)


def run(options: argparse.Namespace) -> None:
    """Judge policies, store their rows, and update the pages."""
    chosen = [scenarios.get(name) for name in options.scenario]
    slots = sum(scenario.config.max_cycles for scenario in chosen) * FINAL_EPISODES * len(options.policies)
    with tqdm(total=slots, unit="slot", unit_scale=True, disable=None, leave=False, file=sys.stderr) as bar:
        for scenario in chosen:
            for policy in options.policies:
                row = leaderboard.judge(policy, scenario.name, options.about, bar.update)
                leaderboard.add(Results(options.results or RESULTS), [row])
                bar.write(f"{row['scenario']}: {row['policy']} {row['utility']:.2f}", file=sys.stderr)
    if options.results is None:
        pages.write()
