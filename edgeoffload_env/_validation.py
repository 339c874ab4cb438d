"""Validation of single values: each check returns the value in its stored type, or raises an error with its name."""

import difflib
import math
import operator
import re
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, NoReturn

import numpy as np


def fail(name: str, value: Any, expected: str, error: type[Exception] = ValueError, *, hint: str = "") -> NoReturn:
    """Raise ``<name> must be <expected>, got <value>``, without the traceback of an error under way.

    Args:
        name: the argument's name.
        value: the value that was given.
        expected: what is allowed.
        error: the type to raise.
        hint: what to do instead, after a semicolon.
    """
    raise error(f"{name} must be {expected}, got {value!r}" + (f"; {hint}" if hint else "")) from None


def fail_unknown(kind: str, name: Any, known: Iterable[str], error: type[Exception] = ValueError) -> NoReturn:
    """Raise ``unknown <kind> <name>``, with the nearest known name and the list of all.

    Args:
        kind: the field's noun: "scenario", "policy", "field".
        name: the name that was given.
        known: all names there are.
        error: the type to raise.
    """
    known = list(known)
    close = difflib.get_close_matches(str(name).lower(), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise error(f"unknown {kind} {name!r}{hint} Known: {', '.join(known) or 'none'}") from None


def check_known(kind: str, name: Any, known: Iterable[str]) -> str:
    """Return a name that is among the known ones.

    Raises:
        TypeError: not a string.
        ValueError: unknown; the message suggests the nearest name and lists all.
    """
    known = list(known)
    if not isinstance(name, str):
        fail(kind, name, f"a string, one of {', '.join(known)}", TypeError)
    if name not in known:
        fail_unknown(kind, name, known)
    return name


def as_int(value: Any) -> int:
    """Return the Python int of an integer or of a 0-d integer array.

    Raises:
        TypeError: anything else, bools and arrays of one element included.
    """
    if isinstance(value, bool | np.bool_) or str(getattr(value, "dtype", "")).endswith("bool"):
        raise TypeError("a bool")
    if getattr(value, "ndim", 0):
        raise TypeError("an array with an axis")
    return operator.index(value)


def check_int(name: str, value: Any, low: int, high: int) -> int:
    """Return the Python int of any integer in [low, high]; bools are refused."""
    expected = f"an integer in [{low}, {_readable(high)}]"
    try:
        result = as_int(value)
    except TypeError:
        fail(name, value, expected, TypeError)
    if not low <= result <= high:
        fail(name, value, expected)
    return result


def check_float(name: str, value: Any, low: float, high: float, unit: str = "") -> float:
    """Return the Python float of any finite real number in [low, high]; bools are refused."""
    expected = f"a number in [{low:g}, {high:g}] {unit}".rstrip()
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        fail(name, value, expected, TypeError)
    try:
        result = float(value)
    except OverflowError:
        fail(name, value, expected)
    if not (math.isfinite(result) and low <= result <= high):
        fail(name, value, expected)
    return result


def check_range(name: str, value: Any, low: float, high: float, unit: str = "") -> tuple[float, float]:
    """Return a pair (a, b) of floats with low <= a <= b <= high."""
    expected = f"a pair (a, b) with {low:g} <= a <= b <= {high:g} {unit}".rstrip()
    items = _items(name, value, expected)
    if len(items) != 2:
        fail(name, value, expected)
    first, last = (check_float(name, item, low, high, unit) for item in items)
    if first > last:
        fail(name, value, expected)
    return first, last


def check_floats(name: str, value: Any, low: float, high: float, unit: str = "") -> tuple[float, ...]:
    """Return a non-empty tuple of floats, each in [low, high]."""
    expected = f"a non-empty tuple of numbers in [{low:g}, {high:g}] {unit}".rstrip()
    items = _items(name, value, expected)
    if not items:
        fail(name, value, expected)
    return tuple(check_float(name, item, low, high, unit) for item in items)


def check_bool(name: str, value: Any) -> bool:
    """Return True or False; numpy bools are taken too, integers are refused."""
    if not isinstance(value, bool | np.bool_):
        fail(name, value, "True or False", TypeError)
    return bool(value)


def check_choice(name: str, value: Any, allowed: Sequence[str]) -> Any:
    """Return one of the allowed strings."""
    expected = " or ".join(map(repr, allowed))
    if not isinstance(value, str):
        fail(name, value, expected, TypeError)
    if value not in allowed:
        # float16 is no misspelling of float64: names that differ in their digits alone are no suggestion
        alike = [choice for choice in allowed if _without_digits(choice) != _without_digits(value)]
        close = difflib.get_close_matches(value, alike, n=1)
        fail(name, value, expected + (f" (did you mean {close[0]!r}?)" if close else ""))
    return value


def _readable(bound: int) -> str:
    """Return a bound in digits, or a great power of two as a power."""
    is_power = bound > 2**64 and bound & (bound - 1) == 0
    return f"2**{bound.bit_length() - 1}" if is_power else str(bound)


def _without_digits(text: str) -> str:
    return re.sub(r"\d", "", text)


def _items(name: str, value: Any, expected: str) -> list[Any]:
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return list(value)
    if not isinstance(value, tuple | list):
        fail(name, value, expected, TypeError)
    return list(value)
