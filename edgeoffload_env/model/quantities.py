"""Declarations of quantities, features, processes, reward terms and metrics, each declared once.

Snapshots and their checks, infos, observations, states, column names, rewards, metrics, tables and pictures derive from
these declarations (:mod:`.schema`). The paper's own are in :mod:`.paper`, an effect's in the effect's module.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from edgeoffload_env.model.channel import Array

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

Scope = Literal["user", "server", "game"]
"""One number for each user ``[B, N]``, each server ``[B, M]``, or each game ``[B, 1]``."""

Fields: TypeAlias = Mapping[str, Array]
"""Arrays by the name of their quantity."""
Noise: TypeAlias = Mapping[str, Array]
"""Uniform numbers in [0, 1) by scope, ``[k, N, B]`` for "user" and ``[k, M, B]`` for "server"."""

SMALLEST_POSITIVE = 1e-30
"""The least value of a quantity that must be positive."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number of each user, server or game.

    The fields of a snapshot have ``kind="state"``. Those that a process draws anew for every slot follow from the
    processes; those that actions move are ``queue``; the others stay the same for an episode.
    """

    name: str
    """Field of the snapshot or the info, with its unit at the end: ``wait_s``."""
    unit: str
    scope: Scope
    text: str
    """Description with the equation's number or the source, for tables."""
    kind: Literal["state", "info"]
    queue: bool = False
    """Moved by actions: the slot's stages write its next value."""
    minimum: float = SMALLEST_POSITIVE
    """Least value allowed in a snapshot; by default it must be positive, 0.0 suits what can be used up."""
    components: tuple[str, ...] = ()
    """Names of the numbers of a vector, which lie along one more axis, ``[B, N, 2]``; none: a single number."""
    type: type = float
    """Type of an info in the single game: float, int or bool. Fields of the snapshot are floats, bools 0.0 or 1.0."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A number of order 1 that users or the critic see, one column for each server or user."""

    name: str
    """Column name: ``task_bits``; servers' columns have the server's number at the end: ``load_1``."""
    scope: Literal["user", "server"]
    text: str
    formula: str
    reads: tuple[str, ...]
    """Fields of the snapshot that it is computed from."""
    value: Callable[..., Array]
    """``value(*fields, config, xp=xp)`` of the fields in ``reads``, in [-1, 1]."""
    observed: bool = True
    """Whether users see it: a user's feature its own user, a server's feature everyone."""
    in_state: bool = True
    """Whether it is part of the global state."""
    paper: bool = False
    """Whether it is part of the paper's own state (14), which is all that ``observation="load"`` shows."""
    of_task: bool = False
    """Whether it describes a task: 0 for a user without one."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A random process that no action changes: fields of the first slot, and of each slot from those before it.

    Each process has its own random stream, so its numbers do not depend on the other processes.
    """

    name: str
    fields: tuple[str, ...]
    """Fields of the snapshot that it draws."""
    first: Callable[..., dict[str, Array]]
    """``first(noise, fields, config, xp=xp)``: its fields in the first slot; ``fields`` holds what is drawn already."""
    first_uniforms: Mapping[Scope, int]
    """Uniform numbers that ``first`` needs for each user and each server."""
    next: Callable[..., dict[str, Array]] | None = None
    """``next(noise, fields, config, xp=xp)``: its fields in the next slot, where ``fields`` holds this slot's, and the
    next slot's of the processes before it. None: constant within the episode."""
    next_uniforms: Mapping[Scope, int] = field(default_factory=dict)
    """Uniform numbers that ``next`` needs."""
    independent: bool = False
    """Whether many slots can be drawn at once: ``next`` reads no field that changes within the episode, except those of
    independent processes before it. False is always right, and slower."""
    ahead: Callable[..., dict[str, Array]] | None = None
    """``ahead(noise, fields, config, slots=k, xp=xp)``: its fields in the next k slots, ``[k, ...]``, from those in
    this one; for an independent process that needs no uniform numbers and reads its own fields."""
    tables: Callable[["EdgeOffloadConfig"], Mapping[str, Any]] | None = None
    """``tables(config)``: constant numpy arrays by name that ``first`` and ``next`` find in their ``noise``, as arrays
    of the view's backend and device. Views share them."""
    replaces: tuple[str, ...] = ()
    """Names of processes that are not drawn where this one is."""
    many: Callable[..., dict[str, Array]] | None = None
    """``many(noise, fields, last, config, xp=xp)``: its fields in many slots of one game in a row, ``[slots, N]``, as
    ``next`` would draw them one by one; for processes that need their own fields of the slot before. ``last`` holds
    the slot before the first; ``fields`` all slots of what is drawn at once before it, and what stays the same. None
    is always right, and slower."""

    @property
    def at_once(self) -> bool:
        """Whether many slots of a game are drawn at once."""
        return self.independent or self.many is not None


@dataclass(frozen=True, kw_only=True)
class RewardTerm:
    """A cost that is subtracted from everyone's reward, and from the utility at weight 1."""

    name: str
    text: str
    cost: Callable[[Fields], Array]
    """Computed from infos alone, ``[B, N]`` or one for all: utilities can then be computed from infos."""
    weight: Callable[["EdgeOffloadConfig"], float]
    """Weight in the reward."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that ``evaluate`` measures of each episode."""

    name: str
    heading: str
    """Short column heading with the unit."""
    text: str
    accumulator: Callable[["EdgeOffloadConfig", int], "Any"]
    """``accumulator(config, games)``: an object with ``add(infos)`` for each slot and ``result() -> [games]``, the
    metric of the slots so far; :func:`.slot_mean` makes one for a mean over users and slots."""
