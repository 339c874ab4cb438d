"""Price of anarchy against known values."""

import numpy as np

from benchmarks.study.price_of_anarchy import price_of_anarchy
from benchmarks.study.store import COLUMNS
from edgeoffload_env import edgeoffload_v0, evaluate, policies
from edgeoffload_env.policies import view_of


def test_selfish_users_lose_something_and_never_win() -> None:
    row = price_of_anarchy(5, episodes=2)
    assert tuple(row) == COLUMNS["price_of_anarchy"]
    assert row["slots"] == 100
    assert 1.0 <= row["price_mean"] <= row["price_p95"] <= row["price_max"] < 1.5
    np.testing.assert_allclose(row["load"], 5 * 1e9 / (80e9 * 0.15))
    assert row["best-response_utility"] == evaluate("best-response", "paper", 2, 1, num_users=5).utility.mean()


def test_alone_there_is_no_anarchy() -> None:
    row = price_of_anarchy(1, episodes=2)
    np.testing.assert_allclose([row["price_mean"], row["price_max"]], 1.0, rtol=1e-12)
    assert row["settled"] == 1.0


def test_the_path_is_that_of_the_selfish_users() -> None:
    row = price_of_anarchy(12, episodes=1)
    env = edgeoffload_v0.parallel_env(num_users=12)
    game = edgeoffload_v0.vector_env(num_envs=1, num_users=12, dtype="float64")
    game.reset(seed=1)
    prices = []
    for _ in range(env.config.max_cycles):
        here = {name: values[0] for name, values in game.snapshot().items()}
        delays = {}
        for name in ("optimum", "best-response"):  # the second one's actions are those that the game goes on with
            env.reset(options={"snapshot": here})
            actions = policies.make(name).act(view_of(env, np.random.default_rng(0)))
            infos = env.step(dict(zip(env.agents, actions[0].tolist(), strict=True)))[4]
            delays[name] = np.mean([info["delay_s"] for info in infos.values()])
        prices.append(delays["best-response"] / delays["optimum"])
        game.step(actions)
    np.testing.assert_allclose([row["price_mean"], row["price_max"]], [np.mean(prices), np.max(prices)], rtol=1e-9)
