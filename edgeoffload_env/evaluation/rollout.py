"""Playing whole episodes with a policy, in batches of bounded memory, and measuring each."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.statistics import UpperQuantile
from edgeoffload_env.policies.view import Floats, Policy, PolicyError, PolicyView
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

METRICS = ("utility", "mean_delay_s", "p95_delay_s", "imbalance", "offload_fraction", "jain_fairness")
"""What is measured of each episode."""

_TAIL = 0.95
_LARGEST_TABLE = 2**21  # of float64, 16 MiB: the [B, N, M] arrays of the planning policies, and the kept delays

Progress = Callable[[int], Any]
"""``progress(n)``: n more slots were played, counted over all games."""


def play(
    policy: Policy, name: str, config: EdgeOffloadConfig, episodes: int, seed: int, progress: Progress | None
) -> dict[str, Floats]:
    """Each metric, and each of the policy's diagnostics averaged over the slots: ``[episodes]``.

    The games depend on the configuration, the seed and the number of episodes, not on the policy or its draws.
    """
    games_at_once = min(episodes, _batch_limit(config))
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    batches = []
    for batch, first in enumerate(range(0, episodes, games_at_once)):
        env = EdgeOffloadVectorEnv(config, min(games_at_once, episodes - first), dtype="float64")
        words = np.random.SeedSequence(seed, spawn_key=(0, batch)).generate_state(2, np.uint64)
        env.reset(seed=int(words[0]) << 64 | int(words[1]))
        batches.append(_play_batch(policy, name, env, rng, progress))
    return {key: np.concatenate([measured[key] for measured in batches]) for key in batches[0]}


def _batch_limit(config: EdgeOffloadConfig) -> int:
    delays = UpperQuantile.columns(_TAIL, config.num_users * config.max_cycles) + config.num_users
    return max(1, _LARGEST_TABLE // max(config.num_users * config.servers, delays))


def _play_batch(
    policy: Policy, name: str, env: EdgeOffloadVectorEnv, rng: np.random.Generator, progress: Progress | None
) -> dict[str, Floats]:
    config, games, slots = env.config, env.num_envs, env.config.max_cycles
    delay_s = np.zeros((games, config.num_users))
    imbalance, offloaded = np.zeros(games), np.zeros(games)
    tail = UpperQuantile(_TAIL, config.num_users * slots)
    diagnostics: dict[str, Floats] = {}
    for _ in range(slots):
        view = PolicyView(config, env.snapshot(), rng)
        info = env.step(checked_actions(name, policy.act(view), games, config))[-1]
        delay_s += info["delay_s"]
        imbalance += info["imbalance"]
        offloaded += np.count_nonzero(info["target"], axis=1)
        tail.add(info["delay_s"])
        for key, values in getattr(policy, "diagnostics", {}).items():
            diagnostics[key] = diagnostics.get(key, np.zeros(games)) + values
        if progress is not None:
            progress(games)
    return {
        # (20) at w1 = w2 = 1, whatever the weights of the game's rewards
        "utility": -(np.mean(delay_s, axis=1) + imbalance),
        "mean_delay_s": np.mean(delay_s, axis=1) / slots,
        "p95_delay_s": tail.result(),
        "imbalance": imbalance / slots,
        "offload_fraction": offloaded / (slots * config.num_users),
        "jain_fairness": np.sum(delay_s, axis=1) ** 2 / (config.num_users * np.sum(delay_s**2, axis=1)),
        **{key: values / slots for key, values in diagnostics.items()},
    }


def checked_actions(name: str, actions: Any, games: int, config: EdgeOffloadConfig) -> NDArray[np.integer[Any]]:
    """A policy's actions as an array.

    Raises:
        PolicyError: not integers, not ``[B, N]``, or out of range; the message names the policy.
    """
    allowed = f"integers {[games, config.num_users]} from 0 (device) to {config.servers} (last server)"
    try:
        array: NDArray[Any] = np.asarray(actions)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PolicyError(f"policy {name!r} gave {type(actions).__name__} actions; allowed: {allowed}") from error
    if array.dtype.kind not in "iu":
        raise PolicyError(f"policy {name!r} gave actions of type {array.dtype}; allowed: {allowed}")
    if array.shape != (games, config.num_users):
        raise PolicyError(f"policy {name!r} gave actions of shape {list(array.shape)}; allowed: {allowed}")
    wrong = (array < 0) | (array > config.servers)
    if wrong.any():
        game, user = np.argwhere(wrong)[0]
        raise PolicyError(f"policy {name!r} gave user_{user} the action {array[game, user]}; allowed: {allowed}")
    return array
