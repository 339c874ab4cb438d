"""An RLlib env runner that samples joint rows from batched games."""

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

from recipes.joint.games import GameStep, JointGames
from recipes.joint.making import make_games
from recipes.joint.replay import Rows
from recipes.joint.schedule import value_at
from recipes.joint.tally import Tally, as_numpy


@dataclass(frozen=True)
class JointFragment:
    """What one call of ``sample`` gives: rows in order of time, then of the game."""

    rows: Rows

    def env_steps(self) -> int:
        """Steps of the game."""
        return len(self.rows.actions)

    def agent_steps(self) -> int:
        """Steps of users."""
        return int(self.rows.actions.numel())


class JointEnvRunner(EnvRunner, Checkpointable):  # type: ignore[misc]  # RLlib carries no types
    """Samples from B games at once, local or remote.

    ``config.env`` is an id of this package, the name under which a creator of a PettingZoo ``ParallelEnv`` is
    registered with ``ray.tune.register_env``, or such a creator. Adapters that keep the game as ``par_env`` are looked
    through.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self.spaces: dict[str, Any] = kwargs.get("spaces") or {}
        self.device = torch.device(self.config.device if not self.worker_index else "cpu")
        seed = self.config.seed
        streams = np.random.SeedSequence(
            None if seed is None else [seed, self.worker_index or 0, int(bool(self.config.in_evaluation))]
        )
        game_seed, noise_seed = (int(word) for word in streams.generate_state(2))
        self._game_seed: int | None = game_seed
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed(noise_seed)
        self._weights_seq_no = 0
        self.games: JointGames | None = None
        if self.worker_index or self.config.num_env_runners == 0 or self.config.create_env_on_local_worker:
            self.make_env()
        self.make_module()
        self._seen: tuple[Any, Any] | None = None
        self._tally = Tally()

    def make_env(self) -> None:
        """Create the games."""
        if self.games is not None:
            self.games.close()
        context = EnvContext(
            self.config.env_config, worker_index=self.worker_index or 0, num_workers=self.num_workers or 0
        )
        self.games = make_games(self.config.env, context, self.config.num_envs_per_env_runner, str(self.device))
        self.env = self.games  # RLlib asks whether there is one
        self._seen = None

    def make_module(self) -> None:
        """Build the acting part of the module."""
        spec = self.config.get_multi_rl_module_spec(spaces=self.get_spaces(), inference_only=True)
        self.module = spec.build()[DEFAULT_MODULE_ID].to(self.device)

    def get_spaces(self) -> dict[str, Any]:
        """Spaces of the one module: everyone's observation and the state, everyone's action."""
        if self.games is None:
            return self.spaces
        users, actions, obs_size, state_size = self.games.sizes
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
    ) -> list[JointFragment]:
        """Play.

        Args:
            num_timesteps: env steps to play at least, counted over all games; by default ``rollout_fragment_length``
                steps of each game.
            num_episodes: in place of it, episodes to end at least, all games starting anew.
            explore: whether to explore; by default as configured.
            random_actions: play uniformly random actions.
            force_reset: start all games anew.
            env_steps: of the whole training so far, for what changes over it.

        Returns:
            A list of one fragment.
        """
        games = self.games
        if games is None:
            raise ValueError("sample() is not allowed on a runner without games; allowed: on one that made them")
        if env_steps is not None:
            self.num_env_steps_sampled_lifetime = env_steps
        if self._seen is None or force_reset or num_episodes is not None:
            self._seen = games.reset(self._game_seed if self._seen is None else None)
            self._tally.begin(games)
        if num_timesteps is None:
            num_timesteps = self.config.get_rollout_fragment_length(self.worker_index or 0) * games.num_envs
        explore = self.config.explore if explore is None else explore
        share = 1.0 if random_actions else value_at(self.config.epsilon, self.num_env_steps_sampled_lifetime)
        noise = self.config.exploration_noise
        steps: list[Rows] = []
        done = 0
        while done < (num_timesteps if num_episodes is None else num_episodes):
            obs, state = (torch.as_tensor(array, device=self.device) for array in self._seen)
            if explore or random_actions:
                actions = self.module.acting.explore(obs, state, share=share, noise=noise, generator=self._generator)
            else:
                actions = self.module.acting.greedy(obs, state)
            step = games.step(actions if games.on_device else actions.cpu().numpy())
            self._seen = step.obs, step.state
            steps.append(_rows(obs, state, actions, step))
            ended = self._tally.add(step)
            done += games.num_envs if num_episodes is None else ended
        rows = steps[0] if len(steps) == 1 else Rows(*(torch.cat(columns) for columns in zip(*steps, strict=True)))
        self.num_env_steps_sampled_lifetime += len(rows.actions)
        if num_episodes is not None:
            self._seen, self._game_seed = None, None  # the next call starts new games of the same stream
        return [JointFragment(rows)]

    def get_metrics(self) -> Any:
        """Log what has been played since the last call, under RLlib's names, and return it."""
        tally, log = self._tally, self.metrics.log_value
        for key, count in (
            (NUM_ENV_STEPS_SAMPLED, tally.env_steps),
            (NUM_EPISODES, len(tally.returns)),
        ):
            log(key, count, reduce="sum")
        log(NUM_ENV_STEPS_SAMPLED_LIFETIME, tally.env_steps, reduce="lifetime_sum", with_throughput=True)
        for user in self.games.users if self.games is not None else ():
            log((NUM_AGENT_STEPS_SAMPLED, user), tally.env_steps, reduce="sum")
            log((NUM_AGENT_STEPS_SAMPLED_LIFETIME, user), tally.env_steps, reduce="lifetime_sum")
        log(NUM_EPISODES_LIFETIME, len(tally.returns), reduce="lifetime_sum")
        window = max(1, -(-self.config.metrics_num_episodes_for_smoothing // (self.config.num_env_runners or 1)))
        for value, length in zip(tally.returns, tally.lengths, strict=True):
            log(EPISODE_RETURN_MEAN, value, window=window)
            log(EPISODE_LEN_MEAN, length, window=window)
            log(EPISODE_RETURN_MIN, value, reduce="min", window=window)
            log(EPISODE_RETURN_MAX, value, reduce="max", window=window)
        for name, values in tally.measures.items():
            for value in values:
                log(name, value, reduce="item_series")
        tally.forget()
        return self.metrics.reduce()

    def copy_weights(self, module: Any) -> None:
        """Act with the weights of a learner's module of the same process."""
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
        """Games, generators and counters; and the acting weights, unless left out."""
        state: dict[str, Any] = {NUM_ENV_STEPS_SAMPLED_LIFETIME: self.num_env_steps_sampled_lifetime}
        if self._check_component(COMPONENT_RL_MODULE, components, not_components):
            state[COMPONENT_RL_MODULE] = {DEFAULT_MODULE_ID: self.module.get_state(**kwargs)}
            state[WEIGHTS_SEQ_NO] = self._weights_seq_no
        if self.games is not None and self._check_component("games", components, not_components):
            games = self.games.get_state()
            seen = None
            if games is not None and self._seen is not None:
                seen = tuple(as_numpy(array).copy() for array in self._seen)
            state["games"] = {
                "games": games,
                "seen": seen,
                "seed": self._game_seed,
                "generator": self._generator.get_state().cpu().numpy().copy(),
                "tally": self._tally.get_state(),
            }
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`get_state` gave, or take over some of it."""
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
            self._tally.set_state(kept["tally"])
            self._seen = None
            if kept["games"] is not None:
                self.games.set_state(kept["games"])
                self._seen = kept["seen"]
            elif self._game_seed is not None:  # games that cannot be stored begin anew, and not as at first
                self._game_seed = (self._game_seed + self.num_env_steps_sampled_lifetime) % 2**32

    def get_ctor_args_and_kwargs(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What RLlib builds an equal runner from."""
        return (), {"config": self.config}

    def get_checkpointable_components(self) -> list[tuple[str, Any]]:
        """None of its own: the weights are the learner's."""
        return []

    def assert_healthy(self) -> None:
        """Check that the runner was built."""
        assert self.games is not None
        assert self.module is not None

    def stop(self) -> None:
        """Close the games."""
        if self.games is not None:
            self.games.close()


def _rows(obs: Any, state: Any, actions: Any, step: GameStep) -> Rows:
    as_tensor = torch.as_tensor
    return Rows(
        obs,
        state,
        actions,
        as_tensor(step.rewards),
        as_tensor(step.next_obs),
        as_tensor(step.next_state),
        as_tensor(step.terminated).to(torch.float32),
    )
