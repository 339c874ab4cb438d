"""Batched games: the interface that env runners use, and EdgeOffload's vector view behind it."""

import pickle
from typing import Any, NamedTuple, Protocol

import numpy as np

from edgeoffload_env import edgeoffload_v0
from edgeoffload_env.agents import user_names
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.reward import utility
from recipes.networks.sizes import GameSizes, sizes_of

SUMMED = ("utility",)
"""Measures that are summed over an episode; the others are averaged."""


class GameStep(NamedTuple):
    """One step of B games; arrays of numpy or torch."""

    obs: Array
    """``[B, N, D]`` to act on next: the next episode's first where an episode has ended."""
    state: Array
    """``[B, S]``, likewise."""
    rewards: Array
    """``[B, N]``"""
    next_obs: Array
    """``[B, N, D]`` after the step, before any reset."""
    next_state: Array
    """``[B, S]``, likewise."""
    terminated: Array
    """Bools ``[B, N]``: the game terminated for the user. Truncated games are not terminated."""
    ended: Array
    """Bools ``[B]``, numpy: the episode has terminated or was truncated."""
    measures: dict[str, Array]
    """Metrics of the step beside rewards, ``[B]`` each; the same names at every step."""
    mask: Array | None = None
    """Bools ``[B, N, A]``: the actions allowed next; None where the game always allows all."""
    next_mask: Array | None = None
    """Bools ``[B, N, A]``, likewise before any reset."""


class Start(NamedTuple):
    """The first slot of B games."""

    obs: Array
    """``[B, N, D]``"""
    state: Array
    """``[B, S]``"""
    mask: Array | None = None
    """Bools ``[B, N, A]``: the actions allowed; None where the game always allows all."""


class BatchedGames(Protocol):
    """B copies of a game that step together and reset themselves."""

    sizes: GameSizes
    num_envs: int
    users: list[str]
    on_device: bool
    """Whether actions and arrays are torch tensors on the env runner's device; else numpy arrays."""

    def reset(self, seed: int | None) -> Start:
        """Start an episode in every game."""

    def step(self, actions: Array) -> GameStep:
        """Play actions, integers ``[B, N]``."""

    def get_state(self) -> bytes | None:
        """Return the running games; None if they cannot be stored."""

    def set_state(self, state: bytes) -> None:
        """Restore the games that :meth:`get_state` returned."""

    def close(self) -> None:
        """Release the games' resources."""


def backend_for(device: str) -> str:
    """Return the vector view's backend for a device: numpy, the faster one on a CPU, or torch."""
    return "numpy" if device == "cpu" else "torch"


class EdgeOffloadGames:
    """EdgeOffload's vector view: numpy on the CPU, torch on other devices."""

    def __init__(self, scenario: str, num_envs: int, device: str, **overrides: Any) -> None:
        backend = backend_for(device)
        self.on_device = backend == "torch"
        self._env = edgeoffload_v0.vector_env(num_envs, scenario, backend, device, **overrides)
        config = self._env.config
        xp = self._env.backend.xp
        self._never = xp.zeros((num_envs, config.num_users), dtype=xp.bool, device=self._env.backend.device)
        self.num_envs = num_envs
        self.users = user_names(config.num_users)
        self.sizes = sizes_of(config)

    def reset(self, seed: int | None) -> Start:
        """Start an episode in every game."""
        obs, info = self._env.reset(seed=seed)
        return Start(obs, self._env.state(), _allowed(info.get("action_mask")))

    def step(self, actions: Array) -> GameStep:
        """Play one slot; the games never terminate, they are truncated at the horizon."""
        obs, rewards, _, truncations, info = self._env.step(actions)
        state = self._env.state()
        mask = info.get("action_mask")
        ended = np.asarray(truncations.cpu() if hasattr(truncations, "cpu") else truncations)
        return GameStep(
            obs,
            state,
            rewards,
            info.get("final_obs", obs),
            info.get("final_state", state),
            self._never,
            ended,
            {
                "utility": utility(info, self._env.config, xp=self._env.backend.xp),
                "mean_delay_s": info["delay_s"].mean(1),
                "imbalance": info["imbalance"],
            },
            _allowed(mask),
            _allowed(info.get("final_action_mask", mask)),
        )

    def get_state(self) -> bytes:
        """Return the running games."""
        return pickle.dumps(self._env)

    def set_state(self, state: bytes) -> None:
        """Restore the games that :meth:`get_state` returned."""
        self._env = pickle.loads(state)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _allowed(mask: Array | None) -> Array | None:
    """Return an ``action_mask`` as bools."""
    return None if mask is None else mask > 0
