"""Joint transitions: one row is one step of one game, for all its users."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class TransitionBatch(NamedTuple):
    """Joint transitions; the first axis counts them."""

    obs: Tensor
    """``[R, N, D]``"""
    state: Tensor
    """``[R, S]``"""
    actions: Tensor
    """Integers ``[R, N]``."""
    rewards: Tensor
    """``[R, N]``"""
    next_obs: Tensor
    """``[R, N, D]``, of the same episode: before any reset."""
    next_state: Tensor
    """``[R, S]``, likewise."""
    terminated: Tensor
    """``[R, N]``: 1.0 where the game terminated for the user, 0.0 elsewhere, also where it was truncated."""

    mask: Tensor | None = None
    """Bools ``[R, N, A]``: the actions allowed; None where the game allows all of them always."""
    next_mask: Tensor | None = None
    """Bools ``[R, N, A]``: the actions allowed next, of the same episode."""

    def map(self, function: Callable[[Tensor], Tensor]) -> "TransitionBatch":
        """Return the batch with a function applied to each column."""
        return TransitionBatch(*(None if column is None else function(column) for column in self))

    def first(self, count: int) -> "TransitionBatch":
        """Return the first ``count`` transitions; all of them if there are no more."""
        return self.map(lambda column: column[:count])

    def decided(self) -> Tensor | None:
        """Return bools ``[N, R]``: the user could choose between actions; None where everyone always can."""
        return decided(self.mask)

    def of_team(self) -> tuple[Tensor, Tensor]:
        """Return the mean of the users' rewards, and 1.0 where the game terminated for all of them, ``[1, R]`` each."""
        return self.rewards.T.mean(0, keepdim=True), self.terminated.T.amin(0, keepdim=True)


def decided(mask: Tensor | None) -> Tensor | None:
    """Return bools ``[N, R]``: a mask ``[R, N, A]`` lets the user choose between actions; None for no mask."""
    return None if mask is None else (mask.sum(dim=2) > 1).T


def concatenate(batches: list[TransitionBatch]) -> TransitionBatch:
    """Return batches of one game one after another."""
    if len(batches) == 1:
        return batches[0]
    columns = zip(*batches, strict=True)
    return TransitionBatch(*(None if column[0] is None else torch.cat(column) for column in columns))
