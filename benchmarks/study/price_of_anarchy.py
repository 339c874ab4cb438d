"""Price of anarchy over load: the loss of selfish users against the best joint action, per slot and per episode.

``price_of_anarchy.csv`` has a row for each number of users on ``paper``. Per slot: the mean delay at the equilibrium of
``best-response`` as a multiple of ``optimum``'s in the same state, along the path of ``best-response``. Per episode:
the utilities of ``best-response``, ``optimum`` and the queue-aware ``drift-plus-penalty``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.study.store import COLUMNS
from edgeoffload_env import edgeoffload_v0, evaluate, policies
from edgeoffload_env.policies import view_of

USERS: Sequence[int] = (5, 8, 10, 12, 15, 18, 20)
QUICK_USERS: Sequence[int] = (5, 10, 15)
EPISODES, QUICK_EPISODES, SEED = 16, 2, 1


def price_of_anarchy(num_users: int, episodes: int = EPISODES, seed: int = SEED) -> dict[str, Any]:
    """Measure one row; ``load`` is the arriving work as a share of what all servers clear in a slot."""
    env = edgeoffload_v0.vector_env(num_envs=episodes, dtype="float64", num_users=num_users)
    env.reset(seed=seed)
    config, rng = env.config, np.random.default_rng((seed, 1))
    selfish, best = policies.make("best-response"), policies.make("optimum")
    prices, settled = [], []
    for _ in range(config.max_cycles):
        view = view_of(env, rng)
        joint, actions = best.act(view), selfish.act(view)
        settled.append(selfish.settled.mean())  # type: ignore[attr-defined]
        prices.append(_mean_delay(view.snapshot, config, actions) / _mean_delay(view.snapshot, config, joint))
        env.step(actions)
    found = np.concatenate(prices)
    utilities = [
        float(evaluate(policy, "paper", episodes, seed, num_users=num_users).utility.mean())
        for policy in ("best-response", "optimum", "drift-plus-penalty")
    ]
    assert config.server_hz is not None
    load = num_users * float(np.mean(config.cycles_range)) / (sum(config.server_hz) * config.slot_s)
    measured = map(float, (found.mean(), np.quantile(found, 0.95), found.max(), np.mean(settled)))
    row = (num_users, load, len(found), *measured, *utilities)
    return dict(zip(COLUMNS["price_of_anarchy"], row, strict=True))


def _mean_delay(snapshot: Any, config: Any, actions: Any) -> Any:
    """Return the mean delay over users, ``[B]``, of these actions in this state."""
    game = edgeoffload_v0.vector_env(num_envs=len(actions), scenario=config, dtype="float64")
    game.reset(seed=0, options={"snapshot": snapshot})
    return game.step(actions)[-1]["delay_s"].mean(axis=1)
