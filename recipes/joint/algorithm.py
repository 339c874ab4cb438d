"""The training loop: sample joint rows, learn from the replay, act with what was learned."""

from collections.abc import Collection
from typing import Any

import numpy as np
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    TIMERS,
)

from recipes.joint.replay import JointReplay

_STATE = "joint_off_policy"


class JointOffPolicy(Algorithm):  # type: ignore[misc]  # RLlib carries no types
    """Off-policy learning of all users from one replay of joint rows.

    A checkpoint holds networks, targets, optimisers, replay, running games, generators and counters: with a local env
    runner, restoring and going on gives the same numbers as never having stopped.
    """

    def setup(self, config: Any) -> None:
        """Build runners, learner and replay."""
        super().setup(config)
        seed = self.config.seed
        words = np.random.SeedSequence(None if seed is None else [seed, 2**32 - 1]).generate_state(1)
        self.replay = JointReplay(self.config.replay_capacity, seed=int(words[0]), device=self.config.device)
        self.env_steps = 0
        self._updates_owed = 0.0

    def training_step(self) -> None:
        """Play at least ``min_sample_timesteps_per_iteration`` env steps, with the updates that belong to them."""
        target = self.env_steps + max(1, self.config.min_sample_timesteps_per_iteration)
        remote = self.env_runner_group.num_remote_env_runners() > 0
        while self.env_steps < target:
            with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
                sampled = self._sample(remote)
            if not sampled:  # all runners are down; RLlib restores them between training steps
                break
            with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
                updated = self._learn(sampled)
            if updated:
                self._share_weights(remote)
        reports = self.env_runner_group.foreach_env_runner(
            lambda runner: runner.get_metrics(),
            local_env_runner=not remote,
            timeout_seconds=self.config.sample_timeout_s,
        )
        self.metrics.aggregate(reports, key=ENV_RUNNER_RESULTS)
        learned = self.learner_group.foreach_learner(lambda learner: learner.get_metrics())
        self.metrics.aggregate([result.get() for result in learned], key=LEARNER_RESULTS)

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """RLlib's, and the replay and counters."""
        state: dict[str, Any] = super().get_state(components, not_components=not_components, **kwargs)
        if self._check_component(_STATE, components, not_components):
            state[_STATE] = {
                "replay": self.replay.get_state(),
                "env_steps": self.env_steps,
                "updates_owed": self._updates_owed,
            }
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`get_state` gave."""
        super().set_state(state)
        if _STATE in state:
            self.replay.set_state(state[_STATE]["replay"])
            self.env_steps = state[_STATE]["env_steps"]
            self._updates_owed = state[_STATE]["updates_owed"]

    def _sample(self, remote: bool) -> int:
        """Play a fragment on each runner; returns the env steps played."""
        before = self.env_steps
        if remote:
            fragments = self.env_runner_group.foreach_env_runner(
                "sample",
                kwargs={"env_steps": before},
                local_env_runner=False,
                timeout_seconds=self.config.sample_timeout_s,
            )
        else:
            fragments = [self.env_runner.sample(env_steps=before)]
        for (fragment,) in fragments:
            self.replay.add(fragment.rows)
            self.env_steps += fragment.env_steps()
        return self.env_steps - before

    def _learn(self, sampled: int) -> bool:
        """The updates that so many new env steps are worth; returns whether there were any."""
        if self.env_steps < self.config.num_steps_sampled_before_learning_starts:
            return False
        self._updates_owed += sampled / self.config.env_steps_per_update
        updates, self._updates_owed = int(self._updates_owed), self._updates_owed % 1.0
        timesteps = {NUM_ENV_STEPS_SAMPLED_LIFETIME: self.env_steps}
        for _ in range(updates):
            rows = self.replay.sample(self.config.train_batch_size_per_learner)
            self.learner_group.update(batch=rows, timesteps=timesteps)
        return updates > 0

    def _share_weights(self, remote: bool) -> None:
        """Let the runners act with the learner's networks."""
        if remote:
            self.env_runner_group.sync_weights(from_worker_or_learner_group=self.learner_group, inference_only=True)
            return
        # In one process a copy is enough, at a tenth of the cost of the object store
        self.learner_group.foreach_learner(
            lambda learner: self.env_runner.copy_weights(learner.module[DEFAULT_MODULE_ID])
        )


class DTOMALB(JointOffPolicy):
    """MADDPG for discrete actions; see :class:`.DTOMALBConfig`."""

    @classmethod
    def get_default_config(cls) -> Any:
        """The paper's."""
        from recipes.joint.config import DTOMALBConfig

        return DTOMALBConfig()


class IDQL(JointOffPolicy):
    """Independent DQN; see :class:`.IDQLConfig`."""

    @classmethod
    def get_default_config(cls) -> Any:
        """One Q-network for each user."""
        from recipes.joint.q_config import IDQLConfig

        return IDQLConfig()


class DQNTOLB(JointOffPolicy):
    """Centralised DQN; see :class:`.DQNTOLBConfig`."""

    @classmethod
    def get_default_config(cls) -> Any:
        """The branching head."""
        from recipes.joint.q_config import DQNTOLBConfig

        return DQNTOLBConfig()
