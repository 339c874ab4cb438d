"""IDQL-TOLB: independent DQN, a Q-network for each user on its own observation and reward (20).

    python -m recipes train idql-tolb

Results to expect on ``paper`` (seeds 0 to 4, 60,192 env steps, greedy execution, 320 unseen episodes): utility -12.4,
-12.4, -12.2, -13.0, -13.3 (mean -12.7), score 0.90 to 0.95, in less than a minute of one core.

Plain DQN, as in the paper's [14]; double Q-learning is an option.

Differences from the paper: one minibatch for all users in place of one per user; an update (``batch_size=512``) for
every 16 slots (``num_envs=16``, ``slots_per_update=1``) in place of one per slot; learning rates that fall
(``learning_rate=1e-3``, ``final_learning_rate=5e-5``). The paper leaves open the discount: ``discount=0.5``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes.hyperparameters import Share
from recipes.joint import recipe
from recipes.joint.recipe import JointHyperparameters

if TYPE_CHECKING:
    from edgeoffload_env.policies import Policy
    from recipes.settings import RunSettings


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(JointHyperparameters):
    """Of independent DQN."""

    discount: Share = 0.5
    """gamma: what a unit of reward in the next slot is worth now."""
    double: bool = False
    """Double Q-learning: the network chooses the next action, the target network rates it."""


def algorithm_config(settings: "RunSettings") -> Any:
    """An ``IDQLConfig`` for the run."""
    from recipes.joint.q_config import IDQLConfig

    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    return recipe.configured(IDQLConfig(), settings, double_q=hyper.double)


def load_policy(settings: "RunSettings", checkpoint: Path) -> "Policy":
    """The greedy policy: each user's own Q-network on the user's own observation."""
    return recipe.load_policy(settings, checkpoint)
