"""The game as a PettingZoo ParallelEnv: one game, float64 inside, every user acts at once."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from edgeoffload_env import observation
from edgeoffload_env._validation import check_choice
from edgeoffload_env.agents import action_count, user_names
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.effects.arrivals import action_mask
from edgeoffload_env.model.reward import utility
from edgeoffload_env.model.slot import Outcome, Snapshot, advance
from edgeoffload_env.rendering.ansi import ansi_table
from edgeoffload_env.rendering.picture import Picture
from edgeoffload_env.rendering.scene import History, LastSlot, Scene, scene_of
from edgeoffload_env.views import spaces
from edgeoffload_env.views.ahead import DrawnAhead
from edgeoffload_env.views.checks import check_actions, check_options, check_seed, check_snapshot
from edgeoffload_env.views.dicts import dicts_maker
from edgeoffload_env.views.streams import NumpyStreams


class EdgeOffloadParallelEnv(ParallelEnv[str, NDArray[np.float32], int]):
    """One game. See :mod:`edgeoffload_env.edgeoffload_v0` for spaces, rewards, infos and arguments.

    Attributes:
        caption: what pictures write above the game.
        render_fps: the most slots a second in a window.
        history: of the running episode's slots, kept where pictures are drawn.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "edgeoffload_v0",
        "render_modes": ["human", "rgb_array", "ansi"],
        "is_parallelizable": True,
        "render_fps": 5,
    }

    def __init__(self, config: EdgeOffloadConfig, render_mode: str | None = None) -> None:
        if render_mode is not None:
            check_choice("render_mode", render_mode, self.metadata["render_modes"])
        self.config = config
        self.render_mode = render_mode
        self.possible_agents = user_names(config.num_users)
        self.agents: list[str] = []
        self.state_space = spaces.state_box(config)
        self._observation_spaces = {agent: spaces.observation_box(config) for agent in self.possible_agents}
        self._action_spaces = {agent: spaces.action_choices(config) for agent in self.possible_agents}
        self.observation_spaces, self.action_spaces = self._observation_spaces, self._action_spaces
        self._streams = NumpyStreams([process.name for process in config.schema.processes])
        self._ahead = DrawnAhead(config, self._streams)
        self._action_count = action_count(config)
        self._never = dict.fromkeys(self.possible_agents, False)
        self._always = dict.fromkeys(self.possible_agents, True)
        self._user_infos = [name for name, q in config.schema.infos.items() if q.scope == "user"]
        self._game_infos = [name for name, q in config.schema.infos.items() if q.scope == "game"]
        self._info_names = (*self._user_infos, *self._game_infos)
        self._slot = 0
        self._snapshot: Snapshot | None = None
        self._played: tuple[Snapshot, Outcome] | None = None
        self.history = History()
        self.caption = ""
        self.render_fps = int(self.metadata["render_fps"])
        self._picture: Picture | None = None
        if render_mode in ("human", "rgb_array"):
            self._picture = Picture(window=render_mode == "human")

    def observation_space(self, agent: str) -> gymnasium.spaces.Box:
        """The agent's observation space, the same object at every call."""
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.spaces.Discrete:
        """The agent's action space, the same object at every call."""
        return self._action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, Any]]]:
        """Start an episode.

        Args:
            seed: an integer >= 0 starts that seed's stream; without one the stream goes on.
            options: ``{"snapshot": s}`` starts from what :meth:`snapshot` gave; other keys are ignored.

        Returns:
            Observations, and for each agent an info: empty, or with the ``action_mask`` of the first slot where users
            can be without a task.

        Raises:
            TypeError, ValueError: a bad seed, bad options or a bad snapshot; nothing has changed then.
        """
        seed = check_seed(seed)
        given = check_options(options)
        start = None if given is None else check_snapshot(given, self.config, None)
        self._streams.begin_episode(seed)
        self._slot = 0
        snapshot = None
        if start is not None:
            snapshot, self._slot = start
        self._snapshot = self._ahead.begin_episode(snapshot)
        self.agents = self.possible_agents[:]
        self._played, self.history = None, History()
        if self.render_mode == "human":
            self.render()
        infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        return self._observe(), self._with_masks(infos)

    def step(
        self, actions: dict[str, int]
    ) -> tuple[
        dict[str, NDArray[np.float32]],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Play one slot.

        Args:
            actions: for each agent 0 (device) or the number of a server; Python or numpy integers. With ``levels`` as
                :func:`.levels.decode` takes them.

        Returns:
            Observations, rewards, terminations (never), truncations (at ``max_cycles``), infos; all of every agent.

        Raises:
            TypeError, ValueError: a bad action, or no episode under way; nothing has changed then.
        """
        if self._snapshot is None or not self.agents:
            raise ValueError("step() without a running episode; call reset() first")
        agents = self.agents
        targets = check_actions(actions, agents, self._action_count, self.config)
        target = np.array([targets])
        before = self._snapshot
        outcome, self._snapshot = advance(before, target, self._ahead.take(), self.config, xp=xp)
        self._played = before, outcome
        if self._picture is not None:
            self.history.add(outcome, self.config)
        self._slot += 1
        truncated = self._slot >= self.config.max_cycles
        if truncated:
            self.agents = []
        if self.render_mode == "human":
            self.render()
        return (
            self._observe(),
            dict(zip(agents, outcome["reward"].tolist()[0], strict=True)),
            self._never.copy(),
            (self._always if truncated else self._never).copy(),
            self._with_masks(self._infos(outcome)),
        )

    def state(self) -> NDArray[np.float32]:
        """Return the global view for a centralised critic, float32 ``(S,)``; see :func:`.observation.state_names`."""
        if self._snapshot is None:
            raise ValueError("state() needs a reset() first")
        features = observation.all_features(self._snapshot, self.config, xp=xp)
        state: NDArray[np.float32] = observation.global_state(features, self.config, dtype=np.float32, xp=xp)[0]
        return state

    def utility(self) -> float:
        """Return the system utility of the last slot: the mean over users of (20) with all weights 1."""
        if self._played is None:
            raise ValueError("utility() needs a step() first")
        return float(utility(self._played[1], self.config, xp=xp)[0])

    def snapshot(self) -> dict[str, Any]:
        """The raw SI values that the next :meth:`step` acts on, float64 copies, and ``slot``, the slots played."""
        if self._snapshot is None:
            raise ValueError("snapshot() needs a reset() first")
        fields = {name: array[0].copy() for name, array in self._snapshot.items()}
        return fields | {"slot": self._slot}

    def render(self) -> NDArray[np.uint8] | str | None:
        """Show the game before its next slot, and the results of the last one.

        Returns:
            A table where ``render_mode`` is "ansi", a picture ``[height, width, 3]`` where it is "rgb_array"; None
            where it is "human": the same picture is in a window, which every step updates.
        """
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode: pass render_mode='ansi' when making the environment")
            return None
        if self._snapshot is None:
            raise ValueError("render() needs a reset() first")
        if self._picture is None:
            return ansi_table(self.config, self._snapshot, self._slot, self._last)
        if self.render_mode == "rgb_array":
            return self._picture.frame(self.scene())
        self._picture.show(self.scene(), self.render_fps)
        return None

    def scene(self) -> Scene:
        """Return what a picture of the game shows; its history is kept where ``render_mode`` draws pictures.

        Raises:
            ValueError: before a reset.
        """
        if self._snapshot is None:
            raise ValueError("scene() needs a reset() first")
        return scene_of(self.config, self._snapshot, self._slot, self._last, self.history, self.caption)

    @property
    def closed(self) -> bool:
        """Whether somebody asked the window to close."""
        return self._picture is not None and self._picture.closed

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._picture is not None:
            self._picture.close()

    def __str__(self) -> str:
        """The environment's name and version."""
        name: str = self.metadata["name"]
        return name

    @property
    def _last(self) -> LastSlot | None:
        """The last slot, for pictures."""
        if self._played is None:
            return None
        before, outcome = self._played
        return LastSlot(before, outcome["target"], outcome)

    def _infos(self, outcome: Outcome) -> dict[str, dict[str, Any]]:
        """Every user's info, plain Python numbers in dicts of their own."""
        columns = [outcome[name].tolist()[0] for name in self._user_infos]
        columns += [outcome[name].tolist()[0] * len(columns[0]) for name in self._game_infos]
        return dicts_maker(self._info_names)(self.possible_agents, columns)

    def _with_masks(self, infos: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Add the masks of the coming slot's actions, int8 ``[A]`` each, where users can be without a task."""
        if self.config.schema.masked:
            assert self._snapshot is not None
            masks = np.ascontiguousarray(action_mask(self._snapshot, self._action_count, xp=xp)[0])
            for info, mask in zip(infos.values(), masks, strict=True):
                info["action_mask"] = mask
        return infos

    def _observe(self) -> dict[str, NDArray[np.float32]]:
        """The observations of this slot, in rows that are handed out once."""
        assert self._snapshot is not None
        # strict would ask the array for a row too many, which takes longer than all the rows
        return dict(zip(self.possible_agents, self._ahead.observe(self._snapshot), strict=False))
