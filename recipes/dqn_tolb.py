"""DQN-TOLB: one DQN in charge of all users, on the global state and the mean of the rewards (20).

    python -m recipes train dqn-tolb

Results to expect on ``paper`` (seeds 0 to 4, 60,192 env steps, branching head, greedy execution, 320 unseen episodes):
utility -12.2, -14.0, -12.9, -12.6, -12.5 (mean -12.8), score 0.87 to 0.95, in less than a minute of one core.

The paper's centralised DQN has an output for each of the (M + 1)^N joint actions: 60 million at its own size. Here it
has a head of advantages for each user (branching DQN) and works for any N; ``--set head=joint`` gives the paper's, and
is refused beyond 20,000 outputs. Double Q-learning is an option.

Differences from the paper: this head (``head=branching``); an update (``batch_size=512``) for every 16 slots
(``num_envs=16``, ``slots_per_update=1``) in place of one per slot; a learning rate that falls (``learning_rate=1e-3``,
``final_learning_rate=5e-5``); rewards scaled before they are learned from (``reward_scale=0.1``). The paper leaves open
the discount: ``discount=0.5``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recipes.hyperparameters import Share
from recipes.joint import recipe
from recipes.joint.recipe import JointHyperparameters, Scale

if TYPE_CHECKING:
    from edgeoffload_env.policies import Policy
    from recipes.settings import RunSettings


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(JointHyperparameters):
    """Of centralised DQN."""

    discount: Share = 0.5
    """gamma: what a unit of reward in the next slot is worth now."""
    reward_scale: Scale = 0.1
    """What rewards are multiplied by before they are learned from."""
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
