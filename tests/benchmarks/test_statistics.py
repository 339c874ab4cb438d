"""Against rliable 1.2.0's values for the same scores, with 20,000 (probability of improvement: 4,000) repetitions."""

import numpy as np
import pytest

from benchmarks.statistics import (
    curve,
    estimate,
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
    resampled,
)

BOOTSTRAP_NOISE = 0.012  # of an end of an interval, between two streams


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.normal(0.6, 0.2, (10, 3)), rng.normal(0.5, 0.25, (8, 3))


def test_interquartile_means_are_rliables(scores: tuple[np.ndarray, np.ndarray]) -> None:
    ours, theirs = scores
    assert interquartile_mean(ours) == pytest.approx(0.5451321082003743, rel=1e-12)
    assert interquartile_mean(theirs) == pytest.approx(0.38603767566023056, rel=1e-12)
    value, low, high = estimate(ours, np.random.default_rng(0), repetitions=20_000)
    assert value == interquartile_mean(ours)
    assert (low, high) == pytest.approx((0.47806033, 0.6148537), abs=BOOTSTRAP_NOISE)


def test_probabilities_of_improvement_are_rliables(scores: tuple[np.ndarray, np.ndarray]) -> None:
    value, low, high = probability_of_improvement(*scores, np.random.default_rng(0), repetitions=4_000)
    assert value == pytest.approx(0.7041666666666666, rel=1e-12)
    assert (low, high) == pytest.approx((0.55833333, 0.83333333), abs=2 * BOOTSTRAP_NOISE)
    tied = np.ones((3, 2))
    assert probability_of_improvement(tied, tied, np.random.default_rng(0)).value == 0.5


def test_performance_profiles_are_rliables(scores: tuple[np.ndarray, np.ndarray]) -> None:
    thresholds = np.linspace(0.0, 1.0, 6)
    share, low, high = performance_profile(scores[0], thresholds, np.random.default_rng(0), repetitions=20_000)
    np.testing.assert_allclose(share, [1.0, 1.0, 0.83333333, 0.36666667, 0.1, 0.0], atol=1e-8)
    np.testing.assert_allclose(low, [1.0, 1.0, 0.7, 0.2, 0.0, 0.0], atol=1 / 29)  # steps of one run in thirty
    np.testing.assert_allclose(high, [1.0, 1.0, 0.96666667, 0.53333333, 0.2, 0.0], atol=1 / 29)


def test_each_task_keeps_its_own_runs(scores: tuple[np.ndarray, np.ndarray]) -> None:
    sample = resampled(scores[0], np.random.default_rng(1))
    assert sample.shape == scores[0].shape
    for task in range(3):
        assert set(sample[:, task]) <= set(scores[0][:, task])
    places = [np.argmax(scores[0][:, [task]] == sample[:, task], axis=0) for task in range(3)]
    assert not np.array_equal(places[0], places[1])  # drawn apart


def test_the_same_generator_gives_the_same_interval(scores: tuple[np.ndarray, np.ndarray]) -> None:
    first, again, other = (estimate(scores[0], np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == again != other


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
