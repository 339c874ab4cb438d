"""DTOMALB with exact actor gradients, our variant: the expectation over a user's own actions in place of a sampled one.

    python -m recipes train dtomalb-exact

The critic is evaluated for each of the user's actions, the others' from the batch, and the actor follows the
gradient of the expected value: neither sampling nor relaxation, so no temperature.

Differences from the paper: this gradient; those of ``recipes/algorithms/dtomalb.py`` in minibatches, updates,
exploration, a' of (32) (``target_actions=sampled``) and learning rates that fall (``final_lr=5e-5``); rewards scaled
for the critic (``reward_scale=0.1``); errors beyond 1 that count linearly in (35) (``huber=True``); a bonus for the
actors' entropy (``entropy_coeff=0.0005``, ``final_entropy_coeff=0.0005``). The discount, which the paper leaves open,
is not ``dtomalb``'s either: ``gamma=0.9``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from recipes.algorithms import dtomalb
from recipes.algorithms.dtomalb import CriticHyperparameters, algorithm_config, load_policy
from recipes.hyperparameters import Fraction, Scale, Weight
from recipes.joint.transitions import TransitionBatch
from recipes.networks.stacked_mlp import softmax

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(CriticHyperparameters):
    """Hyper-parameters of DTOMALB with exact actor gradients."""

    gamma: Fraction = 0.9
    reward_scale: Scale = 0.1
    huber: bool = True
    entropy_coeff: Weight = 0.0005
    final_entropy_coeff: Weight = 0.0005


class Learner(dtomalb.Learner):
    """Line 18 of Table 1 with the expectation over the user's own action; the other lines as in DTOMALB."""

    def choice_and_values(self, batch: TransitionBatch, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return the policy's probabilities and the value of each action, ``[N, batch, A]``."""
        with torch.no_grad():
            values = self.networks.critics.for_each_own_action(batch.obs, batch.state, batch.actions)
        return softmax(logits), values
