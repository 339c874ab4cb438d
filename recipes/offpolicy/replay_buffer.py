"""Replay buffer of joint transitions: one row is one step of one game, for all its users."""

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

    def first(self, count: int) -> "TransitionBatch":
        """Return the first ``count`` transitions; all of them if there are no more."""
        return TransitionBatch(*(column[:count] for column in self))


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
        batch = TransitionBatch(*(column[-self.capacity :].to(self.device) for column in batch))
        count = len(batch.actions)
        if self._columns is None:
            self._columns = self._allocate(batch)
        places = torch.arange(self._added, self._added + count, device=self.device) % self.capacity
        for column, values in zip(self._columns, batch, strict=True):
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
        return TransitionBatch(*(column.index_select(0, places) for column in self._columns))

    def get_state(self) -> dict[str, Any]:
        """Return the transitions and the generator's state; arrays are copies on the CPU."""
        stored = None
        if self._columns is not None:
            stored = tuple(column[: len(self)].cpu().numpy().copy() for column in self._columns)
        return {"transitions": stored, "added": self._added, "generator": self._generator.get_state().numpy().copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state that :meth:`get_state` returned, of a buffer of the same capacity."""
        self._columns, self._added = None, state["added"]
        if state["transitions"] is not None:
            stored = TransitionBatch(*(torch.from_numpy(column).to(self.device) for column in state["transitions"]))
            self._columns = self._allocate(stored)
            for column, values in zip(self._columns, stored, strict=True):
                column[: len(values)] = values
        self._generator.set_state(torch.from_numpy(state["generator"]))

    def _allocate(self, like: TransitionBatch) -> TransitionBatch:
        return TransitionBatch(*(column.new_empty((self.capacity, *column.shape[1:])) for column in like))
