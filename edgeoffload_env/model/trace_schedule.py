"""Tasks of a trace, and the slots and users that they are dealt to."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_SLOTS = 2**24
"""Longest trace in slots: numbers up to this one are exact in float32."""
TYPICAL = (0.05, 0.95)
"""Quantiles of a trace's sizes between which features are scaled."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Tasks of a trace dealt to the slots and users of a game; arrays are read-only.

    A slot starts what arrived in it and what is left of the slots before, in order of arrival, at most one task for
    each user. Task j goes to user j mod N: as many for each, and no two of a slot for one.
    """

    first_task: NDArray[np.int32]
    """Number of the first task of each slot ``[slots + 2]``; behind the end there is an empty slot."""
    bits: Floats
    """Length of each task in bit, ``[tasks]``."""
    cycles: Floats
    """CPU cycles of each task, ``[tasks]``."""
    moved: int
    """Tasks that start later than in the slot in which they arrive."""

    @property
    def slots(self) -> int:
        """Number of slots until all tasks have started."""
        return len(self.first_task) - 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Tasks:
    """The tasks of a trace, in order of arrival; arrays are read-only, ``[tasks]``."""

    time_s: Floats
    """Arrival, in seconds of the game after the first."""
    bits: Floats
    cycles: Floats
    bits_range: tuple[float, float]
    """Quantiles :data:`TYPICAL` of the lengths."""
    cycles_range: tuple[float, float]
    """Quantiles :data:`TYPICAL` of the cycles."""
    most_bits: float
    most_cycles: float
    _schedules: dict[tuple[int, float], Schedule] = field(default_factory=dict)

    @classmethod
    def of(cls, time_s: Floats, bits: Floats, cycles: Floats) -> "Tasks":
        """Return tasks from arrays, which become read-only."""
        return cls(
            time_s=_read_only(time_s),
            bits=_read_only(bits),
            cycles=_read_only(cycles),
            bits_range=_typical(bits),
            cycles_range=_typical(cycles),
            most_bits=float(bits.max()),
            most_cycles=float(cycles.max()),
        )

    def schedule(self, num_users: int, slot_s: float) -> Schedule:
        """Return the tasks dealt to N users in slots of this length; made once.

        Raises:
            ValueError: more slots than :data:`MOST_SLOTS`, or on average more tasks in a slot than users.
        """
        key = num_users, slot_s
        if key not in self._schedules:
            self._schedules[key] = self._deal(num_users, slot_s)
        return self._schedules[key]

    def _deal(self, num_users: int, slot_s: float) -> Schedule:
        tasks, length_s = len(self.time_s), float(self.time_s[-1])
        if not length_s < MOST_SLOTS * slot_s:
            raise ValueError(
                f"slot_s must be more than {length_s / MOST_SLOTS:g} s, got {slot_s!r}: task_trace lasts "
                f"{length_s:g} s, and at most {MOST_SLOTS} slots can be replayed"
            )
        slot = np.floor(self.time_s / slot_s).astype(np.int64)
        slots = int(slot[-1]) + 1
        if tasks > num_users * slots:
            raise ValueError(
                f"num_users must be at least {math.ceil(tasks / slots)}, got {num_users!r}: task_trace has {tasks} "
                f"tasks in {slots} slots of {slot_s:g} s, and a user starts one task a slot"
            )
        arrived = np.concatenate([np.cumsum(np.bincount(slot)), np.full(-(-tasks // num_users), tasks)])
        # started[k] = min(arrived[k], started[k - 1] + N), written out: the least of arrived[i] + (k - i) N over i <= k
        room = num_users * np.arange(len(arrived))
        started = np.minimum(np.minimum.accumulate(arrived - room), num_users) + room
        started = started[: 1 + int(np.searchsorted(started, tasks))]
        starts = np.repeat(np.arange(len(started)), np.diff(started, prepend=0))
        first_task = np.concatenate([[0], started, [tasks]]).astype(np.int32)
        return Schedule(
            first_task=_read_only(first_task),
            bits=self.bits,
            cycles=self.cycles,
            moved=int(np.count_nonzero(starts > slot)),
        )


def _typical(sizes: Floats) -> tuple[float, float]:
    low, high = np.quantile(sizes, TYPICAL)
    return float(low), float(high)


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array
