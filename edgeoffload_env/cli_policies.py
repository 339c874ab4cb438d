"""Parsing of ``--policies``: ``name``, ``name:parameter=value``, ``module:factory``, ``all``."""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeoffload_env import policies
from edgeoffload_env._validation import fail, fail_unknown
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.evaluate import as_policy
from edgeoffload_env.policies.optimum import QUICK_USERS, is_quick, is_solvable

OPTIMUM = "optimum"
_QUICK_SLOTS = 2_500  # 30 s of ``optimum``, so that ``all`` takes less than a minute
_COMMA = re.compile(r",(?![^(\[]*[)\]])")  # outside brackets
_CONSTANTS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class PolicySpec:
    """A policy named on the command line, and its factory."""

    label: str
    make: Callable[[], Any]
    through_all: bool = False
    """Whether it was selected by ``all``, so that it may be skipped."""

    def skip_reason(self, config: EdgeOffloadConfig, episodes: int, with_optimum: bool) -> str | None:
        """Return the reason why ``all`` skips the policy in a game, or None.

        Raises:
            ValueError: a policy selected by name cannot play the game.
        """
        if self.through_all and self.label == OPTIMUM and not with_optimum and is_solvable(config):
            if not is_quick(config):
                return f"slow beyond {QUICK_USERS} users; add it with --with-optimum or by name"
            if episodes * config.max_cycles > _QUICK_SLOTS:
                return (
                    f"takes about 10 ms a slot, too slow for {episodes} episodes; add it with --with-optimum or by name"
                )
        policy = self.make()
        try:
            if hasattr(policy, "check"):
                policy.check(config)
        except ValueError as error:
            if self.through_all:
                hint = f", on the command line {self.label}:bounded=true" if "use bounded=True" in str(error) else ""
                return f"{error}{hint}"
            raise
        return None


def parse_policies(text: str) -> list[PolicySpec]:
    """Parse a comma-separated list of policies, and make each once to validate its parameters.

    Raises:
        TypeError, ValueError: an unknown name or parameter, or an object that is not a policy; the message names it.
        ImportError: an unknown module or attribute.
    """
    found: list[PolicySpec] = []
    for label in filter(None, (part.strip() for part in _COMMA.split(text))):
        if label == "all":
            found += [PolicySpec(name, _shipped(name, {}), through_all=True) for name in policies.names()]
        else:
            found.append(PolicySpec(label, _factory(label)))
    if not found:
        fail("--policies", text, f"all, or names with commas of {', '.join(policies.names())}, module:factory")
    for spec in found:
        spec.make()
    return list({spec.label: spec for spec in reversed(found)}.values())[::-1]


def parse_policy(text: str) -> PolicySpec:
    """Parse the name of a single policy.

    Raises:
        TypeError, ValueError, ImportError: as :func:`parse_policies`, and for more than one policy.
    """
    spec, *more = parse_policies(text)
    if more:
        fail("--policy", text, "one policy")
    return spec


def parse_value(text: str) -> Any:
    """Parse a value: a Python literal, true, false or none; any other text is a string."""
    text = text.strip()
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _factory(label: str) -> Callable[[], Any]:
    name, *rest = label.split(":")
    if name in policies.names():
        return _shipped(name, _parameters(label, rest))
    if not rest:
        fail_unknown("policy", name, [*policies.names(), "module:factory"])
    return _custom(label, _load(label, name, rest[0]), _parameters(label, rest[1:]))


def _shipped(name: str, values: dict[str, Any]) -> Callable[[], Any]:
    return lambda: policies.make(name, **values)


def _custom(label: str, found: Any, values: dict[str, Any]) -> Callable[[], Any]:
    """Return a factory from a factory, a class, or a policy object."""
    if callable(getattr(found, "act", None)) and not isinstance(found, type):
        return lambda: found
    if not callable(found):
        fail(f"policy {label!r}", found, "a policy, or a factory of one", TypeError)
    try:
        inspect.signature(found).bind(**values)
    except TypeError as error:
        raise TypeError(
            f"policy {label!r} cannot be made: {error}; a factory must need no more than the given parameters (for a "
            f"rule f(agent, observation), write a factory that returns it)"
        ) from None
    return lambda: as_policy(found(**values))


def _load(label: str, module: str, attribute: str) -> Any:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ImportError(f"policy {label!r}: {error}") from None


def _parameters(label: str, texts: list[str]) -> dict[str, Any]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals:
            fail(f"parameters of policy {label!r}", name, "parameter=value")
    return {name.strip(): parse_value(value) for name, _, value in pairs}
