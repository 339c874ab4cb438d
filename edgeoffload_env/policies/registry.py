"""The shipped policies by name, and callables as policies."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import check_known, fail, fail_unknown
from edgeoffload_env.agents import action_count, user_names
from edgeoffload_env.policies.best_response import BestResponse
from edgeoffload_env.policies.greedy import DriftPlusPenalty, Greedy
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
        RoundRobin,
        Proportional,
        LeastLoaded,
        Greedy,
        DriftPlusPenalty,
        BestResponse,
        Optimum,
    )
}


def names() -> list[str]:
    """Names of the shipped policies, those that know and cost least first."""
    return list(_SHIPPED)


def describe(name: str) -> str:
    """One line on what a shipped policy does, knows and costs.

    Raises:
        TypeError, ValueError: no such policy.
    """
    return str(_SHIPPED[check_known("policy", name, names())].__doc__).splitlines()[0]


def parameters(name: str) -> dict[str, Any]:
    """A shipped policy's parameters and their defaults.

    Raises:
        TypeError, ValueError: no such policy.
    """
    policy = _SHIPPED[check_known("policy", name, names())]
    return {field.name: field.default for field in dataclasses.fields(policy) if field.init}


def make(name: str, **values: Any) -> Policy:
    """The shipped policy of a name.

    Args:
        name: one of :func:`names`.
        **values: its parameters, see :func:`parameters`.

    Raises:
        TypeError: not a string, an unknown parameter, or one of the wrong type.
        ValueError: no such policy, or an impossible value.
    """
    known = parameters(name)
    for parameter in values:
        if parameter not in known:
            fail_unknown(f"parameter of policy {name!r}:", parameter, known, TypeError)
    policy: Policy = _SHIPPED[name](**values)
    return policy


Rule = Callable[[str, NDArray[np.float32]], Any]
"""``rule(agent, observation) -> action``, as one would act in the parallel view."""


@dataclasses.dataclass(frozen=True)
class FromCallable:
    """A rule for one user, asked once for every user of every game: slow, and it knows what the user sees alone."""

    rule: Rule

    @property
    def name(self) -> str:
        """The callable's own name."""
        return str(getattr(self.rule, "__name__", type(self.rule).__name__))

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``.

        Raises:
            PolicyError: an action that the parallel view would refuse; the message names the rule and the user.
        """
        count, agents = action_count(view.config), user_names(view.config)
        actions = np.empty((view.num_games, view.config.num_users), dtype=np.int64)
        for game, rows in enumerate(view.observation):
            for n, (agent, row) in enumerate(zip(agents, rows, strict=True)):
                action = self.rule(agent, row)
                try:
                    actions[game, n] = check_action(agent, action, count)
                except (TypeError, ValueError) as error:
                    raise PolicyError(f"policy {self.name!r}: {error}") from None
        return actions


def from_callable(rule: Rule) -> FromCallable:
    """A policy from ``rule(agent, observation) -> action``: float32 ``[D]`` in, 0..M out.

    Raises:
        TypeError: not callable.
    """
    if not callable(rule):
        fail("rule", rule, "a callable that takes an agent's name and its observation", TypeError)
    return FromCallable(rule)
