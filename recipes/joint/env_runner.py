"""RLlib env runner that samples joint transitions from batched games."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import ray
import torch
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.env_context import EnvContext
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.checkpoints import Checkpointable
from ray.rllib.utils.metrics import (
    EPISODE_LEN_MEAN,
    EPISODE_RETURN_MAX,
    EPISODE_RETURN_MEAN,
    EPISODE_RETURN_MIN,
    NUM_AGENT_STEPS_SAMPLED,
    NUM_AGENT_STEPS_SAMPLED_LIFETIME,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_EPISODES,
    NUM_EPISODES_LIFETIME,
    WEIGHTS_SEQ_NO,
)
from torch import Tensor

from recipes.envs.batched_games import BatchedGames, GameStep, Start
from recipes.envs.episode_stats import EpisodeStats, as_numpy
from recipes.envs.make_envs import make_games
from recipes.joint.transitions import TransitionBatch, concatenate


@dataclass(frozen=True)
class Fragment:
    """Transitions of one call of ``sample``, in order of time, then of the game."""

    transitions: TransitionBatch
    ended: Tensor
    """Bools ``[R]``: the episode ended with the transition, by termination or truncation."""

    def env_steps(self) -> int:
        """Return the number of steps, counted over the games."""
        return len(self.transitions.actions)

    def agent_steps(self) -> int:
        """Return the number of steps, counted over the games and their users."""
        return int(self.transitions.actions.numel())


class BatchedEnvRunner(EnvRunner, Checkpointable):  # type: ignore[misc]  # RLlib carries no types
    """Samples from B games at once, locally or in a process of its own; see :func:`.make_games` for ``config.env``."""

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self.spaces: dict[str, Any] = kwargs.get("spaces") or {}
        self.device = torch.device(self.config.device if not self.worker_index else "cpu")
        seed = self.config.seed
        streams = np.random.SeedSequence(
            None if seed is None else [seed, self.worker_index or 0, int(bool(self.config.in_evaluation))],
            spawn_key=(self.config.game,) if self.config.game else (),
        )
        game_seed, noise_seed = (int(word) for word in streams.generate_state(2))
        self._game_seed: int | None = game_seed
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed(noise_seed)
        self._weights_seq_no = 0
        self.games: BatchedGames | None = None
        if self.worker_index or self.config.num_env_runners == 0 or self.config.create_env_on_local_worker:
            self.make_env()
        self.make_module()
        self._seen: Start | None = None
        self._episodes = EpisodeStats()

    def make_env(self) -> None:
        """Make the games."""
        if self.games is not None:
            self.games.close()
        context = EnvContext(
            self.config.env_config, worker_index=self.worker_index or 0, num_workers=self.num_workers or 0
        )
        self.games = make_games(self.config.env, context, self.config.num_envs_per_env_runner, str(self.device))
        self.env = self.games  # RLlib asks whether there is one
        self._seen = None

    def make_module(self) -> None:
        """Build the acting network."""
        spec = self.config.get_multi_rl_module_spec(spaces=self.get_spaces(), inference_only=True)
        self.module = spec.build()[DEFAULT_MODULE_ID].to(self.device)

    def get_spaces(self) -> dict[str, Any]:
        """Return the module's spaces: everyone's observation and the state, everyone's action."""
        if self.games is None:
            return self.spaces
        users, actions, obs_size, state_size, _ = self.games.sizes
        seen = gymnasium.spaces.Dict(
            {
                "obs": gymnasium.spaces.Box(-np.inf, np.inf, (users, obs_size), np.float32),
                "state": gymnasium.spaces.Box(-np.inf, np.inf, (state_size,), np.float32),
            }
        )
        spaces = (seen, gymnasium.spaces.MultiDiscrete([actions] * users))
        return {INPUT_ENV_SPACES: spaces, INPUT_ENV_SINGLE_SPACES: spaces, DEFAULT_MODULE_ID: spaces}

    def sample(
        self,
        *,
        num_timesteps: int | None = None,
        num_episodes: int | None = None,
        explore: bool | None = None,
        random_actions: bool = False,
        force_reset: bool = False,
        env_steps: int | None = None,
        **_: Any,
    ) -> list[Fragment]:
        """Play the games.

        Args:
            num_timesteps: least number of env steps, counted over all games; by default ``rollout_fragment_length``
                steps of each game.
            num_episodes: instead, least number of episodes to finish, after a reset of all games.
            explore: whether to explore; by default as configured.
            random_actions: play uniformly random actions.
            force_reset: reset all games first.
            env_steps: of the whole training so far, for schedules of the exploration.

        Returns:
            A list of one fragment.
        """
        games = self.games
        if games is None:
            raise ValueError("sample() needs games, and this env runner has none; call make_env() first")
        if env_steps is not None:
            self.num_env_steps_sampled_lifetime = env_steps
        if self._seen is None or force_reset or num_episodes is not None:
            self._seen = games.reset(self._game_seed if self._seen is None else None)
            self._episodes.start(games)
        if num_timesteps is None:
            num_timesteps = self.config.get_rollout_fragment_length(self.worker_index or 0) * games.num_envs
        explore = self.config.explore if explore is None else explore
        epsilon, noise = self.config.exploration(self.num_env_steps_sampled_lifetime)
        if random_actions:
            epsilon = 1.0
        acting = self.module.acting
        steps: list[TransitionBatch] = []
        ends: list[Tensor] = []
        done = 0
        while done < (num_timesteps if num_episodes is None else num_episodes):
            obs, state, mask = (
                None if array is None else torch.as_tensor(array, device=self.device) for array in self._seen
            )
            inputs = acting.select_input(obs, state)
            if explore or random_actions:
                actions = acting.explore(inputs, mask, epsilon=epsilon, noise=noise, generator=self._generator)
            else:
                actions = acting.greedy(inputs, mask)
            step = games.step(actions if games.on_device else actions.cpu().numpy())
            steps.append(_transitions(obs, state, mask, actions, step))
            self._seen = Start(step.obs, step.state, step.mask)
            ends.append(torch.tensor(step.ended, device=self.device))
            ended = self._episodes.add(step)
            done += games.num_envs if num_episodes is None else ended
        batch = concatenate(steps)
        self.num_env_steps_sampled_lifetime += len(batch.actions)
        if num_episodes is not None:
            self._seen, self._game_seed = None, None  # the next call starts new games of the same stream
        return [Fragment(batch, torch.cat(ends))]

    def get_metrics(self) -> Any:
        """Log the steps and episodes since the last call under RLlib's names, and return the metrics."""
        episodes, log = self._episodes, self.metrics.log_value
        if self.config.game:  # episodes are reported of the first game alone
            for ended in (episodes.returns, episodes.lengths, episodes.measures):
                ended.clear()
        for key, count in (
            (NUM_ENV_STEPS_SAMPLED, episodes.env_steps),
            (NUM_EPISODES, len(episodes.returns)),
        ):
            log(key, count, reduce="sum")
        log(NUM_ENV_STEPS_SAMPLED_LIFETIME, episodes.env_steps, reduce="lifetime_sum", with_throughput=True)
        for user in self.games.users if self.games is not None else ():
            log((NUM_AGENT_STEPS_SAMPLED, user), episodes.env_steps, reduce="sum")
            log((NUM_AGENT_STEPS_SAMPLED_LIFETIME, user), episodes.env_steps, reduce="lifetime_sum")
        log(NUM_EPISODES_LIFETIME, len(episodes.returns), reduce="lifetime_sum")
        window = max(1, -(-self.config.metrics_num_episodes_for_smoothing // (self.config.num_env_runners or 1)))
        for value, length in zip(episodes.returns, episodes.lengths, strict=True):
            log(EPISODE_RETURN_MEAN, value, window=window)
            log(EPISODE_LEN_MEAN, length, window=window)
            log(EPISODE_RETURN_MIN, value, reduce="min", window=window)
            log(EPISODE_RETURN_MAX, value, reduce="max", window=window)
        for name, values in episodes.measures.items():
            for value in values:
                log(name, value, reduce="item_series")
        episodes.clear()
        return self.metrics.reduce()

    def copy_weights(self, module: Any) -> None:
        """Copy the acting network's weights from a learner's module in the same process."""
        with torch.no_grad():
            for mine, theirs in zip(self.module.acting.parameters(), module.acting.parameters(), strict=True):
                mine.copy_(theirs)

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return games, generators and counters, and the acting network's weights unless left out."""
        state: dict[str, Any] = {NUM_ENV_STEPS_SAMPLED_LIFETIME: self.num_env_steps_sampled_lifetime}
        if self._check_component(COMPONENT_RL_MODULE, components, not_components):
            state[COMPONENT_RL_MODULE] = {DEFAULT_MODULE_ID: self.module.get_state(**kwargs)}
            state[WEIGHTS_SEQ_NO] = self._weights_seq_no
        if self.games is not None and self._check_component("games", components, not_components):
            games = self.games.get_state()
            seen = None
            if games is not None and self._seen is not None:
                seen = Start(*(None if array is None else as_numpy(array).copy() for array in self._seen))
            state["games"] = {
                "games": games,
                "seen": seen,
                "seed": self._game_seed,
                "generator": self._generator.get_state().cpu().numpy().copy(),
                "episodes": self._episodes.get_state(),
            }
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state that :meth:`get_state` returned, or a part of it."""
        if COMPONENT_RL_MODULE in state:
            weights = state[COMPONENT_RL_MODULE]
            if isinstance(weights, ray.ObjectRef):
                weights = ray.get(weights)
            self.module.set_state(weights.get(DEFAULT_MODULE_ID, weights))
            self._weights_seq_no = state.get(WEIGHTS_SEQ_NO, 0)
        if NUM_ENV_STEPS_SAMPLED_LIFETIME in state:
            self.num_env_steps_sampled_lifetime = state[NUM_ENV_STEPS_SAMPLED_LIFETIME]
        if "games" in state and self.games is not None:
            kept = state["games"]
            self._game_seed = kept["seed"]
            self._generator.set_state(torch.from_numpy(kept["generator"]))
            self._episodes.set_state(kept["episodes"])
            self._seen = None
            if kept["games"] is not None:
                self.games.set_state(kept["games"])
                self._seen = None if kept["seen"] is None else Start(*kept["seen"])
            elif self._game_seed is not None:  # games that cannot be stored are reset, with another seed than at first
                self._game_seed = (self._game_seed + self.num_env_steps_sampled_lifetime) % 2**32

    def get_ctor_args_and_kwargs(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments that build an equal env runner."""
        return (), {"config": self.config}

    def get_checkpointable_components(self) -> list[tuple[str, Any]]:
        """Return none: the weights are stored with the learner."""
        return []

    def assert_healthy(self) -> None:
        """Check that games and module were built."""
        assert self.games is not None
        assert self.module is not None

    def stop(self) -> None:
        """Close the games."""
        if self.games is not None:
            self.games.close()


def _transitions(obs: Any, state: Any, mask: Any, actions: Any, step: GameStep) -> TransitionBatch:
    as_tensor = torch.as_tensor
    return TransitionBatch(
        obs,
        state,
        actions,
        as_tensor(step.rewards),
        as_tensor(step.next_obs),
        as_tensor(step.next_state),
        as_tensor(step.terminated).to(torch.float32),
        mask,
        None if step.next_mask is None else as_tensor(step.next_mask),
    )
