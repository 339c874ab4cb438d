"""The game as a PettingZoo ParallelEnv: one game, float64 inside, every user acts at once."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from edgeoffload_env import observation
from edgeoffload_env._validation import check_choice
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.draws import draw_system, tasks_from
from edgeoffload_env.model.slot import Snapshot, play_slot
from edgeoffload_env.rendering.ansi import ansi_table
from edgeoffload_env.rendering.picture import Picture
from edgeoffload_env.rendering.scene import History, LastSlot, scene_of
from edgeoffload_env.views import spaces
from edgeoffload_env.views.checks import check_actions, check_options, check_seed, check_snapshot
from edgeoffload_env.views.streams import NumpyStreams

_TASKS_AHEAD = 64  # slots drawn at once: drawing for one slot costs as much as for many


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
        self.possible_agents = [f"user_{n}" for n in range(config.num_users)]
        self.agents: list[str] = []
        self.state_space = spaces.state_box(config)
        self._observation_spaces = {agent: spaces.observation_box(config) for agent in self.possible_agents}
        self._action_spaces = {agent: spaces.action_choices(config) for agent in self.possible_agents}
        self.observation_spaces, self.action_spaces = self._observation_spaces, self._action_spaces
        self._streams = NumpyStreams(("system", "tasks"))
        self._slot = 0
        self._snapshot: Snapshot | None = None
        self._last: LastSlot | None = None
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
            Observations, and an empty info for each agent.

        Raises:
            TypeError, ValueError: a bad seed, bad options or a bad snapshot; nothing has changed then.
        """
        seed = check_seed(seed)
        given = check_options(options)
        start = None if given is None else check_snapshot(given, self.config, None)
        self._streams.begin_episode(seed)
        system = draw_system(lambda shape: self._streams.draw("system", shape), 1, self.config, xp=xp)
        if start is None:
            self._slot, backlog_cycles = 0, system.backlog_cycles
            self._system = system.device_hz, system.channel_gain, system.server_hz
            self._draw_ahead()
        else:
            snapshot, self._slot = start
            backlog_cycles = snapshot.backlog_cycles
            self._system = snapshot.device_hz, snapshot.channel_gain, snapshot.server_hz
            self._draw_ahead(snapshot)
        self._take_next_tasks(backlog_cycles)
        self.agents = self.possible_agents[:]
        self._last, self.history = None, History()
        if self.render_mode == "human":
            self.render()
        return self._observe(), {agent: {} for agent in self.agents}

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
            actions: for each agent 0 (device) or the number of a server; Python or numpy integers.

        Returns:
            Observations, rewards, terminations (never), truncations (at ``max_cycles``), infos; all of every agent.

        Raises:
            TypeError, ValueError: a bad action, or no episode under way; nothing has changed then.
        """
        if self._snapshot is None or not self.agents:
            raise ValueError("step() without a running episode; allowed: after reset() and before the episode's end")
        agents = self.agents
        targets = check_actions(actions, agents, self.config.servers)
        target = np.array([targets])
        outcome = play_slot(self._snapshot, target, self.config, xp=xp)
        self._last = LastSlot(self._snapshot, target, outcome)
        if self._picture is not None:
            self.history.add(outcome)
        self._slot += 1
        self._take_next_tasks(outcome.next_backlog_cycles)
        truncated = self._slot >= self.config.max_cycles
        if truncated:
            self.agents = []
        if self.render_mode == "human":
            self.render()
        parts = zip(
            outcome.delay_s[0].tolist(),
            outcome.upload_s[0].tolist(),
            outcome.forward_s[0].tolist(),
            outcome.wait_s[0].tolist(),
            outcome.compute_s[0].tolist(),
            targets,
            strict=True,
        )
        imbalance = outcome.imbalance.item()
        infos = [
            {
                "delay_s": delay_s,
                "upload_s": upload_s,
                "forward_s": forward_s,
                "wait_s": wait_s,
                "compute_s": compute_s,
                "target": chosen,
                "imbalance": imbalance,
            }
            for delay_s, upload_s, forward_s, wait_s, compute_s, chosen in parts
        ]
        return (
            self._observe(),
            dict(zip(agents, outcome.reward[0].tolist(), strict=True)),
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, truncated),
            dict(zip(agents, infos, strict=True)),
        )

    def state(self) -> NDArray[np.float32]:
        """The global view for a centralised critic, float32 ``(2 M + 4 N,)``; see :func:`.observation.global_state`."""
        if self._snapshot is None:
            raise ValueError("state() before reset(); allowed: after it")
        episode = observation.episode_features(self._snapshot, self.config, xp=xp)
        features = observation.slot_features(self._snapshot, episode, self.config, xp=xp)
        state: NDArray[np.float32] = observation.global_state(features, self.config, dtype=np.float32, xp=xp)[0]
        return state

    def snapshot(self) -> dict[str, Any]:
        """The raw SI values that the next :meth:`step` acts on, float64 copies, and ``slot``, the slots played."""
        if self._snapshot is None:
            raise ValueError("snapshot() before reset(); allowed: after it")
        fields = {name: array[0].copy() for name, array in self._snapshot._asdict().items()}
        return fields | {"slot": self._slot}

    def render(self) -> NDArray[np.uint8] | str | None:
        """The game before its next slot, and what the last one did.

        Returns:
            A table where ``render_mode`` is "ansi", a picture ``[height, width, 3]`` where it is "rgb_array"; None
            where it is "human": the same picture is in a window, which every step updates.
        """
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode: pass render_mode='ansi' when making the environment")
            return None
        if self._snapshot is None:
            raise ValueError("render() before reset(); allowed: after it")
        if self._picture is None:
            return ansi_table(self._snapshot, self._slot, self._last)
        scene = scene_of(self.config, self._snapshot, self._slot, self._last, self.history, self.caption)
        if self.render_mode == "rgb_array":
            return self._picture.frame(scene)
        self._picture.show(scene, self.render_fps)
        return None

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

    def _draw_ahead(self, first: Snapshot | None = None) -> None:
        """Draw the tasks of the coming slots, and all of their observations but the loads.

        Args:
            first: a snapshot whose tasks come before the drawn ones.
        """
        slots = min(_TASKS_AHEAD, self.config.max_cycles + 1)
        drawn = self._streams.draw("tasks", (slots, 2, self.config.num_users))  # slot by slot, for any horizon
        bits, cycles = tasks_from(drawn.transpose(1, 2, 0), self.config)
        if first is not None:
            bits, cycles = np.concatenate([first.task_bits, bits]), np.concatenate([first.task_cycles, cycles])
        # Rows in one piece, as in a copy: numpy sums in an order, hence to last bits, that follow the layout
        bits, cycles = np.ascontiguousarray(bits), np.ascontiguousarray(cycles)
        self._tasks_ahead = bits, cycles
        device_hz, channel_gain, server_hz = self._system
        unloaded = Snapshot(bits, cycles, device_hz, channel_gain, server_hz, np.zeros_like(server_hz))
        episode = observation.episode_features(unloaded, self.config, xp=xp)
        features = observation.slot_features(unloaded, episode, self.config, xp=xp)
        self._observations_ahead = observation.user_observations(features, self.config, dtype=np.float32, xp=xp)
        self._next = 0

    def _take_next_tasks(self, backlog_cycles: NDArray[np.float64]) -> None:
        bits, cycles = self._tasks_ahead
        if self._next == len(bits):
            self._draw_ahead()
            bits, cycles = self._tasks_ahead
        i = self._next
        self._next = i + 1
        self._snapshot = Snapshot(bits[i : i + 1], cycles[i : i + 1], *self._system, backlog_cycles)

    def _observe(self) -> dict[str, NDArray[np.float32]]:
        """The observations of this slot, written once into rows that are handed out once."""
        assert self._snapshot is not None
        rows = self._observations_ahead[self._next - 1]
        rows[:, : self.config.servers] = observation.load_features(
            self._snapshot.backlog_cycles, self._snapshot.server_hz
        )
        return dict(zip(self.possible_agents, rows, strict=True))
