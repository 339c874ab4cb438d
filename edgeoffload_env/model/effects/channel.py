"""Fading, shadowing and path loss of the users' links. See docs/effects.md."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from edgeoffload_env._validation import check_choice, check_float, fail
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.draws import exponential, two_normals
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.effects.mobility import distance_of, way_m
from edgeoffload_env.model.limits import has_usable_gains
from edgeoffload_env.model.path_loss import MODELS, distance_m, linear, path_gain
from edgeoffload_env.model.quantities import Fields, Noise, Process, Quantity, Scope

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

LEAST_FADING = 1e-3
"""Floor of the fading: 30 dB below its mean."""
MOST_DEVIATIONS = 10.0
"""Bound of a normal number, in standard deviations."""
_MOST_EXPONENTIAL = 40.0  # -ln(1 - u) of a float64 is at most 36.8


def rayleigh(uniform: Array, *, xp: Any) -> Array:
    """Power of a Rayleigh-fading channel from uniform numbers: Exp(1), floored at 1e-3."""
    return xp.clip(exponential(uniform, xp=xp), min=LEAST_FADING)


def rician(power: Array, turn: Array, k: float, *, xp: Any) -> Array:
    """Power of a Rician-fading channel of mean 1 from uniform numbers, floored at 1e-3.

    |sqrt(K / (K + 1)) + sqrt(E / (K + 1)) e^(i phi)|^2 with E from Exp(1) and phi uniform: a constant path and many
    scattered ones, which have 1 / K of its power.

    Args:
        power: uniform numbers that decide on the scattered power E.
        turn: phi as a share of a full turn.
        k: K, linear.
        xp: the array API namespace.
    """
    scattered = exponential(power, xp=xp)
    cross = (2.0 * math.sqrt(k)) * xp.sqrt(scattered) * xp.cos((2.0 * math.pi) * turn)
    return xp.clip((k + cross + scattered) * (1.0 / (k + 1.0)), min=LEAST_FADING)


def shadowing_parts(
    way_m: Array, normal: Array, deviation_db: float, shadowing_m: float, *, xp: Any
) -> tuple[Any, Any]:
    """Parts of X' = keep X + kick: e^(-dd / d_0), and sqrt(1 - e^(-2 dd / d_0)) N(0, sigma) in dB.

    Source: Gudmundson, Electronics Letters 27(23), 1991; TR 38.901, section 7.4.4.

    Args:
        way_m: dd, metres that each user has covered, any shape.
        normal: standard normal numbers, of the same shape.
        deviation_db: sigma.
        shadowing_m: d_0, the decorrelation distance.
        xp: the array API namespace.
    """
    ways = way_m * (-1.0 / shadowing_m)
    return xp.exp(ways), xp.sqrt(-xp.expm1(2.0 * ways)) * (deviation_db * normal)


@dataclass(frozen=True, kw_only=True)
class Channel(Effect):
    """Links that change: channel gain = path gain x 10^(shadow / 10) x fading.

    Raises:
        TypeError, ValueError: a field of the wrong type or out of range; the message names it.
    """

    field: ClassVar[str] = "channel"
    example: ClassVar[dict[str, Any]] = {"fading": "rayleigh"}

    fading: Literal["rayleigh", "rician"] | None = None
    """Distribution of the fading, drawn anew for each user and slot; None: no fading."""
    rician_k_db: float | None = None
    """Power of the constant path over that of all others, dB; given if and only if ``fading`` is "rician"."""
    shadowing_db: float = 0.0
    """Standard deviation of the shadowing, dB."""
    shadowing_m: float = 50.0
    """Way over which the shadowing's correlation falls to 1 / e, m."""
    path_loss: Literal["tr36814", "umi-los", "umi-nlos", "uma-los", "uma-nlos"] = "tr36814"
    """Path-loss model, see :mod:`edgeoffload_env.model.path_loss`."""

    def __post_init__(self) -> None:
        if self.fading is not None:
            check_choice("Channel.fading", self.fading, ("rayleigh", "rician"))
        if self.fading == "rician":
            k_db = check_float("Channel.rician_k_db", self.rician_k_db, -60.0, 60.0, "dB")
            object.__setattr__(self, "rician_k_db", k_db)
        elif self.rician_k_db is not None:
            fail("Channel.rician_k_db", self.rician_k_db, f"None where fading is {self.fading!r}")
        self._check_floats("dB", shadowing_db=(0.0, 100.0))
        self._check_floats("m", shadowing_m=(1e-3, 1e9))
        check_choice("Channel.path_loss", self.path_loss, MODELS)

    @property
    def factor_bounds(self) -> tuple[float, float]:
        """Least and greatest of fading and shadowing together that can occur."""
        shadow = 10.0 ** (MOST_DEVIATIONS * self.shadowing_db / 10.0)
        if self.fading is None:
            return 1.0 / shadow, shadow
        return LEAST_FADING / shadow, shadow * 2.0 * _MOST_EXPONENTIAL  # (sqrt K + sqrt E)^2 <= 2 (K + E)

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        return (
            Quantity(name="path_gain", unit="1", scope="user", kind="state", text="linear gain of the path"),
            Quantity(name="shadow_db", unit="dB", scope="user", kind="state", minimum=-1e30, text="X, the shadowing"),
        )

    def processes_in(self, config: "EdgeOffloadConfig") -> tuple[Process, ...]:
        """See :class:`.Effect`; without mobility path and shadowing stay the same all episode."""
        moves = config.mobility is not None
        wanders, fades = moves and self.shadowing_db > 0.0, self.fading is not None
        normals: dict[Scope, int] = {"user": 2} if self.shadowing_db > 0.0 else {}
        uniforms: dict[Scope, int] = {"user": 2 if self.fading == "rician" else 1} if fades else {}
        return (
            Process(
                name="path_loss",
                fields=("path_gain",),
                first=self.draw_first_path,
                first_uniforms={},
                next=self.draw_path if moves else None,
                independent=True,
            ),
            Process(
                name="shadowing",
                fields=("shadow_db",),
                first=self.draw_first_shadow,
                first_uniforms=normals,
                next=self.draw_shadow if wanders else None,
                next_uniforms=normals if wanders else {},
                many=self.draw_shadows,
            ),
            Process(
                name="fading",
                fields=("channel_gain",),
                first=self.draw_gain,
                first_uniforms=uniforms,
                next=self.draw_gain if moves or fades else None,
                next_uniforms=uniforms,
                independent=True,
            ),
        )

    def check(self, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        if not has_usable_gains(config, config.gain_bounds):
            fail("channel", self, "such that signal to noise ratios and uploads stay within the numbers of float32")

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        most_db = MOST_DEVIATIONS * self.shadowing_db
        shadow_db, path = snapshot["shadow_db"], snapshot["path_gain"]
        if not np.abs(shadow_db).max() <= most_db:
            expected = f"at most {MOST_DEVIATIONS:g} shadowing_db = {most_db:g} dB to either side"
            fail("snapshot field 'shadow_db'", shadow_db, expected)
        least, most = self.factor_bounds
        if not has_usable_gains(config, (float(path.min()) * least, float(path.max()) * most)):
            fail("snapshot field 'path_gain'", path, "such that delays stay within the numbers of float32")

    def draw_first_path(
        self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any
    ) -> dict[str, Array]:
        """Path gain at the distance drawn already, as TR 36.814's gain."""
        if self.path_loss == "tr36814":
            return {"path_gain": fields["channel_gain"]}
        return {"path_gain": path_gain(distance_m(fields["channel_gain"]), self.path_loss, xp=xp)}

    def draw_path(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Path gain at the position."""
        distances_m = distance_of(fields["position_m"], config.min_distance_m, xp=xp)
        return {"path_gain": path_gain(distances_m, self.path_loss, xp=xp)}

    def draw_first_shadow(
        self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any
    ) -> dict[str, Array]:
        """Shadowing from N(0, sigma)."""
        if self.shadowing_db == 0.0:
            return {"shadow_db": xp.zeros_like(fields["path_gain"])}
        return {"shadow_db": self.shadowing_db * self._normal(noise, xp=xp)}

    def draw_shadow(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Shadowing after a slot's way."""
        keep, kick = self._shadowing_parts(noise, fields, config, xp=xp)
        return {"shadow_db": keep * fields["shadow_db"] + kick}

    def draw_shadows(
        self, noise: Noise, fields: Fields, last: Fields, config: "EdgeOffloadConfig", *, xp: Any
    ) -> dict[str, Array]:
        """Shadowing of one game in many slots."""
        shadow_db = last["shadow_db"][0]
        parts = self._shadowing_parts(noise, fields, config, xp=xp)
        rows = np.empty_like(parts[0])
        for slot, (keep, kick) in enumerate(zip(*parts, strict=True)):
            rows[slot] = shadow_db = keep * shadow_db + kick
        return {"shadow_db": rows}

    def draw_gain(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Channel gain of the slot."""
        gain = fields["path_gain"]
        if self.shadowing_db > 0.0:
            gain = gain * linear(fields["shadow_db"], xp=xp)
        if self.fading == "rayleigh":
            gain = gain * rayleigh(noise["user"][0].T, xp=xp)
        elif self.rician_k_db is not None:
            power, turn = noise["user"]
            gain = gain * rician(power.T, turn.T, 10.0 ** (self.rician_k_db / 10.0), xp=xp)
        return {"channel_gain": gain}

    def _shadowing_parts(
        self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any
    ) -> tuple[Any, Any]:
        ways_m = way_m(fields["velocity_mps"], config.slot_s, xp=xp)
        return shadowing_parts(ways_m, self._normal(noise, xp=xp), self.shadowing_db, self.shadowing_m, xp=xp)

    def _normal(self, noise: Noise, *, xp: Any) -> Array:
        first, second = noise["user"]
        return two_normals(first.T, second.T, xp=xp)[0]
