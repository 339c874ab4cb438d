"""Batched games of any PettingZoo ``ParallelEnv`` with equal discrete action spaces: B copies in a loop."""

import pickle
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from edgeoffload_env._validation import fail
from recipes.envs.batched_games import GameStep, Start
from recipes.networks.sizes import GameSizes

Floats = NDArray[np.float32]


class ParallelGames:
    """B copies of a parallel game whose agents start and end together.

    Observations of any shape are flattened; shorter ones are padded with zeros at their end to the longest agent's. The
    global state is ``env.state()`` where the game has one, else everyone's observation in a row. Infos may have an
    ``action_mask`` for each agent, from the first reset on.
    """

    on_device = False

    def __init__(self, make: "Callable[[], ParallelEnv[str, Any, Any]]", num_envs: int) -> None:
        """Make the copies.

        Raises:
            ValueError, TypeError: an agent whose actions are not discrete and equal to the others', or whose
                observations are not a box; the message names it.
        """
        self._envs = [make() for _ in range(num_envs)]
        first = self._envs[0]
        self.num_envs = num_envs
        self.users = list(first.possible_agents)
        self._first_action, self._num_actions = _common_actions(first)
        self._masked = False
        boxes = [_box(first, agent) for agent in self.users]
        obs_size = max(int(np.prod(box.shape)) for box in boxes)
        obs, _ = self._reset_one(first, None, obs_size)
        self._has_state = _has_state(first)
        self.sizes = GameSizes(len(self.users), self._num_actions, obs_size, self._state_of(first, obs).size)

    def reset(self, seed: int | None) -> Start:
        """Start an episode in every copy; each gets another seed."""
        words: list[Any] = [None] * self.num_envs
        if seed is not None:
            words = [int(word) for word in np.random.SeedSequence(seed).generate_state(self.num_envs)]
        starts = [self._reset_one(env, word, self.sizes.obs_size) for env, word in zip(self._envs, words, strict=True)]
        obs = np.stack([seen for seen, _ in starts])
        state = np.stack([self._state_of(env, seen) for env, seen in zip(self._envs, obs, strict=True)])
        return Start(obs, state, np.stack([mask for _, mask in starts]) if self._masked else None)

    def step(self, actions: NDArray[np.integer[Any]]) -> GameStep:
        """Play a step in every copy; copies whose episode ends are reset.

        Raises:
            ValueError: some agents of a copy ended before the others; the message names one.
        """
        shape = (self.num_envs, self.sizes.num_users)
        rewards, terminated = np.zeros(shape, np.float32), np.zeros(shape, bool)
        next_obs = np.empty((*shape, self.sizes.obs_size), np.float32)
        next_state = np.empty((self.num_envs, self.sizes.state_size), np.float32)
        ended = np.zeros(self.num_envs, bool)
        next_mask = np.ones((*shape, self.sizes.num_actions), bool)
        restarts: list[tuple[int, Floats, Floats, NDArray[np.bool_]]] = []
        for copy, env in enumerate(self._envs):
            chosen = {agent: int(a) + self._first_action for agent, a in zip(self.users, actions[copy], strict=True)}
            observations, gains, terminations, truncations, infos = env.step(chosen)
            over = [terminations[agent] or truncations[agent] for agent in self.users]
            if any(over) and not all(over):
                early = self.users[over.index(True)]
                raise ValueError(f"games must end for all agents at once, but {early} left before the others")
            next_obs[copy] = self._row(observations, self.sizes.obs_size)
            next_state[copy] = self._state_of(env, next_obs[copy])
            next_mask[copy] = self._mask_of(infos)
            rewards[copy] = [gains[agent] for agent in self.users]
            terminated[copy] = [terminations[agent] for agent in self.users]
            if all(over):
                ended[copy] = True
                seen, allowed = self._reset_one(env, None, self.sizes.obs_size)
                restarts.append((copy, seen, self._state_of(env, seen), allowed))
        obs, state, mask = next_obs, next_state, next_mask
        if restarts:
            obs, state, mask = next_obs.copy(), next_state.copy(), next_mask.copy()
            for copy, seen, view, allowed in restarts:
                obs[copy], state[copy], mask[copy] = seen, view, allowed
        masks = (mask, next_mask) if self._masked else (None, None)
        return GameStep(obs, state, rewards, next_obs, next_state, terminated, ended, {}, *masks)

    def get_state(self) -> bytes | None:
        """Return the running games; None if one cannot be pickled, such as one with an open window."""
        try:
            return pickle.dumps(self._envs)
        except Exception:  # pickling may raise anything
            return None

    def set_state(self, state: bytes) -> None:
        """Restore the games that :meth:`get_state` returned."""
        self._envs = pickle.loads(state)

    def close(self) -> None:
        """Close every copy."""
        for env in self._envs:
            env.close()

    def _reset_one(self, env: Any, seed: int | None, size: int) -> tuple[Floats, NDArray[np.bool_]]:
        observations, infos = env.reset(seed=seed)
        self._masked |= any("action_mask" in infos.get(agent, {}) for agent in self.users)
        return self._row(observations, size), self._mask_of(infos)

    def _mask_of(self, infos: dict[str, Any]) -> NDArray[np.bool_]:
        """Return the actions allowed, ``[N, A]``: all where a game gives no ``action_mask`` in its infos."""
        mask = np.ones((len(self.users), self._num_actions), bool)
        for index, agent in enumerate(self.users):
            if "action_mask" in infos.get(agent, {}):
                mask[index] = np.asarray(infos[agent]["action_mask"]) > 0
        return mask

    def _row(self, observations: dict[str, Any], size: int) -> Floats:
        row = np.zeros((len(self.users), size), np.float32)
        for index, agent in enumerate(self.users):
            values = np.asarray(observations[agent], np.float32).reshape(-1)
            row[index, : values.size] = values
        return row

    def _state_of(self, env: Any, obs: Floats) -> Floats:
        if self._has_state:
            return np.asarray(env.state(), np.float32).reshape(-1)
        return obs.reshape(-1)


def _common_actions(env: Any) -> tuple[int, int]:
    """Return the first action and the number of actions, which are the same for all agents."""
    spaces = {agent: env.action_space(agent) for agent in env.possible_agents}
    first_agent, first = next(iter(spaces.items()))
    for agent, space in spaces.items():
        if not isinstance(space, gymnasium.spaces.Discrete):
            fail(f"action space of {agent}", space, "a Discrete space", TypeError)
        if (space.n, space.start) != (first.n, first.start):
            fail(f"action space of {agent}", space, f"equal to that of {first_agent}, {first}")
    return int(first.start), int(first.n)


def _box(env: Any, agent: str) -> gymnasium.spaces.Box:
    space = env.observation_space(agent)
    if not isinstance(space, gymnasium.spaces.Box):
        fail(f"observation space of {agent}", space, "a Box", TypeError)
    return space


def _has_state(env: Any) -> bool:
    """Return whether the game, which has just been reset, implements ``state()``."""
    try:
        env.state()
    except (NotImplementedError, AttributeError):
        return False
    return True
