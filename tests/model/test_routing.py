"""Sums over a server's users, and each user's own server: all forms of moving numbers between the two."""

import array_api_compat.numpy as numpy_xp
import numpy as np
import pytest

from edgeoffload_env.model import routing

FORMS = {
    "one broadcast": {},
    "a mask each": {"BROADCAST_MAX_ELEMENTS": 0},
    "an index": {"BROADCAST_MAX_ELEMENTS": 0, "_MASKS_MAX_SERVERS": 0},
}


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    for name, value in FORMS[request.param].items():
        monkeypatch.setattr(routing, name, value)


def test_local_tasks_reach_no_server(form):
    target = np.array([[1, 3, 1, 0], [0, 0, 2, 2]])
    routes = routing.Routing(target, 3, dtype=np.float64, xp=numpy_xp)
    assert routes.offloads.tolist() == [[1, 1, 1, 0], [0, 0, 1, 1]]
    cycles = np.array([[1.0, 2.0, 4.0, 8.0], [1.0, 2.0, 4.0, 8.0]])
    assert routes.to_servers(cycles).tolist() == [[5.0, 0.0, 2.0], [0.0, 12.0, 0.0]]
    speeds = np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]])
    assert (routes.offloads * routes.to_users(speeds)).tolist() == [[10.0, 30.0, 10.0, 0.0], [0.0, 0.0, 50.0, 50.0]]


@pytest.mark.parametrize("target_type", ["int8", "int16", "int64"])
@pytest.mark.parametrize(("users", "servers"), [(1, 1), (10, 5), (30, 100), (400, 20)])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("games", [1, 5])  # numpy has forms of its own for one game
def test_many_users(form, games, backend, users, servers, target_type):
    if backend == "torch":
        import array_api_compat.torch as xp
    else:
        xp = numpy_xp
    rng = np.random.default_rng(0)
    target = rng.integers(0, servers + 1, (games, users))
    cycles = rng.integers(1, 1000, (games, users)).astype(float)  # whole, so that sums are exact in any order
    speeds = rng.integers(1, 1000, (games, servers)).astype(float)
    routes = routing.Routing(xp.asarray(target.astype(target_type)), servers, dtype=xp.float64, xp=xp)
    per_server = [np.bincount(t, c, minlength=servers + 1)[1:] for t, c in zip(target, cycles, strict=True)]
    assert np.array_equal(np.asarray(routes.to_servers(xp.asarray(cycles))), per_server)
    padded = np.concatenate((np.zeros((games, 1)), speeds), axis=1)
    per_user = np.take_along_axis(padded, target, axis=1)
    to_users = np.asarray(routes.to_users(xp.asarray(speeds)))
    assert np.isfinite(to_users).all()
    assert np.array_equal(to_users[target > 0], per_user[target > 0])
