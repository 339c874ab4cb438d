"""Shipped policies over the number of users on ``paper``, for Figure 7: ``users.csv``."""

from collections.abc import Collection, Iterator
from typing import Any

from edgeoffload_env import evaluate, policies, scenarios
from edgeoffload_env.evaluation import METRICS
from recipes.protocol import FINAL_SEED

POLICIES = ("random", "local", "proportional", "least-loaded", "greedy", "drift-plus-penalty", "optimum")
COLUMNS = ("policy", "num_users", "episodes", *METRICS)


def rows(counts: Collection[int], episodes: int) -> Iterator[dict[str, Any]]:
    """A row for each policy and number of users; ``optimum`` has none where there are too many users for it.

    Args:
        counts: numbers of users.
        episodes: on the games of final results.
    """
    for name in POLICIES:
        for num_users in sorted(counts):
            if not _can_play(name, num_users):
                continue
            found = evaluate(name, "paper", episodes, FINAL_SEED, num_users=num_users).summary()
            means = {metric: found[metric].mean for metric in METRICS}
            yield {"policy": name, "num_users": num_users, "episodes": episodes} | means


def _can_play(name: str, num_users: int) -> bool:
    check = getattr(policies.make(name), "check", lambda _: None)
    try:
        check(scenarios.configure("paper", num_users=num_users))
    except ValueError:
        return False
    return True
