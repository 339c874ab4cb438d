"""Drawing ahead: the fields of a single game's coming slots that no action moves, many slots at a time.

Drawing for one slot costs as much as for many. Streams are read slot by slot, so that an episode is the same for any
number of slots drawn at once, and for any horizon.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env import observation
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.draws import first_snapshot
from edgeoffload_env.model.quantities import Feature, Noise, Process, Scope
from edgeoffload_env.views.streams import NumpyStreams

_SLOTS_AT_ONCE = 64

Floats = NDArray[np.float64]


class DrawnAhead:
    """Fields and observations of the coming slots of an episode.

    Args:
        config: the game.
        streams: of its processes, at the start of an episode.
        start: a snapshot to start from; without one the first slot is drawn.

    Attributes:
        first: the snapshot that the episode starts from.
    """

    def __init__(
        self, config: EdgeOffloadConfig, streams: NumpyStreams, start: dict[str, Floats] | None = None
    ) -> None:
        self._config, self._streams = config, streams
        schema = config.schema
        self.first = self._draw_first(start)
        self._moving = [name for process in schema.moving for name in process.fields]
        self._next = self._slots = 0
        self._rows: dict[str, Floats] = {}
        self._last: dict[str, Floats] = {}
        self._draw({name: self.first[name] for name in self._moving})

    @functools.cached_property
    def _queue_columns(self) -> list[tuple[Feature, slice]]:
        schema, slices = self._config.schema, observation.column_slices(self._config)
        return [(f, slices[f.name]) for f in schema.columns if f.name in schema.queue_features]

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but the features, whose functions need not pickle."""
        return {name: value for name, value in self.__dict__.items() if name != "_queue_columns"}

    def take(self) -> dict[str, Floats]:
        """Return the fields of the next slot, ``[1, N]`` or ``[1, M]`` each; the first slot's own come first."""
        if self._next == self._slots:
            self._draw(None)
        i = self._next
        self._next = i + 1
        return {name: rows[i : i + 1] for name, rows in self._rows.items()}

    def observe(self, snapshot: dict[str, Floats]) -> NDArray[np.float32]:
        """Write the columns that actions move into the rows of the slot last taken, and hand the rows out."""
        rows: NDArray[np.float32] = self._observations[self._next - 1]
        for feature, columns in self._queue_columns:
            value = observation.feature_value(feature, snapshot, self._config, xp=xp)
            rows[:, columns] = value if feature.scope == "server" else value.T
        return rows

    def _draw_first(self, start: dict[str, Floats] | None) -> dict[str, Floats]:
        if start is not None:
            return start
        noise = {p.name: self._noise(p, p.first_uniforms, 1) for p in self._config.schema.processes}
        return first_snapshot(noise, self._config, xp=xp)

    def _draw(self, first: dict[str, Floats] | None) -> None:
        """Draw more slots; ``first`` are the fields of the slot before them where that is still to come."""
        config = self._config
        slots = min(_SLOTS_AT_ONCE, config.max_cycles)
        last = self._last if first is None else first
        noise = {process.name: self._noise(process, process.next_uniforms, slots) for process in config.schema.moving}
        rows: dict[str, Floats] = {}
        for process in config.schema.moving:
            if process.independent:
                assert process.next is not None
                rows |= process.next(noise[process.name], self.first | rows, config, xp=xp)
        rows |= self._draw_dependent(noise, slots, last, rows)
        self._last = {name: array[-1:] for name, array in rows.items()}
        if first is not None:
            rows = {name: np.concatenate([first[name], array]) for name, array in rows.items()}
        self._next, self._slots = 0, slots + (first is not None)
        # Rows in one piece, as in a copy: numpy sums in an order, hence to last bits, that follow the layout
        self._rows = {name: np.ascontiguousarray(array) for name, array in rows.items()}
        snapshot = self.first | self._rows
        features = observation.all_features(snapshot, config, xp=xp)
        self._observations = observation.user_observations(features, config, self._slots, dtype=np.float32, xp=xp)

    def _draw_dependent(
        self, noise: dict[str, Noise], slots: int, last: dict[str, Floats], independent: dict[str, Floats]
    ) -> dict[str, Floats]:
        """Draw slot by slot the fields that depend on the slot before, ``[slots, ...]``, given all the others."""
        moving = self._config.schema.moving
        dependent = [process for process in moving if not process.independent]
        drawn: list[dict[str, Floats]] = []
        fields = self.first | last
        for slot in range(slots) if dependent else ():
            for process in moving:
                if process.independent:
                    fields = fields | {name: independent[name][slot : slot + 1] for name in process.fields}
                else:
                    assert process.next is not None
                    of_slot = {scope: uniforms[..., slot : slot + 1] for scope, uniforms in noise[process.name].items()}
                    fields = fields | process.next(of_slot, fields, self._config, xp=xp)
            drawn.append(fields)
        return {name: np.concatenate([f[name] for f in drawn]) for process in dependent for name in process.fields}

    def _noise(self, process: Process, uniforms: Any, slots: int) -> Noise:
        """Read a process's uniforms of some slots, slot by slot, as ``[k, N, slots]``."""
        sizes: dict[Scope, int] = {"user": self._config.num_users, "server": self._config.servers, "game": 1}
        counts = {scope: count * sizes[scope] for scope, count in uniforms.items()}
        drawn = self._streams.draw(process.name, (slots, sum(counts.values())))
        noise, start = {}, 0
        for scope, count in uniforms.items():
            part = drawn[:, start : start + counts[scope]].reshape(slots, count, sizes[scope])
            noise[scope] = part.transpose(1, 2, 0)
            start += counts[scope]
        return noise
