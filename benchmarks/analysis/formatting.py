"""Cells and Markdown tables."""

import math
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.analysis.effects import LEAST_SEEDS
from benchmarks.analysis.statistics import Estimate, estimate, rng


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def interval(found: Estimate) -> str:
    """Return a value with its interval, "-" for NaN."""
    return "-" if math.isnan(found.value) else f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def bootstrapped(found: Estimate, seeds: int = LEAST_SEEDS) -> str:
    """Return a value, with its interval if there are enough seeds: of few it only spans from worst to best."""
    if math.isnan(found.low) or seeds < LEAST_SEEDS:
        return "-" if math.isnan(found.value) else f"{found.value:.2f}"
    return interval(found)


def iqm(values: Any) -> Estimate:
    """Return the interquartile mean of seeds with its bootstrapped interval."""
    return estimate(values, rng())


def extremes(values: Any) -> str:
    """Return the lowest and the highest value."""
    return f"{np.min(values):.2f} to {np.max(values):.2f}"
