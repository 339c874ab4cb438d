"""RLlib algorithm of the on-policy learners: sample a rollout, learn from it, share the weights."""

from collections.abc import Collection
from typing import Any

from ray.rllib.utils.metrics import (
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    TIMERS,
)

from recipes.joint.algorithm import JointAlgorithm
from recipes.onpolicy.rollout import Rollout, join

_STATE = "on_policy"


class OnPolicyAlgorithm(JointAlgorithm):
    """On-policy learning of all users from rollouts of the present policy.

    A checkpoint holds networks, optimisers, running games, generators and counters: with a local env runner, a resumed
    training gives the same numbers as an uninterrupted one.
    """

    def training_step(self) -> None:
        """Play rollouts until there are ``min_sample_timesteps_per_iteration`` env steps, and learn from each."""
        target = self.env_steps + max(1, self.config.min_sample_timesteps_per_iteration)
        while self.env_steps < target:
            with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
                fragments = self.sample_fragments()
            if not fragments:  # all env runners are down; RLlib restores them between training steps
                break
            self.env_steps += sum(fragment.env_steps() for fragment in fragments)
            games = self.config.num_envs_per_env_runner
            rollout = join([Rollout(fragment.transitions, fragment.ended, games) for fragment in fragments])
            with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
                timesteps = {NUM_ENV_STEPS_SAMPLED_LIFETIME: self.env_steps}
                self.learner_group.update(batch=rollout.to(self.config.device), timesteps=timesteps)
            self.share_weights()
        self.collect_metrics()

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return RLlib's state with the counter."""
        state: dict[str, Any] = super().get_state(components, not_components=not_components, **kwargs)
        if self._check_component(_STATE, components, not_components):
            state[_STATE] = {"env_steps": self.env_steps}
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state that :meth:`get_state` returned."""
        super().set_state(state)
        if _STATE in state:
            self.env_steps = state[_STATE]["env_steps"]
