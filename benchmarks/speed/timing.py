"""Fair timing on a machine that others use too: contestants take turns, medians count."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Steps = Callable[[int], object]
"""``steps(k)`` plays k steps and returns when they are done."""


class Timing(NamedTuple):
    """How long and how often to measure, and by which clock."""

    rounds: int
    """Rounds in which each contestant has a turn."""
    turn_s: float
    """About how long a turn takes."""
    clock: Callable[[], float] = time.process_time
    """In seconds. The process's own CPU time leaves out other programs, and counts all threads."""


def take_turns(contestants: Mapping[str, Steps], timing: Timing) -> dict[str, list[float]]:
    """Seconds per step of each contestant in each round, turn by turn, so that all meet the same machine."""
    turns = {name: _calibrated(steps, timing) for name, steps in contestants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for i in range(timing.rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(_spent_s(contestants[name], turns[name], timing.clock) / turns[name])
    return seconds


def _calibrated(steps: Steps, timing: Timing) -> int:
    """How many steps fill a turn; warms up on the way."""
    steps(2)  # what is compiled or cached at a first call
    count = 1
    while (spent_s := _spent_s(steps, count, timing.clock)) < timing.turn_s / 4:
        count *= 2
    return max(1, round(count * timing.turn_s / spent_s))


def _spent_s(steps: Steps, count: int, clock: Callable[[], float]) -> float:
    start = clock()
    steps(count)
    return clock() - start


def rates(per_step: float, seconds: Mapping[str, list[float]]) -> dict[str, Any]:
    """How many of something a second, where a step is ``per_step`` of them."""
    return {name: spread([per_step / s for s in values]) for name, values in seconds.items()}


def ratios(over: list[float], under: list[float]) -> dict[str, Any]:
    """The rounds' ratios of two contestants."""
    return spread([a / b for a, b in zip(over, under, strict=True)])


def spread(values: list[float]) -> dict[str, Any]:
    """Median and quartiles of two values or more."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "quartiles": [low, high]}
