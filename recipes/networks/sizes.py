"""Sizes of a game that networks are built from."""

from typing import NamedTuple

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env._validation import fail
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


def level_counts(config: EdgeOffloadConfig | None) -> tuple[int, int]:
    """Return the numbers of powers and of shares that users choose from: games of equal sizes can differ in them."""
    return (1, 1) if config is None else (len(config.tx_powers_w), len(config.offload_ratios))


def check_levels(config: EdgeOffloadConfig, trained: tuple[int, int], name: str) -> None:
    """Refuse games whose actions mean other powers and shares.

    Raises:
        ValueError: other :func:`level_counts` than a policy was trained for.
    """
    if level_counts(config) != trained:
        expected = f"with {trained[0]} powers and {trained[1]} shares, as {name} was trained for"
        fail("levels of the game", config.levels, expected)


def sizes_of(config: EdgeOffloadConfig) -> GameSizes:
    """Return the sizes of one of this package's games."""
    return GameSizes(
        num_users=config.num_users,
        num_actions=action_count(config),
        obs_size=observation_size(config),
        state_size=state_size(config),
        config=config,
    )
