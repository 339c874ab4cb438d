"""The game as pure functions of explicit snapshots and random numbers, for hand-written loops and planners."""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from edgeoffload_env import observation
from edgeoffload_env._validation import check_int, fail
from edgeoffload_env.agents import action_count, action_meaning
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import draws, reward
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.arrivals import action_mask
from edgeoffload_env.model.quantities import Fields, Noise, Process, Scope
from edgeoffload_env.model.slot import Outcome, Snapshot, transition
from edgeoffload_env.views.backends import Backend
from edgeoffload_env.views.checks import (
    broadcast,
    check_any_snapshot,
    check_batch,
    check_generators,
    check_names,
    check_seed,
)
from edgeoffload_env.views.streams import episode_generators

Generators: TypeAlias = np.random.Generator | Mapping[str, np.random.Generator]
"""One generator for all random processes, or one for each by the process's name."""
Shape: TypeAlias = tuple[int, ...]


class EdgeOffloadFunctionalEnv:
    """Pure functions of one configuration: ``init``, ``advance``, and what is seen of a snapshot.

    ::

        game = edgeoffload_v0.functional_env("urban")
        generators = game.generators(seed=0)
        snapshot = game.init(generators)
        for _ in range(game.config.max_cycles):
            noise = game.noise(generators)
            outcome, snapshot = game.advance(snapshot, actions, noise)

    Nothing is stored between calls and no argument is changed. Arrays of one game have no batch axis; any leading axes
    (written ``...``) are batch axes, and those of a call's arguments are broadcast against each other: K actions
    ``[K, N]`` on one snapshot are K games. New snapshots share the arrays of what does not change.

    All functions but ``generators``, ``init``, ``noise`` and ``load`` can be traced: ``torch.func.vmap(game.advance)``,
    ``torch.compile(game.advance, fullgraph=True)``.

    * Snapshot: a dict of floats in SI units, per user ``[..., N]``, per server ``[..., M]``, and ``slot``, int64
      ``[...]``, the slots played. The names are those of the other views, which take and give the same dicts.
    * Noise: a dict with the uniform numbers in [0, 1) that draw the next slot, ``[..., U]`` for each random process.
    * Outcome: a dict of the slot's ``reward`` ``[..., N]`` and infos, per user ``[..., N]``, per game ``[...]``.

    Episodes do not end by themselves: that of ``slot == config.max_cycles`` is over.

    Attributes:
        config: the constants of the game.
        backend: the arrays' library, device and float type.
        noise_sizes: U, the uniform numbers of a slot of each random process that changes within an episode.
    """

    def __init__(
        self, config: EdgeOffloadConfig, *, backend: str = "numpy", device: Any = "cpu", dtype: str = "float64"
    ) -> None:
        self.config = config
        self.backend = Backend(backend, device, dtype)
        schema = config.schema
        self.noise_sizes = {p.name: draws.row_length(p.next_uniforms, config) for p in schema.moving}
        self._shapes = {name: draws.field_shape(quantity, config) for name, quantity in schema.snapshot.items()}
        self._of_game = frozenset(name for name, quantity in schema.infos.items() if quantity.scope == "game")
        self._tables = self.backend.tables(config)
        self._xp, self._array_type = self.backend.xp, self.backend.array_type
        # Computed ahead, since before Python 3.12 tracing cannot enter the lock of a cached property
        _ = config.noise_w_per_hz, schema.features

    def __reduce__(self) -> Any:
        """Copy and pickle by the arguments: modules do not pickle."""
        backend = self.backend
        options = {"backend": backend.name, "device": backend.device, "dtype": backend.dtype_name}
        return functools.partial(type(self), **options), (self.config,)

    def generators(self, seed: int, episode: int = 0) -> dict[str, np.random.Generator]:
        """Return a generator for each random process: those that the parallel view has in an episode of a seed.

        With them :meth:`init` and then one :meth:`noise` for each slot give that view's game, in float64 on numpy to
        the last bit.

        Args:
            seed: an integer >= 0.
            episode: 0 is the episode of ``reset(seed=seed)``, k that of the k-th ``reset()`` after it.

        Raises:
            TypeError, ValueError: no such integers.
        """
        checked = check_seed(seed)
        if checked is None:
            fail("seed", seed, "an integer >= 0", TypeError)
        episode = check_int("episode", episode, 0, 2**63)
        return episode_generators([process.name for process in self.config.schema.processes], checked, episode)

    def init(self, generator: Generators, batch: int | Sequence[int] = ()) -> Snapshot:
        """Draw the snapshot that an episode starts from.

        Args:
            generator: a numpy generator, which draws for one process after the other, or a dict of them by process.
                Its numbers are the same for every backend and float type, up to rounding.
            batch: sizes of the leading axes; none for one game.

        Raises:
            TypeError, ValueError: no generator, a process without one, or impossible sizes.
        """
        processes, shape = self.config.schema.processes, check_batch(batch)
        rows = self._draw(generator, processes, "first_uniforms", shape)
        noise = {p.name: self._noise_of(p, p.first_uniforms, rows[p.name], shape) for p in processes}
        fields = draws.first_snapshot(noise, self.config, xp=self._xp)
        snapshot = {name: array.reshape((*shape, *array.shape[1:])) for name, array in fields.items()}
        return snapshot | {"slot": self._xp.zeros(shape, dtype=self._xp.int64, device=self.backend.device)}

    def noise(self, generator: Generators, batch: int | Sequence[int] = ()) -> dict[str, Array]:
        """Draw the random numbers of the next slot, ``[..., U]`` for each process that changes within an episode.

        A batch of T is also the noise of the T slots to come, ``{name: rows[t] for name, rows in noise.items()}``
        each: a process's numbers are read slot by slot.

        Args:
            generator: as in :meth:`init`.
            batch: sizes of the leading axes; none for one game.

        Raises:
            TypeError, ValueError: as in :meth:`init`.
        """
        return self._draw(generator, self.config.schema.moving, "next_uniforms", check_batch(batch))

    def advance(self, snapshot: Fields, action: Array, noise: Mapping[str, Array]) -> tuple[Outcome, Snapshot]:
        """Play one slot.

        Args:
            snapshot: the games at the start of the slot.
            action: integers ``[..., N]``, 0 = device, m >= 1 = server m, or with ``levels`` as :func:`.levels.decode`
                takes them. On numpy a number out of range is refused;
                on torch the range is the caller's to keep, since traced code cannot raise by value.
            noise: uniform numbers that draw the next slot, from :meth:`noise` or any source of numbers in [0, 1), by
                process, ``[..., U]`` with U of :attr:`noise_sizes`.

        Returns:
            The outcome of the slot and the snapshot of the next.

        Raises:
            TypeError: an argument or an entry of it that is no array of the backend, or actions that are no integers.
            ValueError: names that are missing or unknown, shapes that do not fit, or an action out of range.
        """
        schema = self.config.schema
        leading: dict[str, Shape] = {}
        slot, target = self._checked_snapshot(snapshot, leading), self._checked_action(action, leading)
        check_names("noise", noise, self.noise_sizes)
        for name, size in self.noise_sizes.items():
            leading[f"noise of {name!r}"] = self._leading(f"noise of {name!r}", noise[name], (size,))
        batch = broadcast(leading)
        outcome, following = transition(
            {name: self._flat(snapshot[name], batch, shape) for name, shape in self._shapes.items()},
            self._flat(target, batch, (self.config.num_users,)),
            {p.name: self._noise_of(p, p.next_uniforms, noise[p.name], batch) for p in schema.moving},
            self.config,
            xp=self._xp,
        )
        shown = {name: outcome[name].reshape(batch if name in self._of_game else (*batch, -1)) for name in schema.infos}
        shown["reward"] = outcome["reward"].reshape((*batch, -1))
        after = {name: array.reshape((*batch, *array.shape[1:])) for name, array in following.items()}
        after["slot"] = slot + 1 if slot.shape == batch else self._xp.broadcast_to(slot + 1, batch)
        return shown, after

    def observe(self, snapshot: Fields) -> Array:
        """Return all users' observations, ``[..., N, D]``; the columns are :func:`.observation.names`."""
        flat, batch = self._games(snapshot)
        xp, dtype, games = self._xp, self.backend.dtype, math.prod(batch)
        features = observation.all_features(flat, self.config, xp=xp)
        rows = observation.user_observations(features, self.config, games, dtype=dtype, xp=xp)
        return rows.reshape((*batch, *rows.shape[1:]))

    def state(self, snapshot: Fields) -> Array:
        """Return the global view, ``[..., S]``; the columns are :func:`.observation.state_names`."""
        flat, batch = self._games(snapshot)
        features = observation.all_features(flat, self.config, xp=self._xp)
        rows = observation.global_state(features, self.config, dtype=self.backend.dtype, xp=self._xp)
        return rows.reshape((*batch, rows.shape[-1]))

    def action_mask(self, snapshot: Fields) -> Array:
        """Return the allowed actions, int8 ``[..., N, A]``: all but those of users without a task, who may choose 0."""
        flat, batch = self._games(snapshot)
        xp, shape = self._xp, (*batch, self.config.num_users, action_count(self.config))
        if not self.config.schema.masked:
            return xp.ones(shape, dtype=xp.int8, device=self.backend.device)
        return action_mask(flat, shape[-1], xp=xp).reshape(shape)

    def utility(self, outcome: Fields) -> Array:
        """Return the system utility of a slot, ``[...]``: the mean over users of (20) with all weights 1."""
        batch = outcome["reward"].shape[:-1]
        flat = {name: outcome[name].reshape((math.prod(batch), -1)) for name in self.config.schema.infos}
        return reward.utility(flat, self.config, xp=self._xp).reshape(batch)

    def load(self, snapshot: Mapping[str, Any]) -> Snapshot:
        """Return a snapshot of any view as this view's, checked: a copy in the backend's arrays and float type.

        Args:
            snapshot: what ``snapshot()`` of the parallel or the vector view gave, or a snapshot of this view.

        Raises:
            TypeError, ValueError: as in ``reset(options={"snapshot": snapshot})``.
        """
        fields, slots = check_any_snapshot(snapshot, self.config)
        arrays = {name: self.backend.asarray(array) for name, array in fields.items()}
        return arrays | {"slot": self._xp.asarray(slots, device=self.backend.device)}

    def _draw(
        self, generator: Generators, processes: Sequence[Process], uniforms: str, batch: Shape
    ) -> dict[str, Array]:
        """Draw rows of uniform numbers of some processes."""
        sizes = {p.name: draws.row_length(getattr(p, uniforms), self.config) for p in processes}
        sources = check_generators(generator, sizes)
        return {name: self._uniform(sources[name].random((*batch, size))) for name, size in sizes.items()}

    def _uniform(self, numbers: Any) -> Array:
        """Numbers in [0, 1) in the backend's float type, in which they stay below 1."""
        if self.backend.dtype_name == "float32":
            below_one = np.nextafter(np.float32(1.0), np.float32(0.0))
            numbers = np.minimum(numbers.astype(np.float32), below_one)
        return numbers if self.backend.name == "numpy" else self.backend.asarray(numbers)

    def _noise_of(self, process: Process, uniforms: Mapping[Scope, int], rows: Array, batch: Shape) -> Noise:
        """A process's uniform numbers by scope and its tables, as its functions take them."""
        flat = self._flat(rows, batch, rows.shape[-1:])
        noise = draws.noise_of_rows(flat, uniforms, self.config)
        return {**noise, **self._tables[process.name]} if process.name in self._tables else noise

    def _games(self, snapshot: Fields) -> tuple[dict[str, Array], Shape]:
        """The fields of a snapshot with one batch axis, and the leading axes."""
        leading: dict[str, Shape] = {}
        self._checked_snapshot(snapshot, leading)
        batch = broadcast(leading)
        return {name: self._flat(snapshot[name], batch, shape) for name, shape in self._shapes.items()}, batch

    def _checked_snapshot(self, snapshot: Fields, leading: dict[str, Shape]) -> Array:
        """Check names, types and shapes, note the fields' leading axes, and return the slots."""
        check_names("snapshot", snapshot, (*self._shapes, "slot"))
        for name, shape in self._shapes.items():
            leading[f"snapshot field {name!r}"] = self._leading(f"snapshot field {name!r}", snapshot[name], shape)
        slot = snapshot["slot"]
        if not hasattr(slot, "shape"):  # an int, in a snapshot of the parallel view
            slot = self._xp.asarray(slot, device=self.backend.device)
        leading["snapshot field 'slot'"] = slot.shape
        return slot

    def _leading(self, name: str, value: Any, shape: Shape) -> Shape:
        """The leading axes of an array of floats whose other axes must be these."""
        if not isinstance(value, self._array_type) or value.dtype != self.backend.dtype:
            given = value.dtype if hasattr(value, "dtype") else repr(value)
            raise TypeError(f"{name} must be a {self.backend.name} array of {self.backend.dtype_name}, got {given}")
        axes = value.ndim - len(shape)
        if axes < 0 or value.shape[axes:] != shape:
            fail(f"the shape of {name}", tuple(value.shape), f"[..., {', '.join(map(str, shape))}]")
        leading: Shape = value.shape[:axes]
        return leading

    def _flat(self, array: Array, batch: Shape, shape: Shape) -> Array:
        """The array with one batch axis in place of all."""
        if array.shape != (*batch, *shape):
            array = self._xp.broadcast_to(array, (*batch, *shape))
        if not batch:
            return array[None]
        rows = array.reshape((math.prod(batch), *shape))
        if self.backend.name == "numpy" and len(rows) > 1:  # user-major, over which the kernel takes half the time
            return np.asfortranarray(rows)
        return rows

    def _checked_action(self, action: Any, leading: dict[str, Shape]) -> Array:
        """The actions as the kernel's integers; note their leading axes."""
        xp, users = self._xp, self.config.num_users
        if not isinstance(action, self._array_type):
            fail("action", action, f"a {self.backend.name} array of integers [..., {users}]", TypeError)
        if not xp.isdtype(action.dtype, "integral"):
            raise TypeError(f"action must be integers [..., {users}], got {action.dtype}")
        if action.shape[-1:] != (users,):
            fail("the shape of action", tuple(action.shape), f"[..., {users}]")
        leading["action"] = action.shape[:-1]
        if self.backend.name == "torch":  # compiled code compares 32-bit integers ten times as fast as 8-bit ones
            return xp.astype(action, xp.int32)
        count = action_count(self.config)
        if action.size and not (action.min() >= 0 and action.max() < count):
            expected = f"an integer in [0, {count - 1}] ({action_meaning(self.config)})"
            *game, user = (int(i[0]) for i in np.nonzero((action < 0) | (action >= count)))
            where = f"user_{user} in game {tuple(game)}" if game else f"user_{user}"
            fail(f"the action of {where}", int(action[*game, user]), expected)
        return action.astype(np.min_scalar_type(-count))
