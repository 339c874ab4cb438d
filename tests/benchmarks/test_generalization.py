"""Policies on games that they were not trained on."""

from typing import Any

import numpy as np

from benchmarks.study.generalization import FAILURE, FailedComponent, generalization
from edgeoffload_env import evaluate, policies, scenarios


class Central:
    """Everyone to server 1, from one place."""

    central = True

    def act(self, view: Any) -> Any:
        return np.ones(view.snapshot["task_bits"].shape, dtype=int)


class ForTenUsers:
    name = "for-ten"

    def check(self, config: Any) -> None:
        if config.num_users != 10:
            raise ValueError("ten users")

    def act(self, view: Any) -> Any:
        return policies.make("greedy").act(view)


def test_a_failed_actor_computes_on_its_device_a_different_one_in_each_game() -> None:
    seen: list[Any] = []

    class Watched(FailedComponent):
        def act(self, view: Any) -> Any:
            seen.append(super().act(view))
            return seen[-1]

    result = evaluate(Watched(policies.make("nearest")), "paper", 12, 0, max_cycles=2)
    assert seen[0].shape == (12, 10)
    np.testing.assert_array_equal(np.argwhere(seen[0] == 0), [(game, game % 10) for game in range(12)])
    np.testing.assert_allclose(result.offload_fraction, 0.9)


def test_with_a_failed_controller_all_users_compute_on_their_devices() -> None:
    lost, local = evaluate(FailedComponent(Central()), "paper", 4, 0), evaluate("local", "paper", 4, 0)
    np.testing.assert_array_equal(lost.utility, local.utility)


def test_a_policy_plays_the_held_out_scenarios_that_it_can() -> None:
    found = generalization(ForTenUsers(), scenarios.configure("paper"), 3, 0)
    assert FAILURE in found
    assert "held-out-heavy" in found
    assert not {"held-out-small", "held-out-large", "sparse"} & found.keys()
    assert found["held-out-heavy"].utility.mean() == evaluate("greedy", "held-out-heavy", 3, 0).utility.mean()


def test_a_network_for_any_number_of_users_also_plays_other_sizes() -> None:
    found = generalization(policies.make("nearest"), scenarios.configure("paper"), 1, 0)
    assert {"held-out-small", "held-out-large", "sparse"} < found.keys()
    assert "two-tier" not in found
    assert "two-tier" in generalization(policies.make("nearest"), scenarios.configure("paper"), 1, 0, also=["two-tier"])
