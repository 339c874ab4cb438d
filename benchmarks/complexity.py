"""What each algorithm costs as users are added: outputs, parameters, the time of an update and of a decision.

``complexity.csv`` has a row for each algorithm and number of users on ``paper``; times are CPU seconds on one thread,
medians over updates of a batch of 512 and over decisions for one game. The joint head stops where its outputs do.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from recipes.hyperparameters import Checked
from recipes.registry import get
from recipes.settings import RunSettings

USERS: Sequence[int] = (2, 3, 4, 5, 10, 20, 30)
QUICK_USERS: Sequence[int] = (2, 3, 10)
ALGORITHMS = {"dtomalb": {}, "idql-tolb": {}, "dqn-tolb": {}, "dqn-tolb (joint head)": {"head": "joint"}}
COLUMNS = ("algorithm", "num_users", "outputs", "parameters", "update_s", "decision_s")
_ACTIONS = 6
_LARGEST_JOINT_HEAD = 20_000  # what recipes.joint.acting builds at most; not imported, as figures need no torch
REPETITIONS, QUICK_REPETITIONS = 51, 5


def joint_outputs(num_users: int) -> int:
    """(M + 1)^N for the paper's five servers."""
    return int(_ACTIONS**num_users)


def costs(users: Sequence[int] = USERS, repetitions: int = REPETITIONS) -> Iterator[dict[str, Any]]:
    """All rows. Needs a running Ray, and for times worth having a machine that does nothing else."""
    for name, values in ALGORITHMS.items():
        for num_users in users:
            if "joint" not in values.values() or joint_outputs(num_users) <= _LARGEST_JOINT_HEAD:
                yield {"algorithm": name, "num_users": num_users} | _cost(
                    name.split()[0], num_users, values, repetitions
                )


def _cost(algorithm: str, num_users: int, values: dict[str, Any], repetitions: int) -> dict[str, Any]:
    recipe = get(algorithm).load()
    hyper: Checked = recipe.Hyperparameters.of(values | {"learning_starts": 1})
    settings = RunSettings(
        algorithm=algorithm,
        scenario="paper",
        seed=0,
        env_steps=10**6,
        hyperparameters=hyper,
        env={"num_users": num_users},
    )
    config = recipe.algorithm_config(settings).debugging(seed=0, log_level="ERROR")
    built = config.reporting(min_sample_timesteps_per_iteration=16).build_algo()
    try:
        built.train()
        rows = built.replay.sample(512)
        acting = built.env_runner.module.acting
        trained = [built.learner_group._learner.module["default_policy"]]
        parameters = sum(p.numel() for module in trained for p in module.parameters() if p.requires_grad)
        outputs = acting.values(rows.obs[:1], rows.state[:1]).numel()
        return {
            "outputs": outputs,
            "parameters": parameters,
            "update_s": _median_s(lambda: built.learner_group.update(batch=rows), repetitions),
            "decision_s": _median_s(lambda: acting.greedy(rows.obs[:1], rows.state[:1]), repetitions),
        }
    finally:
        built.stop()


def _median_s(once: Callable[[], Any], repetitions: int) -> float:
    times = []
    for _ in range(repetitions + 2):
        began = time.process_time()
        once()
        times.append(time.process_time() - began)
    return statistics.median(times[2:])  # the first ones warm up
