"""Tasks replayed from a trace: a CSV file with arrival times and sizes. See docs/guides/replay-a-trace.md."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import fail
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.arrivals import IdleUsers
from edgeoffload_env.model.quantities import Fields, Noise, Process, Quantity
from edgeoffload_env.model.trace_schedule import Schedule, Tasks
from edgeoffload_env.trace_file import Columns, check_columns, fingerprint, load

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

CLASHES = ("arrivals", "heavy_tasks", "cycles_per_bit", "task_cycles")
"""Fields that make tasks, which a trace does alone."""


def tasks_of_slot(
    trace_slot: Array, first_task: Array, bits: Array, cycles: Array, num_users: int, *, xp: Any
) -> dict[str, Array]:
    """Deal the tasks first_task[k] <= j < first_task[k + 1] of slot k of a trace: task j to user j mod N.

    Args:
        trace_slot: k of each game, a whole number; ``[B, 1]``.
        first_task: number of the first task of each slot, integers ``[slots + 2]``.
        bits: length of each task in bit, ``[tasks]``.
        cycles: CPU cycles of each task, ``[tasks]``.
        num_users: N; a slot has at most as many tasks.
        xp: the array API namespace of the arrays.

    Returns:
        ``active``, 1 where a user has a task, ``task_bits`` and ``task_cycles``, ``[B, N]`` in the type of
        ``trace_slot``. Users without a task have one of 1 bit and 1 cycle: the next one is not known yet.
    """
    dtype = trace_slot.dtype
    slot = xp.astype(trace_slot.T, xp.int64)
    slot = xp.minimum(slot, xp.full_like(slot, first_task.shape[0] - 2))
    first, end = xp.astype(first_task[slot], xp.int64), xp.astype(first_task[slot + 1], xp.int64)
    users = xp.arange(0, num_users, dtype=xp.int64, device=slot.device)[:, None]
    task = first + (users - first) % num_users
    has_task = task < end
    task = xp.minimum(task, xp.full_like(task, bits.shape[0] - 1))
    active = xp.astype(has_task, dtype)
    nothing = xp.ones_like(active)
    return {
        "active": active.T,
        "task_bits": xp.where(has_task, xp.astype(bits[task], dtype), nothing).T,
        "task_cycles": xp.where(has_task, xp.astype(cycles[task], dtype), nothing).T,
    }


def start_slot(uniform: Array, starts: int, *, xp: Any) -> Array:
    """Draw the slot of a trace in which an episode starts: floor(u starts), uniform over 0 .. starts - 1."""
    slot = xp.floor(uniform * float(starts))
    return xp.minimum(slot, xp.full_like(slot, float(starts - 1)))


def _default_columns() -> Columns:
    return {"time": "time_s", "bits": "bits", "cycles": "cycles"}


@dataclass(frozen=True, kw_only=True)
class TaskTrace(IdleUsers):
    """Tasks come from a CSV file: when they arrive, their bits and their cycles.

    The first line names the columns; each further line is a task, in order of arrival. All games of a configuration
    replay the same file, each from a slot that is drawn for each episode, such that the episode ends within the trace.
    Slot k starts the tasks that arrive from k to k + 1 slots after the first, in order of arrival, at most one for each
    user; what is left starts in the next slot, before those that arrive in it. Task j goes to user j mod N. A user
    without a task is idle, as under ``arrivals``.

    Two traces are equal if the files have the same content, wherever they lie, and are read in the same way.

    Raises:
        TypeError, ValueError: a field of the wrong type or out of range, a file that cannot be read or has another hash
            than ``sha256``, or a row that is no task; the message names the field, or the file and the line.
    """

    field: ClassVar[str] = "task_trace"
    example: ClassVar[dict[str, Any]] = {"path": "tasks.csv"}

    path: str = dataclasses.field(compare=False)
    """The file; stored as an absolute path."""
    columns: Columns = dataclasses.field(default_factory=_default_columns, hash=False)
    """Columns of the time of arrival, ``"time"``, and of the sizes, ``"bits"`` and ``"cycles"``. A size is a column, a
    number that is the same for all tasks, or a sum, as factors by column with an optional ``"constant"``:
    ``{"time": "TIMESTAMP", "bits": {"tokens": 32.0}, "cycles": {"tokens": 2e6, "constant": 1e8}}``. Times are numbers,
    or dates of ISO 8601."""
    time_unit_s: float = 1.0
    """Seconds of the game for one unit of the time column, or for a second between two dates. With 0.1 the trace is
    replayed ten times as fast."""
    sha256: str | None = None
    """SHA-256 of the file's content; None: of the content there is. Any other content is refused."""

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | os.PathLike) or not os.fspath(self.path):
            fail("TaskTrace.path", self.path, "the path of a CSV file", TypeError)
        object.__setattr__(self, "path", os.path.abspath(os.path.expanduser(os.fspath(self.path))))
        object.__setattr__(self, "columns", check_columns("TaskTrace.columns", self.columns))
        self._check_floats("s", time_unit_s=(1e-12, 1e9))
        if self.sha256 is not None and not isinstance(self.sha256, str):
            fail("TaskTrace.sha256", self.sha256, "hexadecimal digits or None", TypeError)
        self._tasks_of(fingerprint(self.path))

    def _tasks_of(self, sha256: str) -> Tasks:
        if self.sha256 not in (None, sha256):
            fail("TaskTrace.sha256", self.sha256, f"{sha256!r}, that of the content of {self.path}")
        tasks = load(self.path, sha256, json.dumps(self.columns), self.time_unit_s)
        object.__setattr__(self, "sha256", sha256)
        object.__setattr__(self, "_tasks", tasks)
        return tasks

    @property
    def tasks(self) -> Tasks:
        """The tasks of the file, read once in a process.

        Raises:
            ValueError: in a process that reads the file anew, it cannot be read or its content has changed.
        """
        tasks: Tasks | None = self.__dict__.get("_tasks")
        return self._tasks_of(fingerprint(self.path)) if tasks is None else tasks

    def schedule(self, config: "EdgeOffloadConfig") -> Schedule:
        """Return the tasks as a game starts them."""
        return self.tasks.schedule(config.num_users, config.slot_s)

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: tasks are read again, or shared, where they are needed."""
        return self.given() | {"sha256": self.sha256}

    def given(self) -> dict[str, Any]:
        """See :class:`.Effect`; the content follows from the path."""
        values = super().given()
        del values["sha256"]
        return values

    def check(self, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        slots = self.schedule(config).slots
        if config.max_cycles > slots:
            fail("max_cycles", config.max_cycles, f"at most {slots}, the slots of {config.slot_s:g} s in task_trace")

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        start = Quantity(
            name="trace_start",
            unit="slot",
            scope="game",
            kind="state",
            minimum=0.0,
            text="slot of the trace at which the tasks of this slot start",
        )
        return (*super().quantities(), start)

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        start, slots = snapshot["trace_start"], self.schedule(config).slots
        if not np.all((start == np.floor(start)) & (start < slots)):
            fail("snapshot field 'trace_start'", start, f"a whole number in [0, {slots - 1}]")

    def processes(self) -> tuple[Process, ...]:
        """See :class:`.Effect`."""
        return (
            Process(
                name="task_trace",
                fields=("active", "task_bits", "task_cycles", "trace_start"),
                first=self.draw_first,
                first_uniforms={"game": 1},
                next=self.draw_next,
                independent=True,
                ahead=self.draw_ahead,
                tables=self.tables,
                replaces=("tasks",),
            ),
        )

    def tables(self, config: "EdgeOffloadConfig") -> Mapping[str, NDArray[Any]]:
        """Return the schedule's arrays."""
        schedule = self.schedule(config)
        return {"first_task": schedule.first_task, "bits": schedule.bits, "cycles": schedule.cycles}

    def draw_first(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Draw the start and deal the tasks of the first slot."""
        starts = noise["first_task"].shape[0] - 2 - config.max_cycles + 1
        return self._deal(start_slot(noise["game"][0].T, starts, xp=xp), noise, config, xp)

    def draw_next(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Deal the tasks of the next slot."""
        return self._deal(fields["trace_start"] + 1.0, noise, config, xp)

    def draw_ahead(
        self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, slots: int, xp: Any
    ) -> dict[str, Array]:
        """Deal the tasks of the next slots of one game, ``[slots, N]``."""
        start = fields["trace_start"]
        return self._deal(start + xp.arange(1, slots + 1, dtype=start.dtype)[:, None], noise, config, xp)

    def _deal(self, slot: Array, tables: Noise, config: "EdgeOffloadConfig", xp: Any) -> dict[str, Array]:
        first_task, bits, cycles = tables["first_task"], tables["bits"], tables["cycles"]
        return {**tasks_of_slot(slot, first_task, bits, cycles, config.num_users, xp=xp), "trace_start": slot}


def check_alone(config: "EdgeOffloadConfig", task_bits: tuple[float, float]) -> None:
    """Refuse fields that make tasks beside those of a trace.

    Args:
        config: the game, whose fields need not be checked yet.
        task_bits: its range of lengths, checked.

    Raises:
        ValueError: the message names the field.
    """
    why = "where task_trace is given: its file says what tasks there are"
    for name in CLASHES:
        if getattr(config, name) is not None:
            fail(name, getattr(config, name), f"None {why}")
    if task_bits != type(config).task_bits:
        fail("task_bits", task_bits, f"left out {why}")
