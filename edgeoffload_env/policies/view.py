"""What a policy is, and what it is shown."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.observation import Features, all_features, global_state, user_observations

Floats = NDArray[np.float64]
Actions = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class PolicyView:
    """B games of one configuration at the start of a slot. What a policy reads of it says what it knows.

    ``observation`` is what the users see, each its own row; ``state`` is what a central controller sees; ``snapshot``
    is everything, unscaled.
    """

    config: EdgeOffloadConfig
    """The games' constants."""
    snapshot: Mapping[str, NDArray[Any]]
    """As the vector view gives it: float64 ``task_bits``, ``task_cycles``, ``device_hz``, ``channel_gain`` ``[B, N]``,
    ``server_hz``, ``backlog_cycles`` ``[B, M]``, and the integers ``slot`` ``[B]``."""
    rng: np.random.Generator
    """The policy's own randomness; drawing from it never changes the games."""

    @property
    def num_games(self) -> int:
        """B."""
        return len(self.snapshot["slot"])

    @functools.cached_property
    def arrays(self) -> Snapshot:
        """The snapshot as the model's functions take it."""
        return {name: array for name, array in self.snapshot.items() if name != "slot"}

    @functools.cached_property
    def observation(self) -> NDArray[np.float32]:
        """Every user's observation, ``[B, N, D]``: the same numbers as in the parallel view. Made when first read."""
        rows: NDArray[np.float32] = user_observations(
            self._features, self.config, self.num_games, dtype=np.float32, xp=xp
        )
        return rows

    @functools.cached_property
    def state(self) -> NDArray[np.float32]:
        """The global state, ``[B, S]``: the same numbers as in the parallel view. Made when first read."""
        rows: NDArray[np.float32] = global_state(self._features, self.config, dtype=np.float32, xp=xp)
        return rows

    @functools.cached_property
    def _features(self) -> Features:
        return all_features(self.arrays, self.config, xp=xp)


def view_of(env: Any, rng: np.random.Generator) -> PolicyView:
    """What a policy is shown of a running environment, of any of the views; a single game gets a batch axis of 1.

    Args:
        env: an environment of this package after ``reset``, wrapped or not.
        rng: the policy's own generator.
    """
    game = env.unwrapped if hasattr(env, "unwrapped") else env
    snapshot = game.snapshot()
    arrays = {name: np.asarray(v.cpu() if hasattr(v, "cpu") else v) for name, v in snapshot.items()}
    if arrays["slot"].ndim == 0:
        arrays = {name: array[None] for name, array in arrays.items()}
    floats = {name: array.astype(np.float64, copy=False) for name, array in arrays.items() if name != "slot"}
    return PolicyView(game.config, floats | {"slot": arrays["slot"]}, rng)


class PolicyError(ValueError):
    """A policy's actions are not what the game takes."""


@runtime_checkable
class Policy(Protocol):
    """Anything that picks everyone's actions in B games at once.

    Optional, and looked for by ``evaluate``: ``name`` (a string for tables and errors; else the class's name),
    ``check(config)`` (raises ``ValueError`` for games that the policy cannot play) and ``diagnostics`` (what the last
    ``act`` says of itself: a dict of arrays ``[B]``, averaged into the result).
    """

    def act(self, view: PolicyView) -> Actions:
        """Everyone's actions, integers ``[B, N]``: 0 = device, m >= 1 = server m."""
        ...
