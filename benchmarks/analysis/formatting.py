"""Cells and Markdown tables, and the registry of the tables of the README and of ``docs/``."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.analysis.effects import LEAST_SEEDS
from benchmarks.analysis.statistics import Estimate, compare, difference, estimate, rng
from benchmarks.study.store import Results, game_name, label
from edgeoffload_env import scenarios
from edgeoffload_env.evaluation.score import score_baselines

Rows = Iterator[Any]
TABLES: dict[str, Callable[[Results], Any]] = {}
"""The function that makes each table, a data frame or a text, by its marker in the pages."""


def table(head: str = "", name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function that yields the rows of a table, and have it return a data frame.

    Args:
        head: names of the columns, with " | " between; by default the first row that is yielded.
        name: the marker; by default the function's name with hyphens.
    """

    def register(rows: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(rows)
        def made(results: Results, **options: Any) -> pd.DataFrame:
            body = list(rows(results, **options))
            return pd.DataFrame(body, columns=head.split(" | ")) if head else pd.DataFrame(body[1:], columns=body[0])

        TABLES[name or rows.__name__.replace("_", "-")] = made
        return made

    return register


def named(rows: pd.DataFrame) -> pd.DataFrame:
    """Add columns ``name``, of algorithm and variant, and ``game``, of scenario and number of users."""
    names = list(map(label, rows["algorithm"], rows["variant"]))
    return rows.assign(name=names, game=list(map(game_name, rows["scenario"], rows["num_users"])))


def gains(scenario: str, utilities: Any) -> Any:
    """Return the gain over ``fixed`` of utilities in a scenario."""
    baselines = score_baselines(scenarios.configure(scenario))
    assert baselines is not None
    return baselines.gain_over_fixed(utilities)


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def listed(texts: Sequence[str]) -> str:
    """Join texts with commas and a last "and"."""
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


def p_value(value: Any) -> str:
    """Return a p-value, "-" for NaN."""
    return "-" if np.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def bootstrapped(found: Estimate, seeds: int = LEAST_SEEDS) -> str:
    """Return a value, "-" for NaN, with its interval if there are enough seeds: of few it only spans worst to best."""
    if math.isnan(found.value):
        return "-"
    enough = seeds >= LEAST_SEEDS and not math.isnan(found.low)
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]" if enough else f"{found.value:.2f}"


def contrast(ours: Any, theirs: Any, measure: Callable[..., Estimate] = difference) -> str:
    """Return a difference or ratio of interquartile means with its interval and the p-value of the rank test."""
    found, tested = measure(ours, theirs, rng()), compare(ours, theirs, rng())
    text = bootstrapped(found, min(len(ours), len(theirs)))
    return text if text == "-" else f"{text}, p {p_value(min(1.0, 2 * tested.above, 2 * tested.below))}"


def iqm(values: Any) -> Estimate:
    """Return the interquartile mean of seeds with its bootstrapped interval."""
    return estimate(values, rng())


def extremes(values: Any, digits: int = 2) -> str:
    """Return the lowest and the highest value."""
    return f"{np.min(values):.{digits}f} to {np.max(values):.{digits}f}"
