"""Statistics over runs: interquartile means, stratified bootstraps, profiles, probabilities of improvement.

After Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice (2021). Scores are ``[runs,
tasks]``: a row for each training seed, a column for each task (scenario, number of users). Each bootstrap draws the
seeds of every task with replacement, from a generator that the caller passes, so that intervals are reproducible.
"""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
REPETITIONS = 2_000
CONFIDENCE = 0.95
_TAILS = (0.5 - 0.5 * CONFIDENCE, 0.5 + 0.5 * CONFIDENCE)


class Estimate(NamedTuple):
    """A statistic of all runs with its 95 % confidence interval."""

    value: float
    low: float
    high: float


def rng() -> np.random.Generator:
    """Return the generator of one bootstrap: the same for every estimate, so that results are reproducible."""
    return np.random.default_rng(0)


def interquartile_mean(scores: Floats) -> Any:
    """Return the mean of the middle half of all scores, ``[..., runs, tasks]`` -> ``[...]``."""
    return stats.trim_mean(scores.reshape(*scores.shape[:-2], -1), 0.25, axis=-1)


def resamples(scores: Floats, rng: np.random.Generator, repetitions: int = REPETITIONS) -> Floats:
    """Draw bootstrap samples ``[repetitions, runs, tasks]``: runs with replacement, independently for each task."""
    drawn = rng.integers(len(scores), size=(repetitions, *scores.shape))
    return np.take_along_axis(scores[None], drawn, axis=1)


def estimate(scores: Any, rng: np.random.Generator, repetitions: int = REPETITIONS) -> Estimate:
    """Return the interquartile mean and its percentile interval over stratified bootstrap samples.

    Args:
        scores: ``[runs, tasks]``, or ``[runs]`` of one task; the interval of a single run is NaN.
        rng: generator of the bootstrap.
        repetitions: number of bootstrap samples.
    """
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores.reshape(len(scores), -1)
    if len(scores) < 2:
        return Estimate(float(interquartile_mean(scores)), np.nan, np.nan)
    low, high = np.quantile(interquartile_mean(resamples(scores, rng, repetitions)), _TAILS)
    return Estimate(float(interquartile_mean(scores)), float(low), float(high))


def curve(scores: Floats, rng: np.random.Generator, repetitions: int = REPETITIONS) -> tuple[Floats, Floats, Floats]:
    """Return interquartile means along the last axis with pointwise intervals; each ``[points]``.

    Args:
        scores: ``[runs, points]``: whole runs are resampled.
        rng: generator of the bootstrap.
        repetitions: number of bootstrap samples.
    """
    scores = np.asarray(scores, dtype=np.float64)
    middle = stats.trim_mean(scores, 0.25, axis=0)
    if len(scores) < 2:
        return middle, np.full_like(middle, np.nan), np.full_like(middle, np.nan)
    drawn = rng.integers(len(scores), size=(repetitions, len(scores)))
    low, high = np.quantile(stats.trim_mean(scores[drawn], 0.25, axis=1), _TAILS, axis=0)
    return middle, low, high


def performance_profile(
    scores: Floats, thresholds: Floats, rng: np.random.Generator, repetitions: int = REPETITIONS
) -> tuple[Floats, Floats, Floats]:
    """Return the share of runs above each threshold with pointwise intervals; each ``[thresholds]``.

    Args:
        scores: ``[runs, tasks]``.
        thresholds: ascending scores.
        rng: generator of the bootstrap.
        repetitions: number of bootstrap samples.
    """
    scores = np.asarray(scores, dtype=np.float64)
    above = [np.mean(resample.reshape(-1, 1) > thresholds, axis=0) for resample in resamples(scores, rng, repetitions)]
    low, high = np.quantile(above, _TAILS, axis=0)
    return np.mean(scores.reshape(-1, 1) > thresholds, axis=0), low, high


def probability_of_improvement(
    ours: Any, theirs: Any, rng: np.random.Generator, repetitions: int = REPETITIONS
) -> Estimate:
    """Return the probability that a run of ours scores above one of theirs on a random task; ties count half.

    Args:
        ours: ``[runs, tasks]``, or ``[runs]`` of one task.
        theirs: ``[their runs, tasks]``, or ``[their runs]``.
        rng: generator of the bootstrap, which resamples both sides.
        repetitions: number of bootstrap samples.
    """
    ours, theirs = (np.asarray(side, dtype=np.float64).reshape(len(side), -1) for side in (ours, theirs))

    def probability(here: Floats, there: Floats) -> float:
        above, below = here[:, None] > there[None], here[:, None] < there[None]  # infinities may tie too
        return float(np.mean(0.5 * (1.0 + above.astype(float) - below)))

    if min(len(ours), len(theirs)) < 2:
        return Estimate(probability(ours, theirs), np.nan, np.nan)
    values = [probability(*(resamples(side, rng, 1)[0] for side in (ours, theirs))) for _ in range(repetitions)]
    low, high = np.quantile(values, _TAILS)
    return Estimate(probability(ours, theirs), float(low), float(high))


def difference(ours: Any, theirs: Any) -> Estimate:
    """Return the difference of means with Welch's interval; a bootstrap of three to ten seeds is too narrow."""
    value = float(np.mean(ours) - np.mean(theirs))
    if not (np.ptp(ours) or np.ptp(theirs)):  # all seeds equal
        return Estimate(value, value, value)
    with warnings.catch_warnings():  # of one side whose seeds are all equal, as without learning
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(CONFIDENCE)
    return Estimate(value, float(interval.low), float(interval.high))


def ratio(ours: Any, theirs: Any) -> Estimate:
    """Return the ratio of geometric means; NaN where a value is 0."""
    if not np.all(ours) or not np.all(theirs):
        return Estimate(math.nan, math.nan, math.nan)
    return Estimate(*(math.exp(value) for value in difference(np.log(ours), np.log(theirs))))
