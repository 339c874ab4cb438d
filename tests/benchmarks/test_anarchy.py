"""The price of anarchy against what is known of it."""

import numpy as np

from benchmarks.anarchy import COLUMNS, price_of_anarchy
from edgeoffload_env import evaluate


def test_selfish_users_lose_something_and_never_win() -> None:
    row = price_of_anarchy(5, episodes=2)
    assert tuple(row) == COLUMNS
    assert row["slots"] == 100
    assert 1.0 <= row["price_mean"] <= row["price_p95"] <= row["price_max"] < 1.5
    np.testing.assert_allclose(row["load"], 5 * 1e9 / (80e9 * 0.15))
    assert row["best-response_utility"] == evaluate("best-response", "paper", 2, 1, num_users=5).utility.mean()


def test_alone_there_is_no_anarchy() -> None:
    row = price_of_anarchy(1, episodes=2)
    np.testing.assert_allclose([row["price_mean"], row["price_max"]], 1.0, rtol=1e-12)
    assert row["settled"] == 1.0
