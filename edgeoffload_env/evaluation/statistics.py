"""Means with confidence intervals."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean over episodes and its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Distance from the mean to either end."""
        return self.high - self.mean


def mean_interval(values: NDArray[np.floating]) -> Interval:
    """Return the mean of independent episodes and Student's 95 % confidence interval.

    Student's t in place of a bootstrap: on 8 to 32 episodes percentile bootstraps are too narrow, and the interval
    follows from the values alone. It is symmetric and may reach beyond the bound of a bounded metric.

    Args:
        values: one number per episode, ``[episodes]``. A NaN among them makes the mean and the interval NaN; a single
            episode has a mean and no interval (NaN).
    """
    from scipy.special import stdtrit  # imported late: scipy doubles the package's import time

    values = np.asarray(values, dtype=np.float64)
    mean = float(np.mean(values))
    if values.size < 2:
        return Interval(mean, math.nan, math.nan)
    error = float(np.std(values, ddof=1)) / math.sqrt(values.size)
    half_width = float(stdtrit(values.size - 1, 0.5 + 0.5 * CONFIDENCE)) * error
    return Interval(mean, mean - half_width, mean + half_width)
