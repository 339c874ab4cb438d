"""Hyper-parameters that change over the training."""

import numpy as np


def linear(first: float, final: float, env_steps: int, duration: int) -> float:
    """Return the value after some env steps, on a line from ``first`` to ``final`` over ``duration`` env steps."""
    if first == final:
        return float(first)
    return float(np.interp(env_steps, (0, max(1, duration)), (first, final)))
