"""DTOMALB with exact actor gradients, our variant: the expectation over a user's own actions in place of a sampled one.

    python -m recipes train dtomalb-exact

Results to expect: none are stated before they are measured over several seeds.

The critic is evaluated for each of the user's M + 1 actions, the others' from the batch, and the actor follows the
gradient of the expected value: neither sampling nor relaxation, so no temperature. All else is as in
``recipes/dtomalb.py``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recipes import dtomalb
from recipes.dtomalb import ActorCriticHyperparameters, load_policy
from recipes.joint.recipe import Weight

if TYPE_CHECKING:
    from recipes.settings import RunSettings

__all__ = ["Hyperparameters", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(ActorCriticHyperparameters):
    """Of DTOMALB with exact actor gradients."""

    huber: bool = True
    entropy_bonus: Weight = 0.005
    final_entropy_bonus: Weight = 0.005


def algorithm_config(settings: "RunSettings") -> Any:
    """A ``DTOMALBConfig`` for the run."""
    return dtomalb.actor_critic_config(settings, actor_gradient="exact")
