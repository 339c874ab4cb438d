"""Random arrivals: in some slots a user has no task. See docs/effects.md."""

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edgeoffload_env._validation import fail
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.quantities import Feature, Fields, Noise, Process, Quantity

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig


def switch_chance(slot_s: float, mean_s: float) -> float:
    """Chance 1 - exp(-slot / mean) that a state of exponential length with this mean ends within a slot."""
    return -math.expm1(-slot_s / mean_s)


def next_bursting(bursting: Array, uniform: Array, leave: float, enter: float) -> Array:
    """Move each user's on/off chain by one slot, flags ``[B, N]``, by the chances to end a burst and a pause."""
    return (bursting & (uniform >= leave)) | (~bursting & (uniform < enter))


_FLAG: dict[str, Any] = {"unit": "1", "scope": "user", "type": bool}


@dataclass(frozen=True, kw_only=True)
class IdleUsers(Effect):
    """Users without a task in some slots; subclasses draw ``active``.

    An idle user's action has no effect and counts as 0; its action mask allows 0 alone.
    """

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        return (
            Quantity(name="active", text="1 where the user has a task, else 0", kind="state", **_FLAG),
            Quantity(name="active", text="whether the user had a task", kind="info", **_FLAG),
        )

    def before_route(self, slot: Any) -> None:
        """Keep idle users at home, without a task."""
        has_task = slot.snapshot["active"] > 0.5
        slot.active = slot.snapshot["active"]
        slot.target = slot.target * slot.xp.astype(has_task, slot.target.dtype)
        slot.outcome["target"], slot.outcome["active"] = slot.target, has_task

    def after_compute(self, slot: Any) -> None:
        """An idle user computes nothing."""
        slot.outcome["compute_s"] = slot.active * slot.outcome["compute_s"]

    def features(self, config: "EdgeOffloadConfig") -> tuple[Feature, ...]:
        """See :class:`.Effect`."""
        return (
            Feature(
                name="has_task",
                scope="user",
                text="whether there is an own task",
                formula="2 active - 1",
                reads=("active",),
                value=_plus_or_minus,
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Arrivals(IdleUsers):
    """Users have a task in a slot with a probability, at all times or in bursts.

    Raises:
        TypeError, ValueError: a field of the wrong type or out of range; the message names it.
    """

    field: ClassVar[str] = "arrivals"
    example: ClassVar[dict[str, Any]] = {"on_s": 1.5, "off_s": 1.5}

    probability: float = 1.0
    """Chance of a task in a slot while a user is on."""
    on_s: float | None = None
    """Mean length of a burst, seconds; None: always on."""
    off_s: float | None = None
    """Mean length of a pause, seconds; given if and only if ``on_s`` is."""

    def __post_init__(self) -> None:
        self._check_floats(probability=(0.0, 1.0))
        if (self.on_s is None) != (self.off_s is None):
            missing, given = ("off_s", "on_s") if self.off_s is None else ("on_s", "off_s")
            fail(f"Arrivals.{missing}", None, f"a number where {given} is given")
        if self.on_s is not None:
            self._check_floats("s", on_s=(1e-9, 1e9), off_s=(1e-9, 1e9))

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        active, had_task = super().quantities()
        bursting = Quantity(name="bursting", text="1 while the user is on, else 0", kind="state", **_FLAG)
        return active, bursting, had_task

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        if (snapshot["active"] > snapshot["bursting"]).any():
            fail("snapshot field 'active'", snapshot["active"], "0 for each user whose bursting is 0")
        if self.on_s is None and not snapshot["bursting"].all():
            fail("snapshot field 'bursting'", snapshot["bursting"], "1 for each user where on_s is None")

    def processes(self) -> tuple[Process, ...]:
        """See :class:`.Effect`."""
        always_on = self.on_s is None
        return (
            Process(
                name="arrivals",
                fields=("active", "bursting"),
                first=self.draw_first,
                first_uniforms={"user": 2},
                next=self.draw_first if always_on else self.draw_next,
                next_uniforms={"user": 2},
                independent=always_on,
            ),
        )

    def draw_first(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Draw the first slot: on with the chain's stationary share p_off / (p_on + p_off)."""
        switch, arrive = (uniform.T for uniform in noise["user"])
        leave, enter = self._chances(config)
        bursting = xp.astype(switch < enter / (leave + enter), arrive.dtype)
        return {"active": bursting * xp.astype(arrive < self.probability, arrive.dtype), "bursting": bursting}

    def draw_next(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Draw the next slot from the chain's state in this one."""
        switch, arrive = (uniform.T for uniform in noise["user"])
        bursting = next_bursting(fields["bursting"] > 0.5, switch, *self._chances(config))
        active = bursting & (arrive < self.probability)
        return {"active": xp.astype(active, arrive.dtype), "bursting": xp.astype(bursting, arrive.dtype)}

    def _chances(self, config: "EdgeOffloadConfig") -> tuple[float, float]:
        if self.on_s is None or self.off_s is None:
            return 0.0, 1.0
        return switch_chance(config.slot_s, self.on_s), switch_chance(config.slot_s, self.off_s)

    def features(self, config: "EdgeOffloadConfig") -> tuple[Feature, ...]:
        """See :class:`.Effect`."""
        return (
            *super().features(config),
            Feature(
                name="bursting",
                scope="user",
                text="whether the user is on",
                formula="2 bursting - 1",
                reads=("bursting",),
                value=_plus_or_minus,
                observed=False,
            ),
        )


def _plus_or_minus(flag: Array, config: "EdgeOffloadConfig", *, xp: Any) -> Array:
    return 2.0 * flag - 1.0


def blank_without_task(feature: Feature) -> Feature:
    """Return a feature of a task that is 0 for users without one."""
    value = feature.value

    def blanked(*fields: Any, xp: Any) -> Array:
        *own, active, config = fields
        return active * value(*own, config, xp=xp)

    return dataclasses.replace(
        feature, reads=(*feature.reads, "active"), formula=f"{feature.formula}; 0 without a task", value=blanked
    )


def action_mask(snapshot: Fields, num_actions: int, *, xp: Any) -> Array:
    """Allowed actions, int8 ``[B, N, A]``: 1 where a user may choose; users without a task may choose 0 alone."""
    active = xp.astype(snapshot["active"].T > 0.5, xp.int8)[None]  # whole batches lie together in memory
    return xp.permute_dims(xp.concat([xp.ones_like(active)] + [active] * (num_actions - 1), axis=0), (2, 1, 0))
