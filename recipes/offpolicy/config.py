"""Base of the RLlib configurations of the off-policy algorithms."""

from recipes.joint.config import JointConfig
from recipes.joint.schedules import linear
from recipes.offpolicy.algorithm import OffPolicyAlgorithm
from recipes.offpolicy.learner import OffPolicyLearner
from recipes.offpolicy.rl_module import OffPolicyModule


class OffPolicyConfig(JointConfig):
    """Base of the off-policy algorithms' configurations, with a replay buffer; see :class:`.JointConfig`."""

    algorithm_base = OffPolicyAlgorithm
    learner_base = OffPolicyLearner
    module_type = OffPolicyModule

    def exploration(self, env_steps: int) -> tuple[float, float]:
        """Return epsilon and the scale of the noise after some env steps."""
        duration = round(self.exploration_fraction * self.total_env_steps)
        return linear(self.epsilon, self.final_epsilon, env_steps, duration), self.exploration_noise

    def get_rollout_fragment_length(self, worker_index: int = 0) -> int:
        """Return the slots that a call of ``sample`` plays in each game: those of an update, unless set."""
        auto = self.rollout_fragment_length == "auto"
        return int(self.slots_per_update if auto else self.rollout_fragment_length)
