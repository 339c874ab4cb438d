"""Counting episodes while they run, for reports."""

import copy
from typing import Any

import numpy as np
import torch

from recipes.joint.games import SUMMED, GameStep, JointGames


class Tally:
    """Running episodes and what is to be reported of ended ones."""

    def __init__(self) -> None:
        self.forget()
        self._return = self._length = np.zeros(0)
        self._running: dict[str, Any] = {}

    def begin(self, games: JointGames) -> None:
        """All games start anew."""
        self._return, self._length = np.zeros(games.num_envs), np.zeros(games.num_envs)
        self._running = {}

    def add(self, step: GameStep) -> int:
        """Count a step; returns how many episodes it ended. The return of an episode is the mean over its users."""
        self.env_steps += len(step.rewards)
        self._return += as_numpy(step.rewards.mean(1))
        self._length += 1
        for name, values in step.measures.items():
            self._running[name] = self._running.get(name, 0.0) + as_numpy(values)
        if not step.ended.any():
            return 0
        self.returns += self._return[step.ended].tolist()
        self.lengths += self._length[step.ended].astype(int).tolist()
        for name, values in self._running.items():
            shown = values if name in SUMMED else values / self._length
            self.measures.setdefault(name, []).extend(shown[step.ended].tolist())
            self._running[name] = np.where(step.ended, 0.0, values)
        self._return[step.ended] = 0.0
        self._length[step.ended] = 0.0
        return int(step.ended.sum())

    def forget(self) -> None:
        """What has been reported."""
        self.env_steps = 0
        self.returns: list[float] = []
        self.lengths: list[int] = []
        self.measures: dict[str, list[float]] = {}

    def get_state(self) -> dict[str, Any]:
        """Everything."""
        return copy.deepcopy(vars(self))

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from it."""
        vars(self).update(copy.deepcopy(state))


def as_numpy(array: Any) -> Any:
    """A numpy array from one of either library."""
    return array.cpu().numpy() if isinstance(array, torch.Tensor) else array
