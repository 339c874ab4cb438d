"""Parsing of ``--policies``: ``name``, ``name:parameter=value``, ``module:factory``, ``all``."""

import ast
import dataclasses
import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgeoffload_env import policies
from edgeoffload_env._validation import fail, fail_unknown
from edgeoffload_env.cli_parser import load, only_one, split_names
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.evaluate import as_policy
from edgeoffload_env.policies.optimum import QUICK_USERS, is_quick, is_solvable
from edgeoffload_env.policies.registry import FromCallable

OPTIMUM = "optimum"
_QUICK_SLOTS = 2_500  # 30 s of ``optimum``, so that ``all`` takes less than a minute
_CONSTANTS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class PolicySpec:
    """A policy named on the command line, and its factory."""

    label: str
    """Its name in tables, with its parameters."""
    make: Callable[[], Any]
    through_all: bool = False
    """Whether it was selected by ``all``, so that it is skipped where it is slow."""

    def skip_reason(self, config: EdgeOffloadConfig, episodes: int, with_optimum: bool) -> str | None:
        """Return the reason why the policy is left out in a game, or None: it cannot play it, or ``all`` skips it."""
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
            hint = f", on the command line {self.label}:bounded=true" if "use bounded=True" in str(error) else ""
            return f"{error}{hint}"
        return None


def parse_policies(texts: Sequence[str]) -> list[PolicySpec]:
    """Parse the names of policies, separated by commas or spaces, and make each once to validate its parameters.

    Each counts once, in the place of its first mention. Its label is what was typed; ``module:factory`` gives way to
    the policy's own ``name``, if it has one that is neither a shipped policy's nor that of another one in the list.

    Raises:
        TypeError, ValueError: an unknown name or parameter, or an object that is not a policy; the message names it.
        ImportError: an unknown module or attribute.
    """
    found: dict[str, PolicySpec] = {}
    for text in split_names(texts):
        if text == "all":
            for name in policies.names():
                found.setdefault(name, PolicySpec(name, _shipped(name, {}), through_all=True))
        else:
            found[text] = PolicySpec(text, _factory(text))
    if not found:
        fail("--policies", " ".join(texts), f"all, or names of {', '.join(policies.names())}, module:factory")
    labels = [_label(text, spec.make()) for text, spec in found.items()]
    times = Counter(labels)
    return [
        dataclasses.replace(spec, label=label if times[label] == 1 else text)
        for label, (text, spec) in zip(labels, found.items(), strict=True)
    ]


def parse_policy(text: str) -> PolicySpec:
    """Parse the name of a single policy.

    Raises:
        TypeError, ValueError, ImportError: as :func:`parse_policies`, and for more than one policy.
    """
    return only_one(parse_policies([text]), "--policy", text)


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
    return _custom(label, load("policy", label, name, rest[0]), _parameters(label, rest[1:]))


def _label(text: str, policy: Any) -> str:
    """Return a policy's own name with the parameters that were typed, or what was typed.

    A rule has no name but its function's, and a shipped policy's name in a table must mean that policy.
    """
    module, *rest = text.split(":")
    name = getattr(policy, "name", None)
    if module in policies.names() or isinstance(policy, FromCallable) or not isinstance(name, str):
        return text
    return text if name.split(":")[0] in ("", *policies.names()) else ":".join([name, *rest[1:]])


def _shipped(name: str, values: dict[str, Any]) -> Callable[[], Any]:
    return lambda: policies.make(name, **values)


def _custom(label: str, found: Any, values: dict[str, Any]) -> Callable[[], Any]:
    """Return a factory from a factory, a class, a policy object, or a rule ``f(agent, observation)``."""
    if callable(getattr(found, "act", None)) and not isinstance(found, type):
        return lambda: found
    if not callable(found):
        fail(f"policy {label!r}", found, "a policy, a factory of one, or a rule f(agent, observation)", TypeError)
    try:
        inspect.signature(found).bind(**values)
    except TypeError as error:
        if not values and _is_rule(found):
            return lambda: as_policy(found)
        raise TypeError(
            f"policy {label!r} cannot be made: {error}; it must be a rule f(agent, observation), without "
            "parameters, or a class or function that makes a policy from the parameters given"
        ) from None
    return lambda: as_policy(found(**values))


def _is_rule(found: Any) -> bool:
    """Tell whether an object can be called as ``f(agent, observation)``; a class makes policies."""
    try:
        inspect.signature(found).bind("user_0", None)
    except TypeError:
        return False
    return not isinstance(found, type)


def _parameters(label: str, texts: list[str]) -> dict[str, Any]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals:
            fail(f"parameters of policy {label!r}", name, "parameter=value")
    return {name.strip(): parse_value(value) for name, _, value in pairs}
