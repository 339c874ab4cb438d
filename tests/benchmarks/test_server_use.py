import numpy as np
import pytest

from benchmarks.study.server_use import server_use
from edgeoffload_env import evaluate, policies, scenarios


def test_policies_with_known_shares_and_loads() -> None:
    config = scenarios.configure("paper", num_users=4, max_cycles=6)
    nearest = server_use(policies.make("nearest"), config, 5, 0)
    np.testing.assert_array_equal(nearest.task_share, [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(nearest.load_factor_s[1:], 0)
    np.testing.assert_array_equal(nearest.server_hz, config.server_hz)
    local = server_use(policies.make("local"), config, 5, 0)
    assert not local.task_share.any()
    assert not local.load_factor_s.any()


def test_shares_and_loads_agree_with_the_evaluation() -> None:
    """The share of all servers is the offload fraction; the loads' variance is that of the loads of single slots."""
    config = scenarios.configure("paper", max_cycles=20)
    use = server_use(policies.make("greedy"), config, 64, 3)
    result = evaluate("greedy", "paper", 64, 3, max_cycles=20)
    assert use.task_share.sum() == pytest.approx(result.offload_fraction.mean(), abs=0.01)
    assert np.var(use.load_factor_s) <= result.imbalance.mean()
    assert (np.diff(use.task_share) > 0).all()  # faster servers get more


def test_idle_users_send_no_tasks() -> None:
    config = scenarios.configure("urban", num_users=4, max_cycles=6)
    use = server_use(policies.make("nearest"), config, 5, 0)
    np.testing.assert_array_equal(use.task_share, [1, 0, 0, 0, 0])  # although most users are idle in most slots
    everyone = server_use(policies.make("nearest"), scenarios.configure("urban", num_users=4, arrivals=None), 5, 0)
    assert use.load_factor_s[0] < 0.5 * everyone.load_factor_s[0]
