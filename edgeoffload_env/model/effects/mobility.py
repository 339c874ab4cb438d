"""Users that move. See docs/effects.md.

Vectors are ``[2, ...]`` in the functions here and ``[B, N, 2]`` in snapshots.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from edgeoffload_env._validation import check_choice, check_range, fail
from edgeoffload_env.model import numpy_namespace
from edgeoffload_env.model.channel import Array, path_gain
from edgeoffload_env.model.draws import between, two_normals
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.path_loss import distance_m
from edgeoffload_env.model.quantities import Fields, Noise, Process, Quantity

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

TINY_M = 1e-20
"""Least distance that a direction is divided by."""
_MOST_RADII = 10.0  # a normal number of 9 standard deviations is a quarter of this beyond the drawn speed
_SLACK = 1e-5  # for positions rounded to float32


class Motion(NamedTuple):
    """Positions, velocities and aims of users; ``[2, ...]`` each."""

    position_m: Array
    velocity_mps: Array
    aim: Array
    """v_mean in m/s, or the waypoint in m."""


def dot(one: Array, other: Array) -> Array:
    """Scalar product of vectors ``[2, ...]``."""
    products = one * other
    return products[0] + products[1]


def length(vector: Array, *, xp: Any) -> Array:
    """Length of vectors ``[2, ...]``."""
    return xp.sqrt(dot(vector, vector))


def polar(radius: Array, turn: Array, *, xp: Any) -> Array:
    """Vectors ``[2, ...]`` of given lengths, the direction as a share of a full turn."""
    angle = (2.0 * math.pi) * turn
    return xp.stack([radius * xp.cos(angle), radius * xp.sin(angle)])


def reflect(motion: Motion, radius_m: float, *, xp: Any) -> Motion:
    """Mirror who has left the cell at its edge: position, velocity and mean velocity.

    A user at r > R returns to 2 R - r along the same ray; a negative value is beyond the centre, limited to -R.
    Velocities v become v - 2 (v n) n with the ray's unit vector n.
    """
    position_m, velocity_mps, mean_mps = motion
    square_m2 = dot(position_m, position_m)
    outside = square_m2 > radius_m * radius_m
    if xp is numpy_namespace and not np.count_nonzero(outside):
        return motion
    r_m = xp.sqrt(xp.where(outside, square_m2, xp.ones_like(square_m2)))
    back_m = xp.maximum(2.0 * radius_m - r_m, xp.full_like(r_m, -radius_m))
    normal = position_m / r_m
    mirrored = (
        normal * back_m,
        *(v - (2.0 * dot(v, normal)) * normal for v in (velocity_mps, mean_mps)),
    )
    return Motion(*(xp.where(outside, new, old) for new, old in zip(mirrored, motion, strict=True)))


def gauss_markov(
    motion: Motion, kick_mps: Array, keep: Any, pull: Any, slot_s: Any, radius_m: float, *, xp: Any
) -> Motion:
    """Move by a slot: v' = a v + (1 - a) v_mean + sqrt(1 - a^2) s w, then p' = p + slot v', reflected at the edge.

    Source: Liang and Haas, INFOCOM 1999.

    Args:
        motion: position, velocity and mean velocity.
        kick_mps: sqrt(1 - a^2) s w, m/s.
        keep: a = exp(-slot / memory).
        pull: 1 - a.
        slot_s: length of the slot.
        radius_m: radius of the cell.
        xp: the array API namespace.
    """
    position_m, velocity_mps, mean_mps = motion
    velocity_mps = keep * velocity_mps + pull * mean_mps + kick_mps
    return reflect(Motion(position_m + slot_s * velocity_mps, velocity_mps, mean_mps), radius_m, xp=xp)


def waypoint(motion: Motion, following_m: Array, slot_s: Any, *, xp: Any) -> Motion:
    """Move by a slot straight towards the waypoint, and from there on towards the one after it.

    Source: random waypoint without pauses, Johnson and Maltz 1996. Who would reach the second waypoint too waits there.

    Args:
        motion: position, velocity and waypoint.
        following_m: the waypoint after that, for those who reach theirs.
        slot_s: length of the slot.
        xp: the array API namespace.
    """
    speed_mps = length(motion.velocity_mps, xp=xp)
    way_m = speed_mps * slot_s
    ahead, left_m = _direction(motion.position_m, motion.aim, xp=xp)
    arrives = way_m >= left_m
    straight_m = motion.position_m + way_m * ahead
    if xp is numpy_namespace and not np.count_nonzero(arrives):
        return Motion(straight_m, speed_mps * ahead, motion.aim)
    beyond, next_m = _direction(motion.aim, following_m, xp=xp)
    turned_m = motion.aim + xp.minimum(xp.clip(way_m - left_m, min=0.0), next_m) * beyond
    return Motion(
        xp.where(arrives, turned_m, straight_m),
        speed_mps * xp.where(arrives, beyond, ahead),
        xp.where(arrives, following_m, motion.aim),
    )


def _direction(start_m: Array, end_m: Array, *, xp: Any) -> tuple[Array, Array]:
    """Unit vectors from one place to another, any where they are the same, and the distances."""
    way_m = end_m - start_m
    left_m = length(way_m, xp=xp)
    here = left_m < TINY_M
    if xp is numpy_namespace and not np.count_nonzero(here):
        return way_m / left_m, left_m
    unit = way_m / xp.where(here, xp.ones_like(left_m), left_m)
    east = xp.stack([xp.ones_like(left_m), xp.zeros_like(left_m)])
    return xp.where(here, east, unit), left_m


def stored(vector: Array, *, xp: Any) -> Array:
    """Turn vectors ``[2, N, B]`` into a field of snapshots ``[B, N, 2]`` or back, without a copy."""
    return xp.permute_dims(vector, (2, 1, 0))


@dataclass(frozen=True, kw_only=True)
class Mobility(Effect):
    """Users move in the cell, and their links with them.

    Raises:
        TypeError, ValueError: a field of the wrong type or out of range; the message names it.
    """

    field: ClassVar[str] = "mobility"
    example: ClassVar[dict[str, Any]] = {"speed_mps": (8.0, 20.0)}

    speed_mps: tuple[float, float]
    """Range of the users' speeds, m/s, drawn once per episode."""
    model: Literal["gauss-markov", "waypoint"] = "gauss-markov"
    """Velocities that wander about a mean, or straight ways to random points."""
    memory_s: float = 5.0
    """Time after which a velocity has forgotten most of what it was, s; for "gauss-markov"."""

    def __post_init__(self) -> None:
        speeds = check_range("Mobility.speed_mps", self.speed_mps, 0.0, 1e6, "m/s")
        object.__setattr__(self, "speed_mps", speeds)
        check_choice("Mobility.model", self.model, ("gauss-markov", "waypoint"))
        self._check_floats("s", memory_s=(1e-9, 1e9))

    def check(self, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        if not self.speed_mps[1] * config.slot_s <= config.cell_radius_m:
            expected = f"such that nobody moves farther in a slot than cell_radius_m = {config.cell_radius_m!r}"
            fail("mobility", self, expected)

    @property
    def aim(self) -> str:
        """Field of the snapshot with v_mean or the waypoint."""
        return "mean_velocity_mps" if self.model == "gauss-markov" else "waypoint_m"

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of the snapshot, in the order of :class:`Motion`."""
        return ("position_m", "velocity_mps", self.aim)

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        vector: dict[str, Any] = {"scope": "user", "kind": "state", "minimum": -1e30, "components": ("x", "y")}
        aims = {
            "mean_velocity_mps": ("m/s", "v_mean, the velocity that the user's own returns to"),
            "waypoint_m": ("m", "point that the user moves to"),
        }
        unit, text = aims[self.aim]
        return (
            Quantity(name="position_m", unit="m", text="position, the eNB at the origin", **vector),
            Quantity(name="velocity_mps", unit="m/s", text="velocity that led to the position", **vector),
            Quantity(name=self.aim, unit=unit, text=text, **vector),
        )

    def processes_in(self, config: "EdgeOffloadConfig") -> tuple[Process, ...]:
        """See :class:`.Effect`; without the effect ``channel`` the path's gain at the position is the channel's."""
        wanders = self.model == "gauss-markov"
        moves = Process(
            name="mobility",
            fields=self.fields,
            first=self.draw_first,
            first_uniforms={"user": 4 if wanders else 5},
            next=self.draw_next,
            next_uniforms={"user": 2},
            many=self.draw_many,
        )
        if config.channel is not None:
            return (moves,)
        gains = Process(
            name="moving_gain",
            fields=("channel_gain",),
            first=_as_drawn,
            first_uniforms={},
            next=_gain_at_position,
            independent=True,
        )
        return (moves, gains)

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        radius_m = config.cell_radius_m
        limits = {
            "m": (radius_m, f"in the cell, within cell_radius_m = {radius_m!r}"),
            "m/s": (
                _MOST_RADII * radius_m / config.slot_s,
                f"such that nobody moves farther in a slot than {_MOST_RADII:g} cell_radius_m = {radius_m!r}",
            ),
        }
        for quantity in self.quantities():
            most, expected = limits[quantity.unit]
            vectors = snapshot[quantity.name]
            if not np.hypot(vectors[..., 0], vectors[..., 1]).max() <= most * (1.0 + _SLACK):
                fail(f"snapshot field {quantity.name!r}", vectors, expected)

    def draw_first(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Place users at the distances drawn already, in all directions.

        Who counts as at the least distance is uniform within it, so that all are uniform over the disc.
        """
        inside, turn, speed, *rest = noise["user"]
        r_m = distance_m(fields["channel_gain"]).T
        radius_m, least_m = config.cell_radius_m, config.min_distance_m
        r_m = xp.minimum(r_m, xp.full_like(r_m, radius_m))
        r_m = xp.where(r_m > least_m * (1.0 + _SLACK), r_m, least_m * xp.sqrt(inside))
        position_m = polar(r_m, turn, xp=xp)
        speed_mps = between(speed, self.speed_mps)
        if self.model == "gauss-markov":
            velocity_mps = aim = polar(speed_mps, rest[0], xp=xp)
        else:
            aim = self._draw_waypoints(rest, config, xp=xp)
            velocity_mps = speed_mps * _direction(position_m, aim, xp=xp)[0]
        return self._named(Motion(position_m, velocity_mps, aim), xp=xp)

    def draw_next(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Move everyone by a slot."""
        motion = Motion(*(stored(fields[name], xp=xp) for name in self.fields))
        news = self._news(noise, config, xp=xp)
        return self._named(self._move(motion, news, self._factors(config), config, xp=xp), xp=xp)

    def draw_many(
        self, noise: Noise, fields: Fields, last: Fields, config: "EdgeOffloadConfig", *, xp: Any
    ) -> dict[str, Array]:
        """Move the users of one game by many slots."""
        news = np.ascontiguousarray(np.moveaxis(self._news(noise, config, xp=xp), -1, 0))
        motion = Motion(*(np.ascontiguousarray(last[name][0].T) for name in self.fields))
        # numpy multiplies small arrays by an array of no axes in half the time that it needs with a float
        factors = tuple(map(np.asarray, self._factors(config)))
        motions = [motion := self._move(motion, new, factors, config, xp=xp) for new in news]
        vectors = map(np.array, zip(*motions, strict=True))
        return {name: vector.transpose(0, 2, 1) for name, vector in zip(self.fields, vectors, strict=True)}

    def _factors(self, config: "EdgeOffloadConfig") -> tuple[Any, ...]:
        """Return the slot in s, and for Gauss-Markov a and 1 - a."""
        slots = config.slot_s / self.memory_s
        return (config.slot_s, math.exp(-slots), -math.expm1(-slots))

    def _news(self, noise: Noise, config: "EdgeOffloadConfig", *, xp: Any) -> Array:
        """Turn uniform numbers into the kicks in m/s, or into the waypoints for those who arrive, ``[2, N, B]``."""
        if self.model == "waypoint":
            return self._draw_waypoints(noise["user"], config, xp=xp)
        spread_mps = 0.25 * 0.5 * (self.speed_mps[0] + self.speed_mps[1])
        scale_mps = spread_mps * math.sqrt(-math.expm1(-2.0 * config.slot_s / self.memory_s))
        return scale_mps * xp.stack(two_normals(*noise["user"], xp=xp))

    def _move(
        self, motion: Motion, news: Array, factors: tuple[Any, ...], config: "EdgeOffloadConfig", *, xp: Any
    ) -> Motion:
        slot_s, keep, pull = factors
        if self.model == "waypoint":
            return waypoint(motion, news, slot_s, xp=xp)
        return gauss_markov(motion, news, keep, pull, slot_s, config.cell_radius_m, xp=xp)

    def _draw_waypoints(self, uniforms: Any, config: "EdgeOffloadConfig", *, xp: Any) -> Array:
        """Points uniform in the disc from two uniform numbers each, ``[2, ...]``."""
        inside, turn = uniforms
        return polar(config.cell_radius_m * xp.sqrt(inside), turn, xp=xp)

    def _named(self, motion: Motion, *, xp: Any) -> dict[str, Array]:
        return {name: stored(vector, xp=xp) for name, vector in zip(self.fields, motion, strict=True)}


def distance_of(position_m: Array, least_m: float, *, xp: Any) -> Array:
    """Distances from the eNB in m, ``[B, N]``, of positions ``[B, N, 2]``; shorter ones count as the least."""
    x_m, y_m = position_m[..., 0], position_m[..., 1]
    return xp.clip(xp.sqrt(x_m * x_m + y_m * y_m), min=least_m)


def way_m(velocity_mps: Array, slot_s: float, *, xp: Any) -> Array:
    """Metres that each user has covered in a slot, ``[B, N]``."""
    x, y = velocity_mps[..., 0], velocity_mps[..., 1]
    return slot_s * xp.sqrt(x * x + y * y)


def _as_drawn(noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
    """Keep the first slot's gain, which the positions follow from."""
    return {}


def _gain_at_position(noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
    return {"channel_gain": path_gain(distance_of(fields["position_m"], config.min_distance_m, xp=xp))}
