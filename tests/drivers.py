"""Drivers with one interface for all views: arguments and results are arrays with a leading batch axis."""

from typing import Any, NamedTuple

import numpy as np

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0
from edgeoffload_env.views.central import EdgeOffloadCentralEnv

PARTS = ("delay_s", "upload_s", "forward_s", "wait_s", "compute_s")

Snapshot = dict[str, Any]


class Played(NamedTuple):
    """A view's results of one slot of B games; floats as float64."""

    delay_s: np.ndarray
    upload_s: np.ndarray
    forward_s: np.ndarray
    wait_s: np.ndarray
    compute_s: np.ndarray
    target: np.ndarray
    imbalance: np.ndarray
    reward: np.ndarray
    truncated: np.ndarray
    observation: np.ndarray
    state: np.ndarray
    after: Snapshot
    """The snapshot after the step."""
    extra: dict[str, np.ndarray]
    """The infos of effects."""
    mask: np.ndarray | None
    """Action masks ``[B, N, A]``, where users can be without a task."""
    final_mask: np.ndarray | None = None
    """Those of the end of the episode, where the step started the next."""
    restarted: bool = False
    """Whether the step started the next episode, which ``after`` then belongs to."""


INFOS = (*PARTS, "target", "imbalance")
_GAME_INFOS = ("imbalance", "utilisation")


def sorted_infos(fields: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the infos as arguments of :class:`Played`."""
    known = {name: fields.pop(name) for name in INFOS}
    return known | {"mask": fields.pop("action_mask", None), "extra": fields}


class ParallelDriver:
    """Driver of the parallel view: one game.

    Attributes:
        mask: the action masks ``[1, N, A]`` after the last reset, where users can be without a task.
    """

    batch = 1
    mask: np.ndarray | None = None

    def __init__(self, config: EdgeOffloadConfig, **options: Any) -> None:
        self.env: Any = edgeoffload_v0.parallel_env(config, **options)

    def reset(self, seed: Any = None, snapshot: Snapshot | None = None) -> np.ndarray:
        """Start an episode and return the observations, ``[1, N, D]``."""
        options = None if snapshot is None else {"snapshot": {name: values[0] for name, values in snapshot.items()}}
        return self._reset(seed, options)

    def snapshot(self) -> Snapshot:
        """Return the game's snapshot, with a batch axis."""
        return {name: np.array([values]) for name, values in self.env.unwrapped.snapshot().items()}

    def state(self) -> np.ndarray:
        """Return the global state, ``[1, S]``."""
        return self.env.state()[None]

    def step(self, actions: np.ndarray) -> Played:
        """Play a slot."""
        agents = self.env.possible_agents
        named = dict(zip(agents, actions[0].tolist(), strict=True))
        observations, rewards, terminations, truncations, infos = self._step(named)
        assert not any(terminations.values())
        fields = {name: np.array([[infos[agent][name] for agent in agents]]) for name in infos[agents[0]]}
        for name in set(_GAME_INFOS) & set(fields):
            assert (fields[name] == fields[name][0, 0]).all()
            fields[name] = fields[name][:, 0]
        return Played(
            **sorted_infos(fields),
            reward=_row(rewards, agents),
            truncated=_row(truncations, agents),
            observation=_row(observations, agents),
            state=self.state(),
            after=self.snapshot(),
        )

    def _reset(self, seed: Any, options: dict[str, Any] | None) -> np.ndarray:
        observations, infos = self.env.reset(seed=seed, options=options)
        self._keep_masks(infos)
        return _row(observations, self.env.possible_agents)

    def _step(self, named: dict[str, int]) -> tuple[dict[str, Any], ...]:
        return self.env.step(named)

    def _keep_masks(self, infos: dict[str, Any]) -> None:
        """After a reset the infos hold masks where users can be without a task, and nothing else."""
        agents = self.env.possible_agents
        masked = self.env.unwrapped.config.schema.masked
        assert list(infos) == agents
        assert all(list(info) == ["action_mask"] * masked for info in infos.values())
        self.mask = np.array([[infos[agent]["action_mask"] for agent in agents]]) if masked else None


class AECDriver(ParallelDriver):
    """Driver of the AEC view: one game."""

    def __init__(self, config: EdgeOffloadConfig, **options: Any) -> None:
        self.env = edgeoffload_v0.env(config, **options)

    def _reset(self, seed: Any, options: dict[str, Any] | None) -> np.ndarray:
        self.env.reset(seed=seed, options=options)
        self._keep_masks(self.env.infos)
        return self._observations()

    def _step(self, named: dict[str, int]) -> tuple[dict[str, Any], ...]:
        env = self.env
        for agent in env.possible_agents:
            assert env.agent_selection == agent
            env.step(named[agent])
        observations = {agent: env.observe(agent) for agent in env.possible_agents}
        return observations, env.rewards, env.terminations, env.truncations, env.infos

    def _observations(self) -> np.ndarray:
        return np.array([[self.env.observe(agent) for agent in self.env.possible_agents]])


class CentralDriver(ParallelDriver):
    """Driver of the central view: one game, whose observation is the state and whose reward is the users' mean."""

    def __init__(self, config: EdgeOffloadConfig, **options: Any) -> None:
        self.env = EdgeOffloadCentralEnv(config, **options)
        self._state = np.zeros(0)

    def state(self) -> np.ndarray:
        """Return the global state, ``[1, S]``, which is the last observation."""
        return self._state[None]

    def step(self, actions: np.ndarray) -> Played:
        """Play a slot."""
        self._state, reward, terminated, truncated, info = self.env.step(actions[0])
        assert terminated is False
        return Played(
            **sorted_infos({name: np.array([values]) for name, values in info.items()}),
            reward=np.array([[reward]]),
            truncated=np.array([[truncated]]),
            observation=self._state[None, None],
            state=self._state[None],
            after=self.snapshot(),
        )

    def _reset(self, seed: Any, options: dict[str, Any] | None) -> np.ndarray:
        self._state, info = self.env.reset(seed=seed, options=options)
        self.mask = info.pop("action_mask")[None] if self.env.config.schema.masked else None
        assert info == {}
        return self._state[None, None]


class VectorDriver:
    """Driver of the vector view: B games."""

    def __init__(self, config: EdgeOffloadConfig, batch: int = 3, **options: Any) -> None:
        self.batch = batch
        self.mask: np.ndarray | None = None
        self.env = edgeoffload_v0.vector_env(batch, config, **options)

    def reset(self, seed: Any = None, snapshot: Snapshot | None = None) -> np.ndarray:
        """Start an episode in every game and return the observations, ``[B, N, D]``."""
        observations, info = self.env.reset(seed=seed, options=None if snapshot is None else {"snapshot": snapshot})
        self.mask = to_numpy(info.pop("action_mask")) if self.env.config.schema.masked else None
        assert info == {}
        return np.asarray(observations)

    def snapshot(self) -> Snapshot:
        """Return the games' snapshots, in float64."""
        return {name: to_numpy(values) for name, values in self.env.snapshot().items()}

    def state(self) -> np.ndarray:
        """Return the global states, ``[B, S]``."""
        return np.asarray(self.env.state())

    def step(self, actions: np.ndarray) -> Played:
        """Play a slot."""
        observations, reward, terminated, truncated, info = self.env.step(actions)
        assert not np.asarray(terminated).any()
        fields = {name: to_numpy(values) for name, values in info.items()}
        restarted = fields.pop("final_obs", None) is not None
        assert (fields.pop("final_state", None) is not None) == restarted
        return Played(
            reward=to_numpy(reward),
            truncated=np.asarray(truncated),
            observation=np.asarray(observations),
            state=self.state(),
            after=self.snapshot(),
            restarted=restarted,
            final_mask=fields.pop("final_action_mask", None),
            **sorted_infos(fields),
        )


DRIVERS = {
    "central": CentralDriver,
    "parallel": ParallelDriver,
    "aec": AECDriver,
    "numpy-float64": lambda config: VectorDriver(config, dtype="float64"),
    "numpy-float32": lambda config: VectorDriver(config),
    "torch-float64": lambda config: VectorDriver(config, backend="torch", dtype="float64"),
    "torch-float32": lambda config: VectorDriver(config, backend="torch"),
}
USERS_DRIVERS = {name: make for name, make in DRIVERS.items() if name != "central"}
"""Drivers with an observation for each user."""


def to_numpy(values: Any) -> np.ndarray:
    """Convert to numpy, floats to float64."""
    array = np.asarray(values)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _row(values: dict[str, Any], agents: list[str]) -> np.ndarray:
    return np.array([[values[agent] for agent in agents]])
