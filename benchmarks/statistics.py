"""Statistics over runs: interquartile means, stratified bootstraps, profiles, probabilities of improvement.

After Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice (2021). Scores are ``[runs,
tasks]``: a row for each training seed, a column for each task (scenario, number of users). Each bootstrap draws the
seeds of every task with replacement, from a generator that the caller gives, so that intervals can be had again.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
REPETITIONS = 2_000
CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A statistic of all runs and its 95 % interval."""

    value: float
    low: float
    high: float


def interquartile_mean(scores: Floats) -> Any:
    """The mean of the middle half of all scores, ``[..., runs, tasks]`` -> ``[...]``."""
    return stats.trim_mean(scores.reshape(*scores.shape[:-2], -1), 0.25, axis=-1)


def resampled(scores: Floats, rng: np.random.Generator) -> Floats:
    """A bootstrap sample ``[runs, tasks]``: each task's runs drawn with replacement, apart from the other tasks'."""
    return np.take_along_axis(scores, rng.integers(len(scores), size=scores.shape), axis=0)


def estimate(
    scores: Floats,
    rng: np.random.Generator,
    repetitions: int = REPETITIONS,
) -> Estimate:
    """The interquartile mean and its percentile interval over stratified bootstrap samples.

    Args:
        scores: ``[runs, tasks]``; one run has no interval (NaN).
        rng: of the bootstrap.
        repetitions: bootstrap samples.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if len(scores) < 2:
        return Estimate(float(interquartile_mean(scores)), np.nan, np.nan)
    samples = np.stack([resampled(scores, rng) for _ in range(repetitions)])
    return Estimate(float(interquartile_mean(scores)), *_ends(interquartile_mean(samples)))


def curve(scores: Floats, rng: np.random.Generator, repetitions: int = REPETITIONS) -> tuple[Floats, Floats, Floats]:
    """Interquartile means along a last axis, as of training, with pointwise intervals; each ``[points]``.

    Args:
        scores: ``[runs, points]``: the runs are resampled whole.
        rng: of the bootstrap.
        repetitions: bootstrap samples.
    """
    scores = np.asarray(scores, dtype=np.float64)
    middle = stats.trim_mean(scores, 0.25, axis=0)
    if len(scores) < 2:
        return middle, np.full_like(middle, np.nan), np.full_like(middle, np.nan)
    drawn = rng.integers(len(scores), size=(repetitions, len(scores)))
    values = np.stack([stats.trim_mean(scores[rows], 0.25, axis=0) for rows in drawn])
    low, high = np.quantile(values, _TAILS, axis=0)
    return middle, low, high


def performance_profile(
    scores: Floats, thresholds: Floats, rng: np.random.Generator, repetitions: int = REPETITIONS
) -> tuple[Floats, Floats, Floats]:
    """The share of runs that score above each threshold, with pointwise intervals; each ``[thresholds]``.

    Args:
        scores: ``[runs, tasks]``.
        thresholds: ascending.
        rng: of the bootstrap.
        repetitions: bootstrap samples.
    """
    scores, thresholds = np.asarray(scores, dtype=np.float64), np.asarray(thresholds, dtype=np.float64)

    def share_above(values: Floats) -> Floats:
        return np.asarray(np.mean(values.reshape(-1, 1) > thresholds, axis=0))

    values = np.stack([share_above(resampled(scores, rng)) for _ in range(repetitions)])
    low, high = np.quantile(values, _TAILS, axis=0)
    return share_above(scores), low, high


def probability_of_improvement(
    ours: Floats, theirs: Floats, rng: np.random.Generator, repetitions: int = REPETITIONS
) -> Estimate:
    """How probably a run of ours scores above one of theirs on a task drawn at random; ties count half.

    Args:
        ours: ``[runs, tasks]``.
        theirs: ``[their runs, tasks]``.
        rng: of the bootstrap, which draws both sides' runs.
        repetitions: bootstrap samples.
    """
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)

    def probability(here: Floats, there: Floats) -> float:
        above, below = here[:, None] > there[None], here[:, None] < there[None]  # infinities may tie too
        return float(np.mean(0.5 * (1.0 + above.astype(float) - below)))

    if min(len(ours), len(theirs)) < 2:
        return Estimate(probability(ours, theirs), np.nan, np.nan)
    values = [probability(resampled(ours, rng), resampled(theirs, rng)) for _ in range(repetitions)]
    return Estimate(probability(ours, theirs), *_ends(np.asarray(values)))


_TAILS = (0.5 - 0.5 * CONFIDENCE, 0.5 + 0.5 * CONFIDENCE)


def _ends(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, _TAILS)
    return float(low), float(high)
