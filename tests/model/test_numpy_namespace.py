"""Short cuts of numpy for one game and for many give what the plain form gives, to the last bit."""

import array_api_compat.numpy as numpy_xp
import numpy as np
import pytest

from edgeoffload_env.model import channel, reward, servers
from edgeoffload_env.model import numpy_namespace as xp


@pytest.mark.parametrize("numbers", [1, 2, 5, 7, 8, 9, 16, 100])
def test_a_row_is_summed_in_the_order_of_numpy(numbers):
    rows = np.random.default_rng(numbers).uniform(0.0, 1.0, (200, numbers))
    assert [xp.row_sum(row[None]) for row in rows] == np.sum(rows, axis=1).tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("numbers", [1, 5, 12])
def test_one_game_is_as_one_of_many(numbers, dtype):
    load_s = np.random.default_rng(0).uniform(0.0, 1.0, (50, numbers)).astype(dtype)
    sends = np.round(load_s)
    single = [reward.imbalance(row[None], xp=xp) for row in load_s]
    assert single[0].shape == (1, 1)
    assert single[0].dtype == dtype
    assert np.array_equal(np.concatenate(single), reward.imbalance(load_s, xp=numpy_xp))
    counts = [float(np.squeeze(channel.count_sharers(row[None], xp=xp))) for row in sends]
    assert counts == channel.count_sharers(sends, xp=numpy_xp)[:, 0].tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("users", [2, 10, 30])
def test_cycles_of_pairs_are_added_in_the_order_of_the_rivals(users, dtype, monkeypatch):
    monkeypatch.setattr(servers, "BROADCAST_MAX_ELEMENTS", 0)
    rng = np.random.default_rng(users)
    arrival_s = rng.integers(0, 8, (users, 50)).astype(dtype).T  # many tie
    target = rng.integers(1, 4, (users, 50)).T
    cycles = rng.uniform(0.0, 1e9, (users, 50)).astype(dtype).T
    for order in "FC":  # user-major, as the views have it, and rows of games, as a planning policy takes them
        given = [np.array(array, order=order) for array in (arrival_s, target, cycles)]
        ahead = [servers.ahead_pairwise(*given, xp=namespace) for namespace in (xp, numpy_xp)]
        assert np.array_equal(*ahead)
        assert ahead[0].strides == ahead[1].strides
