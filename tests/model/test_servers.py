"""Equations (8) and (13): queues, and first come first served in all its forms."""

import array_api_compat.numpy as numpy_xp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeoffload_env.model import numpy_namespace, servers

GIGA = 1e9


def test_load_factor():
    np.testing.assert_allclose(servers.load_factor_s(np.array([[3e9, 0.0]]), np.array([[12e9, 20e9]])), [[0.25, 0.0]])


def test_wait_counts_the_backlog_and_who_came_before():
    wait_s = servers.wait_s(np.array([[3e9, 0.0]]), np.array([[1e9, 5e9]]), np.array([[16e9, 20e9]]))
    np.testing.assert_allclose(wait_s, [[0.25, 0.25]])


def test_next_backlog_stops_at_zero():
    queued, server_hz = np.array([[5e9, 1e9, 3e9]]), np.array([[10e9, 10e9, 20e9]])
    assert servers.next_backlog_cycles(queued, server_hz, 0.15, xp=numpy_xp).tolist() == [[3.5e9, 0.0, 0.0]]


def pairwise(arrival_s, target, cycles, num_servers, xp):
    return servers.ahead_pairwise(arrival_s, target, cycles, xp=xp)


def sorted_form(arrival_s, target, cycles, num_servers, xp):
    return servers.ahead_sorted(arrival_s, target, cycles, num_servers, xp=xp)


FORMS = {"pairwise": pairwise, "sorted": sorted_form}

EXAMPLES = {
    "in order of arrival": ([0.3, 0.1, 0.2], [1, 1, 1], [6.0, 0.0, 2.0]),
    "equal arrivals by user": ([0.2, 0.2, 0.1, 0.2], [1, 1, 1, 1], [4.0, 5.0, 0.0, 7.0]),
    "each server for itself": ([0.3, 0.1, 0.2, 0.4], [1, 2, 1, 2], [4.0, 0.0, 0.0, 2.0]),
    "alone": ([0.3], [5], [0.0]),
    "all arrive at once": ([0.0, 0.0, 0.0], [2, 2, 2], [0.0, 1.0, 3.0]),
}
CYCLES = [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_first_come_first_served(example, form, dtype):
    arrival_s, target, expected = EXAMPLES[example]
    cycles = np.array([CYCLES[: len(target)]], dtype=dtype)
    ahead = FORMS[form](np.array([arrival_s], dtype=dtype), np.array([target]), cycles, 5, numpy_xp)
    assert ahead.dtype == dtype
    assert ahead.tolist() == [expected]


def scalar_ahead(arrival_s, target, cycles):
    """Cycles served before each task, computed game by game and server by server."""
    ahead = np.zeros(len(target))
    served = {}
    for n in sorted(range(len(target)), key=lambda n: (arrival_s[n], n)):
        ahead[n] = served.get(target[n], 0.0)
        served[target[n]] = ahead[n] + cycles[n]
    return ahead


def queue_games(seed, batch, users, num_servers):
    """Arrivals on a coarse grid, so that many tie, and whole cycles, so that sums are exact in every order."""
    rng = np.random.default_rng(seed)
    arrival_s = rng.integers(0, max(2, users // 2), (batch, users)) / 8.0
    target = rng.integers(0, num_servers + 1, (batch, users))
    return arrival_s, target, rng.integers(1, 100, (batch, users)).astype(float)


@pytest.mark.parametrize("backend", ["numpy", "numpy with short cuts", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(
    seed=st.integers(0, 2**32 - 1), batch=st.integers(1, 4), users=st.integers(1, 100), num_servers=st.integers(1, 20)
)
def test_all_forms_are_equal(seed, batch, users, num_servers, dtype, backend):
    if backend == "torch":
        import array_api_compat.torch as xp
    else:
        xp = numpy_xp if backend == "numpy" else numpy_namespace
    arrival_s, target, cycles = queue_games(seed, batch, users, num_servers)
    expected = np.array([scalar_ahead(*game) for game in zip(arrival_s, target, cycles, strict=True)])
    offloaded = target > 0
    floats = [xp.asarray(array, dtype=getattr(xp, dtype)) for array in (arrival_s, cycles)]
    arguments = (floats[0], xp.asarray(target), floats[1], num_servers, xp)
    results = {name: form(*arguments) for name, form in FORMS.items()}
    results["chosen by size"] = servers.cycles_ahead(*arguments[:4], xp=xp)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(servers, "BROADCAST_MAX_ELEMENTS", 0)
        results["pairwise, a loop over rivals"] = pairwise(*arguments)
    for name, ahead in results.items():
        assert np.array_equal(np.asarray(ahead)[offloaded], expected[offloaded]), name


@pytest.mark.parametrize(("users", "num_servers"), [(200, 60), (1000, 100), (3000, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_forms_are_equal_for_many_users(users, num_servers, dtype):
    arrival_s, target, cycles = queue_games(users, 2, users, num_servers)
    arguments = (arrival_s.astype(dtype), target, cycles.astype(dtype), num_servers, numpy_xp)
    offloaded = target > 0
    assert np.array_equal(pairwise(*arguments)[offloaded], sorted_form(*arguments)[offloaded])


def test_narrow_targets_serve():
    """Small integer types, as the vector view keeps them, do not overflow in the sort's keys."""
    arrival_s, target, cycles = queue_games(1, 3, 90, 100)
    for dtype in (np.int8, np.int16, np.int64):
        narrow = (arrival_s.astype(np.float32), target.astype(dtype), cycles, 100, numpy_xp)
        wide = (arrival_s, target, cycles, 100, numpy_xp)
        assert np.array_equal(sorted_form(*narrow), sorted_form(*wide))
        assert np.array_equal(pairwise(*narrow), pairwise(*wide))
