"""RLlib's episode replay buffer with a seed."""

from collections import defaultdict
from typing import Any

import numpy as np
from ray.rllib.utils.replay_buffers.multi_agent_episode_buffer import MultiAgentEpisodeReplayBuffer


class SeededMultiAgentEpisodeReplayBuffer(MultiAgentEpisodeReplayBuffer):  # type: ignore[misc]  # RLlib carries no types
    """RLlib's buffer with a seeded generator and a fixed order of the modules.

    RLlib seeds the generator from the system's entropy and iterates over a set of names, so that the same training
    draws other batches in every process. It also cannot store its metrics in a checkpoint where agents are numbers.
    """

    def __init__(self, *args: Any, seed: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rng = np.random.default_rng(seed)

    def sample(self, *args: Any, modules_to_sample: Any = None, **kwargs: Any) -> Any:
        """Sample a batch for each module; arguments and result as in RLlib."""
        modules = sorted(modules_to_sample or self.get_module_ids())
        return super().sample(*args, modules_to_sample=modules, **kwargs)

    def _update_add_metrics(self, *args: Any, **counts: Any) -> None:
        super()._update_add_metrics(*args, **_by_name(counts))

    def _update_sample_metrics(self, *args: Any, **counts: Any) -> None:
        super()._update_sample_metrics(*args, **_by_name(counts))


def _by_name(counts: dict[str, Any]) -> dict[str, Any]:
    """Replace agents' numbers by strings, because a checkpoint joins the keys of metrics."""

    def named(of: Any) -> Any:
        return defaultdict(int, {str(agent): count for agent, count in of.items()})

    return {key: named(of) if key.startswith("agent_to_") else of for key, of in counts.items()}
