"""The policy interface, and the view of the games that policies act on."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import fail_unknown
from edgeoffload_env.agents import action_count
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.effects.arrivals import action_mask
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.observation import Features, all_features, global_state, user_observations

Floats = NDArray[np.float64]
Actions = NDArray[np.integer[Any]]


class SnapshotFields(dict[str, NDArray[Any]]):
    """Arrays by the name of their field; an unknown one is a ``KeyError`` with the nearest name and the list of all."""

    def __missing__(self, name: object) -> NoReturn:
        """Refuse an unknown field."""
        fail_unknown("snapshot field", name, self, KeyError)


@dataclass(frozen=True, eq=False)
class PolicyView:
    """B games of one configuration at the start of a slot. The attributes that a policy reads define its information.

    ``observation`` holds the users' own observations; ``state`` is the view of a central controller; ``snapshot`` holds
    everything, unscaled.
    """

    config: EdgeOffloadConfig
    """The games' constants."""
    snapshot: Mapping[str, NDArray[Any]]
    """As the vector view gives it: float64 ``task_bits``, ``task_cycles``, ``device_hz``, ``channel_gain`` ``[B, N]``,
    ``server_hz``, ``backlog_cycles`` ``[B, M]``, and the integers ``slot`` ``[B]``."""
    rng: np.random.Generator
    """The policy's random generator; draws from it never change the games."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "snapshot", SnapshotFields(self.snapshot))

    @property
    def num_games(self) -> int:
        """The number of games, B."""
        return len(self.snapshot["slot"])

    @functools.cached_property
    def arrays(self) -> Snapshot:
        """The snapshot without ``slot``, as the model's functions take it."""
        return SnapshotFields({name: array for name, array in self.snapshot.items() if name != "slot"})

    @functools.cached_property
    def observation(self) -> NDArray[np.float32]:
        """Every user's observation, ``[B, N, D]``: numbers as in the parallel view. Computed on first access."""
        rows: NDArray[np.float32] = user_observations(
            self._features, self.config, self.num_games, dtype=np.float32, xp=xp
        )
        return rows

    @functools.cached_property
    def state(self) -> NDArray[np.float32]:
        """The global state, ``[B, S]``: numbers as in the parallel view. Computed on first access."""
        rows: NDArray[np.float32] = global_state(self._features, self.config, dtype=np.float32, xp=xp)
        return rows

    @functools.cached_property
    def action_mask(self) -> NDArray[np.int8] | None:
        """The actions allowed, int8 ``[B, N, A]``; None in games whose users always have a task."""
        if not self.config.schema.masked:
            return None
        mask: NDArray[np.int8] = action_mask(self.arrays, action_count(self.config), xp=xp)
        return mask

    @functools.cached_property
    def _features(self) -> Features:
        return all_features(self.arrays, self.config, xp=xp)


def view_of(env: Any, rng: np.random.Generator) -> PolicyView:
    """Return the policy view of a running environment of any kind; a single game gets a batch axis of 1.

    Args:
        env: a wrapped or unwrapped environment of this package after ``reset``.
        rng: the policy's random generator.
    """
    game = env.unwrapped if hasattr(env, "unwrapped") else env
    snapshot = game.snapshot()
    arrays = {name: np.asarray(v.cpu() if hasattr(v, "cpu") else v) for name, v in snapshot.items()}
    if arrays["slot"].ndim == 0:
        arrays = {name: array[None] for name, array in arrays.items()}
    floats = {name: array.astype(np.float64, copy=False) for name, array in arrays.items() if name != "slot"}
    return PolicyView(game.config, floats | {"slot": arrays["slot"]}, rng)


class PolicyError(ValueError):
    """Invalid actions of a policy."""


@runtime_checkable
class Policy(Protocol):
    """Interface of policies: choose the actions of all users in B games at once.

    Optional attributes, used by ``evaluate``: ``name`` (a string for tables and errors; by default the class's name),
    ``check(config)`` (raises ``ValueError`` for games that the policy cannot play) and ``diagnostics`` (a dict of
    arrays ``[B]`` about the last ``act``, averaged in the result).
    """

    def act(self, view: PolicyView) -> Actions:
        """Return all users' actions, integers ``[B, N]``: 0 = device, m >= 1 = server m.

        With ``levels`` they are as :func:`.levels.decode` takes them; :func:`.action_of` gives those of a server.
        """
        ...
