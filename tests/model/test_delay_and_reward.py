"""Equations (6), (10), (11), (12), (19) and (20), against numbers worked out by hand."""

import array_api_compat.numpy as xp
import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env.model import delay, reward


def test_compute_time():
    np.testing.assert_allclose(delay.compute_s(np.array([[1e9, 8e8]]), np.array([[4e8, 16e9]])), [[2.5, 0.05]])


def test_delay_is_the_sum_of_its_parts():
    parts = [np.array([[x, 0.0]]) for x in (0.5, 0.25, 0.125, 1.0)]
    assert delay.offload_delay_s(*parts).tolist() == [[1.875, 0.0]]
    assert delay.task_delay_s(*parts).tolist() == [[1.875, 0.0]]


def test_mean_delay_is_over_the_users():
    assert delay.mean_delay_s(np.array([[1.0, 2.0, 6.0], [0.0, 0.0, 3.0]]), xp=xp).tolist() == [3.0, 1.0]


@pytest.mark.parametrize(
    ("load_s", "variance"),
    [
        ([1.0, 2.0, 3.0], 2.0 / 3.0),  # over M, not M - 1
        ([0.0, 4.0], 4.0),
        ([7.0], 0.0),
        ([0.5, 0.5, 2.0, 1.0], 0.375),  # mean 1: (0.25 + 0.25 + 1 + 0) / 4
    ],
)
def test_imbalance(load_s, variance):
    result = reward.imbalance(np.array([load_s]), xp=xp)
    assert result.shape == (1, 1)
    np.testing.assert_allclose(result, [[variance]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("load_s", [0.1, 1 / 3, 123.456])
def test_equal_loads_have_no_imbalance_at_all(load_s, dtype):
    for servers in (2, 4, 8, 16):
        assert reward.imbalance(np.full((1, servers), load_s, dtype=dtype), xp=xp) == 0.0


INFOS = {"delay_s": np.array([[2.0, 4.0]]), "imbalance": np.array([[0.5]])}


@pytest.mark.parametrize(
    ("delay_weight", "balance_weight", "expected"),
    [(1.0, 1.0, [-2.5, -4.5]), (1.0, 0.0, [-2.0, -4.0]), (0.0, 1.0, [-0.5, -0.5]), (0.5, 2.0, [-2.0, -3.0])],
)
def test_user_reward(delay_weight, balance_weight, expected):
    config = EdgeOffloadConfig(num_users=2, delay_weight=delay_weight, balance_weight=balance_weight)
    assert reward.user_reward(INFOS, config).tolist() == [expected]


@pytest.mark.parametrize("imbalance", [np.array([[0.5]]), np.array([0.5])], ids=["outcome", "vector info"])
@pytest.mark.parametrize("weight", [0.0, 1.0, 3.0])
def test_the_utility_is_the_mean_reward_at_weights_1(weight, imbalance):
    config = EdgeOffloadConfig(num_users=2, delay_weight=weight, balance_weight=weight, reward_sharing=0.5)
    assert reward.utility(INFOS | {"imbalance": imbalance}, config, xp=xp).tolist() == [-3.5]


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, [-1.0, -3.0, -8.0]), (1.0, [-4.0, -4.0, -4.0]), (0.5, [-2.5, -3.5, -6.0])]
)
def test_reward_sharing_keeps_the_sum(share, expected):
    shared = reward.shared_reward(np.array([[-1.0, -3.0, -8.0]]), reward_sharing=share, xp=xp)
    np.testing.assert_allclose(shared, [expected])
