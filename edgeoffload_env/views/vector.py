"""B games at once over arrays of numpy or torch, with same-step autoreset."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeoffload_env import observation
from edgeoffload_env._validation import check_int, fail
from edgeoffload_env.agents import action_count, action_meaning
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.draws import first_snapshot, scope_sizes
from edgeoffload_env.model.effects.arrivals import action_mask
from edgeoffload_env.model.quantities import Noise, Scope
from edgeoffload_env.model.slot import Outcome, Snapshot, transition
from edgeoffload_env.observation import Features
from edgeoffload_env.views import spaces
from edgeoffload_env.views.backends import Backend
from edgeoffload_env.views.checks import check_options, check_seed, check_snapshot

Shapes = tuple[tuple[str, tuple[tuple[Scope, tuple[int, ...]], ...]], ...]
"""Shapes of the uniform numbers that each process needs, by scope."""


class EdgeOffloadVectorEnv:
    """B independent games of one configuration that step together.

    Arrays are of the backend, on its device, in its float type, and never overwritten later. All games share the
    horizon; the step that ends the episodes returns the next episodes' observations, with ``final_obs`` and
    ``final_state`` in its info.

    Attributes:
        config: the games' constants.
        num_envs: the number of games, B.
        observation_space, action_space: one user's spaces.
        state_space: the global state's space.
    """

    def __init__(
        self,
        config: EdgeOffloadConfig,
        num_envs: int,
        *,
        backend: str = "numpy",
        device: Any = "cpu",
        dtype: str = "float32",
        compile: bool = False,
    ) -> None:
        self.config = config
        self.num_envs = check_int("num_envs", num_envs, 1, 10**9)
        self.backend = Backend(backend, device, dtype)
        if not isinstance(compile, bool):
            fail("compile", compile, "True or False", TypeError)
        if compile and backend != "torch":
            fail("compile", compile, "False for the numpy backend")
        self._compile = compile
        self.observation_space = spaces.observation_box(config)
        self.action_space = spaces.action_choices(config)
        self.state_space = spaces.state_box(config)
        self._streams = self.backend.streams([process.name for process in config.schema.processes])
        schema = config.schema
        self._first_shapes = self._shapes({process.name: process.first_uniforms for process in schema.processes})
        self._next_shapes = self._shapes({process.name: process.next_uniforms for process in schema.moving})
        self._game_infos = [name for name, quantity in schema.infos.items() if quantity.scope == "game"]
        self._info_names = tuple(schema.infos)
        self._slot = 0
        self._snapshot: Snapshot | None = None

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Start an episode in every game.

        Args:
            seed: an integer >= 0 starts that seed's stream, one for the whole batch; without one the stream goes on.
            options: ``{"snapshot": s}`` starts from what :meth:`snapshot` gave; other keys are ignored.

        Returns:
            Observations ``[B, N, D]``, and an info: empty, or with ``action_mask`` int8 ``[B, N, A]`` where users can
            be without a task.

        Raises:
            TypeError, ValueError: a bad seed, bad options or a bad snapshot; nothing has changed then.
        """
        seed = check_seed(seed)
        given = check_options(options)
        start = None if given is None else check_snapshot(given, self.config, self.num_envs)
        self._begin_episode(seed)
        if start is not None:
            arrays, self._slot = start
            self._start_from({name: self._user_major(array) for name, array in arrays.items()})
        return self._observe(), self._masks()

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Array]]:
        """Play one slot of every game.

        Args:
            actions: integers ``[B, N]``, 0 = device, m >= 1 = server m (with ``levels`` as :func:`.levels.decode` takes
                them); an array of the backend (numpy arrays and lists of ints serve for either). On a GPU the range
                check waits for the device once a step.

        Returns:
            Observations ``[B, N, D]``, rewards ``[B, N]``, terminations (never) and truncations ``[B]``, and an info
            with ``delay_s``, ``upload_s``, ``forward_s``, ``wait_s``, ``compute_s``, ``target`` ``[B, N]`` and
            ``imbalance`` ``[B]``, and what effects add; at the end of the episodes also ``final_obs`` and
            ``final_state``. Where users can be without a task, also ``action_mask`` int8 ``[B, N, A]``, and
            ``final_action_mask`` at the end.

        Raises:
            TypeError, ValueError: bad actions, or no episode under way; nothing has changed then.
        """
        if self._snapshot is None:
            raise ValueError("step() needs a reset() first")
        target = self._checked(actions)
        drawn = self._draw(self._next_shapes)
        outcome, self._snapshot, obs = self._advance(self._snapshot, target, drawn, self._lasting)
        self._slot += 1
        info = dict(zip(self._info_names, map(outcome.__getitem__, self._info_names), strict=True))
        for name in self._game_infos:
            info[name] = info[name][:, 0]
        truncated = self._slot >= self.config.max_cycles
        if truncated:
            info |= {"final_obs": obs, "final_state": self.state()}
            info |= {f"final_{name}": mask for name, mask in self._masks().items()}
            self._begin_episode()
            obs = self._observe()
        info |= self._masks()
        xp, games = self.backend.xp, (self.num_envs,)
        flags = {"dtype": xp.bool, "device": self.backend.device}
        return obs, outcome["reward"], xp.zeros(games, **flags), xp.full(games, truncated, **flags), info

    def state(self) -> Array:
        """The global view for centralised critics, ``[B, S]``; see :func:`.observation.state_names`."""
        return observation.global_state(self._features(), self.config, dtype=self.backend.dtype, xp=self.backend.xp)

    def snapshot(self) -> dict[str, Array]:
        """Copies of the raw SI values that the next :meth:`step` acts on, with a leading B, and ``slot`` ``[B]``."""
        if self._snapshot is None:
            raise ValueError("snapshot() needs a reset() first")
        xp = self.backend.xp
        fields = {name: xp.asarray(array, copy=True) for name, array in self._snapshot.items()}
        return fields | {"slot": xp.full((self.num_envs,), self._slot, dtype=xp.int64, device=self.backend.device)}

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the compiled step and the processes' tables, which are made again when needed."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_advance", "_tables")}

    def _begin_episode(self, seed: int | None = None) -> None:
        self._streams.begin_episode(seed)
        noise = self._finish(self._draw(self._first_shapes), self._first_shapes)
        self._slot = 0
        self._start_from(first_snapshot(noise, self.config, xp=self.backend.xp))

    @functools.cached_property
    def _tables(self) -> dict[str, dict[str, Array]]:
        """Constant arrays that processes read."""
        return self.backend.tables(self.config)

    def _user_major(self, array: Any) -> Array:
        """Copy a field of a snapshot ``[B, ...]`` into the layout of what is drawn, with the games last in memory."""
        axes = tuple(reversed(range(array.ndim)))
        return self.backend.xp.permute_dims(self.backend.asarray(array.T), axes)

    def _start_from(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._lasting = observation.episode_features(snapshot, self.config, xp=self.backend.xp)

    def _shapes(self, uniforms: dict[str, Mapping[Scope, int]]) -> Shapes:
        """Shapes of the draws of some processes, from the numbers for each user and each server."""
        sizes = scope_sizes(self.config)
        return tuple(
            (process, tuple((scope, (count, sizes[scope], self.num_envs)) for scope, count in counts.items()))
            for process, counts in uniforms.items()
        )

    def _draw(self, shapes: Shapes) -> dict[str, Noise]:
        """Draw the raw numbers of some processes."""
        noise: dict[str, Noise] = {}
        for process, parts in shapes:
            noise[process] = of_process = {}
            for scope, shape in parts:
                of_process[scope] = self._streams.draw(process, shape)
        return noise

    def _finish(self, drawn: dict[str, Noise], shapes: Shapes) -> dict[str, Noise]:
        """Turn raw numbers into uniform ones and add the tables of their processes; can be compiled."""
        if not self._streams.draws_uniforms:
            finish = self._streams.finish
            drawn = {
                process: {scope: finish(drawn[process][scope], shape[0]) for scope, shape in parts}
                for process, parts in shapes
            }
        tables = self._tables
        return {process: {**noise, **tables.get(process, {})} for process, noise in drawn.items()} if tables else drawn

    @functools.cached_property
    def _advance(self) -> Any:
        """The transition and the observation after it, as one function for ``torch.compile`` to fuse."""
        xp, config, dtype, games = self.backend.xp, self.config, self.backend.dtype, self.num_envs
        shapes = self._next_shapes

        def play(
            snapshot: Snapshot, target: Array, drawn: dict[str, Noise], lasting: Features
        ) -> tuple[Outcome, Snapshot, Array]:
            outcome, following = transition(snapshot, target, self._finish(drawn, shapes), config, xp=xp)
            features = observation.all_features(following, config, xp=xp, lasting=lasting)
            return outcome, following, observation.user_observations(features, config, games, dtype=dtype, xp=xp)

        if not self._compile:
            return play
        # Computed ahead, since before Python 3.12 tracing cannot enter the lock of a cached property
        _ = config.noise_w_per_hz, config.schema.features, self._tables
        import torch

        # This object fixes every shape, type and constant; checking them at each call costs more than some kernels.
        # A copy of the code object: torch caches compiled code by it, and another view must not get this one's.
        play.__code__ = play.__code__.replace()
        no_guards = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe}
        return torch.compile(play, fullgraph=True, dynamic=False, options=no_guards)

    def _features(self) -> Features:
        if self._snapshot is None:
            raise ValueError("state() needs a reset() first")
        return observation.all_features(self._snapshot, self.config, xp=self.backend.xp, lasting=self._lasting)

    def _masks(self) -> dict[str, Array]:
        if not self.config.schema.masked:
            return {}
        assert self._snapshot is not None
        mask = action_mask(self._snapshot, action_count(self.config), xp=self.backend.xp)
        # torch's view() wants it so; numpy copies where it must
        return {"action_mask": mask.contiguous() if self.backend.name == "torch" else mask}

    def _observe(self) -> Array:
        backend = self.backend
        return observation.user_observations(
            self._features(), self.config, self.num_envs, dtype=backend.dtype, xp=backend.xp
        )

    def _checked(self, actions: Any) -> Array:
        """The actions as the backend's small integers, laid out user-major in memory like the other arrays."""
        xp, shape = self.backend.xp, (self.num_envs, self.config.num_users)
        count = action_count(self.config)
        choices = f"in [0, {count - 1}] ({action_meaning(self.config)})"
        expected = f"integers {list(shape)} {choices}"
        try:
            array = xp.asarray(actions, device=self.backend.device)
        except (TypeError, ValueError, RuntimeError):
            fail("actions", actions, expected, TypeError)
        if not xp.isdtype(array.dtype, "integral"):
            raise TypeError(f"actions must be {expected}, got {array.dtype}")
        if tuple(array.shape) != shape:
            raise ValueError(f"actions must be {expected}, got shape {tuple(array.shape)}")
        if self.backend.name == "torch":  # which cannot compare wide unsigned integers; what wraps round is negative
            array = xp.astype(array, xp.int64, copy=False)
        if int(xp.min(array)) < 0 or int(xp.max(array)) >= count:
            game, user = (int(i[0]) for i in xp.nonzero((array < 0) | (array >= count)))
            fail(f"the action of user_{user} in game {game}", int(array[game, user]), f"an integer {choices}")
        if self.backend.name == "torch":  # compiled code compares 32-bit integers ten times as fast as 8-bit ones
            return xp.astype(array.T, xp.int32).contiguous().T
        small = np.int8 if count <= 127 else np.int16 if count <= 32767 else np.int32
        return np.array(array.T, dtype=small, order="C").T
