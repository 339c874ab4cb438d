"""What training reports of the game itself, beside RLlib's returns."""

from typing import Any

import numpy as np
from ray.rllib.callbacks.callbacks import RLlibCallback

from recipes.rllib.outspoken import raise_failure

EPISODE_KEYS = ("utility", "mean_delay_s", "imbalance")
"""Keys of the result's ``env_runners``: for each a list with one value per episode that ended in the iteration."""


class EpisodeMetrics(RLlibCallback):  # type: ignore[misc]  # RLlib carries no types
    """Log utility, mean delay and mean imbalance of each training episode, from the infos.

    The utility is at w1 = w2 = 1, whatever the weights and the sharing of the rewards that are trained on. Games whose
    infos lack the delays are left alone.

    It also stops training where something raised in an :mod:`.outspoken` env runner.
    """

    def on_env_runners_recreated(self, *, env_runner_group: Any, env_runner_indices: list[int], **_: Any) -> None:
        """Called before a training step, with the runners that answer again.

        Raises:
            RunnerError: one of them had not died, but something raised in it.
        """
        raise_failure(env_runner_group, env_runner_indices)

    def on_episode_end(
        self, *, episode: Any, prev_episode_chunks: Any = (), metrics_logger: Any = None, **_: Any
    ) -> None:
        """Called by the env runner with the episode's last chunk, and the chunks that it has returned before."""
        delays, imbalances = [], []
        for chunk in (*prev_episode_chunks, episode):
            for agent_episode in chunk.agent_episodes.values():
                for info in agent_episode.get_infos()[1:]:  # the first came with the chunk's first observation
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
