"""Rollouts: what a policy played between two rounds of updates, and the batch that a learner makes of it."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recipes.joint.transitions import TransitionBatch, concatenate, decided


class Rollout(NamedTuple):
    """Transitions of T consecutive slots of B games, in order of time, then of the game."""

    transitions: TransitionBatch
    """``[T B, ...]``"""
    ended: Tensor
    """Bools ``[T B]``: the episode ended with the transition, by termination or truncation."""
    num_games: int
    """B"""

    def by_slot(self, column: Tensor) -> Tensor:
        """Return a column ``[T B, ...]`` as ``[T, B, ...]``."""
        return column.unflatten(0, (-1, self.num_games))

    def to(self, device: str) -> "Rollout":
        """Return the rollout on a device, without a copy of what is there already."""
        return Rollout(self.transitions.map(lambda column: column.to(device)), self.ended.to(device), self.num_games)

    def borders(self) -> Tensor:
        """Return the indices of the transitions that the next slot does not continue: ends of episodes, last slot."""
        last = self.ended.clone()
        last[-self.num_games :] = True
        return last.nonzero().squeeze(1)


def join(rollouts: Sequence[Rollout]) -> Rollout:
    """Return rollouts of equally many slots side by side, as one of all their games."""
    if len(rollouts) == 1:
        return rollouts[0]
    games = sum(rollout.num_games for rollout in rollouts)
    slots = len(rollouts[0].ended) // rollouts[0].num_games
    starts = torch.tensor([0, *(len(rollout.ended) for rollout in rollouts)]).cumsum(0)
    order = torch.cat(
        [
            start + torch.arange(len(rollout.ended)).unflatten(0, (slots, rollout.num_games))
            for start, rollout in zip(starts, rollouts, strict=False)
        ],
        dim=1,
    ).flatten()
    transitions = concatenate([rollout.transitions for rollout in rollouts])
    ended = torch.cat([rollout.ended for rollout in rollouts])
    return Rollout(transitions.map(lambda column: column[order]), ended[order], games)


class PolicyBatch(NamedTuple):
    """Transitions that a policy learns from; the first axis counts them."""

    obs: Tensor
    """``[R, N, D]``"""
    state: Tensor
    """``[R, S]``"""
    actions: Tensor
    """Integers ``[R, N]``."""
    log_probs: Tensor
    """Of the actions, by the policy that played them, ``[R, N]``."""
    advantages: Tensor
    """``[R, N]``"""
    targets: Tensor
    """Returns that the critics learn, in their units, ``[R, N]``."""
    mask: Tensor | None = None
    """Bools ``[R, N, A]``: the actions allowed; None where the game allows all of them always."""

    def rows(self, places: Tensor) -> "PolicyBatch":
        """Return the transitions of some indices."""
        return PolicyBatch(*(None if column is None else column.index_select(0, places) for column in self))

    def decided(self) -> Tensor | None:
        """Return bools ``[N, R]``: the user could choose between actions; None where everyone always can."""
        return decided(self.mask)
