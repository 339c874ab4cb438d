"""Replay buffer of joint transitions: one row is one step of one game, for all its users."""

from collections.abc import Callable
from typing import Any, NamedTuple

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
        return _have_a_choice(self.mask)

    def next_decided(self) -> Tensor | None:
        """Return :meth:`decided` of the next slot."""
        return _have_a_choice(self.next_mask)

    def of_team(self) -> tuple[Tensor, Tensor]:
        """Return the mean of the users' rewards, and 1.0 where the game terminated for all of them, ``[1, R]`` each."""
        return self.rewards.T.mean(0, keepdim=True), self.terminated.T.amin(0, keepdim=True)


def _have_a_choice(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else (mask.sum(dim=2) > 1).T


def concatenate(batches: list[TransitionBatch]) -> TransitionBatch:
    """Return batches of one game one after another."""
    if len(batches) == 1:
        return batches[0]
    columns = zip(*batches, strict=True)
    return TransitionBatch(*(None if column[0] is None else torch.cat(column) for column in columns))


class ReplayBuffer:
    """Ring buffer of the latest transitions, sampled uniformly with replacement."""

    def __init__(self, capacity: int, *, seed: int, device: Any = "cpu") -> None:
        """Create an empty buffer.

        Args:
            capacity: transitions kept before the oldest are overwritten.
            seed: of the generator that draws batches.
            device: where the transitions are stored.
        """
        self.capacity, self.device = capacity, torch.device(device)
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed(seed)
        self._columns: TransitionBatch | None = None
        self._added = 0

    def __len__(self) -> int:
        return min(self._added, self.capacity)

    def add(self, batch: TransitionBatch) -> None:
        """Append transitions, oldest first; of more than ``capacity`` only the last are kept."""
        batch = batch.map(lambda column: column[-self.capacity :].to(self.device))
        count = len(batch.actions)
        if self._columns is None:
            self._columns = self._allocate(batch)
        places = torch.arange(self._added, self._added + count, device=self.device) % self.capacity
        for column, values in zip(self._columns, batch, strict=True):
            if column is not None:
                column.index_copy_(0, places, values.to(column.dtype))
        self._added += count

    def sample(self, batch_size: int) -> TransitionBatch:
        """Draw a batch.

        Raises:
            ValueError: the buffer is empty.
        """
        if self._columns is None:
            raise ValueError("cannot sample from an empty replay buffer; add() transitions first")
        places = torch.randint(len(self), (batch_size,), generator=self._generator, device=self.device)
        return self._columns.map(lambda column: column.index_select(0, places))

    def get_state(self) -> dict[str, Any]:
        """Return the transitions and the generator's state; arrays are copies on the CPU."""
        stored = None
        if self._columns is not None:
            stored = tuple(
                None if column is None else column[: len(self)].cpu().numpy().copy() for column in self._columns
            )
        return {"transitions": stored, "added": self._added, "generator": self._generator.get_state().numpy().copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state that :meth:`get_state` returned, of a buffer of the same capacity."""
        self._columns, self._added = None, state["added"]
        if state["transitions"] is not None:
            stored = TransitionBatch(*state["transitions"]).map(lambda column: torch.as_tensor(column).to(self.device))
            self._columns = self._allocate(stored)
            for column, values in zip(self._columns, stored, strict=True):
                if column is not None:
                    column[: len(values)] = values
        self._generator.set_state(torch.from_numpy(state["generator"]))

    def _allocate(self, like: TransitionBatch) -> TransitionBatch:
        return like.map(lambda column: column.new_empty((self.capacity, *column.shape[1:])))
