"""Sizes of a game that networks are built from."""

from typing import NamedTuple

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env.agents import action_count
from edgeoffload_env.observation import observation_size, state_size


class GameSizes(NamedTuple):
    """Sizes of a game's observations, actions and state."""

    num_users: int
    num_actions: int
    obs_size: int
    state_size: int
    config: EdgeOffloadConfig | None = None
    """The game, where it is one of this package's."""

    @property
    def levels_per_server(self) -> int:
        """Number of actions for each server."""
        return 1 if self.config is None else self.config.levels_per_server


def sizes_of(config: EdgeOffloadConfig) -> GameSizes:
    """Return the sizes of one of this package's games."""
    return GameSizes(
        num_users=config.num_users,
        num_actions=action_count(config),
        obs_size=observation_size(config),
        state_size=state_size(config),
        config=config,
    )
