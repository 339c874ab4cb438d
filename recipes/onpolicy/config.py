"""Base of the RLlib configurations of the on-policy algorithms."""

import math

from recipes.joint.config import JointConfig
from recipes.onpolicy.algorithm import OnPolicyAlgorithm
from recipes.onpolicy.learner import OnPolicyLearner


class OnPolicyConfig(JointConfig):
    """Base of the on-policy algorithms' configurations, with rollouts; see :class:`.JointConfig`."""

    algorithm_base = OnPolicyAlgorithm
    learner_base = OnPolicyLearner

    def exploration(self, env_steps: int) -> tuple[float, float]:
        """Return an epsilon of 0 and noise of scale 1: actions are sampled from the policy."""
        return 0.0, 1.0

    def get_rollout_fragment_length(self, worker_index: int = 0) -> int:
        """Return the slots of a rollout: so many that all env runners' games have the batch together, unless set.

        No batch is larger than the training is long.
        """
        if self.rollout_fragment_length != "auto":
            return int(self.rollout_fragment_length)
        games: int = self.num_envs_per_env_runner * max(1, self.num_env_runners)
        return math.ceil(min(int(self.train_batch_size_per_learner), self.total_env_steps) / games)
