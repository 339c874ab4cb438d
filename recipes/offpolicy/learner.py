"""Base of the off-policy algorithms' learners: updates from batches, and target networks; torch without Ray."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from recipes.joint.learner import JointLearner
from recipes.joint.transitions import TransitionBatch
from recipes.offpolicy import losses


class OffPolicyLearner(JointLearner):
    """Learns from batches of joint transitions that a replay buffer draws.

    A subclass defines :meth:`parameter_groups` and :meth:`update`, and where it needs other networks than one Q-network
    for each user, :meth:`make_acting` and :meth:`make_networks`. Every network has a ``target_<name>`` in ``networks``.
    """

    def __init__(self, hyper: Any, networks: Any, **options: Any) -> None:
        """Make the optimisers; arguments as of :class:`.JointLearner`."""
        super().__init__(hyper, networks, **options)
        self._targets = [
            (list(network.parameters()), list(self._target_of(network).parameters()))
            for group in self.parameter_groups().values()
            for network in group
        ]

    # To be defined by a subclass

    def update(self, batch: TransitionBatch) -> None:
        """Learn from a batch, whose rewards are scaled: gradient steps, then :meth:`move_targets`."""
        raise NotImplementedError

    # Provided to subclasses

    def learn(self, batch: TransitionBatch, env_steps: int, game: int = 0) -> None:
        """Run one :meth:`update` after ``env_steps`` of the training, on transitions of one of the games."""
        self._batch, self.env_steps = batch._asdict(), env_steps
        rewards = self.hyper.reward_scale * batch.rewards
        self.update(batch._replace(rewards=losses.symlog(rewards) if self.hyper.symlog_rewards else rewards))
        self._updates += 1

    def move_targets(self) -> None:
        """Move each target network towards its network: theta' = tau theta + (1 - tau) theta', line 20 of Table 1."""
        with torch.no_grad():
            for parameters, target in self._targets:
                torch._foreach_lerp_(target, parameters, self.hyper.tau)

    def td_error(self, values: Tensor, targets: Tensor, counted: Tensor | None = None) -> Tensor:
        """Return the loss of values ``[N, batch]``: (35), or its Huber variant.

        Args:
            values: of the actions taken.
            targets: of the same shape.
            counted: bools of the same shape: the transitions that count; None for all.
        """
        error = losses.huber_error if self.hyper.huber else losses.squared_error
        return error(values, targets, counted)

    def _target_of(self, network: nn.Module) -> nn.Module:
        (name,) = (name for name, child in self.networks.named_children() if child is network)
        target: nn.Module = getattr(self.networks, f"target_{name}")
        return target


def frozen_copy(network: nn.Module) -> nn.Module:
    """Return a target network: a copy without gradients."""
    target = copy.deepcopy(network)
    for parameter in target.parameters():
        parameter.requires_grad_(False)
    return target
