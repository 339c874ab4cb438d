"""Small parallel games that nobody of this project's environment knows about."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
from pettingzoo import ParallelEnv

ENDS = {"late": None, "early": 2, "cut": 3, "also_late": None}
"""After how many steps each agent ends before the others."""


class Staggered(ParallelEnv):
    """Agents with spaces of their own sizes; ``early`` terminates and ``cut`` is truncated before the others.

    ``finish`` says how the last two end after ``length`` steps: "truncated", "terminated", or "mixed".
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "staggered_v0"}

    def __init__(self, length: int = 5, finish: str = "truncated") -> None:
        self.length, self.finish = length, finish
        self.possible_agents = list(ENDS)
        self.agents: list[str] = []
        self.render_mode = None
        self._spaces = {agent: gymnasium.spaces.Box(-1.0, 1.0, (i + 1,), np.float32) for i, agent in enumerate(ENDS)}
        self._actions = {agent: gymnasium.spaces.Discrete(i + 2) for i, agent in enumerate(ENDS)}
        self.step_count = 0

    def observation_space(self, agent: str) -> gymnasium.Space:
        return self._spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space:
        return self._actions[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        self.agents = self.possible_agents[:]
        self.step_count = 0
        return self._observe(self.agents), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict, dict, dict, dict, dict]:
        assert set(actions) == set(self.agents) != set()
        self.step_count += 1
        played = self.agents
        over = self.step_count >= self.length
        terminations = {agent: ENDS[agent] == self.step_count and agent == "early" for agent in played}
        truncations = {agent: ENDS[agent] == self.step_count and agent == "cut" for agent in played}
        if over:
            for agent in played:
                terminates = self.finish == "terminated" or (self.finish == "mixed" and agent == "late")
                terminations[agent], truncations[agent] = terminates, not terminates
        self.agents = [agent for agent in played if not (terminations[agent] or truncations[agent])]
        rewards = {agent: float(actions[agent]) for agent in played}
        return self._observe(played), rewards, terminations, truncations, {agent: {"step": over} for agent in played}

    def _observe(self, agents: list[str]) -> dict[str, Any]:
        return {
            agent: np.full(self._spaces[agent].shape, self.step_count / self.length, np.float32) for agent in agents
        }
