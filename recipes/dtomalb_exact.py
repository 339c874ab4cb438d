"""DTOMALB with exact actor gradients, our variant: the expectation over a user's own actions in place of a sampled one.

    python -m recipes train dtomalb-exact

Results to expect on ``paper`` (seeds 0 to 4, 60,192 env steps, greedy execution, 320 unseen episodes): utility -11.3,
-11.3, -11.3, -11.3, -11.5 (mean -11.35; ``greedy`` gets -11.1), score 0.98, in less than 2 minutes of one core.

On ``crowded-team`` (100,800 env steps, ``benchmarks/settings/crowded-team.yaml``, the command is there): -65.8, -68.0,
-69.2, -67.2, -74.7, where the best myopic choice gets -89.5 and ``drift-plus-penalty`` -56.6; 4 minutes of one core.

The critic is evaluated for each of the user's M + 1 actions, the others' from the batch, and the actor follows the
gradient of the expected value: neither sampling nor relaxation, so no temperature. All else is as in
``recipes/dtomalb.py``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recipes import dtomalb
from recipes.dtomalb import ActorCriticHyperparameters, load_policy
from recipes.hyperparameters import Share
from recipes.joint.recipe import Scale, Weight

if TYPE_CHECKING:
    from recipes.settings import RunSettings

__all__ = ["Hyperparameters", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(ActorCriticHyperparameters):
    """Of DTOMALB with exact actor gradients."""

    discount: Share = 0.9
    reward_scale: Scale = 0.1
    huber: bool = True
    entropy_bonus: Weight = 0.0005
    final_entropy_bonus: Weight = 0.0005


def algorithm_config(settings: "RunSettings") -> Any:
    """A ``DTOMALBConfig`` for the run."""
    return dtomalb.actor_critic_config(settings, actor_gradient="exact")
