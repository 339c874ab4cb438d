"""Path loss over the distance from the eNB: 3GPP TR 36.814 and TR 38.901.

Heights and breakpoints at the carrier of :data:`CARRIER_GHZ` = 2 GHz, d the distance on the ground in m and
d_3D = sqrt(d^2 + (h_BS - h_UT)^2) with h_UT = 1.5 m:

=============  ========  ========  ==============================================================================
model          h_BS / m  d_BP / m  path loss / dB
=============  ========  ========  ==============================================================================
``tr36814``    -         -         128.1 + 37.6 log10(d / km)
``umi-los``    10        120       32.4 + 21 log10(d_3D) + 20 log10(f) up to d_BP, beyond it
                                   32.4 + 40 log10(d_3D) + 20 log10(f) - 9.5 log10(d_BP^2 + (h_BS - h_UT)^2)
``umi-nlos``   10        120       the larger of ``umi-los`` and
                                   22.4 + 35.3 log10(d_3D) + 21.3 log10(f) - 0.3 (h_UT - 1.5)
``uma-los``    25        320       28 + 22 log10(d_3D) + 20 log10(f) up to d_BP, beyond it
                                   28 + 40 log10(d_3D) + 20 log10(f) - 9 log10(d_BP^2 + (h_BS - h_UT)^2)
``uma-nlos``   25        320       the larger of ``uma-los`` and
                                   13.54 + 39.08 log10(d_3D) + 20 log10(f) - 0.6 (h_UT - 1.5)
=============  ========  ========  ==============================================================================

Source: TR 38.901, table 7.4.1-1, f in GHz. Its note 1: d_BP = 4 (h_BS - h_E) (h_UT - h_E) f / c with f in Hz,
c = 3e8 m/s and h_E = 1 m (for UMa too, where users are lower than 13 m). The tables hold from 10 m to 5 km; outside
they are continued.
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edgeoffload_env.model import channel
from edgeoffload_env.model.channel import Array

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

CARRIER_GHZ = 2.0
USER_HEIGHT_M = 1.5
"""h_UT"""
ENVIRONMENT_HEIGHT_M = 1.0
"""h_E"""
LIGHT_MPS = 3e8
"""c as TR 38.901 rounds it."""


class _Line(NamedTuple):
    """Path loss ``constant_db + slope_db log10(d_3D / m)``."""

    constant_db: float
    slope_db: float


class Street(NamedTuple):
    """A scenario of TR 38.901 at the carrier's frequency."""

    station_m: float
    """h_BS"""
    near: _Line
    """Line of sight up to the breakpoint."""
    breakpoint_slope_db: float
    """The loss beyond the breakpoint falls by this times log10(d_BP^2 + (h_BS - h_UT)^2)."""
    blocked: _Line
    """Without line of sight, where it is the larger."""

    @property
    def breakpoint_m(self) -> float:
        """d_BP, on the ground."""
        heights = (self.station_m - ENVIRONMENT_HEIGHT_M) * (USER_HEIGHT_M - ENVIRONMENT_HEIGHT_M)
        return 4.0 * heights * CARRIER_GHZ * 1e9 / LIGHT_MPS

    @property
    def climb_m2(self) -> float:
        """The square of h_BS - h_UT."""
        return (self.station_m - USER_HEIGHT_M) ** 2

    @property
    def far(self) -> _Line:
        """Line of sight beyond the breakpoint."""
        corner_db = self.breakpoint_slope_db * math.log10(self.breakpoint_m**2 + self.climb_m2)
        return _Line(self.near.constant_db - corner_db, 40.0)


_LOG_F = math.log10(CARRIER_GHZ)
UMI = Street(10.0, _Line(32.4 + 20.0 * _LOG_F, 21.0), 9.5, _Line(22.4 + 21.3 * _LOG_F, 35.3))
UMA = Street(25.0, _Line(28.0 + 20.0 * _LOG_F, 22.0), 9.0, _Line(13.54 + 20.0 * _LOG_F, 39.08))
_STREETS = {"umi-los": UMI, "umi-nlos": UMI, "uma-los": UMA, "uma-nlos": UMA}
MODELS = ("tr36814", *_STREETS)
"""Names of the path-loss models."""


def street_loss_db(distance_m: Array, street: Street, *, blocked: bool, xp: Any) -> Array:
    """Path loss of TR 38.901 in dB at distances on the ground in m, any shape.

    Args:
        distance_m: d.
        street: the scenario.
        blocked: whether there is no line of sight.
        xp: the array API namespace.
    """
    log_d = xp.log(distance_m * distance_m + street.climb_m2) * (0.5 / math.log(10.0))
    near, far = (line.constant_db + line.slope_db * log_d for line in (street.near, street.far))
    loss_db = xp.where(distance_m <= street.breakpoint_m, near, far)
    if blocked:
        loss_db = xp.maximum(loss_db, street.blocked.constant_db + street.blocked.slope_db * log_d)
    return loss_db


def path_gain(distance_m: Array, model: str, *, xp: Any) -> Array:
    """Linear gain (dimensionless) of the path at distances in m, any shape.

    Args:
        distance_m: d, on the ground.
        model: one of :data:`MODELS`.
        xp: the array API namespace.
    """
    if model == "tr36814":
        return channel.path_gain(distance_m)
    loss_db = street_loss_db(distance_m, _STREETS[model], blocked=model.endswith("nlos"), xp=xp)
    return linear(-loss_db, xp=xp)


def linear(decibels: Array, *, xp: Any) -> Array:
    """Return 10^(x / 10)."""
    return xp.exp(decibels * (math.log(10.0) / 10.0))


def distance_m(path_gain: Array) -> Array:
    """Distance in m at which TR 36.814 gives a gain: the inverse of :func:`.channel.path_gain`."""
    return 1000.0 * (path_gain / channel.path_gain(1000.0)) ** (-1.0 / 3.76)


def model_of(config: "EdgeOffloadConfig") -> str:
    """Return the name of a game's path-loss model."""
    return "tr36814" if config.channel is None else config.channel.path_loss


def path_gain_bounds(config: "EdgeOffloadConfig") -> tuple[float, float]:
    """Return the gains of the path at the cell's edge and at the least distance."""
    model = model_of(config)
    edge, near = (
        float(path_gain(np.asarray(at_m), model, xp=np)) for at_m in (config.cell_radius_m, config.min_distance_m)
    )
    return edge, near
