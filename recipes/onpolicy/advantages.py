"""Generalised advantage estimation, and the standardisation of its result."""

import torch
from torch import Tensor

from recipes.joint.losses import mean_over_batch


def generalized_advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    ended: Tensor,
    *,
    gamma: float,
    lambda_: float,
) -> Tensor:
    """Return the advantages of (16) in Schulman et al. (2016), "High-Dimensional Continuous Control Using GAE".

    delta_t = r_t + gamma V(x_{t+1}) - V(x_t) and A_t = delta_t + gamma lambda A_{t+1}. A terminated game has no
    V(x_{t+1}); a truncated one has the value of the state before the reset. Neither has an A_{t+1}.

    Args:
        rewards: ``[T, ...]``.
        values: V(x_t), ``[T, ...]``.
        next_values: V(x_{t+1}) of the same episode, ``[T, ...]``.
        terminated: 1.0 where the game terminated, 0.0 elsewhere, also where it was truncated; ``[T, ...]``.
        ended: 1.0 where the episode ended in either way, else 0.0; of a shape that broadcasts to ``[T, ...]``.
        gamma: discount.
        lambda_: weight of later deltas.
    """
    deltas = rewards + gamma * (1.0 - terminated) * next_values - values
    kept = gamma * lambda_ * (1.0 - ended)
    advantages = torch.empty_like(deltas)
    following = torch.zeros_like(deltas[0])
    for t in reversed(range(len(deltas))):
        following = deltas[t] + kept[t] * following
        advantages[t] = following
    return advantages


def standardized(advantages: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return advantages ``[N, batch]`` with mean 0 and standard deviation 1 over each user's transitions that count.

    Args:
        advantages: of each user.
        counted: bools of the same shape; None counts all. The others are moved and scaled alike.
    """
    centred = advantages - mean_over_batch(advantages, counted)[:, None]
    return centred / (mean_over_batch(centred.square(), counted).sqrt()[:, None] + 1e-8)
