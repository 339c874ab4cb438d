"""Power levels and partial offloading: actions that say more than a server. See docs/effects.md."""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edgeoffload_env._validation import check_floats, fail
from edgeoffload_env.model import delay
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.quantities import Quantity

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

MOST_ACTIONS = 1_000_000


def decode(action: Array, num_powers: int, num_ratios: int) -> tuple[Array, Array, Array]:
    """Split actions 1 + ((m - 1) P + p) R + r into m, p and r, integers of the same shape; p and r count from 0.

    The device, action 0, has m = 0 and the last power and share, since -1 is divided rounding down.
    """
    place = action - 1
    return place // (num_powers * num_ratios) + 1, place // num_ratios % num_powers, place % num_ratios


def local_s(
    device_share: Array, device_wait_s: Array | float, task_cycles: Array, device_hz: Array, *, xp: Any
) -> Array:
    """Time until the device has done its part, (D_n + (1 - rho) C_n) / f_local, seconds, ``[B, N]``; 0 without one.

    Args:
        device_share: share of the task that the device runs: 1 - rho, or 1 for a local task; ``[B, N]``.
        device_wait_s: D_n / f_local, ``[B, N]``, or 0.
        task_cycles: C_n, ``[B, N]``.
        device_hz: f_local, ``[B, N]``.
        xp: the array API namespace.
    """
    has_part = xp.astype(device_share > 0.0, task_cycles.dtype)
    return has_part * (device_wait_s + delay.compute_s(device_share * task_cycles, device_hz))


@dataclass(frozen=True, kw_only=True)
class Levels(Effect):
    """Users choose a transmission power and the share of the task that they offload, beside a server.

    The rest of the task runs on the device at the same time.

    Raises:
        TypeError, ValueError: a field of the wrong type or out of range; the message names it.
    """

    field: ClassVar[str] = "levels"
    example: ClassVar[dict[str, Any]] = {"tx_power_w": (0.1, 0.5)}

    tx_power_w: tuple[float, ...] | None = None
    """Powers in W, increasing; None: the game's own alone."""
    offload_ratio: tuple[float, ...] | None = None
    """Shares of the task in (0, 1], increasing; None: 1 alone."""

    def __post_init__(self) -> None:
        for name, bounds in (("tx_power_w", (1e-9, 1e6, "W")), ("offload_ratio", (1e-9, 1.0))):
            given = getattr(self, name)
            if given is not None:
                values = check_floats(f"Levels.{name}", given, *bounds)
                if any(low >= high for low, high in itertools.pairwise(values)):
                    fail(f"Levels.{name}", given, "a tuple of increasing numbers")
                object.__setattr__(self, name, values)

    def check(self, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        if config.servers * config.levels_per_server >= MOST_ACTIONS:
            fail("levels", self, f"such that a user has at most {MOST_ACTIONS} actions with {config.servers} servers")

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        user: dict[str, Any] = {"scope": "user", "kind": "info"}
        return (
            Quantity(name="tx_power_w", unit="W", text="power that the user sends at, 0 if it sends nothing", **user),
            Quantity(name="offload_ratio", unit="1", text="rho_n, share of the task that is offloaded", **user),
            Quantity(name="local_s", unit="s", text="delay of the part on the device, 0 without one", **user),
        )

    def before_route(self, slot: Any) -> None:
        """Decode the actions."""
        powers_w, ratios = slot.config.tx_powers_w, slot.config.offload_ratios
        if slot.config.levels_per_server > 1:
            slot.target, power, ratio = decode(slot.target, len(powers_w), len(ratios))
            slot.outcome["target"] = slot.target
        else:
            power = ratio = None
        slot.tx_power_w = _chosen(powers_w, power, slot)
        if ratios != (1.0,):
            slot.offload_ratio = _chosen(ratios, ratio, slot)
            # 1 - rho of a rounded rho would be off by more than a digit
            slot.device_share = _chosen(tuple(1.0 - share for share in ratios), ratio, slot)

    def after_route(self, slot: Any) -> None:
        """Split the tasks of those who offload."""
        if slot.device_share is None:
            slot.outcome["offload_ratio"] = slot.offloads
            return
        snapshot, ratio = slot.snapshot, slot.offloads * slot.offload_ratio
        part = ratio + (1.0 - slot.offloads)
        slot.bits, slot.cycles = part * snapshot["task_bits"], part * snapshot["task_cycles"]
        slot.upload_bits = slot.bits
        slot.device_share = slot.local + slot.offloads * slot.device_share
        slot.outcome["offload_ratio"] = ratio

    def after_upload(self, slot: Any) -> None:
        """Report the power."""
        slot.outcome["tx_power_w"] = slot.sends * slot.tx_power_w

    def after_delay(self, slot: Any) -> None:
        """End a task when both of its parts have ended."""
        outcome, snapshot = slot.outcome, slot.snapshot
        if slot.device_share is None:
            outcome["local_s"] = slot.local * outcome["delay_s"]
            return
        cycles, device_hz = snapshot["task_cycles"], snapshot["device_hz"]
        outcome["local_s"] = local_s(slot.device_share, slot.device_wait_s, cycles, device_hz, xp=slot.xp)
        slot.offloaded_s = outcome["delay_s"]
        outcome["delay_s"] = slot.xp.maximum(outcome["local_s"], slot.offloaded_s)


def _chosen(values: tuple[float, ...], index: Array | None, slot: Any) -> Array | float:
    """Return the level that each user chose, ``[B, N]``, or the only one there is."""
    if index is None or len(values) == 1:
        return values[0]
    xp, like = slot.xp, slot.snapshot["task_bits"]
    return xp.asarray(values, dtype=like.dtype, device=index.device)[xp.astype(index, xp.int64)]
