"""Replay buffer of joint transitions."""

from typing import Any

import torch

from recipes.joint.transitions import TransitionBatch


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
