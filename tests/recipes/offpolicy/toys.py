"""Small parallel games with known answers."""

from typing import Any

import gymnasium
import numpy as np
from pettingzoo import ParallelEnv


class CountingGame(ParallelEnv[str, np.ndarray, int]):
    """Every number says where it comes from: the observation is (copy, agent, episode, step), the reward the action.

    Ends after ``length`` steps; ``ending`` says how: "terminated", "truncated", or "mixed" (the first agent terminated,
    the others truncated).
    """

    metadata = {"name": "counting"}  # noqa: RUF012
    copies = 0

    def __init__(self, length: int = 3, ending: str = "truncated", agents: int = 3, sizes: Any = None) -> None:
        self.possible_agents = [f"agent_{n}" for n in range(agents)]
        self.agents: list[str] = []
        self._length, self._ending = length, ending
        self._sizes = sizes or [4] * agents
        self._copy = CountingGame.copies
        CountingGame.copies += 1
        self._episode, self._step = -1, 0

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        size = self._sizes[self.possible_agents.index(agent)]
        return gymnasium.spaces.Box(-1.0, 1e6, (size,), np.float32)

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        return gymnasium.spaces.Discrete(5)

    def _observe(self) -> dict[str, np.ndarray]:
        rows = {}
        for n, agent in enumerate(self.possible_agents):
            row = np.array([self._copy, n, self._episode, self._step, 7.0, 7.0], np.float32)
            rows[agent] = row[: self._sizes[n]]
        return rows

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        self.agents = list(self.possible_agents)
        self._episode, self._step = self._episode + 1, 0
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        self._step += 1
        over = self._step == self._length
        terminated = dict.fromkeys(self.agents, over and self._ending == "terminated")
        if over and self._ending == "mixed":
            terminated[self.agents[0]] = True
        truncated = {agent: over and not terminated[agent] for agent in self.agents}
        rewards = {agent: float(actions[agent]) + 10.0 * n for n, agent in enumerate(self.agents)}
        result = self._observe(), rewards, terminated, truncated, {agent: {} for agent in self.agents}
        if over:
            self.agents = []
        return result


class EarlyLeaver(CountingGame):
    """The first agent leaves before the others."""

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        result = super().step(actions)
        result[2][self.possible_agents[0]] = True
        return result


class CodeGame(ParallelEnv[str, np.ndarray, int]):
    """All users see a digit; the team gets 1 where user n plays (digit + n) mod 3 for every n, else 0.

    With ``alike``, where everyone plays the digit itself.

    The best return is ``length``; random play gets ``length / 3^users``. Episodes end by themselves.
    """

    metadata = {"name": "code"}  # noqa: RUF012

    def __init__(self, length: int = 5, users: int = 2, alike: bool = False) -> None:
        self.possible_agents = [f"user_{n}" for n in range(users)]
        self.agents: list[str] = []
        self._length = length
        self._shift = 0 if alike else 1
        self._rng = np.random.default_rng()

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        return gymnasium.spaces.Box(0.0, 1.0, (3,), np.float32)

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        return gymnasium.spaces.Discrete(3)

    def state(self) -> np.ndarray:
        return np.eye(3, dtype=np.float32)[self._digit]

    def _observe(self) -> dict[str, np.ndarray]:
        return {agent: self.state() for agent in self.possible_agents}

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self._step, self._digit = 0, int(self._rng.integers(3))
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        hit = all(actions[agent] == (self._digit + n * self._shift) % 3 for n, agent in enumerate(self.possible_agents))
        self._step, self._digit = self._step + 1, int(self._rng.integers(3))
        over = self._step == self._length
        agents = self.agents
        result = (
            self._observe(),
            dict.fromkeys(agents, float(hit)),
            dict.fromkeys(agents, over),
            dict.fromkeys(agents, False),
            {agent: {} for agent in agents},
        )
        if over:
            self.agents = []
        return result


class OneStepGame(ParallelEnv[str, np.ndarray, int]):
    """Always pays 1 and ends after a step, by termination or by truncation; what it leads to looks like its start."""

    metadata = {"name": "one-step"}  # noqa: RUF012

    def __init__(self, truncate: bool) -> None:
        self.possible_agents = ["user_0", "user_1"]
        self.agents: list[str] = []
        self._truncate = truncate

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        return gymnasium.spaces.Box(0.0, 1.0, (1,), np.float32)

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        return gymnasium.spaces.Discrete(2)

    def _observe(self) -> dict[str, np.ndarray]:
        return {agent: np.ones(1, np.float32) for agent in self.possible_agents}

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        self.agents = list(self.possible_agents)
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        agents, self.agents = self.agents, []
        return (
            self._observe(),
            dict.fromkeys(agents, 1.0),
            dict.fromkeys(agents, not self._truncate),
            dict.fromkeys(agents, self._truncate),
            {agent: {} for agent in agents},
        )


class TwoStepGame(ParallelEnv[str, np.ndarray, int]):
    """The game of QMIX's paper: the first user's choice decides which of two matrices pays both in the second step.

    Everyone sees which of the three states it is, as does the global state. The best return is 8.
    """

    metadata = {"name": "two-step"}  # noqa: RUF012
    PAYOFFS = (((7.0, 7.0), (7.0, 7.0)), ((0.0, 1.0), (1.0, 8.0)))

    def __init__(self) -> None:
        self.possible_agents = ["user_0", "user_1"]
        self.agents: list[str] = []
        self._state = 0

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        return gymnasium.spaces.Box(0.0, 1.0, (3,), np.float32)

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        return gymnasium.spaces.Discrete(2)

    def state(self) -> np.ndarray:
        return np.eye(3, dtype=np.float32)[self._state]

    def _observe(self) -> dict[str, np.ndarray]:
        return {agent: self.state() for agent in self.possible_agents}

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        self.agents = list(self.possible_agents)
        self._state = 0
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        agents, over, reward = self.agents, self._state > 0, 0.0
        first, second = actions["user_0"], actions["user_1"]
        if over:
            reward, self.agents = self.PAYOFFS[self._state - 1][first][second], []
        else:
            self._state = 1 + first
        return (
            self._observe(),
            dict.fromkeys(agents, reward),
            dict.fromkeys(agents, over),
            dict.fromkeys(agents, False),
            {agent: {} for agent in agents},
        )
