"""Confidence intervals and the streaming quantile, against numpy and scipy."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from edgeoffload_env.evaluation.statistics import mean_interval
from edgeoffload_env.model.metrics import UpperQuantile


@given(
    seed=st.integers(0, 2**32 - 1),
    pieces=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    q=st.sampled_from([0.95, 0.5, 0.99, 0.9]),
    whole=st.booleans(),
)
def test_quantile_is_numpys(seed, pieces, q, whole):
    values = np.random.default_rng(seed).exponential(size=(3, sum(pieces)))
    if whole:
        values = np.floor(3 * values)  # many ties
    quantile = UpperQuantile(q, sum(pieces))
    for piece in np.split(values, np.cumsum(pieces)[:-1], axis=1):
        quantile.add(piece)
    assert quantile.result() == pytest.approx(np.quantile(values, q, axis=1), rel=1e-12, abs=1e-12)


def test_quantile_keeps_a_tenth():
    total = 100_000
    quantile = UpperQuantile(0.95, total)
    most = 0
    for piece in np.random.default_rng(0).random((2, total // 100, 100)).transpose(1, 0, 2):
        quantile.add(piece)
        most = max(most, sum(kept.shape[1] for kept in quantile._pieces))
    assert most <= UpperQuantile.columns(0.95, total) + 100 <= total // 10 + 200
    assert sum(kept.base is not None for kept in quantile._pieces) <= len(quantile._pieces) - 1, "no view of the rest"


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_interval_is_students(values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy on equal values
        expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    mean, low, high = mean_interval(np.array(values))
    assert mean == pytest.approx(np.mean(values), abs=1e-9)
    if np.std(values) > 1e-9:
        assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-9)
        assert low < mean < high


def test_interval_by_hand():
    # mean 2, standard deviation 1, standard error 1 / sqrt(3), t(0.975; 2) = 4.302653
    interval = mean_interval(np.array([1.0, 2.0, 3.0]))
    assert interval == pytest.approx((2.0, 2.0 - 4.302653 / 3**0.5, 2.0 + 4.302653 / 3**0.5), abs=1e-6)
    assert interval.half_width == pytest.approx(4.302653 / 3**0.5, abs=1e-6)


def test_equal_values_have_no_width():
    assert mean_interval(np.full(8, 0.1)) == pytest.approx((0.1, 0.1, 0.1), rel=1e-15)


def test_one_episode_has_a_mean_and_no_interval():
    mean, low, high = mean_interval(np.array([3.0]))
    assert mean == 3.0
    assert math.isnan(low)
    assert math.isnan(high)


def test_a_nan_is_not_hidden():
    assert all(math.isnan(number) for number in mean_interval(np.array([1.0, math.nan, 2.0])))


def test_covers_the_mean_of_the_utilities_as_often_as_it_says():
    # skewed like the utility of `random`: 95 % +- 3 standard errors over 4,000 samples of 32
    samples = np.random.default_rng(0).gamma(4.0, size=(4000, 32))
    covered = np.mean([low <= 4.0 <= high for _, low, high in map(mean_interval, samples)])
    assert covered == pytest.approx(0.95, abs=0.02)
