"""Checks of what users hand to a view. All raise before anything changes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import as_int, check_int, fail
from edgeoffload_env.config import LARGEST_S, LARGEST_SNR, SMALLEST_SNR, EdgeOffloadConfig
from edgeoffload_env.model.slot import Snapshot

SNAPSHOT_FIELDS = (*Snapshot._fields, "slot")


def check_seed(seed: Any) -> int | None:
    """A seed (an integer >= 0, not a bool) or None."""
    return None if seed is None else check_int("seed", seed, 0, 2**128)


def check_action(agent: str, action: Any, num_servers: int) -> int:
    """One user's action as an int in 0..M.

    Raises:
        TypeError: not an integer (bools, floats, strings, lists and None are not).
        ValueError: out of range.
    """
    allowed = f"an integer from 0 (device) to {num_servers} (last server)"
    try:
        value = as_int(action)
    except TypeError:
        fail(f"action of {agent}", action, allowed, TypeError)
    if not 0 <= value <= num_servers:
        fail(f"action of {agent}", action, allowed)
    return value


def check_actions(actions: Any, agents: list[str], num_servers: int) -> list[int]:
    """Everyone's actions in order of the users.

    Raises:
        TypeError: not a mapping, or an action that is not an integer.
        ValueError: a user missing, a name too many, or an action out of range. The message names the user.
    """
    if not isinstance(actions, Mapping):
        fail("actions", actions, "a dict with one action for each of the agents", TypeError)
    try:
        targets = [actions[agent] for agent in agents]
    except KeyError as error:
        raise ValueError(
            f"actions lack {error.args[0]!r}; allowed: one action for each of {agents[0]} .. {agents[-1]}"
        ) from None
    if len(actions) != len(agents):
        extra = next(name for name in actions if name not in agents)
        raise ValueError(f"actions name {extra!r}, who is not playing; allowed: {agents[0]} .. {agents[-1]}")
    if set(map(type, targets)) == {int} and min(targets) >= 0 and max(targets) <= num_servers:
        return targets  # the common case, at a tenth of the cost
    return [check_action(agent, action, num_servers) for agent, action in zip(agents, targets, strict=True)]


def check_options(options: Any) -> Any:
    """The snapshot in the options of ``reset``, or None.

    Raises:
        TypeError: options that are no mapping.
    """
    if options is None:
        return None
    if not isinstance(options, Mapping):
        fail("options", options, "None or a dict", TypeError)
    return options.get("snapshot")


def check_snapshot(snapshot: Any, config: EdgeOffloadConfig, batch: int | None) -> tuple[Snapshot, int]:
    """A snapshot's fields as float64 copies with a leading batch axis, and its slot.

    Args:
        snapshot: a mapping with the names that ``snapshot()`` gives.
        config: the game's configuration, for the shapes.
        batch: B, or None for a single game's fields without that axis.

    Raises:
        TypeError: not a mapping, or a field that is not numeric.
        ValueError: a field missing, unknown, of the wrong shape, not finite, not positive (the backlog: negative), or
            so large or small that the episode would not stay finite in float32.
    """
    if not isinstance(snapshot, Mapping):
        fail("options['snapshot']", snapshot, f"a dict with {', '.join(SNAPSHOT_FIELDS)}", TypeError)
    for name in (*SNAPSHOT_FIELDS, *snapshot):
        if name not in snapshot or name not in SNAPSHOT_FIELDS:
            raise ValueError(f"snapshot field {name!r} is missing or unknown; allowed: {', '.join(SNAPSHOT_FIELDS)}")
    lead = () if batch is None else (batch,)
    arrays = {}
    for name in Snapshot._fields:
        size = config.servers if name in ("server_hz", "backlog_cycles") else config.num_users
        array = _numeric(name, snapshot[name])
        if array.shape != (*lead, size):
            fail(f"shape of snapshot field {name!r}", array.shape, f"{(*lead, size)}")
        high_enough = array >= (0.0 if name == "backlog_cycles" else 1e-30)
        if not np.all(np.isfinite(array) & high_enough & (array < 1e30)):
            allowed = "finite numbers > 0 (backlog_cycles: >= 0), from 1e-30 to 1e30"
            fail(f"snapshot field {name!r}", snapshot[name], allowed)
        arrays[name] = array.reshape(batch or 1, size)
    checked = Snapshot(**arrays)
    _check_magnitudes(checked, config)
    return checked, _common_slot(snapshot["slot"], config, batch)


def _check_magnitudes(snapshot: Snapshot, config: EdgeOffloadConfig) -> None:
    """Refuse what is possible in each field alone, but not finite in float32 once played."""
    worst = config.worst_case(
        gains=(float(snapshot.channel_gain.min()), float(snapshot.channel_gain.max())),
        task_bits=float(snapshot.task_bits.max()),
        task_cycles=float(snapshot.task_cycles.max()),
        device_hz=float(snapshot.device_hz.min()),
        server_hz=float(snapshot.server_hz.min()),
        load_s=float((snapshot.backlog_cycles / snapshot.server_hz).sum(axis=-1).max()),
    )
    if not SMALLEST_SNR <= worst.least_snr <= worst.most_snr <= LARGEST_SNR:
        allowed = f"what gives a signal to noise ratio from {SMALLEST_SNR:g} to {LARGEST_SNR:g}"
        fail("snapshot field 'channel_gain'", snapshot.channel_gain, allowed)
    forward_s = snapshot.task_bits.max() / np.min(config.forward_bps)
    for name, seconds in (
        ("task_bits", worst.upload_s + forward_s),
        ("task_cycles", worst.local_s),
        ("backlog_cycles", worst.queue_s),
    ):
        if not seconds <= LARGEST_S:
            value = getattr(snapshot, name)
            fail(
                f"snapshot field {name!r}", value, f"with the other fields only what keeps delays below {LARGEST_S:g} s"
            )
    if not config.balance_weight <= config.largest_balance_weight(worst.queue_s):
        allowed = f"what leaves the reward finite with balance_weight = {config.balance_weight!r}"
        fail("snapshot field 'backlog_cycles'", snapshot.backlog_cycles, allowed)


def _numeric(name: str, value: Any) -> NDArray[np.float64]:
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "iuf":
        fail(f"snapshot field {name!r}", value, "an array of real numbers", TypeError)
    return np.array(array, dtype=np.float64)


def _common_slot(slot: Any, config: EdgeOffloadConfig, batch: int | None) -> int:
    if batch is not None:
        slots = _numeric("slot", slot)
        if slots.shape != (batch,) or np.any(slots != slots[:1]) or np.any(slots != np.floor(slots)):
            fail("snapshot field 'slot'", slot, f"{batch} equal integers: all games share the horizon")
        slot = int(slots[0])
    return check_int("snapshot field 'slot'", slot, 0, config.max_cycles - 1)
