"""Against rliable's values for the same scores, which rliable_values.py made."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.analysis.statistics import (
    curve,
    difference,
    estimate,
    performance_profile,
    probability_of_improvement,
)
from tests.benchmarks import rliable_values
from tests.benchmarks.rliable_values import PAIR_REPETITIONS, REPETITIONS, THRESHOLDS

BOOTSTRAP_NOISE = 0.012  # of an end of an interval, between two streams


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    return rliable_values.scores()


@pytest.fixture(scope="module")
def rliables() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(Path(rliable_values.__file__).with_suffix(".json").read_text())
    return values


def test_interquartile_means_are_rliables(scores: tuple[np.ndarray, np.ndarray], rliables: dict[str, Any]) -> None:
    ours, theirs = scores
    (mean,), interval = rliables["interquartile_mean"]
    there = estimate(theirs, np.random.default_rng(0)).value
    assert there == pytest.approx(rliables["interquartile_mean_of_theirs"][0], rel=1e-12)
    value, low, high = estimate(ours, np.random.default_rng(0), repetitions=REPETITIONS)
    assert value == pytest.approx(mean, rel=1e-12)
    assert (low, high) == pytest.approx(np.ravel(interval), abs=BOOTSTRAP_NOISE)


def test_probabilities_of_improvement_are_rliables(
    scores: tuple[np.ndarray, np.ndarray], rliables: dict[str, Any]
) -> None:
    probability, interval = rliables["probability_of_improvement"]
    value, low, high = probability_of_improvement(*scores, np.random.default_rng(0), repetitions=PAIR_REPETITIONS)
    assert value == pytest.approx(probability, rel=1e-12)
    assert (low, high) == pytest.approx(np.ravel(interval), abs=2 * BOOTSTRAP_NOISE)
    tied = np.ones((3, 2))
    assert probability_of_improvement(tied, tied, np.random.default_rng(0)).value == 0.5


def test_performance_profiles_are_rliables(scores: tuple[np.ndarray, np.ndarray], rliables: dict[str, Any]) -> None:
    shares, (lowest, highest) = rliables["performance_profile"]
    rng = np.random.default_rng(0)
    share, low, high = performance_profile(scores[0], THRESHOLDS, rng, repetitions=REPETITIONS)
    np.testing.assert_allclose(share, shares, atol=1e-8)
    np.testing.assert_allclose(low, lowest, atol=1 / 29)  # steps of one run in thirty
    np.testing.assert_allclose(high, highest, atol=1 / 29)


def test_sample_efficiency_curves_are_rliables(rliables: dict[str, Any]) -> None:
    means, (lowest, highest) = rliables["curve"]
    middle, low, high = curve(rliable_values.curves(), np.random.default_rng(0), repetitions=REPETITIONS)
    np.testing.assert_allclose(middle, means, rtol=1e-12)
    np.testing.assert_allclose(low, lowest, atol=BOOTSTRAP_NOISE)
    np.testing.assert_allclose(high, highest, atol=BOOTSTRAP_NOISE)


def test_the_same_generator_gives_the_same_interval(scores: tuple[np.ndarray, np.ndarray]) -> None:
    first, again, other = (estimate(scores[0], np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == again != other


def test_a_difference_has_both_sides_interval() -> None:
    draw = np.random.default_rng(2)
    ours, theirs = draw.normal(1.0, 0.1, 12), draw.normal(0.0, 0.1, 12)
    value, low, high = difference(ours, theirs, np.random.default_rng(0))
    alone, other = (estimate(side, np.random.default_rng(0)) for side in (ours, theirs))
    assert value == pytest.approx(alone.value - other.value)
    assert low < value < high
    mirrored = difference(theirs, ours, np.random.default_rng(0))
    assert mirrored.value == -value
    assert (-mirrored.high, -mirrored.low) == pytest.approx((low, high), abs=BOOTSTRAP_NOISE)
    assert high - low > alone.high - alone.low


def test_one_run_has_no_interval() -> None:
    value, low, high = estimate(np.array([[0.5, 0.7]]), np.random.default_rng(0))
    assert value == pytest.approx(0.6)
    assert np.isnan(low)
    assert np.isnan(high)


def test_curves_have_the_interval_of_each_point() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0.0, 1.0, (10, 40)) * np.linspace(0.1, 2.0, 40)
    middle, low, high = curve(scores, rng)
    assert middle.shape == low.shape == high.shape == (40,)
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert (high - low)[-5:].mean() > 5 * (high - low)[:5].mean()
    point = estimate(scores[:, -1:], np.random.default_rng(0), repetitions=4_000)
    assert (low[-1], high[-1]) == pytest.approx((point.low, point.high), abs=0.15)
