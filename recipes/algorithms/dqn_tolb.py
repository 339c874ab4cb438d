"""DQN-TOLB: one DQN in charge of all users, on the global state and the mean of the rewards (20).

    python -m recipes train dqn-tolb

The paper's centralised DQN has an output for each of the (M + 1)^N joint actions: 60 million at its own size. Here it
has a head of advantages for each user (branching DQN) and works for any N; ``--set head=joint`` gives the paper's, and
is refused beyond 20,000 outputs. Double Q-learning is an option.

Differences from the paper: this head (``head=branching``); an update (``train_batch_size_per_learner=512``) for every
16 slots (``num_envs_per_env_runner=16``, ``slots_per_update=1``) in place of one per slot; a learning rate that falls
(``lr=1e-3``, ``final_lr=5e-5``); rewards scaled before they are learned from (``reward_scale=0.1``). The paper leaves
open the discount: ``gamma=0.5``.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from recipes.hyperparameters import Scale
from recipes.joint.recipe import algorithm_config, load_policy
from recipes.joint.transitions import TransitionBatch
from recipes.networks.acting import ActingNetwork, Branching, JointHead
from recipes.networks.sizes import GameSizes
from recipes.offpolicy import losses
from recipes.offpolicy.hyperparameters import OffPolicyHyperparameters
from recipes.offpolicy.learner import OffPolicyLearner

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(OffPolicyHyperparameters):
    """Hyper-parameters of centralised DQN."""

    reward_scale: Scale = 0.1
    """Factor of the rewards in the loss."""
    head: Literal["branching", "joint"] = "branching"
    """An advantage head for each user, or an output for each joint action."""
    double_q: bool = False
    """Double Q-learning: the network chooses the next action, the target network rates it."""


class Learner(OffPolicyLearner):
    """Q-learning of one agent that acts for all users."""

    @staticmethod
    def make_acting(hyper: Hyperparameters, sizes: GameSizes, seed: int | None) -> ActingNetwork:
        """Make the Q-network on the global state."""
        network = Branching if hyper.head == "branching" else JointHead
        return network(sizes, hyper.hidden, seed=seed)

    def parameter_groups(self) -> dict[str, list[nn.Module]]:
        """Train the one Q-network."""
        return {"q_network": [self.networks.acting]}

    def update(self, batch: TransitionBatch) -> None:
        """Step down the mean of (y - Q(x, a))^2; with the branching head, the sum of it over the branches."""
        acting = self.networks.acting
        values = losses.chosen(acting.values(batch.state), acting.index_of(batch.actions))
        counted = batch.decided() if self.hyper.head == "branching" else None
        loss = self.td_error(values, self.targets(batch).expand_as(values), counted)
        self.gradient_step("q_network", loss)
        self.move_targets()
        self.report(td_loss=loss)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def targets(self, batch: TransitionBatch) -> Tensor:
        """Return y = r + gamma max_a Q'(x', a), ``[1, batch]``: the branches share one target, their mean.

        The reward is the mean over users, and the game has terminated when it has for all of them.
        """
        hyper, networks = self.hyper, self.networks
        online_values = networks.acting.values(batch.next_state, batch.next_mask) if hyper.double_q else None
        next_values = losses.next_value(networks.target_acting.values(batch.next_state, batch.next_mask), online_values)
        rewards, terminated = batch.of_team()
        return losses.td_target(rewards, terminated, next_values.mean(0, keepdim=True), hyper.gamma)
