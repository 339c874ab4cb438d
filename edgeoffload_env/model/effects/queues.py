"""Queues on the users' devices and on their uplinks. See docs/effects.md."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeoffload_env._validation import fail
from edgeoffload_env.model import channel, numpy_namespace
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.features import LOAD_SCALE_S, squashed
from edgeoffload_env.model.limits import COUNTED_SLOTS
from edgeoffload_env.model.quantities import Feature, Fields, Quantity

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

LARGEST_BACKLOG_S = 1e17
"""Longest queue of a user, so that delays stay finite in float32."""


def next_device_backlog_cycles(
    backlog_cycles: Array, local_cycles: Array, device_hz: Array, slot_s: float, *, xp: Any
) -> Array:
    """D <- max(0, D + C [local] - f_local slot), cycles, ``[B, N]``."""
    return xp.clip(backlog_cycles + local_cycles - device_hz * slot_s, min=0.0)


def next_uplink_backlog_bits(
    backlog_bits: Array, offloaded_bits: Array, rate_bps: Array, slot_s: float, *, xp: Any
) -> Array:
    """U <- max(0, U + L [offloads] - r_n slot), bit, ``[B, N]``; less than one bit left counts as sent.

    So rounding leaves nobody on the band: whoever sends nothing has U = 0 before and after.
    """
    left_bits = xp.clip(backlog_bits + offloaded_bits - rate_bps * slot_s, min=0.0)
    return left_bits * xp.astype(left_bits >= 1.0, left_bits.dtype)


@dataclass(frozen=True, kw_only=True)
class DeviceQueue(Effect):
    """Devices work off their tasks one by one: a local task waits for those before it."""

    @classmethod
    def of(cls, config: "EdgeOffloadConfig") -> "DeviceQueue | None":
        """See :class:`.Effect`."""
        return cls() if config.device_queue else None

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        return (
            Quantity(
                name="device_backlog_cycles",
                unit="cycles",
                scope="user",
                kind="state",
                queue=True,
                minimum=0.0,
                text="D_n, cycles queued on the device at the start of the slot",
            ),
        )

    def check(self, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        slots = min(config.max_cycles, COUNTED_SLOTS)
        if not slots * config.most_cycles / config.device_hz[0] <= LARGEST_BACKLOG_S:
            expected = f"such that devices clear an episode's tasks within {LARGEST_BACKLOG_S:g} s"
            fail("device_hz", config.device_hz, expected)

    def start(self, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """See :class:`.Effect`."""
        return {"device_backlog_cycles": xp.zeros_like(fields["device_hz"])}

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        backlog_cycles = snapshot["device_backlog_cycles"]
        _check_backlog("device_backlog_cycles", backlog_cycles, backlog_cycles / snapshot["device_hz"])

    def after_wait(self, slot: Any) -> None:
        """Let local tasks wait for the device: D_n / f_local."""
        slot.device_wait_s = slot.snapshot["device_backlog_cycles"] / slot.snapshot["device_hz"]
        slot.outcome["wait_s"] = slot.outcome["wait_s"] + slot.local * slot.device_wait_s

    def after_serve(self, slot: Any) -> None:
        """Work off the devices' queues."""
        snapshot = slot.snapshot
        slot.next["device_backlog_cycles"] = next_device_backlog_cycles(
            snapshot["device_backlog_cycles"],
            slot.device_cycles,
            snapshot["device_hz"],
            slot.config.slot_s,
            xp=slot.xp,
        )

    def features(self, config: "EdgeOffloadConfig") -> tuple[Feature, ...]:
        """See :class:`.Effect`."""
        return (
            Feature(
                name="device_load",
                scope="user",
                text="load of the own device",
                formula=f"2 x / (1 + x) - 1, x = device_backlog_cycles / device_hz / {LOAD_SCALE_S}",
                reads=("device_backlog_cycles", "device_hz"),
                value=lambda backlog, hz, config, *, xp: squashed(backlog / hz, LOAD_SCALE_S),
            ),
        )


@dataclass(frozen=True, kw_only=True)
class UplinkQueue(Effect):
    """Uploads that take longer than a slot go on in the next and keep their share of the band."""

    @classmethod
    def of(cls, config: "EdgeOffloadConfig") -> "UplinkQueue | None":
        """See :class:`.Effect`."""
        return cls() if config.uplink_queue else None

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        return (
            Quantity(
                name="uplink_backlog_bits",
                unit="bit",
                scope="user",
                kind="state",
                queue=True,
                minimum=0.0,
                text="U_n, bits not yet sent at the start of the slot",
            ),
        )

    def check(self, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        slots = min(config.max_cycles, COUNTED_SLOTS)
        gain = np.asarray(config.gain_bounds[0])
        rate_bps = float(full_cell_rate_bps(gain, config, level=0, xp=numpy_namespace))
        if not slots * config.most_bits <= LARGEST_BACKLOG_S * rate_bps:
            expected = f"such that an episode's tasks are sent within {LARGEST_BACKLOG_S:g} s"
            name = "task_bits" if config.task_trace is None else "task_trace"
            fail(name, getattr(config, name), expected)

    def start(self, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """See :class:`.Effect`."""
        return {"uplink_backlog_bits": xp.zeros_like(fields["task_bits"])}

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        backlog_bits = snapshot["uplink_backlog_bits"]
        rate_bps = full_cell_rate_bps(least_gain(snapshot, config), config, level=0, xp=numpy_namespace)
        _check_backlog("uplink_backlog_bits", backlog_bits, backlog_bits / rate_bps)

    def after_route(self, slot: Any) -> None:
        """Count who sends, and the bits to send until each task has arrived."""
        backlog_bits = slot.snapshot["uplink_backlog_bits"]
        slot.sends = slot.xp.astype((slot.offloads > 0.0) | (backlog_bits > 0.0), slot.offloads.dtype)
        slot.upload_bits = backlog_bits + slot.bits

    def after_upload(self, slot: Any) -> None:
        """Update the uplinks' queues."""
        snapshot = slot.snapshot
        slot.next["uplink_backlog_bits"] = next_uplink_backlog_bits(
            snapshot["uplink_backlog_bits"],
            slot.offloads * slot.bits,
            slot.rate_bps,
            slot.config.slot_s,
            xp=slot.xp,
        )

    def features(self, config: "EdgeOffloadConfig") -> tuple[Feature, ...]:
        """See :class:`.Effect`."""
        return (
            Feature(
                name="uplink_load",
                scope="user",
                text="load of the own uplink",
                formula=f"2 x / (1 + x) - 1, x = uplink_backlog_bits / (5) at K = N / {LOAD_SCALE_S}",
                reads=("uplink_backlog_bits", "channel_gain"),
                value=_uplink_load,
            ),
        )


def full_cell_rate_bps(channel_gain: Array, config: "EdgeOffloadConfig", *, level: int = -1, xp: Any) -> Array:
    """Equation (5) with all N users on the band, at a power level, by default the last; bit/s, ``[B, N]``."""
    return channel.uplink_rate_bps(
        float(config.num_users),
        channel_gain,
        bandwidth_hz=config.bandwidth_hz,
        tx_power_w=config.tx_powers_w[level],
        noise_w_per_hz=config.noise_w_per_hz,
        xp=xp,
    )


def least_gain(snapshot: Any, config: "EdgeOffloadConfig") -> Any:
    """Return the least channel gain that each user of a snapshot can have from now on, ``[B, N]``."""
    gain = snapshot["channel_gain"]
    if config.mobility is not None:
        gain = np.minimum(gain, config.gain_bounds[0])
    if config.channel is not None:
        gain = np.minimum(gain, snapshot["path_gain"] * config.channel.factor_bounds[0])
    return gain


def _uplink_load(backlog_bits: Array, channel_gain: Array, config: "EdgeOffloadConfig", *, xp: Any) -> Array:
    return squashed(backlog_bits / full_cell_rate_bps(channel_gain, config, xp=xp), LOAD_SCALE_S)


def _check_backlog(name: str, backlog: Any, seconds: Any) -> None:
    if not seconds.max() <= LARGEST_BACKLOG_S:
        expected = f"small enough to be worked off within {LARGEST_BACKLOG_S:g} s"
        fail(f"snapshot field {name!r}", backlog, expected)
