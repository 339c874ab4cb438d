"""Metrics of whole episodes, accumulated slot by slot from the infos of a vector view. Numpy alone."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.quantities import Fields
from edgeoffload_env.model.reward import utility

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

Floats = NDArray[np.float64]

TAIL = 0.95
"""The quantile of ``p95_delay_s``."""


class SlotMean:
    """Mean over users (where there is one value for each) and slots.

    Args:
        value: ``[B, N]`` or ``[B]`` of a slot's infos.
        config: not read.
        games: B.
    """

    def __init__(self, value: Callable[[Fields], Any], config: "EdgeOffloadConfig", games: int) -> None:
        self._value, self._total, self._slots = value, np.zeros(games), 0

    def add(self, infos: Fields) -> None:
        """Count one slot."""
        values = np.asarray(self._value(infos))
        self._total = self._total + (values.mean(axis=1) if values.ndim == 2 else values)
        self._slots += 1

    def result(self) -> Floats:
        """Return ``[B]``."""
        return self._total / self._slots


def slot_mean(value: Callable[[Fields], Any]) -> Callable[["EdgeOffloadConfig", int], SlotMean]:
    """Make the accumulator of a metric that is a mean over users and slots."""
    return lambda config, games: SlotMean(value, config, games)


class TaskMean:
    """Mean over tasks: over users and slots, but for slots in which a user had no task; NaN without any task.

    Args:
        value: ``[B, N]`` of a slot's infos, 0 for users without a task.
        config: not read.
        games: B.
    """

    def __init__(self, value: Callable[[Fields], Any], config: "EdgeOffloadConfig", games: int) -> None:
        self._value, self._total, self._tasks = value, np.zeros(games), np.zeros(games)

    def add(self, infos: Fields) -> None:
        """Count one slot."""
        active = infos["active"]
        self._total = self._total + np.sum(self._value(infos), axis=1, where=active)
        self._tasks = self._tasks + np.sum(active, axis=1)

    def result(self) -> Floats:
        """Return ``[B]``."""
        return _ratio(self._total, self._tasks)


def task_mean(value: Callable[[Fields], Any]) -> Callable[["EdgeOffloadConfig", int], SlotMean | TaskMean]:
    """Make the accumulator of a metric that is a mean over tasks; ``value`` gives ``[B, N]`` of a slot's infos."""
    return lambda config, games: (TaskMean if config.schema.masked else SlotMean)(value, config, games)


def _ratio(total: Floats, count: Floats) -> Floats:
    ratio: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0.0)
    return ratio


class UtilitySum:
    """Sum over slots of the utility."""

    def __init__(self, config: "EdgeOffloadConfig", games: int) -> None:
        self._config, self._total = config, np.zeros(games)

    def add(self, infos: Fields) -> None:
        """Count one slot."""
        self._total = self._total + utility(infos, self._config, xp=xp)

    def result(self) -> Floats:
        """Return ``[B]``."""
        return self._total


class JainFairness:
    """Jain's index of the mean delays of the users that had tasks; NaN without any task."""

    def __init__(self, config: "EdgeOffloadConfig", games: int) -> None:
        self._delay_s = np.zeros((games, config.num_users))
        self._tasks = np.zeros((games, config.num_users)) if config.schema.masked else None

    def add(self, infos: Fields) -> None:
        """Count one slot."""
        self._delay_s = self._delay_s + infos["delay_s"]
        if self._tasks is not None:
            self._tasks = self._tasks + infos["active"]

    def result(self) -> Floats:
        """Return ``[B]``."""
        delay_s, users = self._delay_s, np.full(len(self._delay_s), float(self._delay_s.shape[1]))
        if self._tasks is not None:
            delay_s = np.nan_to_num(_ratio(delay_s, self._tasks))
            users = np.sum(self._tasks > 0.0, axis=1).astype(np.float64)
        total, squares = np.sum(delay_s, axis=1), np.sum(delay_s**2, axis=1)
        return _ratio(total**2, users * squares)


class DelayTail:
    """The 95th percentile of the delays of all tasks; NaN without any task."""

    def __init__(self, config: "EdgeOffloadConfig", games: int) -> None:
        self._quantile = UpperQuantile(TAIL, config.num_users * config.max_cycles)
        self._idle = config.schema.masked
        self._tasks = np.zeros(games, dtype=np.int64)

    def add(self, infos: Fields) -> None:
        """Count one slot."""
        self._quantile.add(infos["delay_s"])  # the zeros of users without a task are below every delay
        self._tasks = self._tasks + (np.sum(infos["active"], axis=1) if self._idle else infos["delay_s"].shape[1])

    def result(self) -> Floats:
        """Return ``[B]``."""
        return self._quantile.result(self._tasks)


class UpperQuantile:
    """An exact upper quantile of rows that arrive in pieces, keeping only the values above it.

    The same number as ``numpy.quantile(everything, q, axis=1)``; for q = 0.95 in a tenth of its memory.

    Args:
        q: the quantile.
        total: values a row will have in the end.
    """

    def __init__(self, q: float, total: int) -> None:
        self._q, self._total = q, total
        self._keep = total - math.floor(q * (total - 1))
        self._pieces: list[Floats] = []
        self._columns = 0

    @staticmethod
    def columns(q: float, total: int) -> int:
        """Values kept of each row at a time, at most, beside the last piece."""
        return 2 * (total - math.floor(q * (total - 1)))

    def add(self, values: Floats) -> None:
        """Some values of every row, ``[rows, any number]``."""
        self._pieces.append(values)
        self._columns += values.shape[1]
        if self._columns > 2 * self._keep:
            self._drop_low()

    def result(self, counts: NDArray[np.int64] | None = None) -> Floats:
        """The quantile of each row, ``[rows]``, once all values were added.

        Args:
            counts: of each row, how many of its greatest values count, ``[rows]``; all of them by default. NaN for 0.
        """
        self._drop_low()
        kept = np.sort(self._pieces[0], axis=1)
        if counts is None:
            counts = np.full(len(kept), self._total)
        place = self._q * (counts - 1)
        below = np.floor(place).astype(np.int64)
        # counted from the greatest, since the lower values are gone
        at = np.clip(kept.shape[1] - counts + below, 0, kept.shape[1] - 1)
        rows, above = np.arange(len(kept)), np.minimum(at + 1, kept.shape[1] - 1)
        quantile = kept[rows, at] + (place - below) * (kept[rows, above] - kept[rows, at])
        return np.where(counts > 0, quantile, np.nan)

    def _drop_low(self) -> None:
        merged = np.concatenate(self._pieces, axis=1)
        low = merged.shape[1] - self._keep
        if low > 0:
            merged = np.partition(merged, low, axis=1)[:, low:].copy()  # a view would keep the rest alive
        self._pieces, self._columns = [merged], merged.shape[1]
