"""Measure again all results that depend on the environment's random streams but not on training.

For use after a change of the streams. First renew the references: ``python -m edgeoffload_env references``.

=====================  ================================================================================================
``policies``           ``policies.csv``: every shipped policy in every scenario
``leaderboard``        the rows of ``leaderboard.csv`` that are not of trained runs
``missing``            rows of ``leaderboard.csv`` for shipped policies that are not there; goes on where it stopped
``effects``            ``effects.csv``: who wins in the scenarios with effects, game by game
``scores``             the scores of all rows, from their utilities and the references
``users``              ``users.csv``: shipped policies over the number of users
``price-of-anarchy``   ``price_of_anarchy.csv``
``figures``            all figures, ``summary.json``, and the generated tables of the README and of ``docs/``
=====================  ================================================================================================
"""

import argparse
import itertools
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks.analysis import leaderboard, pages
from benchmarks.analysis.figures import FIGURES
from benchmarks.study import measurements
from benchmarks.study.generalization import can_play
from benchmarks.study.reproduce import reproduce
from benchmarks.study.store import RESULTS, ROOT, Results, scored
from edgeoffload_env import policies, scenarios


def _all_policies(results: Results) -> None:
    options = "-m edgeoffload_env evaluate --scenario all --policies all --with-optimum --episodes 64 --csv"
    command = [sys.executable, *options.split(), str(results.folder / "policies.csv")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def _judge_again(results: Results) -> None:
    with ProcessPoolExecutor() as pool:
        for row in pool.map(_judged_again, results.table("leaderboard").to_dict("records")):
            leaderboard.add(results, [row])


def _judged_again(row: dict[str, Any]) -> dict[str, Any]:
    """Return a new row of an untrained policy, and the old one of a run or of a policy that cannot be imported."""
    words = shlex.split(row["command"])
    if "RUN" in words:
        return row
    policy, about = words[words.index("judge") + 1], row["about"] if "--about" in words else None
    try:
        return leaderboard.judge(policy, row["scenario"], about, episodes=row["episodes"])
    except ImportError as error:
        print(f"not judged again: {row['policy']} on {row['scenario']}: {error}", file=sys.stderr)
        return row


def _judge_missing(results: Results) -> None:
    rows = results.table("leaderboard")
    judged = set(zip(rows["policy"], rows["scenario"], strict=True))
    wanted = [pair for pair in itertools.product(policies.names(), scenarios.names()) if pair not in judged]
    wanted = [(name, game) for name, game in wanted if can_play(policies.make(name), scenarios.configure(game))]
    with ProcessPoolExecutor() as pool:
        for row in pool.map(leaderboard.judge, [name for name, _ in wanted], [game for _, game in wanted]):
            leaderboard.add(results, [row])


def _score_again(results: Results) -> None:
    for name in ("final", "curves", "generalization", "leaderboard"):
        results.write(name, scored(results.table(name)))


def _again(name: str, measure: Callable[[Results, bool], None]) -> Callable[[Results], None]:
    def again(results: Results) -> None:
        (results.folder / f"{name}.csv").unlink(missing_ok=True)
        measure(results, False)

    return again


def _draw_all(results: Results) -> None:
    reproduce([*FIGURES], results.folder, results.folder, training=False)
    pages.write()


_STEPS: dict[str, Callable[[Results], None]] = {
    "policies": _all_policies,
    "leaderboard": _judge_again,
    "missing": _judge_missing,
    "effects": _again("effects", measurements.compare_on_effects),
    "scores": _score_again,
    "users": _again("users", measurements.evaluate_users),
    "price-of-anarchy": _again("price_of_anarchy", measurements.measure_price_of_anarchy),
    "figures": _draw_all,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--only", nargs="+", default=[*_STEPS], choices=_STEPS, metavar="PART", help=", ".join(_STEPS))


def run(options: argparse.Namespace) -> None:
    """Measure the chosen parts anew."""
    for name in options.only:
        began = time.monotonic()
        _STEPS[name](Results(RESULTS))
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
