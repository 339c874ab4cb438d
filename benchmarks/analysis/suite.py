"""The suite as one number: scores and gains over several games, aggregated as in rliable."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.analysis import style
from benchmarks.analysis.formatting import Rows, bootstrapped, gains, named, table
from benchmarks.analysis.statistics import (
    Estimate,
    Floats,
    estimate,
    performance_profile,
    probability_of_improvement,
    rng,
)
from benchmarks.study.plan import PAPER_ALGORITHMS
from benchmarks.study.store import Results, cached, select
from edgeoffload_env import scenarios

SUITES = {"the paper's games": ("paper", "paper-load-only"), "held-out games": scenarios.names(held_out=True)}
"""Games that are aggregated: trained on each, and played after training on ``paper`` alone."""
BASELINE = PAPER_ALGORITHMS[0]
"""The algorithm that others are compared with."""
THRESHOLDS: Floats = np.linspace(0.5, 1.0, 101)
"""Scores of the performance profile."""


class Aggregate(NamedTuple):
    """An algorithm over all runs and games of a suite."""

    runs: int
    score: Estimate
    gain: Estimate
    improvement: Estimate
    """Probability that a run scores above one of the baseline on a random game."""
    profile: tuple[Floats, Floats, Floats]
    """Share of runs above each of :data:`THRESHOLDS`, with both ends of its interval."""


def aggregate(scores: Any, gains: Any, baseline: Any) -> Aggregate:
    """Aggregate ``[runs, games]``: interquartile means, probability of improvement and performance profile.

    Args:
        scores: of one algorithm.
        gains: its gains over ``fixed``.
        baseline: scores of another algorithm on the same games, ``[their runs, games]``.
    """
    improvement = probability_of_improvement(scores, baseline, rng())
    profile = performance_profile(scores, THRESHOLDS, rng())
    return Aggregate(len(scores), estimate(scores, rng()), estimate(gains, rng()), improvement, profile)


def by_game(rows: pd.DataFrame, metric: str) -> Floats:
    """Return a metric ``[runs, games]`` of the seeds that have played every game."""
    found: Floats = rows.pivot(index="seed", columns="game", values=metric).dropna().to_numpy(dtype=float)
    return found


@cached
def aggregates(results: Results) -> dict[str, dict[str, Aggregate]]:
    """Return suite -> algorithm -> aggregate against DTOMALB, of algorithms with rows of every game of a suite."""
    rows = pd.concat([named(results.last()), results.table("generalization")], ignore_index=True)
    rows = select(rows, variant="")
    found: dict[str, dict[str, Aggregate]] = {}
    for suite, names in SUITES.items():
        here = rows[rows["game"].isin(names) & rows["score"].notna()]
        games = set(select(here, algorithm=BASELINE)["game"])
        gain = [gains(game, played) for game, played in here.groupby("game")["utility"] if game in games]
        here = here.assign(gain=pd.concat(gain) if gain else np.nan)
        here = here[here["game"].isin(games)]
        whole = {name: select(here, algorithm=name) for name in style.ordered(here["algorithm"])}
        whole = {name: played for name, played in whole.items() if played["game"].nunique() == len(games)}
        both = {name: (by_game(played, "score"), by_game(played, "gain")) for name, played in whole.items()}
        both = {name: pair for name, pair in both.items() if len(pair[0])}
        if BASELINE in both:
            found[suite] = {name: aggregate(score, gain, both[BASELINE][0]) for name, (score, gain) in both.items()}
    return found


@table("games | algorithm | runs | IQM of the score | IQM of the gain over fixed | P(above dtomalb)")
def suite(results: Results) -> Rows:
    """Aggregates over the games of each suite."""
    for name, algorithms in aggregates(results).items():
        for algorithm, found in algorithms.items():
            better = "-" if algorithm == BASELINE else bootstrapped(found.improvement, found.runs)
            middle = (bootstrapped(value, found.runs) for value in (found.score, found.gain))
            yield name, algorithm, found.runs, *middle, better
