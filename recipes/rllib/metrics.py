"""Metrics of training episodes beyond RLlib's returns, and the report of env runner failures."""

from typing import Any

import numpy as np
from ray.rllib.callbacks.callbacks import RLlibCallback

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env.model.reward import utility
from recipes.rllib.fault_reporting import raise_runner_failure

EPISODE_KEYS = ("utility", "mean_delay_s", "imbalance")
"""Keys in the result's ``env_runners``: for each a list with one value per episode that ended in the iteration."""


class EpisodeMetrics(RLlibCallback):  # type: ignore[misc]  # RLlib carries no types
    """Logs utility, mean delay and mean imbalance of each training episode, from the infos.

    The utility has all weights at 1, whatever the rewards have, and all costs of the game's effects.
    Games of other packages are not logged.

    The callback also ends training when an env runner of :mod:`.fault_reporting` has raised.
    """

    def on_env_runners_recreated(self, *, env_runner_group: Any, env_runner_indices: list[int], **_: Any) -> None:
        """Check the env runners that RLlib reports as restored before a training step.

        Raises:
            RunnerError: the environment of one of them raised.
        """
        raise_runner_failure(env_runner_group, env_runner_indices)

    def on_episode_end(
        self,
        *,
        episode: Any,
        prev_episode_chunks: Any = (),
        metrics_logger: Any = None,
        env: Any = None,
        env_index: int = 0,
        **_: Any,
    ) -> None:
        """Log the metrics of an episode from its last chunk and the chunks that were returned before."""
        game = _game_of(env, env_index)
        if game is None:
            return
        users: dict[Any, list[dict[str, Any]]] = {}
        for chunk in (*prev_episode_chunks, episode):
            for user, of_user in chunk.agent_episodes.items():  # the first info belongs to the first observation
                users.setdefault(user, []).extend(of_user.get_infos()[1:])
        slots = list(zip(*users.values(), strict=True))
        names = {term for slot in slots[:1] for term in slot[0]} - {"action_mask"}
        infos = {name: np.array([[info[name] for info in slot] for slot in slots]) for name in names}
        infos["imbalance"] = infos["imbalance"][:, 0]  # of the game, the same for all users
        values = utility(infos, game, xp=np).sum(), infos["delay_s"].mean(), infos["imbalance"].mean()
        for key, value in zip(EPISODE_KEYS, values, strict=True):
            metrics_logger.log_value(key, float(value), reduce="item_series")


def _game_of(env: Any, index: int) -> EdgeOffloadConfig | None:
    """Return the configuration of a game behind RLlib's vector of environments; None for another package's game."""
    game = env.envs[index].unwrapped if hasattr(env, "envs") else env
    config = getattr(getattr(game, "par_env", None), "config", None)
    return config if isinstance(config, EdgeOffloadConfig) else None
