"""Drawing ahead: the fields of a single game's coming slots that no action moves, many slots at a time.

Drawing for one slot costs as much as for many. Streams are read slot by slot, so that an episode is the same for any
number of slots drawn at once, and for any horizon.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env import observation
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.draws import first_snapshot, noise_of_rows, row_length
from edgeoffload_env.model.quantities import Noise, Process
from edgeoffload_env.views.dicts import dicts_maker
from edgeoffload_env.views.streams import NumpyStreams

_SLOTS_AT_ONCE = 64

Floats = NDArray[np.float64]


class DrawnAhead:
    """Fields and observations of the coming slots of an episode.

    Args:
        config: the game.
        streams: of its processes.
    """

    def __init__(self, config: EdgeOffloadConfig, streams: NumpyStreams) -> None:
        self._config, self._streams = config, streams
        self._slots_at_once = min(_SLOTS_AT_ONCE, config.max_cycles)
        self._first: dict[str, Floats] = {}
        self._rows: dict[str, Floats] = {}
        self._coming: dict[int, dict[str, Floats]] = {}
        self._next = self._slots = 0

    def begin_episode(self, start: dict[str, Floats] | None = None) -> dict[str, Floats]:
        """Return the first snapshot of an episode, whose streams have begun.

        Args:
            start: the snapshot to start from; without one the first slot is drawn.
        """
        schema, coming = self._config.schema, None
        if start is None:
            noise = {process.name: self._noise(process, process.first_uniforms, 1) for process in schema.constant}
            if schema.one_law:
                coming = self._draw_noise(1 + self._slots_at_once)
                noise |= {name: {scope: u[..., :1] for scope, u in all_.items()} for name, all_ in coming.items()}
            else:
                noise |= {process.name: self._noise(process, process.first_uniforms, 1) for process in schema.moving}
            start = first_snapshot(self._with_tables(noise), self._config, xp=xp)
        self._first = start
        if coming is not None:
            self._keep(self._draw(coming, start))
        else:
            rows = self._draw(self._draw_noise(self._slots_at_once), start)
            self._keep({name: np.concatenate([start[name], array]) for name, array in rows.items()})
        return start | self.take()

    def take(self) -> dict[str, Floats]:
        """Return the fields of the next slot, ``[1, N]`` or ``[1, M]`` each."""
        if self._next == self._slots:
            last = {name: rows[-1:] for name, rows in self._rows.items()}
            self._keep(self._draw(self._draw_noise(self._slots_at_once), last))
        coming = self._coming[self._next]
        self._next += 1
        return coming

    def observe(self, snapshot: dict[str, Floats]) -> NDArray[np.float32]:
        """Write the columns that actions move into the rows of the slot last taken, and hand the rows out."""
        rows: NDArray[np.float32] = self._observations[self._next - 1]
        config, field = self._config, snapshot.__getitem__
        for feature, columns in config.schema.queue_columns:
            value = feature.value(*map(field, feature.reads), config, xp=xp)
            rows[:, columns] = value if feature.scope == "server" else value.T
        return rows

    def _draw(self, noise: dict[str, Noise], last: dict[str, Floats]) -> dict[str, Floats]:
        """Draw the moving fields of slots ``[slots, ...]`` from their uniforms and the slot before them."""
        rows: dict[str, Floats] = {}
        complete = self._with_tables(noise)
        for process in self._config.schema.at_once:
            fields = self._first | rows
            if process.many is not None:
                rows |= process.many(complete[process.name], fields, last, self._config, xp=xp)
            elif process.ahead is not None:
                own = {name: last[name] for name in process.fields}
                slots = self._slots_at_once
                rows |= process.ahead(complete[process.name], own, self._config, slots=slots, xp=xp)
            else:
                assert process.next is not None
                rows |= process.next(complete[process.name], fields, self._config, xp=xp)
        return rows | self._draw_dependent(noise, last, rows) if self._config.schema.dependent else rows

    def _keep(self, rows: dict[str, Floats]) -> None:
        """Keep the moving fields of the coming slots ``[slots, ...]``, and lay out their observations."""
        # Rows in one piece, as in a copy: numpy sums in an order, hence to last bits, that follow the layout
        self._rows = {name: np.ascontiguousarray(array) for name, array in rows.items()}
        self._next, self._slots = 0, len(next(iter(rows.values())))
        columns = [list(array[:, None]) for array in self._rows.values()]
        self._coming = dicts_maker(tuple(rows))(range(self._slots), columns)
        config, fields = self._config, self._first | self._rows
        features = {f.name: observation.feature_value(f, fields, config, xp=xp) for f in config.schema.exogenous}
        self._observations = observation.user_observations(features, config, self._slots, dtype=np.float32, xp=xp)

    def _draw_dependent(
        self, noise: dict[str, Noise], last: dict[str, Floats], known: dict[str, Floats]
    ) -> dict[str, Floats]:
        """Draw slot by slot the fields that depend on the slot before, ``[slots, ...]``, given all the others."""
        schema = self._config.schema
        drawn: list[dict[str, Floats]] = []
        fields = self._first | last
        tables = self._with_tables({process.name: {} for process in schema.dependent})
        for slot in range(self._slots_at_once):
            for process in schema.moving:
                if process.at_once:
                    fields = fields | {name: known[name][slot : slot + 1] for name in process.fields}
                else:
                    assert process.next is not None
                    of_slot = {scope: uniforms[..., slot : slot + 1] for scope, uniforms in noise[process.name].items()}
                    fields = fields | process.next({**of_slot, **tables[process.name]}, fields, self._config, xp=xp)
            drawn.append(fields)
        names = [name for process in schema.dependent for name in process.fields]
        return {name: np.concatenate([fields[name] for fields in drawn]) for name in names}

    def _with_tables(self, noise: dict[str, Noise]) -> dict[str, Noise]:
        """Add the processes' tables to their uniforms."""
        for process in self._config.schema.processes:
            if process.tables is not None and process.name in noise:
                noise = noise | {process.name: {**noise[process.name], **process.tables(self._config)}}
        return noise

    def _draw_noise(self, slots: int) -> dict[str, Noise]:
        """Read the uniforms of some slots of all processes that move."""
        return {
            process.name: self._noise(process, process.next_uniforms, slots) for process in self._config.schema.moving
        }

    def _noise(self, process: Process, uniforms: Any, slots: int) -> Noise:
        """Read a process's uniforms of some slots, slot by slot, as ``[k, N, slots]``."""
        rows = self._streams.draw(process.name, (slots, row_length(uniforms, self._config)))
        return noise_of_rows(rows, uniforms, self._config)
