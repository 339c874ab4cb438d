"""Batched joint games for the env runner: ours, and any PettingZoo ``ParallelEnv`` with equal discrete actions."""

import pickle
from typing import Any, NamedTuple, Protocol

import numpy as np

from edgeoffload_env import edgeoffload_v0
from edgeoffload_env.model.channel import Array
from recipes.joint.acting import GameSizes

SUMMED = ("utility",)
"""Measures of an episode that are sums over its steps; the others are means."""


class GameStep(NamedTuple):
    """One step of B games; arrays of numpy or torch."""

    obs: Array
    """``[B, N, D]`` to act on next: of the next episode where one has ended."""
    state: Array
    """``[B, S]``, likewise."""
    rewards: Array
    """``[B, N]``"""
    next_obs: Array
    """``[B, N, D]`` that the step led to, before any reset."""
    next_state: Array
    """``[B, S]``, likewise."""
    terminated: Array
    """Bools ``[B, N]``: the game ended for the user by itself. Games cut short are not terminated."""
    ended: Array
    """Bools ``[B]``, numpy: the episode is over, for either reason."""
    measures: dict[str, Array]
    """What is reported of the game beside rewards, ``[B]`` each; the same names at every step."""


class JointGames(Protocol):
    """B copies of a game that step together and begin again by themselves."""

    sizes: GameSizes
    num_envs: int
    users: list[str]
    on_device: bool
    """Whether they take and give torch tensors of the runner's device; else numpy arrays."""

    def reset(self, seed: int | None) -> tuple[Array, Array]:
        """Start an episode in every game: observations ``[B, N, D]`` and states ``[B, S]``."""

    def step(self, actions: Array) -> GameStep:
        """Play integers ``[B, N]``."""

    def get_state(self) -> bytes | None:
        """The running games, to go on from; None where the game cannot be stored."""

    def set_state(self, state: bytes) -> None:
        """Go on from what :meth:`get_state` gave."""

    def close(self) -> None:
        """Release what the games hold."""


def backend_for(device: str) -> str:
    """What our games compute with on a device: numpy, which is the faster on a CPU, or torch."""
    return "numpy" if device == "cpu" else "torch"


class EdgeOffloadGames:
    """Our own vector view: numpy on the CPU, torch on other devices."""

    def __init__(self, scenario: str, num_envs: int, device: str, **overrides: Any) -> None:
        backend = backend_for(device)
        self.on_device = backend == "torch"
        self._env = edgeoffload_v0.vector_env(num_envs, scenario, backend, device, **overrides)
        config = self._env.config
        xp = self._env.backend.xp
        self._never = xp.zeros((num_envs, config.num_users), dtype=xp.bool, device=self._env.backend.device)
        self.num_envs = num_envs
        self.users = [f"user_{n}" for n in range(config.num_users)]
        self.sizes = GameSizes(
            num_users=config.num_users,
            num_actions=config.servers + 1,
            obs_size=self._env.observation_space.shape[0],
            state_size=self._env.state_space.shape[0],
        )

    def reset(self, seed: int | None) -> tuple[Array, Array]:
        """Start an episode in every game."""
        obs, _ = self._env.reset(seed=seed)
        return obs, self._env.state()

    def step(self, actions: Array) -> GameStep:
        """Play one slot; the games never terminate, they are cut short at the horizon."""
        obs, rewards, _, truncations, info = self._env.step(actions)
        state = self._env.state()
        delay_s = info["delay_s"].mean(1)
        imbalance = info["imbalance"]
        ended = np.asarray(truncations.cpu() if hasattr(truncations, "cpu") else truncations)
        return GameStep(
            obs,
            state,
            rewards,
            info.get("final_obs", obs),
            info.get("final_state", state),
            self._never,
            ended,
            {"utility": -(delay_s + imbalance), "mean_delay_s": delay_s, "imbalance": imbalance},
        )

    def get_state(self) -> bytes:
        """The running games."""
        return pickle.dumps(self._env)

    def set_state(self, state: bytes) -> None:
        """Go on from stored games."""
        self._env = pickle.loads(state)

    def close(self) -> None:
        """Nothing to release."""
