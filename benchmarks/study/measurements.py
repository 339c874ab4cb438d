"""Measurements without training: shipped policies, price of anarchy, and the costs of an update.

``python -m benchmarks policies`` measures anew all results that depend on the environment's random streams but not on
training, for use after a change of the streams:

=====================  ================================================================================================
``policies``           ``policies.csv``: every shipped policy in every scenario
``leaderboard``        the rows of ``leaderboard.csv`` that are not of trained runs
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

from benchmarks.analysis import leaderboard
from benchmarks.study import plan, price_of_anarchy
from benchmarks.study.generalization import can_play
from benchmarks.study.provenance import note
from benchmarks.study.store import RESULTS, ROOT, Results, select
from edgeoffload_env import evaluate, policies, scenarios
from edgeoffload_env.evaluation import METRICS
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

_QUICK_EPISODES = 4
_POLICIES = "python -m benchmarks policies --only"


def judge_policies(results: Results, quick: bool) -> None:
    """Add the leaderboard's rows that the gap to ``optimum`` needs."""
    rows = results.table("leaderboard")
    judged = set(zip(rows["policy"], rows["scenario"], strict=True))
    for policy, scenario in itertools.product(plan.OPTIMUM_POLICIES, plan.OPTIMUM_GAMES):
        if (policy, scenario) not in judged:
            episodes = _QUICK_EPISODES if quick else FINAL_EPISODES
            leaderboard.add(results, [leaderboard.judge(policy, scenario, episodes=episodes)])


def evaluate_users(results: Results, quick: bool) -> None:
    """Evaluate shipped policies with as many users as algorithms were trained with, unless all are stored."""
    counts = set(select(results.last(), scenario="paper", variant="")["num_users"])
    if counts <= set(results.table("users")["num_users"]):
        return
    episodes, rows = _QUICK_EPISODES if quick else FINAL_EPISODES, []
    for name, num_users in itertools.product(plan.USERS_POLICIES, sorted(counts)):
        if can_play(policies.make(name), scenarios.configure("paper", num_users=num_users)):
            found = evaluate(name, "paper", episodes, FINAL_SEED, num_users=num_users).summary()
            means = {metric: found[metric].mean for metric in METRICS}
            rows.append({"policy": name, "num_users": num_users, "episodes": episodes} | means)
    results.write("users", rows)
    note(results.folder, "users.csv", f"{_POLICIES} users", {"scenario": "paper", "seed": FINAL_SEED})


def measure_price_of_anarchy(results: Results, quick: bool) -> None:
    """Measure the price of anarchy, unless it is stored."""
    if len(results.table("price_of_anarchy")):
        return
    counts, episodes = price_of_anarchy.USERS, price_of_anarchy.EPISODES
    if quick:
        counts, episodes = price_of_anarchy.QUICK_USERS, price_of_anarchy.QUICK_EPISODES
    with ProcessPoolExecutor() as pool:
        rows = pool.map(price_of_anarchy.price_of_anarchy, counts, itertools.repeat(episodes))
        results.write("price_of_anarchy", list(rows))
    configuration = {"num_users": counts, "episodes": episodes, "seed": price_of_anarchy.SEED}
    note(results.folder, "price_of_anarchy.csv", f"{_POLICIES} price-of-anarchy", configuration)


def measure_costs(results: Results, quick: bool) -> None:
    """Measure what an update and a decision of each algorithm cost, unless it is stored."""
    if len(results.table("complexity")):
        return
    from benchmarks.speed import complexity
    from recipes.rllib.session import local_ray

    counts, repetitions = complexity.USERS, complexity.REPETITIONS
    if quick:
        counts, repetitions = complexity.QUICK_USERS, complexity.QUICK_REPETITIONS
    with local_ray():
        results.write("complexity", list(complexity.costs(counts, repetitions)))
    configuration = {"num_users": counts, "settings": complexity.ALGORITHMS, "repetitions": repetitions, "threads": 1}
    command = f"python -m benchmarks reproduce --figure joint-head{' --quick' if quick else ''}"
    note(results.folder, "complexity.csv", command, configuration, draws=())


FOR_FIGURES: dict[str, Callable[[Results, bool], None]] = {
    "optimum": judge_policies,
    "7": evaluate_users,
    "price-of-anarchy": measure_price_of_anarchy,
    "joint-head": measure_costs,
}
"""Measurements that a figure needs beside trained runs."""


def _all_policies(results: Results) -> None:
    options = "--scenario all --policies all --with-optimum --episodes 64 --csv"
    command = [
        sys.executable,
        "-m",
        "edgeoffload_env",
        "evaluate",
        *options.split(),
        str(results.folder / "policies.csv"),
    ]
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


def _again(name: str, measure: Callable[[Results, bool], None]) -> Callable[[Results], None]:
    def again(results: Results) -> None:
        (results.folder / f"{name}.csv").unlink(missing_ok=True)
        measure(results, False)

    return again


def _draw_all(results: Results) -> None:
    from benchmarks.analysis import pages
    from benchmarks.analysis.figures import FIGURES
    from benchmarks.study.reproduce import reproduce

    reproduce([*FIGURES], results.folder, results.folder, training=False)
    pages.write()


_STEPS: dict[str, Callable[[Results], None]] = {
    "policies": _all_policies,
    "leaderboard": _judge_again,
    "users": _again("users", evaluate_users),
    "price-of-anarchy": _again("price_of_anarchy", measure_price_of_anarchy),
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
