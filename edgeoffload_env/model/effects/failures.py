"""Servers that fail and are repaired. See docs/effects.md."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edgeoffload_env._validation import fail
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.features import LOAD_SCALE_S, squashed
from edgeoffload_env.model.metrics import slot_mean
from edgeoffload_env.model.quantities import Feature, Fields, Metric, Noise, Process, Quantity

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

LARGEST_DOWN_S = 1e17
"""Longest repair that a snapshot may hold, so that costs stay finite in float32."""


def next_down_s(
    down_s: Array, fails: Array, repair: Array, *, slot_s: float, mtbf_s: float, mttr_s: float, xp: Any
) -> Array:
    """Seconds until each server runs again at the start of the next slot, ``[B, M]``.

    D <- max(0, D - slot); a server at 0 then fails with chance 1 - exp(-slot / mtbf) for Exp(mttr).

    Args:
        down_s: D_m in this slot, ``[B, M]``.
        fails: uniform numbers that decide who fails, ``[B, M]``.
        repair: uniform numbers that decide for how long, ``[B, M]``.
        slot_s: length of a slot.
        mtbf_s: mean time between failures.
        mttr_s: mean time to repair.
        xp: the array API namespace.
    """
    left_s = xp.clip(down_s - slot_s, min=0.0)
    fresh = (left_s <= 0.0) & (fails < -math.expm1(-slot_s / mtbf_s))
    return xp.where(fresh, -mttr_s * xp.log1p(-repair), left_s)


def service_s(down_s: Array, slot_s: float, *, xp: Any) -> Array:
    """Seconds of the slot in which a server works: max(0, slot - D_m), ``[B, M]``."""
    return xp.clip(slot_s - down_s, min=0.0)


def utilisation(served_cycles: Array, slot: Any) -> Array:
    """Cycles served in a slot, ``[B, M]``, over those that servers with a queue could serve; ``[B, 1]``."""
    config, xp = slot.config, slot.xp
    queueing = config.servers - config.elastic_servers
    possible = slot.snapshot["server_hz"][:, :queueing] * config.slot_s
    total, most = (xp.sum(cycles, axis=-1, keepdims=True) for cycles in (served_cycles[:, :queueing], possible))
    return total / most


@dataclass(frozen=True, kw_only=True)
class Failures(Effect):
    """Servers stop at random and keep their queues until they are repaired.

    Raises:
        TypeError, ValueError: a field of the wrong type or out of range; the message names it.
    """

    field: ClassVar[str] = "failures"
    example: ClassVar[dict[str, Any]] = {"mtbf_s": 10.0, "mttr_s": 2.0}

    mtbf_s: float
    """Mean time between failures of a server, seconds of running."""
    mttr_s: float
    """Mean time to repair, seconds."""

    def __post_init__(self) -> None:
        self._check_floats("s", mtbf_s=(1e-9, 1e12), mttr_s=(1e-9, 1e9))

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        return (
            Quantity(
                name="down_s",
                unit="s",
                scope="server",
                kind="state",
                minimum=0.0,
                text="D_m, time until the server runs again, 0 while it runs",
            ),
            Quantity(
                name="utilisation",
                unit="1",
                scope="game",
                kind="info",
                text="cycles served over cycles that servers with a queue could serve if none were down",
            ),
        )

    def processes(self) -> tuple[Process, ...]:
        """See :class:`.Effect`."""
        return (
            Process(
                name="failures",
                fields=("down_s",),
                first=self.draw_first,
                first_uniforms={},
                next=self.draw_next,
                next_uniforms={"server": 2},
            ),
        )

    def draw_first(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Start with all servers running."""
        return {"down_s": xp.zeros_like(fields["server_hz"])}

    def draw_next(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Draw failures and repairs; see :func:`next_down_s`."""
        fails, repair = (uniform.T for uniform in noise["server"])
        times = {"slot_s": config.slot_s, "mtbf_s": self.mtbf_s, "mttr_s": self.mttr_s}
        return {"down_s": next_down_s(fields["down_s"], fails, repair, **times, xp=xp)}

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        if not snapshot["down_s"].max() <= LARGEST_DOWN_S:
            fail("snapshot field 'down_s'", snapshot["down_s"], f"at most {LARGEST_DOWN_S:g} s")

    def after_wait(self, slot: Any) -> None:
        """Let tasks wait for the repair."""
        waits_s = slot.routing.to_users(slot.snapshot["down_s"])
        slot.outcome["wait_s"] = slot.outcome["wait_s"] + slot.offloads * waits_s

    def before_serve(self, slot: Any) -> None:
        """Servers work once they run."""
        slot.service_s = service_s(slot.snapshot["down_s"], slot.config.slot_s, xp=slot.xp)

    def after_serve(self, slot: Any) -> None:
        """Measure how busy the servers were."""
        # not as a difference of queues, which would cancel digits of long ones
        served = slot.xp.minimum(slot.queued_cycles, slot.snapshot["server_hz"] * slot.service_s)
        slot.outcome["utilisation"] = utilisation(served, slot)

    def features(self, config: "EdgeOffloadConfig") -> tuple[Feature, ...]:
        """See :class:`.Effect`."""
        return (
            Feature(
                name="up",
                scope="server",
                text="running state of server",
                formula="1 where down_s is 0, else -1",
                reads=("down_s",),
                value=lambda down_s, config, *, xp: 1.0 - 2.0 * xp.astype(down_s > 0.0, down_s.dtype),
            ),
            Feature(
                name="down",
                scope="server",
                text="repair time of server",
                formula=f"2 x / (1 + x) - 1, x = down_s / {LOAD_SCALE_S}",
                reads=("down_s",),
                value=lambda down_s, config, *, xp: squashed(down_s, LOAD_SCALE_S),
                observed=False,
            ),
        )

    def metrics(self) -> tuple[Metric, ...]:
        """See :class:`.Effect`."""
        return (
            Metric(
                name="utilisation",
                heading="utilisation",
                text="served share of the cycles that servers with a queue could have served, down time included",
                accumulator=slot_mean(lambda infos: infos["utilisation"]),
            ),
        )
