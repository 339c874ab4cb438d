"""The AEC view turn by turn."""

from typing import Any

import numpy as np

from tests.drivers import AECDriver


class TurnsDriver(AECDriver):
    """The AEC view, which may be left in the middle of a round."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.taken: list[int] = []
        """The actions of the users whose turn in this round is over."""

    def turn(self, action: int) -> None:
        """One user's action; not the round's last."""
        self.env.step(action)
        self.taken.append(action)

    def _reset(self, seed: Any, options: dict[str, Any] | None) -> np.ndarray:
        observations = super()._reset(seed, options)
        self.taken = []
        return observations

    def _step(self, named: dict[str, int]) -> tuple[dict[str, Any], ...]:
        env = self.env
        for agent in env.possible_agents[len(self.taken) :]:
            assert env.agent_selection == agent
            env.step(named[agent])
        self.taken = []
        observations = {agent: env.observe(agent) for agent in env.possible_agents}
        return observations, env.rewards, env.terminations, env.truncations, env.infos
