"""Baseline policies, from random to the optimum of the slot, with one interface for B games at once.

>>> import numpy as np
>>> from edgeoffload_env import edgeoffload_v0, policies
>>> env = edgeoffload_v0.parallel_env()
>>> _ = env.reset(seed=0)
>>> greedy = policies.make("greedy")
>>> targets = greedy.act(policies.view_of(env, np.random.default_rng(0)))[0]
>>> _ = env.step(dict(zip(env.agents, targets, strict=True)))

:func:`make` returns a shipped policy by name. A custom policy is any object with ``act(view) -> actions[B, N]``
(:class:`Policy`, :class:`PolicyView`), or a rule ``f(agent, observation) -> action`` through :func:`from_callable`.
"""

from edgeoffload_env.policies.registry import describe, from_callable, make, names, parameters
from edgeoffload_env.policies.view import Policy, PolicyError, PolicyView, view_of

__all__ = [
    "Policy",
    "PolicyError",
    "PolicyView",
    "describe",
    "from_callable",
    "make",
    "names",
    "parameters",
    "view_of",
]
