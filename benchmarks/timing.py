"""Fair timing on a machine that others use too: contestants take turns, medians count."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Steps = Callable[[int], object]
"""``steps(k)`` plays k steps."""


class Timing(NamedTuple):
    """How long and how often to measure."""

    rounds: int
    """Rounds in which each contestant has a turn."""
    turn_s: float
    """About how long a turn takes."""


def take_turns(contestants: Mapping[str, Steps], timing: Timing) -> dict[str, list[float]]:
    """Seconds per step of each contestant in each round, round by round, so that all meet the same machine.

    Seconds are CPU time of the process: other programs do not count, while a second thread would.
    """
    turns = {name: _calibrated(steps, timing.turn_s) for name, steps in contestants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for round_number in range(timing.rounds):
        first = round_number % len(names)
        for name in names[first:] + names[:first]:
            start = time.process_time()
            contestants[name](turns[name])
            seconds[name].append((time.process_time() - start) / turns[name])
    return seconds


def _calibrated(steps: Steps, turn_s: float) -> int:
    """How many steps take about one turn; warms up on the way."""
    steps(2)  # what is compiled or cached at a first call
    count = 1
    while True:
        start = time.process_time()
        steps(count)
        spent_s = time.process_time() - start
        if spent_s >= turn_s / 4:
            return max(1, round(count * turn_s / spent_s))
        count *= 2


def spread(values: list[float]) -> dict[str, Any]:
    """Median and the middle half of some values."""
    if len(values) < 2:
        return {"median": values[0], "quartiles": [values[0], values[0]]}
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "quartiles": [low, high]}


def ratios(over: list[float], under: list[float]) -> dict[str, Any]:
    """Median and middle half of the rounds' ratios."""
    return spread([a / b for a, b in zip(over, under, strict=True)])
