"""Validation of seeds, actions, options and snapshots. All checks raise before anything changes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import as_int, check_int, check_known, fail, fail_unknown
from edgeoffload_env.agents import action_count, action_meaning
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import limits
from edgeoffload_env.model.draws import field_shape
from edgeoffload_env.model.quantities import Fields, Quantity
from edgeoffload_env.model.slot import Snapshot


def check_seed(seed: Any) -> int | None:
    """Return a seed (an integer >= 0, not a bool) or None."""
    return None if seed is None else check_int("seed", seed, 0, 2**128)


def check_action(agent: str, action: Any, config: EdgeOffloadConfig) -> int:
    """Return one user's action as an int in 0 .. A - 1.

    Raises:
        TypeError: not an integer (bools, floats, strings, lists and None are not).
        ValueError: out of range.
    """
    count = action_count(config)
    expected = f"an integer in [0, {count - 1}] ({action_meaning(config)})"
    try:
        value = as_int(action)
    except TypeError:
        fail(f"the action of {agent}", action, expected, TypeError)
    if not 0 <= value < count:
        fail(f"the action of {agent}", action, expected)
    return value


def check_actions(actions: Any, agents: list[str], count: int, config: EdgeOffloadConfig) -> list[int]:
    """Return the actions of all users in order; ``count`` is the game's :func:`.action_count`.

    Raises:
        TypeError: not a mapping, or an action that is not an integer.
        ValueError: a user missing, a name too many, or an action out of range. The message names the user.
    """
    if not isinstance(actions, Mapping):
        fail("actions", actions, "a dict with one action for each of the agents", TypeError)
    try:
        targets = list(map(actions.__getitem__, agents))
    except KeyError as error:
        raise ValueError(
            f"actions lack {error.args[0]!r}; they must name each of {agents[0]} .. {agents[-1]}"
        ) from None
    if len(actions) != len(agents):
        extra = next(name for name in actions if name not in agents)
        raise ValueError(f"actions name the unknown agent {extra!r}; they must name {agents[0]} .. {agents[-1]}")
    if set(map(type, targets)) == {int} and min(targets) >= 0 and max(targets) < count:
        return targets  # the common case, at a tenth of the cost
    return [check_action(agent, action, config) for agent, action in zip(agents, targets, strict=True)]


def check_options(options: Any) -> Any:
    """Return the snapshot in the options of ``reset``, or None.

    Raises:
        TypeError: options that are no mapping.
    """
    if options is None:
        return None
    if not isinstance(options, Mapping):
        fail("options", options, "None or a dict", TypeError)
    return options.get("snapshot")


def check_snapshot(snapshot: Any, config: EdgeOffloadConfig, batch: int | None) -> tuple[Snapshot, int]:
    """Return a snapshot's fields as float64 copies with a leading batch axis, and its slot.

    Args:
        snapshot: a mapping with the names that ``snapshot()`` gives.
        config: the game's configuration, for the shapes.
        batch: B, or None for a single game's fields without that axis.

    Raises:
        TypeError: not a mapping, or a field that is not numeric.
        ValueError: a field missing, unknown, of the wrong shape, not finite, not positive (the backlog: negative), or
            so large or small that the episode would not stay finite in float32.
    """
    declared = config.schema.snapshot
    known = (*declared, "slot")
    if not isinstance(snapshot, Mapping):
        fail("options['snapshot']", snapshot, f"a dict with {', '.join(known)}", TypeError)
    for name in known:
        if name not in snapshot:
            raise ValueError(f"snapshot lacks the field {name!r}; it must have {', '.join(known)}")
    for name in snapshot:
        check_known("snapshot field", name, known)
    checked = {name: _checked_field(quantity, snapshot[name], config, batch) for name, quantity in declared.items()}
    _check_magnitudes(checked, config)
    for effect in config.schema.effects:
        effect.check_snapshot(checked, config)
    return checked, _common_slot(snapshot["slot"], config, batch)


def check_any_snapshot(snapshot: Any, config: EdgeOffloadConfig) -> tuple[Snapshot, NDArray[np.int64]]:
    """Return a snapshot's fields as float64 copies and its slots; all with the leading axes of the snapshot.

    Args:
        snapshot: of one game, or of games along any leading axes, which may be at different slots.
        config: the game's configuration, for the shapes.

    Raises:
        TypeError, ValueError: as in :func:`check_snapshot`.
    """
    if not isinstance(snapshot, Mapping) or "slot" not in snapshot:
        check_snapshot(snapshot, config, None)  # which says what is wrong
    slots = _numeric("snapshot field 'slot'", snapshot["slot"])
    batch, games = slots.shape, slots.size
    if not np.all((slots >= 0) & (slots < config.max_cycles) & (slots == np.floor(slots))):
        fail("snapshot field 'slot'", snapshot["slot"], f"integers in [0, {config.max_cycles - 1}]")
    flat: dict[str, Any] = {"slot": np.zeros(games)}
    for name, value in snapshot.items():
        if name == "slot":
            continue
        array = _numeric(f"snapshot field {name!r}", value)
        if array.shape[: len(batch)] != batch:
            fail(f"the shape of snapshot field {name!r}", array.shape, f"that of 'slot', {batch}, and one axis more")
        flat[name] = array.reshape(games, *array.shape[len(batch) :])
    fields, _ = check_snapshot(flat, config, games)
    return {name: array.reshape(*batch, *array.shape[1:]) for name, array in fields.items()}, slots.astype(np.int64)


def check_generators(generator: Any, names: Iterable[str]) -> Mapping[str, np.random.Generator]:
    """Return a generator for each of some processes, from one for all or a dict of them.

    Raises:
        TypeError: no generator.
        ValueError: a process without one.
    """
    if isinstance(generator, np.random.Generator):
        return dict.fromkeys(names, generator)
    if not isinstance(generator, Mapping):
        fail("generator", generator, "a numpy.random.Generator, or a dict of them by process", TypeError)
    for name in names:
        if name not in generator:
            raise ValueError(f"generator lacks the process {name!r}; it must have {', '.join(names)}")
        if not isinstance(generator[name], np.random.Generator):
            fail(f"the generator of {name!r}", generator[name], "a numpy.random.Generator", TypeError)
    return generator


def check_batch(batch: Any) -> tuple[int, ...]:
    """Return the sizes of leading axes.

    Raises:
        TypeError: neither an integer nor a tuple of integers.
        ValueError: a size below 1.
    """
    expected = "an integer >= 1 or a tuple of them"
    try:
        sizes = tuple(map(as_int, batch)) if isinstance(batch, tuple | list) else (as_int(batch),)
    except TypeError:
        fail("batch", batch, expected, TypeError)
    if any(size < 1 for size in sizes):
        fail("batch", batch, expected)
    return sizes


def check_names(kind: str, given: Any, known: Sequence[str] | Mapping[str, Any]) -> None:
    """Refuse dicts that lack a name or have one too many.

    Raises:
        TypeError: no mapping.
        ValueError: a name missing or unknown.
    """
    if not isinstance(given, Mapping):
        fail(kind, given, f"a dict with {', '.join(known)}", TypeError)
    for name in known:
        if name not in given:
            raise ValueError(f"{kind} lacks {name!r}; it must have {', '.join(known)}")
    if len(given) != len(known):
        for name in given:
            if name not in known:
                fail_unknown(f"entry of {kind}:", name, known)


def broadcast(shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Return the common shape of leading axes.

    Args:
        shapes: by the name of what has them.

    Raises:
        ValueError: shapes that do not fit; the message names the first.
    """
    batch: tuple[int, ...] = ()
    for name, shape in shapes.items():
        if shape == batch:
            continue
        axes = max(len(shape), len(batch))
        own, common = (1,) * (axes - len(shape)) + shape, (1,) * (axes - len(batch)) + batch
        if any(a != b and a != 1 and b != 1 for a, b in zip(own, common, strict=True)):
            fail(f"the leading axes of {name}", tuple(shape), f"broadcastable with {tuple(batch)}")
        batch = tuple(b if a == 1 else a for a, b in zip(own, common, strict=True))
    return batch


def _checked_field(quantity: Quantity, value: Any, config: EdgeOffloadConfig, batch: int | None) -> NDArray[np.float64]:
    name = f"snapshot field {quantity.name!r}"
    own = field_shape(quantity, config)
    shape = own if batch is None else (batch, *own)
    array = _numeric(name, value)
    if array.shape != shape:
        fail(f"the shape of {name}", array.shape, str(shape))
    if quantity.type is bool:
        if not np.all((array == 0.0) | (array == 1.0)):
            fail(name, value, "0 or 1 each")
    elif not np.all(np.isfinite(array) & (array >= quantity.minimum) & (array < 1e30)):
        fail(name, value, f"finite numbers in [{quantity.minimum:g}, 1e30)")
    return array.reshape(batch or 1, *own)


def _check_magnitudes(snapshot: Fields, config: EdgeOffloadConfig) -> None:
    """Refuse snapshots that would not stay finite in float32."""
    worst = limits.worst_case(
        config,
        gains=(float(snapshot["channel_gain"].min()), float(snapshot["channel_gain"].max())),
        task_bits=float(snapshot["task_bits"].max()),
        task_cycles=float(snapshot["task_cycles"].max()),
        device_hz=float(snapshot["device_hz"].min()),
        server_hz=float(snapshot["server_hz"].min()),
        load_s=float((snapshot["backlog_cycles"] / snapshot["server_hz"]).sum(axis=-1).max()),
    )
    if not worst.has_usable_snr:
        expected = f"such that the signal to noise ratio is in [{limits.SMALLEST_SNR:g}, {limits.LARGEST_SNR:g}]"
        fail("snapshot field 'channel_gain'", snapshot["channel_gain"], expected)
    forward_s = snapshot["task_bits"].max() / np.min(config.forward_bps)
    for name, seconds in (
        ("task_bits", worst.upload_s + forward_s),
        ("task_cycles", worst.local_s),
        ("backlog_cycles", worst.queue_s),
    ):
        if not seconds <= limits.LARGEST_S:
            fail(
                f"snapshot field {name!r}", snapshot[name], f"small enough to keep delays below {limits.LARGEST_S:g} s"
            )
    if not config.balance_weight <= limits.largest_balance_weight(config, worst.queue_s):
        expected = f"small enough to keep rewards finite with balance_weight = {config.balance_weight!r}"
        fail("snapshot field 'backlog_cycles'", snapshot["backlog_cycles"], expected)


def _numeric(name: str, value: Any) -> NDArray[np.float64]:
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "iuf":
        fail(name, value, "an array of real numbers", TypeError)
    return np.array(array, dtype=np.float64)


def _common_slot(slot: Any, config: EdgeOffloadConfig, batch: int | None) -> int:
    if batch is not None:
        slots = _numeric("snapshot field 'slot'", slot)
        if slots.shape != (batch,) or np.any(slots != slots[:1]) or np.any(slots != np.floor(slots)):
            fail("snapshot field 'slot'", slot, f"{batch} equal integers: all games share the horizon")
        slot = int(slots[0])
    return check_int("snapshot field 'slot'", slot, 0, config.max_cycles - 1)
