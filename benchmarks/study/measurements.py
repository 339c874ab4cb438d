"""Measurements that figures show beside trained runs: shipped policies, price of anarchy, cost of an update."""

import itertools
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from benchmarks.analysis import leaderboard
from benchmarks.study import plan, price_of_anarchy
from benchmarks.study.generalization import can_play
from benchmarks.study.provenance import note
from benchmarks.study.store import Results, select
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
