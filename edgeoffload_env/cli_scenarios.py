"""Parsing of ``--scenario``: ``name``, ``module:name``, ``all``."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeoffload_env import scenarios
from edgeoffload_env._validation import fail, fail_unknown
from edgeoffload_env.cli_parser import load, only_one, split_names
from edgeoffload_env.config import EdgeOffloadConfig


@dataclass(frozen=True)
class ScenarioSpec:
    """A scenario named on the command line."""

    label: str
    config: EdgeOffloadConfig


def parse_scenarios(texts: Sequence[str]) -> list[ScenarioSpec]:
    """Parse the names of scenarios, separated by commas or spaces; each counts once.

    Raises:
        TypeError, ValueError: an unknown name, or an object that is not a configuration; the message names it.
        ImportError: an unknown module or attribute.
    """
    given = split_names(texts)
    labels = [label for name in given for label in (scenarios.names() if name == "all" else [name])]
    if not labels:
        fail("--scenario", " ".join(texts), f"all, or names of {', '.join(scenarios.names())}, module:name")
    return [ScenarioSpec(label, _config(label)) for label in dict.fromkeys(labels)]


def parse_scenario(text: str) -> ScenarioSpec:
    """Parse the name of a single scenario.

    Raises:
        TypeError, ValueError, ImportError: as :func:`parse_scenarios`, and for more than one scenario.
    """
    return only_one(parse_scenarios([text]), "--scenario", text)


def _config(label: str) -> EdgeOffloadConfig:
    if label in scenarios.names():
        return scenarios.get(label).config
    module, colon, name = label.partition(":")
    if not colon:
        fail_unknown("scenario", label, [*scenarios.names(), "module:name"])
    found = load("scenario", label, module, name)
    expected = "an EdgeOffloadConfig, or a function without arguments that returns one"
    if isinstance(found, EdgeOffloadConfig):
        return found
    if not callable(found):
        fail(f"scenario {label!r}", found, expected, TypeError)
    return _returned(label, found, expected)


def _returned(label: str, function: Any, expected: str) -> EdgeOffloadConfig:
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise TypeError(f"scenario {label!r} cannot be made: {error}; it must be {expected}") from None
    config = function()
    if not isinstance(config, EdgeOffloadConfig):
        fail(f"scenario {label!r}", config, f"{expected}: it returns something else", TypeError)
    return config
