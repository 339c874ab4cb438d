"""RLlib algorithm of the on-policy learners: sample a rollout, learn from it, share the weights."""

from ray.rllib.utils.metrics import (
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    TIMERS,
)

from recipes.joint.algorithm import JointAlgorithm
from recipes.onpolicy.rollout import Rollout, join


class OnPolicyAlgorithm(JointAlgorithm):
    """On-policy learning of all users from rollouts of the present policy."""

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
