"""RLlib algorithm of the off-policy learners: sample transitions, learn from the replay buffer, share the weights."""

from collections.abc import Collection
from typing import Any

import numpy as np
from ray.rllib.utils.metrics import (
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    TIMERS,
)

from recipes.joint.algorithm import JointAlgorithm
from recipes.joint.env_runner import BatchedEnvRunner
from recipes.offpolicy.replay_buffer import ReplayBuffer

_STATE = "off_policy"


class OffPolicyAlgorithm(JointAlgorithm):
    """Off-policy learning of all users from a replay buffer of joint transitions, one for each game trained on.

    A checkpoint also holds the target networks and the replay buffers.
    """

    def setup(self, config: Any) -> None:
        """Build env runners, learner and replay buffer."""
        super().setup(config)
        seed = self.config.seed
        words = np.random.SeedSequence(None if seed is None else [seed, 2**32 - 1]).generate_state(1)
        configs = self.config.other_games()
        self.other_runners = [BatchedEnvRunner(config=config) for config in configs]
        self.replays = [
            ReplayBuffer(self.config.replay_capacity, seed=int(words[0]) + game, device=self.config.device)
            for game in range(1 + len(configs))
        ]
        self.replay = self.replays[0]
        self._updates_due, self._updates = 0.0, 0

    def training_step(self) -> None:
        """Play at least ``min_sample_timesteps_per_iteration`` env steps, with an update every so many of them."""
        target = self.env_steps + max(1, self.config.min_sample_timesteps_per_iteration)
        while self.env_steps < target:
            with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
                sampled = self._sample()
            if not sampled:  # all env runners are down; RLlib restores them between training steps
                break
            with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
                updated = self._learn(sampled)
            if updated:
                self.share_weights()
        self.collect_metrics()

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return RLlib's state with the replay buffers and the counters of updates."""
        state: dict[str, Any] = super().get_state(components, not_components=not_components, **kwargs)
        if self._check_component(_STATE, components, not_components):
            state[_STATE] = {
                "replays": [replay.get_state() for replay in self.replays],
                "other_runners": [runner.get_state("games") for runner in self.other_runners],
                "updates_due": self._updates_due,
                "updates": self._updates,
            }
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state that :meth:`get_state` returned."""
        super().set_state(state)
        if _STATE in state:
            kept = state[_STATE]
            for part, values in zip(self.replays, kept["replays"], strict=True):
                part.set_state(values)
            for runner, values in zip(self.other_runners, kept["other_runners"], strict=True):
                runner.set_state(values)
            self._updates_due, self._updates = kept["updates_due"], kept["updates"]
            if self.other_runners:
                self.share_weights()

    def _sample(self) -> int:
        """Play a fragment on each env runner; return the number of env steps."""
        before = self.env_steps
        sampled = [(self.replays[0], fragment) for fragment in self.sample_fragments()]
        for runner, replay in zip(self.other_runners, self.replays[1:], strict=True):
            sampled += [(replay, fragment) for fragment in runner.sample(env_steps=before)]
        for replay, fragment in sampled:
            replay.add(fragment.transitions)
            self.env_steps += fragment.env_steps()
        return self.env_steps - before

    def _learn(self, sampled: int) -> bool:
        """Run the updates that are due after ``sampled`` new env steps; return whether there were any."""
        if self.env_steps < self.config.num_steps_sampled_before_learning_starts:
            return False
        self._updates_due += sampled / (self.config.num_envs_per_env_runner * self.config.slots_per_update)
        updates, self._updates_due = int(self._updates_due), self._updates_due % 1.0
        timesteps = {NUM_ENV_STEPS_SAMPLED_LIFETIME: self.env_steps}
        for _ in range(updates):
            game = self._updates % len(self.replays)  # in turn
            batch = self.replays[game].sample(self.config.train_batch_size_per_learner)
            self.learner_group.update(batch=batch, timesteps=timesteps, game=game)
            self._updates += 1
        return updates > 0
