"""IDQL-TOLB: independent DQN, a Q-network for each user on its own observation and reward (20).

    python -m recipes train idql-tolb

Plain DQN, as in the paper's [14]; double Q-learning is an option.

Differences from the paper: one minibatch for all users in place of one per user; an update
(``train_batch_size_per_learner=512``) for every 16 slots (``num_envs_per_env_runner=16``, ``slots_per_update=1``) in
place of one per slot; learning rates that fall (``lr=1e-3``, ``final_lr=5e-5``). The paper leaves open the discount:
``gamma=0.5``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recipes.joint.recipe import algorithm_config, load_policy
from recipes.joint.transitions import TransitionBatch
from recipes.offpolicy import losses
from recipes.offpolicy.hyperparameters import OffPolicyHyperparameters
from recipes.offpolicy.learner import OffPolicyLearner

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(OffPolicyHyperparameters):
    """Hyper-parameters of independent DQN."""

    double_q: bool = False
    """Double Q-learning: the network chooses the next action, the target network rates it."""


class Learner(OffPolicyLearner):
    """Q-learning of each user by itself; the acting network holds everyone's Q-network."""

    def parameter_groups(self) -> dict[str, list[nn.Module]]:
        """Train all Q-networks on one loss: the sum of the users' own."""
        return {"q_networks": [self.networks.acting]}

    def update(self, batch: TransitionBatch) -> None:
        """Step down each user's mean of (r + gamma max_a Q'(o', a) - Q(o, a))^2."""
        values = losses.chosen(self.networks.acting.values(batch.obs), batch.actions.T)
        loss = self.td_error(values, self.targets(batch), batch.decided())
        self.gradient_step("q_networks", loss)
        self.move_targets()
        self.report(td_loss=loss)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def targets(self, batch: TransitionBatch) -> Tensor:
        """Return r + gamma max_a Q'(o', a), ``[N, batch]``."""
        hyper, networks = self.hyper, self.networks
        online_values = networks.acting.values(batch.next_obs, batch.next_mask) if hyper.double_q else None
        next_values = losses.next_value(networks.target_acting.values(batch.next_obs, batch.next_mask), online_values)
        return losses.td_target(batch.rewards.T, batch.terminated.T, next_values, hyper.gamma)
