"""Metrics of training episodes beyond RLlib's returns, and the report of env runner failures."""

from typing import Any

import numpy as np
from ray.rllib.callbacks.callbacks import RLlibCallback

from recipes.rllib.fault_reporting import raise_runner_failure

EPISODE_KEYS = ("utility", "mean_delay_s", "imbalance")
"""Keys in the result's ``env_runners``: for each a list with one value per episode that ended in the iteration."""


class EpisodeMetrics(RLlibCallback):  # type: ignore[misc]  # RLlib carries no types
    """Logs utility, mean delay and mean imbalance of each training episode, from the infos.

    The utility is at w1 = w2 = 1, whatever weights and sharing the rewards have. Environments without delays in their
    infos are not logged.

    The callback also ends training when an env runner of :mod:`.fault_reporting` has raised.
    """

    def on_env_runners_recreated(self, *, env_runner_group: Any, env_runner_indices: list[int], **_: Any) -> None:
        """Check the env runners that RLlib reports as restored before a training step.

        Raises:
            RunnerError: the environment of one of them raised.
        """
        raise_runner_failure(env_runner_group, env_runner_indices)

    def on_episode_end(
        self, *, episode: Any, prev_episode_chunks: Any = (), metrics_logger: Any = None, **_: Any
    ) -> None:
        """Log the metrics of an episode from its last chunk and the chunks that were returned before."""
        delays, imbalances = [], []
        for chunk in (*prev_episode_chunks, episode):
            for agent_episode in chunk.agent_episodes.values():
                for info in agent_episode.get_infos()[1:]:  # the first belongs to the chunk's first observation
                    if "delay_s" in info:
                        delays.append(info["delay_s"])
                        imbalances.append(info["imbalance"])
        if not delays:
            return
        slots = sum(len(chunk) for chunk in (*prev_episode_chunks, episode))
        delay, imbalance = float(np.mean(delays)), float(np.mean(imbalances))
        values = (-slots * (delay + imbalance), delay, imbalance)
        for key, value in zip(EPISODE_KEYS, values, strict=True):
            metrics_logger.log_value(key, value, reduce="item_series")
