"""What ``--policies`` takes: ``name``, ``name:parameter=value``, ``module:factory``, ``all``."""

import ast
import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeoffload_env import policies
from edgeoffload_env._validation import fail, fail_unknown
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.evaluate import as_policy
from edgeoffload_env.policies.optimum import QUICK_USERS, is_quick

OPTIMUM = "optimum"
_QUICK_SLOTS = 2_500  # half a minute of ``optimum``, so that ``all`` stays within a minute
_CONSTANTS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class PolicySpec:
    """A policy that was asked for, and how to make it."""

    label: str
    make: Callable[[], Any]
    through_all: bool = False
    """Named by ``all`` rather than by the user, so that it may be left out."""

    def why_not(self, config: EdgeOffloadConfig, episodes: int, with_optimum: bool) -> str | None:
        """Why ``all`` leaves the policy out of so many episodes of a game, or None.

        Raises:
            ValueError: the policy cannot play these games, and was asked for by name.
        """
        if self.through_all and self.label == OPTIMUM and not with_optimum:
            if not is_quick(config):
                return f"it is slow beyond {QUICK_USERS} users; --with-optimum or its name adds it"
            if episodes * config.max_cycles > _QUICK_SLOTS:
                return f"it takes about 10 ms a slot, many for {episodes} episodes; --with-optimum or its name adds it"
        policy = self.make()
        try:
            if hasattr(policy, "check"):
                policy.check(config)
        except ValueError as error:
            if self.through_all:
                return f"{error}, on the command line {self.label}:bounded=true"
            raise
        return None


def parse_policies(text: str) -> list[PolicySpec]:
    """The policies named in a list with commas; each is made once, to see that it can be.

    Raises:
        TypeError, ValueError: an unknown name or parameter, or something that is no policy; the message names it.
        ImportError: no such module, or nothing of that name in it.
    """
    found: list[PolicySpec] = []
    for label in filter(None, (part.strip() for part in text.split(","))):
        if label == "all":
            found += [PolicySpec(name, _shipped(name, {}), through_all=True) for name in policies.names()]
        else:
            found.append(PolicySpec(label, _maker(label)))
    if not found:
        fail("--policies", text, f"all, or names with commas of {', '.join(policies.names())}, module:factory")
    for spec in found:
        spec.make()
    return list({spec.label: spec for spec in reversed(found)}.values())[::-1]


def parse_policy(text: str) -> PolicySpec:
    """The policy of a name.

    Raises:
        TypeError, ValueError, ImportError: as :func:`parse_policies`, and for several.
    """
    spec, *more = parse_policies(text)
    if more:
        fail("--policy", text, "one policy")
    return spec


def parse_value(text: str) -> Any:
    """A value from the command line: a Python number, tuple or string, true, false or none."""
    text = text.strip()
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _maker(label: str) -> Callable[[], Any]:
    name, *rest = label.split(":")
    if name in policies.names():
        return _shipped(name, _parameters(label, rest))
    if not rest:
        fail_unknown("policy", name, [*policies.names(), "module:factory"])
    return _own(label, _load(label, name, rest[0]), _parameters(label, rest[1:]))


def _shipped(name: str, values: dict[str, Any]) -> Callable[[], Any]:
    return lambda: policies.make(name, **values)


def _own(label: str, found: Any, values: dict[str, Any]) -> Callable[[], Any]:
    """A maker from a factory, a class, or a policy that is ready."""
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
