"""The game for one learner in charge of all users: Gymnasium's single-agent interface over the parallel view."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import fail
from edgeoffload_env.agents import action_count
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.scenarios import configure
from edgeoffload_env.views.checks import check_action
from edgeoffload_env.views.parallel import EdgeOffloadParallelEnv


class EdgeOffloadCentralEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.integer[Any]]]):
    """One learner acts for all users on the global state; ``gymnasium.make("edgeoffload/<scenario>-central-v0")``.

    * Observation: :func:`.observation.global_state`, float32 ``(S,)``.
    * Action: ``MultiDiscrete([M + 1] * N)``, for each user 0 (device) or the number of a server; with ``levels``
      ``MultiDiscrete([1 + M P R] * N)``.
    * Reward: the mean over users of the users' rewards.
    * Info after a step: the parallel view's infos, those of users as arrays ``[N]``; empty after reset. Where users can
      be without a task, both have ``action_mask``, int8 ``[N, A]``; ``action_space.sample(tuple(mask))`` takes it.
      :meth:`action_masks` gives it as sb3-contrib's MaskablePPO asks for it.
    * Episodes end by truncation after ``max_cycles`` slots, never by termination.

    A seed gives the same game as in the parallel view.

    Args:
        scenario: a name from ``scenarios.names()``, or a configuration.
        render_mode: None, "human", "rgb_array" or "ansi", as in the parallel view.
        **overrides: fields of :class:`EdgeOffloadConfig`.

    Raises:
        TypeError, ValueError: the message names the field, the value and what is allowed.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # Gymnasium's own is no ClassVar
        "render_modes": EdgeOffloadParallelEnv.metadata["render_modes"],
        "render_fps": EdgeOffloadParallelEnv.metadata["render_fps"],
    }

    def __init__(
        self, scenario: str | EdgeOffloadConfig = "paper", render_mode: str | None = None, **overrides: Any
    ) -> None:
        self.config = configure(scenario, **overrides)
        self.render_mode = render_mode
        self._game = EdgeOffloadParallelEnv(self.config, render_mode)
        self.observation_space = self._game.state_space
        self.action_space = gymnasium.spaces.MultiDiscrete([action_count(self.config)] * self.config.num_users)
        self._infos: dict[str, dict[str, Any]] = {}  # of the last reset or step

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode.

        Args:
            seed: an integer >= 0 starts that seed's stream; without one the stream goes on.
            options: ``{"snapshot": s}`` starts from what :meth:`snapshot` gave; other keys are ignored.

        Raises:
            TypeError, ValueError: a bad seed, bad options or a bad snapshot; nothing has changed then.
        """
        _, infos = self._game.reset(
            seed=seed, options=options
        )  # refuses a bad seed before Gymnasium's own stream has changed
        super().reset(seed=None if seed is None else int(seed))
        self._infos = infos
        return self._game.state(), self._masks(infos)

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Play one slot.

        Args:
            action: integers ``[N]``, an array or a list.

        Raises:
            TypeError, ValueError: a bad action, or no episode under way; nothing has changed then.
        """
        agents = self._game.possible_agents
        actions = self._checked(action)
        _, rewards, _, truncations, infos = self._game.step(dict(zip(agents, actions, strict=True)))
        self._infos, first = infos, infos[agents[0]]
        info: dict[str, Any] = {
            name: np.array([infos[agent][name] for agent in agents]) if quantity.scope == "user" else first[name]
            for name, quantity in self.config.schema.infos.items()
        }
        info |= self._masks(infos)
        reward = float(np.mean(list(rewards.values())))
        return self._game.state(), reward, False, truncations[agents[0]], info

    def action_masks(self) -> NDArray[np.bool_]:
        """Return the allowed actions of the coming slot, bool ``[N A]``: the first user's, the second's, ...

        Raises:
            ValueError: before a reset.
        """
        if not self._infos:
            raise ValueError("action_masks() needs a reset() first")
        everything = np.ones(action_count(self.config))
        return np.concatenate([info.get("action_mask", everything) for info in self._infos.values()]).astype(bool)

    def snapshot(self) -> dict[str, Any]:
        """The raw SI values that the next :meth:`step` acts on, as in the parallel view."""
        return self._game.snapshot()

    def render(self) -> Any:
        """A table, a picture or a window, as in the parallel view."""
        return self._game.render()

    def close(self) -> None:
        """Close the window, if there is one."""
        self._game.close()

    def _masks(self, infos: dict[str, dict[str, Any]]) -> dict[str, Any]:
        if not self.config.schema.masked:
            return {}
        return {"action_mask": np.stack([info["action_mask"] for info in infos.values()])}

    def _checked(self, action: Any) -> list[int]:
        """One int for each user."""
        users, count = self.config.num_users, action_count(self.config)
        expected = f"{users} integers in [0, {count - 1}], one for each user"
        try:
            shape = np.shape(action)
        except ValueError:  # a list of unequal lists
            fail("action", action, expected)
        if shape != (users,):
            fail("action", action, expected, ValueError if shape else TypeError)
        return [
            check_action(agent, a, self.config) for agent, a in zip(self._game.possible_agents, action, strict=True)
        ]
