"""Load balance and reward: equations (19) and (20)."""

from typing import Any

from edgeoffload_env.model.channel import Array


def imbalance(load_factor_s: Array, *, xp: Any) -> Array:
    """Equation (19): var(LD), the population variance over the M servers of their load factors.

    Args:
        load_factor_s: (13) right after this slot's tasks joined the queues, seconds, ``[B, M]``.
        xp: the array API namespace.

    Returns:
        ``[B, 1]``, seconds squared. Two passes, so that equal loads give exactly 0 in any precision.
    """
    servers = load_factor_s.shape[-1]
    deviation = load_factor_s - xp.sum(load_factor_s, axis=-1, keepdims=True) / servers
    return xp.sum(deviation * deviation, axis=-1, keepdims=True) / servers


def user_reward(delay_s: Array, imbalance: Array, *, delay_weight: float, balance_weight: float) -> Array:
    """Equation (20): R_n = -w1 t_n - w2 var(LD), ``[B, N]``.

    Args:
        delay_s: t_n of (11), seconds, ``[B, N]``.
        imbalance: var(LD) of (19), ``[B, 1]``.
        delay_weight: w1.
        balance_weight: w2; 0 turns DTOMALB into DTOMA.
    """
    return delay_s * -delay_weight - imbalance * balance_weight


def shared_reward(reward: Array, *, reward_sharing: float, xp: Any) -> Array:
    """(1 - s) R_n + s mean(R), ``[B, N]``: s = 0 is the paper's reward, s = 1 gives everyone the team's mean."""
    if reward_sharing == 0.0:
        return reward
    mean = xp.mean(reward, axis=-1, keepdims=True)
    return (1.0 - reward_sharing) * reward + reward_sharing * mean
