"""Configurations of the joint Q-learning algorithms: independent, and one learner in charge of all users."""

from typing import Any, Self

from ray.rllib.algorithms.algorithm_config import NotProvided

from edgeoffload_env._validation import check_choice
from recipes.joint.config import JointOffPolicyConfig


class QConfig(JointOffPolicyConfig):
    """What the Q-learning algorithms share: ``double_q``, off by default."""

    def __init__(self, algo_class: Any = None) -> None:
        super().__init__(algo_class=algo_class)
        self.exploration_noise = 0.0
        self.epsilon = [(0, 1.0), (20_000, 0.05)]
        self.double_q = False

    def training(self, *, double_q: bool = NotProvided, **kwargs: Any) -> Self:
        """Set what the class's docstring lists."""
        super().training(**kwargs)
        return self._set(double_q=double_q)

    def get_default_learner_class(self) -> Any:
        """The learner of Q-values."""
        from recipes.joint.learners import QLearner

        return QLearner


class IDQLConfig(QConfig):
    """IDQL-TOLB: an independent DQN for each user on its own observation and reward."""

    def __init__(self, algo_class: Any = None) -> None:
        from recipes.joint.algorithm import IDQL

        super().__init__(algo_class=algo_class or IDQL)


class DQNTOLBConfig(QConfig):
    """DQN-TOLB: one DQN for all users, on the global state and the mean reward.

    ``head`` is "branching" (an advantage head for each user, any N) or "joint" (an output for each joint action, the
    paper's; refused beyond 20,000 outputs).
    """

    def __init__(self, algo_class: Any = None) -> None:
        from recipes.joint.algorithm import DQNTOLB

        super().__init__(algo_class=algo_class or DQNTOLB)
        self.head = "branching"

    def training(self, *, head: str = NotProvided, **kwargs: Any) -> Self:
        """Set what the class's docstring lists."""
        super().training(**kwargs)
        return self._set(head=head)

    def validate(self) -> None:
        """Check every field."""
        super().validate()
        check_choice("head", self.head, ("branching", "joint"))

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The acting network's."""
        return self.head
