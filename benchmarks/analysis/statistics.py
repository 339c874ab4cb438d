"""Statistics over runs: interquartile means, stratified bootstraps, profiles, rank tests, Holm's correction.

After Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice (2021). Scores are ``[runs,
tasks]``: a row for each training seed, a column for each task (scenario, number of users). Each bootstrap draws the
seeds of every task with replacement, from a generator that the caller passes, so that intervals are reproducible.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
REPETITIONS = 2_000
CONFIDENCE = 0.95
PERMUTATIONS = 1_999
"""Number of random permutations of tied values where there are more than that; below it all are counted."""


class Estimate(NamedTuple):
    """A statistic of all runs with its 95 % confidence interval."""

    value: float
    low: float
    high: float


class Evidence(NamedTuple):
    """One-sided p-values of a comparison."""

    above: Any
    """Against "at most neutral"."""
    below: Any
    """Against "at least neutral"."""
    equal: Any
    """Against "at least the margin apart": the larger of two one-sided tests, NaN without a margin."""
    least: float
    """The least p-value that this number of runs can give."""


def rng() -> np.random.Generator:
    """Return the generator of one bootstrap: the same for every estimate, so that results are reproducible."""
    return np.random.default_rng(0)


def _pooled(*tasks: Floats, axis: int = -1) -> Any:
    """Return the interquartile mean: the mean of the middle half of all scores."""
    return stats.trim_mean(np.concatenate(tasks, axis=axis), 0.25, axis=axis)


def _apart(ours: Floats, theirs: Floats, axis: int = -1) -> Any:
    return stats.trim_mean(ours, 0.25, axis=axis) - stats.trim_mean(theirs, 0.25, axis=axis)


def _shares(*tasks: Floats, axis: int = -1) -> Any:
    return np.concatenate(tasks, axis=axis).mean(axis=axis)


def _improved(*tasks: Floats, axis: int = -1) -> Any:
    """Return the share of pairs in which ours is above, the mean over tasks; ours come first, ties count half."""
    pairs = zip(tasks[: len(tasks) // 2], tasks[len(tasks) // 2 :], strict=True)
    grids = [(ours[..., :, None], theirs[..., None, :]) for ours, theirs in pairs]
    return np.mean([((x > y) + 0.5 * (x == y)).mean(axis=(-2, -1)) for x, y in grids], axis=0)


def _columns(scores: Any) -> list[Floats]:
    """Return the runs of each task."""
    scores = np.asarray(scores, dtype=np.float64)
    return list(scores.reshape(len(scores), -1).T)


def _bootstrap(
    samples: Sequence[Floats], statistic: Callable[..., Any], rng: np.random.Generator, repetitions: int
) -> tuple[Any, Any, Any]:
    """Return a statistic of samples ``[..., runs]`` and its percentile interval, NaN of a single run and of NaN."""
    value = statistic(*samples)
    if min(sample.shape[-1] for sample in samples) < 2:
        return value, np.full_like(value, np.nan), np.full_like(value, np.nan)
    options: dict[str, Any] = {"method": "percentile", "confidence_level": CONFIDENCE, "axis": -1, "vectorized": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # of NaN, whose interval is NaN
        found = stats.bootstrap(samples, statistic, n_resamples=repetitions, random_state=rng, **options)
    return value, *found.confidence_interval


def estimate(scores: Any, rng: np.random.Generator, repetitions: int = REPETITIONS) -> Estimate:
    """Return the interquartile mean and its percentile interval over stratified bootstrap samples.

    Args:
        scores: ``[runs, tasks]``, or ``[runs]`` of one task; the interval of a single run is NaN.
        rng: generator of the bootstrap.
        repetitions: number of bootstrap samples.
    """
    return Estimate(*map(float, _bootstrap(_columns(scores), _pooled, rng, repetitions)))


def difference(ours: Any, theirs: Any, rng: np.random.Generator, repetitions: int = REPETITIONS) -> Estimate:
    """Return the difference of interquartile means of one task, ``[runs]`` each, both sides resampled."""
    return Estimate(*map(float, _bootstrap([*_columns(ours), *_columns(theirs)], _apart, rng, repetitions)))


def ratio(ours: Any, theirs: Any, rng: np.random.Generator) -> Estimate:
    """Return the ratio of geometric interquartile means; NaN where a value is 0."""
    if not np.all(ours) or not np.all(theirs):
        return Estimate(math.nan, math.nan, math.nan)
    return Estimate(*(math.exp(value) for value in difference(np.log(ours), np.log(theirs), rng)))


def curve(scores: Any, rng: np.random.Generator, repetitions: int = REPETITIONS) -> tuple[Floats, Floats, Floats]:
    """Return interquartile means along the last axis with pointwise intervals; each ``[points]``.

    Args:
        scores: ``[runs, points]``: whole runs are resampled.
        rng: generator of the bootstrap.
        repetitions: number of bootstrap samples.
    """
    return _bootstrap([np.asarray(scores, dtype=np.float64).T], _pooled, rng, repetitions)


def performance_profile(
    scores: Any, thresholds: Floats, rng: np.random.Generator, repetitions: int = REPETITIONS
) -> tuple[Floats, Floats, Floats]:
    """Return the share of runs above each threshold with pointwise intervals; each ``[thresholds]``.

    Args:
        scores: ``[runs, tasks]``.
        thresholds: ascending scores.
        rng: generator of the bootstrap.
        repetitions: number of bootstrap samples.
    """
    above = [(task > thresholds[:, None]).astype(float) for task in _columns(scores)]
    return _bootstrap(above, _shares, rng, repetitions)


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
    return Estimate(*map(float, _bootstrap([*_columns(ours), *_columns(theirs)], _improved, rng, repetitions)))


def compare(ours: Any, theirs: Any, rng: np.random.Generator, margin: float = math.nan) -> Evidence:
    """Test whether ours is above, below, or within a margin of theirs, by ranks.

    The p-value is the larger of two: of Mann's and Whitney's exact test, which holds for any number of runs but takes
    both sides as equally spread, and of Brunner's and Munzel's, which does not but needs more runs.

    Args:
        ours: ``[..., runs]``; leading axes are comparisons of their own. Infinities are allowed.
        theirs: ``[..., their runs]``.
        rng: generator of the permutations that are drawn where there are ties.
        margin: of equivalence: the same test of values shifted by it, on either side.
    """
    ours, theirs = (np.asarray(side, dtype=np.float64) for side in (ours, theirs))

    def p_value(shift: float, side: str) -> Any:
        ordered = np.sort(np.concatenate([ours + shift, theirs], axis=-1), axis=-1)
        tied = (ordered[..., 1:] == ordered[..., :-1]).any()
        method = stats.PermutationMethod(PERMUTATIONS, random_state=rng) if tied else "exact"
        exact = stats.mannwhitneyu(ours + shift, theirs, alternative=side, method=method, axis=-1).pvalue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # NaN where no ranks overlap
            spread = stats.brunnermunzel(ours + shift, theirs, alternative=side, axis=-1).pvalue
        return np.fmax(exact, spread)

    above, below = (p_value(0.0, side) for side in ("greater", "less"))
    equal = np.maximum(p_value(margin, "greater"), p_value(-margin, "less")) if margin > 0.0 else np.nan * above
    return Evidence(above, below, equal, 1.0 / math.comb(ours.shape[-1] + theirs.shape[-1], ours.shape[-1]))


def compare_to(values: Any, neutral: float) -> Evidence:
    """Test whether one sample, ``[runs]``, is above or below a number, by Wilcoxon's signed ranks."""
    apart = np.asarray(values, dtype=np.float64) - neutral
    if not apart.any():
        return Evidence(1.0, 1.0, math.nan, 0.5 ** len(apart))
    above, below = (float(stats.wilcoxon(apart, alternative=side).pvalue) for side in ("greater", "less"))
    return Evidence(above, below, math.nan, 0.5 ** len(apart))


def holm(p_values: Sequence[float], least: Sequence[float], alpha: float) -> list[bool]:
    """Return which hypotheses Holm's procedure rejects at a family-wise error rate.

    Hypotheses that no outcome could reject, by their least p-values, do not count (Tarone, A modified Bonferroni method
    for discrete data, 1990): their number depends on numbers of seeds alone.
    """
    reachable = ([i for i, p in enumerate(least) if p <= alpha / k] for k in range(1, len(least) + 1))
    tested = next((places for k, places in enumerate(reachable, 1) if len(places) <= k), [])
    rejected = [False] * len(p_values)
    for step, place in enumerate(sorted(tested, key=lambda i: p_values[i])):
        if p_values[place] > alpha / (len(tested) - step):
            break
        rejected[place] = True
    return rejected
