"""Simple policies with little or no information. With ``levels`` all but ``random`` take the last power and share."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeoffload_env.agents import action_count, action_of
from edgeoffload_env.model.servers import load_factor_s
from edgeoffload_env.policies.view import Actions, PolicyView


@dataclass(frozen=True)
class Random:
    """Each user anywhere, the device included, with equal odds. Knows nothing; costs one draw a user."""

    name: ClassVar[str] = "random"

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``; with ``levels`` each action has the same odds."""
        return view.rng.integers(0, action_count(view.config), size=(view.num_games, view.config.num_users))


@dataclass(frozen=True)
class Local:
    """Everyone on their own device. Knows nothing; costs nothing."""

    name: ClassVar[str] = "local"

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``."""
        return np.zeros((view.num_games, view.config.num_users), dtype=np.int64)


@dataclass(frozen=True)
class Nearest:
    """Everyone to server 1, the one without a fibre hop. Knows nothing; costs nothing."""

    name: ClassVar[str] = "nearest"

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``."""
        return action_of(np.ones((view.num_games, view.config.num_users), dtype=np.int64), view.config)


@dataclass(frozen=True)
class RoundRobin:
    """Servers in turn: 1 + (slot * N + n) mod M. Knows the slot's number; costs one division a user."""

    name: ClassVar[str] = "round-robin"

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``."""
        users = view.config.num_users
        # mod M first, so that the product stays small in any horizon
        first = (view.snapshot["slot"] % view.config.servers) * (users % view.config.servers)
        return action_of(1 + (first[:, None] + np.arange(users)) % view.config.servers, view.config)


@dataclass(frozen=True)
class Proportional:
    """A server at random with odds by speed, never the device. Knows the servers' speeds; costs one draw a user."""

    name: ClassVar[str] = "proportional"

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``."""
        reached = np.cumsum(view.snapshot["server_hz"], axis=1)
        draws = view.rng.random((view.num_games, view.config.num_users)) * reached[:, -1:]
        targets = np.ones(draws.shape, dtype=np.int64)
        for m in range(view.config.servers - 1):  # counting by server, not over [B, N, M], keeps the memory at [B, N]
            targets += draws >= reached[:, m : m + 1]
        return action_of(targets, view.config)


@dataclass(frozen=True)
class LeastLoaded:
    """Everyone to the server with the least load factor (13), ties to the lowest index. Knows (14); costs M a game."""

    name: ClassVar[str] = "least-loaded"

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``."""
        load_s = load_factor_s(view.snapshot["backlog_cycles"], view.snapshot["server_hz"])
        emptiest = 1 + np.argmin(load_s, axis=1)
        return action_of(np.repeat(emptiest[:, None], view.config.num_users, axis=1), view.config)
