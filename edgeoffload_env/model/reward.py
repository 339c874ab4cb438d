"""Load balance, reward and utility: equations (19) and (20)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeoffload_env.model import numpy_namespace
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.quantities import Fields

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig


def imbalance(load_factor_s: Array, *, xp: Any) -> Array:
    """Equation (19): var(LD), the population variance over the M servers of their load factors.

    Args:
        load_factor_s: (13) right after this slot's tasks joined the queues, seconds, ``[B, M]``.
        xp: the array API namespace.

    Returns:
        ``[B, 1]``, seconds squared. Two passes, so that equal loads give exactly 0 in any precision.
    """
    servers = load_factor_s.shape[-1]
    if xp is numpy_namespace and xp.is_one_game(load_factor_s):
        deviation = load_factor_s - xp.row_sum(load_factor_s) / servers
        return np.array([[xp.row_sum(deviation * deviation) / servers]])
    deviation = load_factor_s - xp.sum(load_factor_s, axis=-1, keepdims=True) / servers
    return xp.sum(deviation * deviation, axis=-1, keepdims=True) / servers


def user_reward(infos: Fields, config: "EdgeOffloadConfig") -> Array:
    """Equation (20): R_n = -w1 t_n - w2 var(LD), less the costs of effects; ``[B, N]``.

    Args:
        infos: of the slot, ``[B, N]`` and ``[B, 1]``.
        config: the weights.
    """
    first, *others = config.schema.reward_terms
    reward = first.cost(infos) * -first.weight(config)
    for term in others:
        reward = reward - term.cost(infos) * term.weight(config)
    return reward


def shared_reward(reward: Array, *, reward_sharing: float, xp: Any) -> Array:
    """(1 - s) R_n + s mean(R), ``[B, N]``: s = 0 is the paper's reward, s = 1 gives everyone the team's mean."""
    if reward_sharing == 0.0:
        return reward
    mean = xp.mean(reward, axis=-1, keepdims=True)
    return (1.0 - reward_sharing) * reward + reward_sharing * mean


def utility(infos: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> Array:
    """The slot's system utility: the mean over users of (20) with all weights 1, ``[B]``.

    Args:
        infos: of a slot, per user ``[B, N]``, per game ``[B]`` or ``[B, 1]``; as a vector view gives them, or an
            outcome.
        config: the game; its weights do not matter.
        xp: the array API namespace of the infos.
    """
    total: Array = 0.0
    for term in config.schema.reward_terms:
        cost = term.cost(infos)
        total = total - (xp.mean(cost, axis=-1) if cost.ndim == 2 else cost)
    return total
