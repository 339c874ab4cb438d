"""Means and entropies of user-major values ``[N, batch]``.

A loss is the sum over users of each user's mean over the batch, so that its gradient with respect to a user's own
parameters is the one that the user would have alone.
"""

from torch import Tensor

from recipes.networks.stacked_mlp import log_softmax


def mean_over_batch(values: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return the mean ``[N]`` of values ``[N, batch]`` over the transitions that count, bools of the same shape.

    A user without any has 0. None counts all: users who cannot choose are left out where a game has action masks.
    """
    if counted is None:
        return values.mean(dim=1)
    return (values * counted).sum(dim=1) / counted.sum(dim=1).clamp_min(1)


def entropy(logits: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return the entropy in nats of softmax(logits), mean over the transitions that count, summed over users."""
    log_p = log_softmax(logits)
    return -mean_over_batch((log_p.exp() * log_p).sum(dim=-1), counted).sum()
