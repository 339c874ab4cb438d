"""Rollouts: a policy plays a running environment, and whole episodes measured in batches of bounded memory."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env.agents import action_count
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model.metrics import TAIL, UpperQuantile
from edgeoffload_env.policies.view import Floats, Policy, PolicyError, PolicyView, view_of
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

_LARGEST_TABLE = 2**21  # of float64, 16 MiB: the [B, N, M] arrays of the planning policies, and the kept delays

Progress = Callable[[int], Any]
"""``progress(n)``: n more slots were played, counted over all games."""


class Step(NamedTuple):
    """One slot of a rollout."""

    view: PolicyView
    """Input of the policy."""
    actions: NDArray[np.integer[Any]]
    """Actions of the policy, ``[B, N]``."""
    returned: tuple[Any, ...]
    """Return value of the environment's ``step``."""


def policy_rng(seed: int, player: int = 0) -> np.random.Generator:
    """Return the generator of a policy that plays games of a seed; its draws change no game.

    Args:
        seed: of the games.
        player: number of the policy where several play games of the same seed.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, player)))


def rollout(policy: Policy, name: str, env: Any, rng: np.random.Generator, slots: int) -> Iterator[Step]:
    """Let a policy play some slots of an environment that was reset.

    Args:
        policy: the policy.
        name: the policy's name in errors.
        env: a vector view, or a single game of the parallel view.
        rng: the policy's own generator.
        slots: number of slots to play.

    Raises:
        PolicyError: invalid actions.
    """
    single = not hasattr(env, "num_envs")
    for _ in range(slots):
        view = view_of(env, rng)
        actions = checked_actions(name, policy.act(view), view.num_games, view.config)
        taken: Any = dict(zip(env.agents, actions[0].tolist(), strict=True)) if single else actions
        yield Step(view, actions, env.step(taken))


def play(
    policy: Policy, name: str, config: EdgeOffloadConfig, episodes: int, seed: int, progress: Progress | None
) -> dict[str, Floats]:
    """Measure whole episodes: each metric, and the mean of each diagnostic of the policy.

    One number per episode, ``[episodes]``. The games depend on the configuration, the seed and the number of episodes,
    not on the policy or its draws.
    """
    games_at_once = min(episodes, _batch_limit(config))
    rng = policy_rng(seed)
    batches = []
    for batch, first in enumerate(range(0, episodes, games_at_once)):
        env = EdgeOffloadVectorEnv(config, min(games_at_once, episodes - first), dtype="float64")
        words = np.random.SeedSequence(seed, spawn_key=(0, batch)).generate_state(2, np.uint64)
        env.reset(seed=int(words[0]) << 64 | int(words[1]))
        batches.append(_play_batch(policy, name, env, rng, progress))
    return {key: np.concatenate([measured[key] for measured in batches]) for key in batches[0]}


def _batch_limit(config: EdgeOffloadConfig) -> int:
    delays = UpperQuantile.columns(TAIL, config.num_users * config.max_cycles) + config.num_users
    return max(1, _LARGEST_TABLE // max(config.num_users * (action_count(config) - 1), delays))


def _play_batch(
    policy: Policy, name: str, env: EdgeOffloadVectorEnv, rng: np.random.Generator, progress: Progress | None
) -> dict[str, Floats]:
    config, games, slots = env.config, env.num_envs, env.config.max_cycles
    metrics = {metric.name: metric.accumulator(config, games) for metric in config.schema.metrics}
    diagnostics: dict[str, Floats] = {}
    for step in rollout(policy, name, env, rng, slots):
        infos = step.returned[-1]
        for accumulator in metrics.values():
            accumulator.add(infos)
        for key, values in getattr(policy, "diagnostics", {}).items():
            diagnostics[key] = diagnostics.get(key, np.zeros(games)) + values
        if progress is not None:
            progress(games)
    return {
        **{key: accumulator.result() for key, accumulator in metrics.items()},
        **{key: values / slots for key, values in diagnostics.items()},
    }


def checked_actions(name: str, actions: Any, games: int, config: EdgeOffloadConfig) -> NDArray[np.integer[Any]]:
    """Return a policy's actions as an array.

    Raises:
        PolicyError: not integers, not ``[B, N]``, or out of range; the message names the policy.
    """
    expected = f"integers in [0, {action_count(config) - 1}] of shape {[games, config.num_users]}"
    try:
        array: NDArray[Any] = np.asarray(actions)
    except (TypeError, ValueError, RuntimeError):
        raise PolicyError(f"actions of policy {name!r} must be {expected}, got {type(actions).__name__}") from None
    if array.dtype.kind not in "iu":
        raise PolicyError(f"actions of policy {name!r} must be {expected}, got type {array.dtype}")
    if array.shape != (games, config.num_users):
        raise PolicyError(f"actions of policy {name!r} must be {expected}, got shape {list(array.shape)}")
    wrong = (array < 0) | (array >= action_count(config))
    if wrong.any():
        game, user = np.argwhere(wrong)[0]
        raise PolicyError(f"actions of policy {name!r} must be {expected}, got {array[game, user]} for user_{user}")
    return array
