"""A table of policies' utilities on the paper's game: a check of the whole model, at the tolerance given there."""

import functools

import pytest

from edgeoffload_env import evaluate

SIZES = (5, 10, 15, 20, 50)
UTILITY = {
    "random": (-27.7, -34.6, -85, -181, -902),
    "local": (-128, -128, -128, -128, -128),
    "proportional": (-8.2, -17.1, -76, -159, -668),
    "least-loaded": (-15.3, -27.2, -83, -168, -702),
    "greedy": (-6.70, -11.1, -60.2, -92.8, -116),
    "drift-plus-penalty": (-6.70, -11.2, -35.5, -57.0, -97.6),
}
MEAN_DELAY_S = {
    "random": 0.665,
    "local": 2.55,
    "proportional": 0.321,
    "least-loaded": 0.487,
    "greedy": 0.222,
    "drift-plus-penalty": 0.223,
}
"""At N = 10."""


def tolerance(policy):
    return 0.06 if policy == "random" else 0.03


@functools.cache
def result(policy, users):
    episodes = 2048 if policy in ("random", "proportional") else 512  # the utilities of these two spread widely
    return evaluate(policy, episodes=episodes, seed=1, num_users=users)


@pytest.mark.parametrize("users", SIZES)
@pytest.mark.parametrize("policy", UTILITY)
def test_utility(policy, users):
    mean, low, high = result(policy, users).summary()["utility"]
    assert mean == pytest.approx(UTILITY[policy][SIZES.index(users)], rel=tolerance(policy))
    assert high - low < 0.5 * tolerance(policy) * abs(mean), "enough episodes to tell"


@pytest.mark.parametrize("policy", MEAN_DELAY_S)
def test_mean_delay(policy):
    assert result(policy, 10).mean_delay_s.mean() == pytest.approx(MEAN_DELAY_S[policy], rel=tolerance(policy))
