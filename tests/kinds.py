"""Kinds of scenarios, so that tests of many views need not repeat all of them on games that differ in numbers alone."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from edgeoffload_env import EdgeOffloadConfig, scenarios

ON_EVERY_GAME = ("parallel", "numpy-float32")
"""A driver of each of the two paths through the package: one game by itself, and batches in single precision."""


def form(value: Any) -> Any:
    """Reduce a configuration to what code can branch on: effects on or off, names, numbers or tuples, zero or not."""
    if dataclasses.is_dataclass(value):
        return tuple(form(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, tuple):
        return ("tuple", any(map(bool, value)))
    return value if isinstance(value, str) else bool(value)


def one_of_each_kind(configs: Mapping[str, EdgeOffloadConfig]) -> list[str]:
    """Return the first name of each form; held-out scenarios, for one, have the forms of those that they belong to."""
    names: dict[Any, str] = {}
    for name, config in configs.items():
        names.setdefault(form(config), name)
    return list(names.values())


def names_and_drivers(configs: Mapping[str, EdgeOffloadConfig], drivers: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of names and drivers: every driver on a game of each kind, and two drivers on every game."""
    kinds = set(one_of_each_kind(configs))
    return [(name, driver) for name in configs for driver in drivers if name in kinds or driver in ON_EVERY_GAME]


def every_scenario_slowly() -> pytest.MarkDecorator:
    """Parametrize a test by all scenarios: one of each kind in the default suite, the others in the slow one."""
    quick = set(one_of_each_kind({name: scenarios.get(name).config for name in scenarios.names()}))
    names = [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in scenarios.names()]
    return pytest.mark.parametrize("scenario", names)
