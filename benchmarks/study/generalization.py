"""Trained policies on other games: held-out scenarios, further ones, and the training game with a failed component."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env import EdgeOffloadConfig, Evaluation, evaluate, scenarios
from edgeoffload_env.policies import Policy, PolicyView

FAILURE = "component failure"
"""Name in results of the training game with one user's actor or the central controller out of order."""
OTHER_SIZES = ("sparse",)
"""Training scenarios with other numbers of users, for networks that play any number."""


class FailedComponent:
    """A policy with one failed component, whose users compute on their devices.

    With decentralised execution one user's actor has failed, a different one in each game; with a central controller
    the controller has.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.name = f"{getattr(policy, 'name', type(policy).__name__)}, {FAILURE}"
        self._central = getattr(policy, "central", False)

    def act(self, view: PolicyView) -> NDArray[Any]:
        """Return the remaining actions, ``[B, N]``."""
        actions = np.array(self._policy.act(view))
        games = np.arange(len(actions))
        actions[(slice(None),) if self._central else (games, games % actions.shape[1])] = 0
        return actions


def generalization(
    policy: Policy, config: EdgeOffloadConfig, episodes: int, seed: int, *, also: Sequence[str] = ()
) -> dict[str, Evaluation]:
    """Evaluate a policy on each held-out scenario and each of :data:`OTHER_SIZES` that it can play, and with a failure.

    Args:
        policy: a trained policy.
        config: the game it was trained on.
        episodes: number of episodes of each game.
        seed: seed of the games.
        also: further scenarios, those that it was trained on beside the game.
    """
    found = {FAILURE: evaluate(FailedComponent(policy), config, episodes, seed)}
    for name in dict.fromkeys((*scenarios.names(held_out=True), *OTHER_SIZES, *also)):
        if can_play(policy, scenarios.configure(name)):
            found[name] = evaluate(policy, name, episodes, seed)
    return found


def can_play(policy: Any, config: EdgeOffloadConfig) -> bool:
    """Return whether a policy accepts a game."""
    try:
        getattr(policy, "check", lambda _: None)(config)
    except ValueError:
        return False
    return True
