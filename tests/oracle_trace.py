"""The oracle of replayed traces: a queue of tasks that users take from, slot by slot, in plain Python."""

import collections
import csv
import functools
import json
import math
from datetime import datetime, timezone
from typing import Any, NamedTuple


class Task(NamedTuple):
    """A row of the trace."""

    seconds: float
    bits: float
    cycles: float


def tasks_of(trace: Any) -> tuple[Task, ...]:
    """The tasks of an effect's file."""
    return _read(trace.path, json.dumps(trace.columns), trace.time_unit_s, trace.sha256)


@functools.cache
def _read(path: str, columns: str, time_unit_s: float, _: str) -> tuple[Task, ...]:
    names = json.loads(columns)
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    start = moment(rows[0][names["time"]])
    return tuple(
        Task((moment(row[names["time"]]) - start) * time_unit_s, size(row, names["bits"]), size(row, names["cycles"]))
        for row in rows
    )


def moment(text: str) -> float:
    """A number, or the seconds of a date, of Greenwich unless it says otherwise."""
    try:
        return float(text)
    except ValueError:
        date = datetime.fromisoformat(text)
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()  # noqa: UP017


def size(row: dict[str, str], choice: Any) -> float:
    """Bits or cycles of a row."""
    if isinstance(choice, str):
        return float(row[choice])
    if isinstance(choice, dict):
        return sum(factor * (1.0 if name == "constant" else float(row[name])) for name, factor in choice.items())
    return choice


def middle_range(values: list[float]) -> tuple[float, float]:
    """The range without a twentieth of the values at either end, between neighbours in proportion."""
    ordered = sorted(values)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (place - below) * (ordered[above] - ordered[below])

    return at(0.05), at(0.95)


@functools.cache
def play(tasks: tuple[Task, ...], num_users: int, slot_s: float) -> list[dict[int, Task]]:
    """What each user starts in each slot, until all tasks have started; and the number of slots that takes."""
    coming, waiting = collections.deque(tasks), collections.deque()
    slots: list[dict[int, Task]] = []
    turn = 0
    while coming or waiting:
        while coming and coming[0].seconds / slot_s < len(slots) + 1:
            waiting.append(coming.popleft())
        started: dict[int, Task] = {}
        while waiting and len(started) < num_users:
            started[turn] = waiting.popleft()
            turn = (turn + 1) % num_users
        slots.append(started)
    return slots


def slots_of(config: Any) -> list[dict[int, Task]]:
    """The trace as a configuration starts it."""
    return play(tasks_of(config.task_trace), config.num_users, config.slot_s)
