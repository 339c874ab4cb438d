"""Losses that several off-policy algorithms share, as pure functions with the paper's equation numbers.

Values and rewards are user-major, ``[N, batch]``. A loss is the sum over users of each user's mean over the batch, so
that its gradient with respect to a user's own parameters is the one that the user would have alone.
"""

import torch
from torch import Tensor

from recipes.joint.losses import entropy as entropy  # these three are used by learners
from recipes.joint.losses import mean_over_batch as mean_over_batch
from recipes.networks.stacked_mlp import argmax
from recipes.networks.stacked_mlp import chosen as chosen


def td_target(rewards: Tensor, terminated: Tensor, next_values: Tensor, gamma: float) -> Tensor:
    """Return the y of (32) and (35): r + gamma Q'(x', a'), without the second term where the game terminated.

    Truncated transitions bootstrap: their x' is the state before the reset.
    """
    return rewards + gamma * (1.0 - terminated) * next_values


def squared_error(values: Tensor, targets: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return (35), line 17 of Table 1: the mean over the batch of (Q - y)^2, summed over users."""
    return mean_over_batch((values - targets).square(), counted).sum()


def huber_error(values: Tensor, targets: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return :func:`squared_error` with linear growth beyond an error of 1, at twice the usual scale: equal below 1."""
    return 2.0 * mean_over_batch(torch.nn.functional.huber_loss(values, targets, reduction="none"), counted).sum()


def next_value(target_values: Tensor, online_values: Tensor | None = None) -> Tensor:
    """Return the maximum of Q' over the last axis; given online values, Q' at their maximum (double Q-learning)."""
    if online_values is None:
        return target_values.amax(dim=-1)
    return chosen(target_values, argmax(online_values))


def symlog(x: Tensor) -> Tensor:
    """Return sign(x) log(1 + abs(x)), of Hafner et al. (2023), "Mastering Diverse Domains through World Models"."""
    return x.sign() * x.abs().log1p()
