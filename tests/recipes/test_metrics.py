"""Metrics of RLlib's training episodes."""

from types import SimpleNamespace
from typing import Any

import pytest

from edgeoffload_env import edgeoffload_v0
from recipes.rllib.adapter import RLlibParallelEnv
from recipes.rllib.metrics import EpisodeMetrics


class Logged:
    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def log_value(self, name: str, value: float, reduce: str) -> None:
        assert reduce == "item_series"
        self.values[name] = value


def chunk(first: dict[Any, Any], steps: list[dict[Any, Any]]) -> Any:
    """A part of an episode as RLlib hands it over: infos of the first observation, then of every step."""
    of_user = {
        user: SimpleNamespace(get_infos=lambda user=user: [first[user], *(infos[user] for infos in steps)])
        for user in first
    }
    return SimpleNamespace(agent_episodes=of_user)


@pytest.mark.parametrize("scenario", ["paper", "urban"])
def test_the_utility_has_the_costs_of_all_effects(scenario: str) -> None:
    """With all weights at 1 it is the sum over slots of the users' mean rewards."""
    par_env = edgeoffload_v0.parallel_env(scenario, num_users=4, max_cycles=6)
    env = RLlibParallelEnv(par_env, numbered=True)
    _, first = env.reset(seed=2)
    infos, rewards, delays = [], [], []
    for _ in range(6):
        _, reward, *_, info = env.step(dict.fromkeys(env.agents, 0))
        infos.append(info)
        rewards.append(sum(reward.values()) / 4)
        delays += [one["delay_s"] for one in info.values()]
    logged, earlier, last = Logged(), chunk(first, infos[:2]), chunk(infos[1], infos[2:])
    games = SimpleNamespace(envs=[None, env])
    EpisodeMetrics().on_episode_end(
        episode=last, prev_episode_chunks=[earlier], metrics_logger=logged, env=games, env_index=1
    )
    assert logged.values["utility"] == pytest.approx(sum(rewards))
    assert logged.values["mean_delay_s"] == pytest.approx(sum(delays) / len(delays))
    assert (scenario == "urban") == (par_env.config.energy is not None)


def test_games_of_other_packages_are_not_logged() -> None:
    logged = Logged()
    EpisodeMetrics().on_episode_end(episode=None, metrics_logger=logged, env=SimpleNamespace())
    assert not logged.values
