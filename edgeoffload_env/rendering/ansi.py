"""A compact table of queues, choices and delays, its columns from the declared quantities."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model.quantities import Quantity
from edgeoffload_env.model.servers import load_factor_s
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.rendering.scene import LastSlot

_SERVERS_OWN = ("server_hz", "backlog_cycles")  # shown as GHz and as seconds of queue
_USERS_OWN = ("task_bits", "task_cycles", "device_hz")  # constants of the game rather than its course


def ansi_table(config: EdgeOffloadConfig, snapshot: Snapshot, slot: int, last: LastSlot | None) -> str:
    """Return the game before its next slot, and the last slot's infos, as lines of text.

    Args:
        config: the game.
        snapshot: one game, B = 1.
        slot: slots played.
        last: the last slot, or None right after a reset.
    """
    chosen = np.zeros(0, dtype=np.int64) if last is None else last.targets[0]
    lines = [f"slot {slot}", *_server_lines(config, snapshot, chosen)]
    lines += [f"{q.name} {snapshot[q.name].item():g}" for q in config.schema.snapshot.values() if q.scope == "game"]
    moving = {name for process in config.schema.moving for name in process.fields}
    hidden = _USERS_OWN if "channel_gain" in moving else (*_USERS_OWN, "channel_gain")
    fields = [q for q in config.schema.snapshot.values() if q.scope == "user" and q.name not in hidden]
    columns = {one.name: (one, values) for q in fields for one, values in numbers_of(q, snapshot[q.name][0])}
    if last is not None:
        active = last.outcome.get("active", np.ones_like(last.targets))[0] > 0
        at_home = np.flatnonzero((chosen == 0) & active)
        lines.append(("device                  " + " ".join(map(str, at_home))).rstrip())
        infos = [q for q in config.schema.infos.values() if q.scope == "user"]
        of_last = {q.name: (q, last.outcome[q.name][0]) for q in _delay_last(infos)}
        for name in [name for name in columns if name in of_last]:  # the last slot's beside the coming one's
            quantity, values = columns.pop(name)
            columns[f"next_{name}"] = (dataclasses.replace(quantity, name=f"next_{name}"), values)
        columns = of_last | columns
    if columns:
        lines += _user_lines(columns)
    if last is not None:
        for quantity in config.schema.infos.values():
            if quantity.scope == "game":
                lines.append(f"{quantity.name} {last.outcome[quantity.name].item():.4f} {quantity.unit}")
        mean_s = last.outcome["delay_s"].sum() / max(1, np.count_nonzero(active))
        lines.append(f"mean delay {mean_s:.3f} s")
    return "\n".join(lines) + "\n"


def numbers_of(quantity: Quantity, values: NDArray[np.float64]) -> list[tuple[Quantity, NDArray[np.float64]]]:
    """Return a quantity of numbers as it is, and one of vectors ``[..., 2]`` as a quantity for each component."""
    if not quantity.components:
        return [(quantity, values)]
    stem, _, suffix = quantity.name.rpartition("_")
    names = [f"{stem}_{component}_{suffix}" for component in quantity.components]
    return [(dataclasses.replace(quantity, name=name), values[..., i]) for i, name in enumerate(names)]


def _server_lines(config: EdgeOffloadConfig, snapshot: Snapshot, chosen: NDArray[np.int64]) -> list[str]:
    load_s = load_factor_s(snapshot["backlog_cycles"], snapshot["server_hz"])[0]
    more = [q for q in config.schema.snapshot.values() if q.scope == "server" and q.name not in _SERVERS_OWN]
    lines = ["server   GHz  queue (s)" + "".join(f"  {_heading(q)}" for q in more) + "  arrivals"]
    for m, (hz, queue_s) in enumerate(zip(snapshot["server_hz"][0], load_s, strict=True), start=1):
        own = "".join(f"  {_cell(q, snapshot[q.name][0, m - 1])}" for q in more)
        users = " ".join(map(str, np.flatnonzero(chosen == m)))
        lines.append(f"{m:6d} {hz / 1e9:5.1f} {queue_s:10.3f}{own}  {users}".rstrip())
    return lines


def _user_lines(columns: dict[str, tuple[Quantity, NDArray[np.float64]]]) -> list[str]:
    lines = ["user" + "".join(f"  {_heading(quantity)}" for quantity, _ in columns.values())]
    users = len(next(iter(columns.values()))[1])
    lines += [f"{n:4d}" + "".join(f"  {_cell(q, values[n])}" for q, values in columns.values()) for n in range(users)]
    return lines


def _delay_last(infos: list[Quantity]) -> list[Quantity]:
    """Sort the target to the front and the delay behind its parts."""
    order = {"target": 0, "delay_s": 2}
    return sorted(infos, key=lambda quantity: order.get(quantity.name, 1))


def _heading(quantity: Quantity) -> str:
    return title_of(quantity).rjust(_width(quantity))


def title_of(quantity: Quantity) -> str:
    """Return a column heading: the name without its unit, and the unit in brackets."""
    if quantity.type is not float or quantity.unit == "1":
        return quantity.name
    unit = quantity.unit.lower().replace("/", "p")
    name = quantity.name.removesuffix(f"_{unit}").removesuffix(f"_{unit}s")
    return f"{name} ({quantity.unit})"


def _cell(quantity: Quantity, value: float) -> str:
    width = _width(quantity)
    if quantity.type is not float:
        return f"{int(value):{width}d}"
    return f"{value:{width}.3f}" if quantity.unit == "s" else f"{value:{width}.4g}"


def _width(quantity: Quantity) -> int:
    return max(8, len(quantity.name) + 1, len(title_of(quantity)))
