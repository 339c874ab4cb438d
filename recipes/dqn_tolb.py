"""DQN-TOLB: one DQN in charge of all users, on the global state and the mean of the rewards (20).

    python -m recipes train dqn-tolb

Results on ``paper``, of one seed only (0, 60,480 env steps, branching head, 32 unseen episodes): utility -15.9.

The paper's centralised DQN has an output for each of the (M + 1)^N joint actions: 60 million at its own size. Here it
has a head of advantages for each user (branching DQN) and works for any N; ``--set head=joint`` gives the paper's, and
is refused beyond 20,000 outputs. Double Q-learning is an option.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recipes.joint import recipe
from recipes.joint.recipe import JointHyperparameters

if TYPE_CHECKING:
    from edgeoffload_env.policies import Policy
    from recipes.settings import RunSettings


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(JointHyperparameters):
    """Of centralised DQN."""

    head: Literal["branching", "joint"] = "branching"
    """An advantage head for each user, or an output for each joint action."""
    double: bool = False
    """Double Q-learning: the network chooses the next action, the target network rates it."""


def algorithm_config(settings: "RunSettings") -> Any:
    """A ``DQNTOLBConfig`` for the run."""
    from recipes.joint.q_config import DQNTOLBConfig

    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    return recipe.configured(DQNTOLBConfig(), settings, head=hyper.head, double_q=hyper.double)


def load_policy(settings: "RunSettings", checkpoint: Path) -> "Policy":
    """The greedy policy: all users' best actions in the global state."""
    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    return recipe.load_policy(settings, checkpoint, kind=hyper.head)
