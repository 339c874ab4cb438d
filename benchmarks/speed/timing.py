"""Timing on a shared machine: contestants take turns; medians and quartiles over rounds."""

import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

ENDLESS = 10**9
"""``max_cycles`` of games that do not end while the clock runs."""
Steps = Callable[[int], object]
"""``steps(k)`` plays k steps and returns when they are done."""


class Timing(NamedTuple):
    """Number and length of the turns, and the clock."""

    rounds: int
    """Rounds in which each contestant has a turn."""
    turn_s: float
    """Approximate length of a turn."""
    clock: Callable[[], float] = time.process_time
    """In seconds. The process's own CPU time leaves out other programs, and counts all threads."""


def take_turns(contestants: Mapping[str, Steps], timing: Timing) -> dict[str, list[float]]:
    """Return seconds per step of each contestant in each round; the order rotates, so that all meet the same load."""

    def spent_s(steps: Steps, count: int) -> float:
        start = timing.clock()
        steps(count)
        return timing.clock() - start

    def calibrated(steps: Steps) -> int:
        steps(2)  # warm-up: compilation and caches
        count = 1
        while (spent := spent_s(steps, count)) < timing.turn_s / 4:
            count *= 2
        return max(1, round(count * timing.turn_s / spent))

    counts = {name: calibrated(steps) for name, steps in contestants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for i in range(timing.rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(spent_s(contestants[name], counts[name]) / counts[name])
    return seconds


def repeat(step: Callable[[], object]) -> Steps:
    """Return the steps that call a function."""

    def steps(count: int) -> None:
        for _ in range(count):
            step()

    return steps


def cycle(step: Callable[[Any], object], actions: Sequence[Any]) -> Steps:
    """Return the steps that take these actions in turn."""
    turns = itertools.cycle(actions)
    return repeat(lambda: step(next(turns)))


def rates(per_step: float, seconds: Mapping[str, list[float]]) -> dict[str, Any]:
    """Return rates per second, where a step counts as ``per_step``."""
    return {name: spread([per_step / s for s in values]) for name, values in seconds.items()}


def ratios(over: list[float], under: list[float]) -> dict[str, Any]:
    """Return the spread of the rounds' ratios of two contestants."""
    return spread([a / b for a, b in zip(over, under, strict=True)])


def spread(values: list[float]) -> dict[str, Any]:
    """Return median and quartiles of two values or more."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "quartiles": [low, high]}
