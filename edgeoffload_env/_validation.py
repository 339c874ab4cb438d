"""Checks of single values: each returns the value in its stored type, or says what is wrong with which field."""

import math
import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any, NoReturn

import numpy as np


def fail(name: str, value: Any, allowed: str, error: type[Exception] = ValueError) -> NoReturn:
    """Raise an error that names the field, the value and what is allowed."""
    raise error(f"{name} = {value!r} is not allowed; allowed: {allowed}")


def integer(value: Any) -> int:
    """A Python int from an integer or a 0-d array of one.

    Raises:
        TypeError: anything else; also bools and arrays with an axis, of which torch makes integers.
    """
    if isinstance(value, bool | np.bool_) or str(getattr(value, "dtype", "")).endswith("bool"):
        raise TypeError("a bool")
    if getattr(value, "ndim", 0):
        raise TypeError("an array with an axis")
    return operator.index(value)


def whole(name: str, value: Any, low: int, high: int) -> int:
    """A Python int in [low, high] from any integer but a bool."""
    allowed = f"an integer from {low} to {high}"
    try:
        result = integer(value)
    except TypeError:
        fail(name, value, allowed, TypeError)
    if not low <= result <= high:
        fail(name, value, allowed)
    return result


def number(name: str, value: Any, low: float, high: float, unit: str = "") -> float:
    """A finite Python float in [low, high] from any real number but a bool."""
    allowed = f"a number from {low:g} to {high:g} {unit}".rstrip()
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        fail(name, value, allowed, TypeError)
    try:
        result = float(value)
    except OverflowError:
        fail(name, value, allowed)
    if not (math.isfinite(result) and low <= result <= high):
        fail(name, value, allowed)
    return result


def number_range(name: str, value: Any, low: float, high: float, unit: str = "") -> tuple[float, float]:
    """A pair (a, b) of numbers with low <= a <= b <= high."""
    allowed = f"a pair (a, b) with {low:g} <= a <= b <= {high:g} {unit}".rstrip()
    items = _items(name, value, allowed)
    if len(items) != 2:
        fail(name, value, allowed)
    first, last = (number(name, item, low, high, unit) for item in items)
    if first > last:
        fail(name, value, allowed)
    return first, last


def number_tuple(name: str, value: Any, low: float, high: float, unit: str = "") -> tuple[float, ...]:
    """A tuple of at least one number, each in [low, high]."""
    allowed = f"a non-empty tuple of numbers from {low:g} to {high:g} {unit}".rstrip()
    items = _items(name, value, allowed)
    if not items:
        fail(name, value, allowed)
    return tuple(number(name, item, low, high, unit) for item in items)


def choice(name: str, value: Any, allowed: Sequence[str]) -> Any:
    """One of some strings."""
    text = " or ".join(map(repr, allowed))
    if not isinstance(value, str):
        fail(name, value, text, TypeError)
    if value not in allowed:
        fail(name, value, text)
    return value


def _items(name: str, value: Any, allowed: str) -> list[Any]:
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return list(value)
    if not isinstance(value, tuple | list):
        fail(name, value, allowed, TypeError)
    return list(value)
