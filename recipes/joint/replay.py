"""A ring of joint rows: what all users saw, did and got in the same step of the same game."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Rows(NamedTuple):
    """Joint experience; the first axis counts the rows."""

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
    """1.0 where the game ended for the user by itself, 0.0 else and where it was cut short: ``[R, N]``."""


class JointReplay:
    """The latest rows, from which batches are drawn uniformly with replacement."""

    def __init__(self, capacity: int, *, seed: int, device: Any = "cpu") -> None:
        """An empty ring.

        Args:
            capacity: rows that it holds before the oldest are overwritten.
            seed: of the generator that draws batches.
            device: where the rows lie.
        """
        self.capacity, self.device = capacity, torch.device(device)
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed(seed)
        self._rows: Rows | None = None
        self._added = 0

    def __len__(self) -> int:
        return min(self._added, self.capacity)

    def add(self, rows: Rows) -> None:
        """Append rows, oldest first; only the last ``capacity`` of them can stay."""
        rows = Rows(*(column[-self.capacity :].to(self.device) for column in rows))
        count = len(rows.actions)
        if self._rows is None:
            self._rows = Rows(*(column.new_empty((self.capacity, *column.shape[1:])) for column in rows))
        places = torch.arange(self._added, self._added + count, device=self.device) % self.capacity
        for column, values in zip(self._rows, rows, strict=True):
            column.index_copy_(0, places, values.to(column.dtype))
        self._added += count

    def sample(self, batch_size: int) -> Rows:
        """A batch of rows.

        Raises:
            ValueError: the ring is empty.
        """
        if self._rows is None:
            raise ValueError("sample() before add(); allowed: after it")
        places = torch.randint(len(self), (batch_size,), generator=self._generator, device=self.device)
        return Rows(*(column.index_select(0, places) for column in self._rows))

    def get_state(self) -> dict[str, Any]:
        """Everything that decides what comes out later; arrays are copies on the CPU."""
        kept = None
        if self._rows is not None:
            kept = tuple(column[: len(self)].cpu().numpy().copy() for column in self._rows)
        return {"rows": kept, "added": self._added, "generator": self._generator.get_state().numpy().copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`get_state` gave, for the same capacity."""
        self._rows, self._added = None, state["added"]
        if state["rows"] is not None:
            kept = [torch.from_numpy(column).to(self.device) for column in state["rows"]]
            self._rows = Rows(*(column.new_empty((self.capacity, *column.shape[1:])) for column in kept))
            for column, values in zip(self._rows, kept, strict=True):
                column[: len(values)] = values
        self._generator.set_state(torch.from_numpy(state["generator"]))
