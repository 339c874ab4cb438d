"""Scaling of features: quantities of any magnitude as numbers of order 1, squashed and never clipped.

``2 x / (1 + x) - 1`` maps a quantity that is only known to be >= 0 into [-1, 1), so that empty queues are not a row of
zeros; ``z / (1 + |z|)`` with ``z = (value - middle) / half width`` maps a quantity with a configured range into
(-1, 1), the range itself onto [-1/2, 1/2]. Values outside the range (from a snapshot) still land inside the box.
"""

import functools
from typing import Any

from edgeoffload_env.model.channel import Array

NARROW = 1e-6
"""The half width, as a fraction of the middle, below which a range has no width."""
LOAD_SCALE_S = 0.5
"""The load factor, in seconds of work, that the load feature maps to 0."""


def squashed(value: Array, scale: float) -> Array:
    """Return ``2 x / (1 + x) - 1`` of ``x = value / scale`` for a value >= 0, in [-1, 1), as one fraction."""
    return (value - scale) / (value + scale)


def centred(value: Array, bounds: tuple[float, float], *, xp: Any) -> Array:
    """Return ``z / (1 + |z|)`` with z over the range ``bounds``, in (-1, 1).

    A range narrower than a millionth of its middle to either side, in which rounding would be all that is seen, counts
    as 10 % to either side.
    """
    middle, half = middle_and_half_width(bounds)
    z = (value - middle) * (1.0 / half)
    return z / (1.0 + xp.abs(z))


def centred_formula(name: str, bounds: tuple[float, float]) -> str:
    """Write :func:`centred` out for a quantity, with its numbers."""
    middle, half = middle_and_half_width(bounds)
    return f"z / (1 + abs(z)), z = ({name} - {middle:.9g}) / {half:.9g}".replace("- -", "+ ")


@functools.lru_cache(maxsize=256)
def middle_and_half_width(bounds: tuple[float, float]) -> tuple[float, float]:
    """Return the middle of a range and its half width, at least 10 % of the middle for a range of no width."""
    middle = 0.5 * (bounds[0] + bounds[1])
    half = 0.5 * (bounds[1] - bounds[0])
    if half < NARROW * abs(middle):
        half = 0.1 * abs(middle)
    return middle, half
