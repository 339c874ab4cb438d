"""A run's last checkpoint where it was not trained: on held-out scenarios, and with a part of the system lost."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env import EdgeOffloadConfig, Evaluation, evaluate, scenarios
from edgeoffload_env.policies import Policy, PolicyView

LOST = "a part lost"
"""What rows call the run's own game with one user's actor out of order, or the controller that decides for all."""


class PartLost:
    """A policy of which one part has failed: those that hear nothing compute on their devices.

    Where each user acts by itself, one user's actor is lost, another one in each game; where one controller decides for
    all, it is the controller.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.name = f"{getattr(policy, 'name', type(policy).__name__)}, {LOST}"
        self._central = getattr(policy, "central", False)

    def act(self, view: PolicyView) -> NDArray[Any]:
        """What is left of the policy's actions, ``[B, N]``."""
        actions = np.array(self._policy.act(view))
        if self._central:
            actions[:] = 0
        else:
            games = np.arange(len(actions))
            actions[games, games % actions.shape[1]] = 0
        return actions


def elsewhere(policy: Policy, config: EdgeOffloadConfig, episodes: int, seed: int) -> dict[str, Evaluation]:
    """How it does, by what rows call the game: each held-out scenario that it fits, and :data:`LOST`.

    Args:
        policy: the trained one.
        config: the game it was trained on.
        episodes: of each game.
        seed: of the games.
    """
    found = {LOST: evaluate(PartLost(policy), config, episodes, seed)}
    for name in scenarios.names(held_out=True):
        if _fits(policy, name):
            found[name] = evaluate(policy, name, episodes, seed)
    return found


def _fits(policy: Any, scenario: str) -> bool:
    try:
        policy.check(scenarios.configure(scenario))
    except ValueError:
        return False
    return True
