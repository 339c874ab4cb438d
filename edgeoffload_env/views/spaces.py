"""Gymnasium spaces of a configuration."""

import gymnasium
import numpy as np

from edgeoffload_env.agents import action_count
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.observation import observation_size, state_size


def _box(size: int) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(-1.0, 1.0, shape=(size,), dtype=np.float32)


def observation_box(config: EdgeOffloadConfig) -> gymnasium.spaces.Box:
    """One user's observation: float32 ``(D,)``."""
    return _box(observation_size(config))


def state_box(config: EdgeOffloadConfig) -> gymnasium.spaces.Box:
    """The global state: float32 ``(S,)``."""
    return _box(state_size(config))


def action_choices(config: EdgeOffloadConfig) -> gymnasium.spaces.Discrete:
    """One user's actions."""
    return gymnasium.spaces.Discrete(action_count(config))
