"""The price of anarchy over load: what selfish users lose to the best joint action, within a slot and over an episode.

``anarchy.csv`` has a row for each number of users on ``paper``. Within a slot: at each slot of the path that
``best-response`` takes, the mean delay at its equilibrium as a multiple of ``optimum``'s in the same state. Over an
episode: the utilities of ``best-response``, of ``optimum`` and of ``drift-plus-penalty``, which minds the queues.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeoffload_env import edgeoffload_v0, evaluate, policies
from edgeoffload_env.policies import view_of

USERS: Sequence[int] = (5, 8, 10, 12, 15, 18, 20)
QUICK_USERS: Sequence[int] = (5, 10, 15)
EPISODES, QUICK_EPISODES, SEED = 16, 2, 1
COLUMNS = (
    "num_users",
    "load",
    "slots",
    "price_mean",
    "price_p95",
    "price_max",
    "settled",
    *(f"{policy}_utility" for policy in ("best-response", "optimum", "drift-plus-penalty")),
)


def price_of_anarchy(num_users: int, episodes: int = EPISODES, seed: int = SEED) -> dict[str, Any]:
    """One row; ``load`` is the work that arrives in a slot as a share of what all servers clear in it."""
    env = edgeoffload_v0.vector_env(num_envs=episodes, dtype="float64", num_users=num_users)
    env.reset(seed=seed)
    config, rng = env.config, np.random.default_rng((seed, 1))
    selfish, best = policies.make("best-response"), policies.make("optimum")
    prices, settled = [], []
    for _ in range(config.max_cycles):
        view = view_of(env, rng)
        there, actions = best.act(view), selfish.act(view)
        settled.append(selfish.settled.mean())  # type: ignore[attr-defined]
        least = _mean_delay(view.snapshot, config, there)
        prices.append(_mean_delay(view.snapshot, config, actions) / least)
        env.step(actions)
    found = np.concatenate(prices)
    utilities = [
        float(evaluate(policy, "paper", episodes, seed, num_users=num_users).utility.mean())
        for policy in ("best-response", "optimum", "drift-plus-penalty")
    ]
    assert config.server_hz is not None
    work, cleared = num_users * float(np.mean(config.task_cycles)), sum(config.server_hz) * config.slot_s
    measured = (found.mean(), np.quantile(found, 0.95), found.max(), np.mean(settled))
    return dict(zip(COLUMNS, (num_users, work / cleared, len(found), *map(float, measured), *utilities), strict=True))


def _mean_delay(snapshot: Any, config: Any, actions: Any) -> Any:
    """Mean over users of t_n, ``[B]``, were these actions taken now."""
    game = edgeoffload_v0.vector_env(num_envs=len(actions), scenario=config, dtype="float64")
    game.reset(seed=0, options={"snapshot": snapshot})
    return game.step(actions)[-1]["delay_s"].mean(axis=1)
