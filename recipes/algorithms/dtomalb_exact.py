"""DTOMALB with exact actor gradients, our variant: the expectation over a user's own actions in place of a sampled one.

    python -m recipes train dtomalb-exact

Results to expect on ``paper`` (seeds 0 to 4, 60,192 env steps, greedy execution, 320 unseen episodes): utility -11.5,
-11.4, -11.5, -11.5, -11.4 (mean -11.5; ``greedy`` gets -11.1), score 0.97 to 0.98, in less than 2 minutes of one core.

On ``crowded-team`` (seeds 0 to 4, 100,800 env steps, with the command in
``benchmarks/config/settings/crowded-team.yaml``): utility -65.3, -66.1, -66.4, -67.1, -70.7 (mean -67.1), beyond what
the best choice for each slot gets; about 3 minutes of one core.

The critic is evaluated for each of the user's M + 1 actions, the others' from the batch, and the actor follows the
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
from recipes.algorithms.dtomalb import ActorCriticHyperparameters, algorithm_config, load_policy
from recipes.hyperparameters import Fraction, Scale, Weight
from recipes.networks.stacked_mlp import softmax
from recipes.offpolicy.replay_buffer import TransitionBatch

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(ActorCriticHyperparameters):
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
