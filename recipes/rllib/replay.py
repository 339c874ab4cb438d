"""RLlib's episode replay with a seed."""

from collections import defaultdict
from typing import Any

import numpy as np
from ray.rllib.utils.replay_buffers.multi_agent_episode_buffer import MultiAgentEpisodeReplayBuffer


class SeededMultiAgentEpisodeReplayBuffer(MultiAgentEpisodeReplayBuffer):  # type: ignore[misc]  # RLlib carries no types
    """RLlib's buffer, drawing from a generator of a given seed and visiting the modules in a fixed order.

    RLlib seeds the generator from the system's entropy and iterates over a set of names, so that the same training
    draws other rows in every process. It also cannot checkpoint what it logs of agents that are numbers.
    """

    def __init__(self, *args: Any, seed: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rng = np.random.default_rng(seed)

    def sample(self, *args: Any, modules_to_sample: Any = None, **kwargs: Any) -> Any:
        """Rows for each module; arguments and result as in RLlib."""
        modules = sorted(modules_to_sample or self.get_module_ids())
        return super().sample(*args, modules_to_sample=modules, **kwargs)

    def _update_add_metrics(self, *args: Any, **counts: Any) -> None:
        super()._update_add_metrics(*args, **_by_name(counts))

    def _update_sample_metrics(self, *args: Any, **counts: Any) -> None:
        super()._update_sample_metrics(*args, **_by_name(counts))


def _by_name(counts: dict[str, Any]) -> dict[str, Any]:
    """Counts with strings for agents: a checkpoint joins the keys of metrics."""

    def named(of: Any) -> Any:
        return defaultdict(int, {str(agent): count for agent, count in of.items()})

    return {what: named(of) if what.startswith("agent_to_") else of for what, of in counts.items()}
