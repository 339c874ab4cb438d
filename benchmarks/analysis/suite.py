"""The suite as one number: scores and gains over several games, aggregated as in rliable."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.analysis import style
from benchmarks.analysis.formatting import TABLES, Rows, bootstrapped, gains, named, table
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
    """An algorithm over all runs and some games of a suite."""

    games: tuple[str, ...]
    runs: int
    score: Estimate
    gain: Estimate
    improvement: Estimate
    """Probability that a run scores above one of the baseline on a random game; NaN without a baseline."""
    profile: tuple[Floats, Floats, Floats]
    """Share of runs above each of :data:`THRESHOLDS`, with both ends of its interval."""


def aggregate(scores: Any, gains: Any, baseline: Any = None, games: Sequence[str] = ()) -> Aggregate:
    """Aggregate ``[runs, games]``: interquartile means, probability of improvement and performance profile.

    Args:
        scores: of one algorithm.
        gains: its gains over ``fixed``.
        baseline: scores of another algorithm on the same games, ``[their runs, games]``, if any.
        games: names of the games.
    """
    unknown = Estimate(math.nan, math.nan, math.nan)
    improvement = unknown if baseline is None else probability_of_improvement(scores, baseline, rng())
    profile = performance_profile(scores, THRESHOLDS, rng())
    return Aggregate(tuple(games), len(scores), estimate(scores, rng()), estimate(gains, rng()), improvement, profile)


def by_game(rows: pd.DataFrame, metric: str) -> Floats:
    """Return a metric ``[runs, games]`` of the seeds that have played every game."""
    found: Floats = rows.pivot(index="seed", columns="game", values=metric).dropna().to_numpy(dtype=float)
    return found


@cached
def _played(results: Results) -> dict[str, dict[str, pd.DataFrame]]:
    """Return suite -> algorithm -> rows with a score, with columns ``game`` and ``gain``."""
    rows = pd.concat([named(results.last()), results.table("generalization")], ignore_index=True)
    rows = select(rows, variant="")
    rows = rows[rows["score"].notna()]
    found: dict[str, dict[str, pd.DataFrame]] = {}
    for suite, names in SUITES.items():
        here = rows[rows["game"].isin(names)]
        gain = [gains(game, played) for game, played in here.groupby("game")["utility"]]
        here = here.assign(gain=pd.concat(gain) if gain else np.nan)
        found[suite] = {name: select(here, algorithm=name) for name in style.ordered(here["algorithm"])}
    return found


@cached
def aggregates(results: Results) -> dict[str, dict[str, Aggregate]]:
    """Return suite -> algorithm -> aggregate against DTOMALB.

    The games are those of the suite that DTOMALB has played; algorithms without rows of all of these are left out.
    """
    found: dict[str, dict[str, Aggregate]] = {}
    for suite, played in _played(results).items():
        games = _games(played[BASELINE]) if BASELINE in played else ()
        here = {name: rows[rows["game"].isin(games)] for name, rows in played.items()}
        here = {name: rows for name, rows in here.items() if _games(rows) == games}
        both = {name: (by_game(rows, "score"), by_game(rows, "gain")) for name, rows in here.items()}
        both = {name: pair for name, pair in both.items() if len(pair[0])}
        if BASELINE in both:
            base = both[BASELINE][0]
            found[suite] = {name: aggregate(score, gain, base, games) for name, (score, gain) in both.items()}
    return found


@cached
def own_aggregates(results: Results) -> dict[str, dict[str, Aggregate]]:
    """Return suite -> algorithm -> aggregate over all games that it has played, where :func:`aggregates` has fewer."""
    found: dict[str, dict[str, Aggregate]] = {}
    for suite, algorithms in aggregates(results).items():
        for name, common in algorithms.items():
            rows = _played(results)[suite][name]
            if len(games := _games(rows)) > len(common.games) and len(scores := by_game(rows, "score")):
                found.setdefault(suite, {})[name] = aggregate(scores, by_game(rows, "gain"), games=games)
    return found


def counted(suite: str, games: Sequence[str]) -> str:
    """Return a suite's name with how many of its games are meant."""
    return f"{suite} ({len(games)} of {len(SUITES[suite])})"


def _games(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple(sorted(set(rows["game"])))


@table("games | algorithm | runs | IQM of the score | IQM of the gain over fixed | P(above dtomalb)")
def suite(results: Results) -> Rows:
    """Aggregates over the games of each suite that DTOMALB has played, then over all games of each algorithm's own."""
    for found in (aggregates(results), own_aggregates(results)):
        for name, algorithms in found.items():
            for algorithm, one in algorithms.items():
                better = "-" if algorithm == BASELINE else bootstrapped(one.improvement, one.runs)
                middle = (bootstrapped(value, one.runs) for value in (one.score, one.gain))
                yield counted(name, one.games), algorithm, one.runs, *middle, better


def suite_games(results: Results) -> str:
    """Name the games behind the table and the figure."""
    texts = []
    for name, algorithms in aggregates(results).items():
        games = algorithms[BASELINE].games
        texts.append(f"{counted(name, games)}: {', '.join(f'`{game}`' for game in games)}")
    about = f"The games that {BASELINE} has played, on which all are compared"
    return f"{about}. {'. '.join(f'{text[0].upper()}{text[1:]}' for text in texts)}.\n" if texts else ""


def suite_caption(results: Results) -> str:
    """Say in a line how many games the figure is about."""
    texts = [counted(name, found[BASELINE].games) for name, found in aggregates(results).items()]
    return f"*Share of runs above each score, on the games that {BASELINE} has played: {' and '.join(texts)}.*\n"


TABLES |= {"suite-games": suite_games, "suite-caption": suite_caption}
