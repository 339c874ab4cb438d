"""Shipped policies by name, and policies from callables."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import check_known, fail, fail_unknown
from edgeoffload_env.agents import user_names
from edgeoffload_env.policies.best_response import BestResponse
from edgeoffload_env.policies.fixed import Fixed
from edgeoffload_env.policies.greedy import DriftPlusPenalty, Greedy
from edgeoffload_env.policies.herd import Herd
from edgeoffload_env.policies.lookahead import Lookahead
from edgeoffload_env.policies.optimum import Optimum
from edgeoffload_env.policies.simple import LeastLoaded, Local, Nearest, Proportional, Random, RoundRobin
from edgeoffload_env.policies.view import Actions, Policy, PolicyError, PolicyView
from edgeoffload_env.views.checks import check_action

_SHIPPED: dict[str, type[Any]] = {
    policy.name: policy
    for policy in (
        Random,
        Local,
        Nearest,
        Fixed,
        RoundRobin,
        Proportional,
        LeastLoaded,
        Herd,
        Greedy,
        DriftPlusPenalty,
        BestResponse,
        Lookahead,
        Optimum,
    )
}


def names() -> list[str]:
    """Return the names of the shipped policies, in order of information and cost."""
    return list(_SHIPPED)


def describe(name: str) -> str:
    """Return a line that describes a shipped policy, its information and its cost.

    Raises:
        TypeError, ValueError: an unknown policy.
    """
    return str(_SHIPPED[check_known("policy", name, names())].__doc__).splitlines()[0]


def parameters(name: str) -> dict[str, Any]:
    """Return the parameters of a shipped policy and their defaults.

    Raises:
        TypeError, ValueError: an unknown policy.
    """
    policy = _SHIPPED[check_known("policy", name, names())]
    return {field.name: field.default for field in dataclasses.fields(policy) if field.init}


def make(name: str, **values: Any) -> Policy:
    """Make a shipped policy by name.

    Args:
        name: one of :func:`names`.
        **values: its parameters, see :func:`parameters`.

    Raises:
        TypeError: not a string, an unknown parameter, or one of the wrong type.
        ValueError: an unknown policy, or an impossible value.
    """
    known = parameters(name)
    for parameter in values:
        if parameter not in known:
            fail_unknown(f"parameter of policy {name!r}:", parameter, known, TypeError)
    policy: Policy = _SHIPPED[name](**values)
    return policy


Rule = Callable[[str, NDArray[np.float32]], Any]
"""``rule(agent, observation) -> action``, as in the parallel view."""


@dataclasses.dataclass(frozen=True)
class FromCallable:
    """A rule called for each user of each game with the user's own observation: slow."""

    rule: Rule

    @property
    def name(self) -> str:
        """Name of the callable."""
        return str(getattr(self.rule, "__name__", type(self.rule).__name__))

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``.

        Raises:
            PolicyError: an invalid action; the message names the rule and the user.
        """
        agents = user_names(view.config.num_users)
        actions = np.empty((view.num_games, view.config.num_users), dtype=np.int64)
        for game, rows in enumerate(view.observation):
            for n, (agent, row) in enumerate(zip(agents, rows, strict=True)):
                action = self.rule(agent, row)
                try:
                    actions[game, n] = check_action(agent, action, view.config)
                except (TypeError, ValueError) as error:
                    raise PolicyError(f"policy {self.name!r}: {error}") from None
        return actions


def from_callable(rule: Rule) -> FromCallable:
    """Make a policy from ``rule(agent, observation) -> action``: float32 ``[D]`` in, an action out.

    Raises:
        TypeError: not callable.
    """
    if not callable(rule):
        fail("rule", rule, "a callable that takes an agent's name and its observation", TypeError)
    return FromCallable(rule)
