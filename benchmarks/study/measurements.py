"""Measurements that figures show beside trained runs: shipped policies, price of anarchy, cost of an update."""

import itertools
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from benchmarks.analysis import leaderboard
from benchmarks.study import plan, price_of_anarchy
from benchmarks.study.generalization import can_play
from benchmarks.study.provenance import note
from benchmarks.study.store import Results, Row, select
from edgeoffload_env import evaluate, policies, scenarios, stored
from edgeoffload_env.evaluation import METRICS, search_fixed
from edgeoffload_env.evaluation.statistics import mean_interval
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

EFFECTS_EPISODES = 128
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
        config = scenarios.configure("paper", num_users=num_users)
        policy = policies.make(name, **({"counts": search_fixed(config)} if name == "fixed" else {}))
        if can_play(policy, config):
            found = evaluate(policy, config, episodes, FINAL_SEED).summary()
            means = {metric: found[metric].mean for metric in METRICS}
            rows.append({"policy": name, "num_users": num_users, "episodes": episodes} | means)
    results.write("users", rows)
    note(results.folder, "users.csv", f"{_POLICIES} users", {"scenario": "paper", "seed": FINAL_SEED})


def compare_on_effects(results: Results, quick: bool) -> None:
    """Compare shipped policies in the scenarios with effects, game by game, unless it is stored."""
    if len(results.table("effects")):
        return
    names = [name for name in scenarios.names() if scenarios.configure(name).schema.effects]
    episodes = _QUICK_EPISODES if quick else EFFECTS_EPISODES
    with ProcessPoolExecutor() as pool:
        rows = pool.map(_compared, names, itertools.repeat(episodes))
        results.write("effects", list(itertools.chain.from_iterable(rows)))
    note(results.folder, "effects.csv", f"{_POLICIES} effects", {"episodes": episodes, "seed": FINAL_SEED})


def _compared(scenario: str, episodes: int) -> list[Row]:
    """Evaluate each policy on the same games, with the parameters that the search for the references found best."""
    entry = stored.entry_of(scenarios.configure(scenario))
    assert entry is not None
    rows, greedy = [], evaluate("greedy", scenario, episodes, FINAL_SEED).utility
    for name in plan.EFFECTS_POLICIES:
        parameters = entry["tuned"].get(name, {}).get("parameters", {})
        result = evaluate(policies.make(name, **parameters), scenario, episodes, FINAL_SEED)
        summary, above = result.summary(), mean_interval(result.utility - greedy)
        rows.append(
            {"scenario": scenario, "policy": name, "tuned": json.dumps(parameters), "episodes": episodes}
            | {metric: interval.mean for metric, interval in summary.items()}
            | {"utility_low": summary["utility"].low, "utility_high": summary["utility"].high}
            | {"above_greedy": above.mean, "above_greedy_low": above.low, "above_greedy_high": above.high}
        )
    return rows


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
