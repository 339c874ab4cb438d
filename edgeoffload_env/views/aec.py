"""The game turn by turn: PettingZoo's AEC interface over the parallel view."""

from typing import Any

from pettingzoo.utils.conversions import parallel_to_aec_wrapper

from edgeoffload_env._validation import fail
from edgeoffload_env.views.checks import check_action
from edgeoffload_env.views.parallel import EdgeOffloadParallelEnv


class EdgeOffloadAECEnv(parallel_to_aec_wrapper):
    """Users name their actions in turn; the slot is played when the last has done so."""

    env: EdgeOffloadParallelEnv

    def __init__(self, parallel_env: EdgeOffloadParallelEnv) -> None:
        super().__init__(parallel_env)
        self.agents: list[str] = []
        self._running = False

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Start an episode; arguments and errors as in the parallel view."""
        super().reset(seed=seed, options=options)
        self._running = True

    def step(self, action: Any) -> None:
        """The selected agent's action; None for an agent whose episode is over.

        Raises:
            TypeError, ValueError: an action that is not allowed, or no episode under way; nothing has changed then.
        """
        if not self._running or not self.agents:
            raise ValueError("step() without a running episode; call reset() first")
        agent = self.agent_selection
        if self.truncations[agent]:
            if action is not None:
                fail(f"the action of {agent}, whose episode is over,", action, "None")
        else:
            action = check_action(agent, action, self.env.config)
        super().step(action)
