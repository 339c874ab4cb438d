"""Hyper-parameters that change over the training."""

from collections.abc import Sequence

import numpy as np

Schedule = float | Sequence[tuple[int, float]]
"""A constant, or points (env steps, value) with straight lines between them, as RLlib writes schedules."""


def value_at(schedule: Schedule, env_steps: int) -> float:
    """The value after that many env steps; before the first and after the last point it is theirs."""
    if isinstance(schedule, int | float):
        return float(schedule)
    steps, values = zip(*schedule, strict=True)
    return float(np.interp(env_steps, steps, values))


def linear(first: float, last: float, env_steps: int) -> Schedule:
    """From ``first`` to ``last`` over that many env steps; a constant where they are equal."""
    return first if first == last else [(0, first), (max(1, env_steps), last)]
