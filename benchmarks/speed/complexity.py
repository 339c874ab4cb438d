"""Cost of each algorithm over the number of users: outputs, parameters, times of an update and of a decision.

``complexity.csv`` has a row for each algorithm and number of users on ``paper``; times are CPU seconds on one thread,
medians over updates of a batch of 512 and over decisions for one game. The joint head stops at its largest size.
"""

import gc
import statistics
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from edgeoffload_env import scenarios
from edgeoffload_env.agents import action_count
from recipes.registry import get
from recipes.settings import RunSettings

USERS: Sequence[int] = (2, 3, 4, 5, 10, 20, 30)
QUICK_USERS: Sequence[int] = (2, 3, 10)
ALGORITHMS: dict[str, dict[str, str]] = {"dtomalb": {}, "idql-tolb": {}, "dqn-tolb": {}}
ALGORITHMS["dqn-tolb (joint head)"] = {"head": "joint"}
_LARGEST_JOINT_HEAD = 20_000  # the recipes' limit; not imported, as figures need no torch
REPETITIONS, QUICK_REPETITIONS = 51, 5


def joint_outputs(num_users: int) -> int:
    """Return (M + 1)^N for the paper's five servers."""
    return int(action_count(scenarios.configure("paper")) ** num_users)


def costs(users: Sequence[int] = USERS, repetitions: int = REPETITIONS) -> Iterator[dict[str, Any]]:
    """Yield all rows; needs a running Ray, and an idle machine for meaningful times."""
    for name, values in ALGORITHMS.items():
        for num_users in users:
            if not values or joint_outputs(num_users) <= _LARGEST_JOINT_HEAD:
                key = {"algorithm": name, "num_users": num_users}
                yield key | _cost(name.split()[0], num_users, values, repetitions)


def _cost(algorithm: str, num_users: int, values: dict[str, Any], repetitions: int) -> dict[str, Any]:
    recipe = get(algorithm).load()
    hyper = recipe.Hyperparameters.of(values | {"num_steps_sampled_before_learning_starts": 1})
    run: dict[str, Any] = {"scenario": "paper", "seed": 0, "env_steps": 10**6, "env": {"num_users": num_users}}
    settings = RunSettings(algorithm=algorithm, hyperparameters=hyper, **run)
    config = recipe.algorithm_config(settings).debugging(seed=0, log_level="ERROR")
    built = config.reporting(min_sample_timesteps_per_iteration=16).build_algo()
    try:
        built.train()
        rows = built.replay.sample(512)
        acting = built.env_runner.module.acting
        seen = acting.select_input(rows.obs[:1], rows.state[:1])
        trained = built.learner_group._learner.module["default_policy"]
        return {
            "outputs": acting.values(seen).numel(),
            "parameters": sum(p.numel() for p in trained.parameters() if p.requires_grad),
            "update_s": _median_s(lambda: built.learner_group.update(batch=rows), repetitions),
            "decision_s": _median_s(lambda: acting.greedy(seen), repetitions),
        }
    finally:
        built.stop()


def _median_s(once: Callable[[], Any], repetitions: int) -> float:
    times = timeit.repeat(once, gc.enable, time.process_time, repeat=repetitions + 2, number=1)
    return statistics.median(times[2:])  # the first ones warm up
