"""Uniform numbers of the streams, in every library and type."""

import numpy as np
import pytest
from scipy import stats

from edgeoffload_env.views.backends import Backend

SHAPE = (2, 20, 4000)
LEAST_P = 1e-3  # of a test at a fixed seed: right numbers pass for good


@pytest.fixture(params=[(name, dtype) for name in ("numpy", "torch") for dtype in ("float32", "float64")], ids="-".join)
def backend(request):
    name, dtype = request.param
    return Backend(name, "cpu", dtype)


def numbers(backend, seed=0):
    streams = backend.streams(["tasks"])
    streams.begin_episode(seed)
    return draw(streams)


def draw(streams):
    return streams.finish(streams.draw("tasks", SHAPE), SHAPE[0])


def test_shape_and_type(backend):
    drawn = numbers(backend)
    assert tuple(drawn.shape) == SHAPE
    assert drawn.dtype == backend.dtype


def test_uniform_from_0_to_below_1(backend):
    drawn = np.asarray(numbers(backend)).astype(np.float64)
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    for half in drawn:
        assert stats.kstest(half.ravel(), "uniform").pvalue > LEAST_P
        last_bits = (half.ravel() * 2**24).astype(np.int64) % 16  # the last that a float32 in [0, 1) can hold
        assert stats.chisquare(np.bincount(last_bits, minlength=16)).pvalue > LEAST_P


def test_independent_of_one_another(backend):
    drawn = np.asarray(numbers(backend)).astype(np.float64)
    columns = np.concatenate((drawn[0], drawn[1], drawn[0, :1, np.r_[1:4000, 0]].T))  # and of the number before
    correlation = np.corrcoef(columns)
    np.fill_diagonal(correlation, 0.0)
    assert abs(correlation).max() < 5.0 / np.sqrt(SHAPE[-1])


def test_finishing_changes_no_stream(backend):
    one, other = backend.streams(["tasks"]), backend.streams(["tasks"])
    for streams in (one, other):
        streams.begin_episode(3)
    for _ in range(3):
        raw = other.draw("tasks", SHAPE)
        other.finish(raw, SHAPE[0])
        assert np.array_equal(np.asarray(draw(one)), np.asarray(other.finish(raw, SHAPE[0])))


def test_unseeded_streams_differ(backend):
    assert not np.array_equal(np.asarray(numbers(backend, None)), np.asarray(numbers(backend, None)))
