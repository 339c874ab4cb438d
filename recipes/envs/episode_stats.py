"""Statistics of episodes, gathered while they are played."""

import copy
from typing import Any

import numpy as np
import torch

from recipes.envs.batched_games import SUMMED, BatchedGames, GameStep


class EpisodeStats:
    """Returns, lengths and measures of the episodes that ended since the last :meth:`clear`."""

    def __init__(self) -> None:
        self.clear()
        self._return = self._length = np.zeros(0)
        self._running: dict[str, Any] = {}

    def start(self, games: BatchedGames) -> None:
        """Discard the running episodes: all games were reset."""
        self._return, self._length = np.zeros(games.num_envs), np.zeros(games.num_envs)
        self._running = {}

    def add(self, step: GameStep) -> int:
        """Add a step; return the number of episodes that it ended. An episode's return is the mean over its users."""
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
            per_episode = values if name in SUMMED else values / self._length
            self.measures.setdefault(name, []).extend(per_episode[step.ended].tolist())
            self._running[name] = np.where(step.ended, 0.0, values)
        self._return[step.ended] = 0.0
        self._length[step.ended] = 0.0
        return int(step.ended.sum())

    def clear(self) -> None:
        """Discard the ended episodes, which have been reported."""
        self.env_steps = 0
        self.returns: list[float] = []
        self.lengths: list[int] = []
        self.measures: dict[str, list[float]] = {}

    def get_state(self) -> dict[str, Any]:
        """Return a copy of the whole state."""
        return copy.deepcopy(vars(self))

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state that :meth:`get_state` returned."""
        vars(self).update(copy.deepcopy(state))


def as_numpy(array: Any) -> Any:
    """Convert a numpy array or a tensor to a numpy array."""
    return array.cpu().numpy() if isinstance(array, torch.Tensor) else array
