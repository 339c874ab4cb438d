"""Base of the algorithms' learners: optimisers, gradient steps, target networks and schedules; torch without Ray."""

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from edgeoffload_env import EdgeOffloadConfig
from recipes.networks.acting import ActingNetwork, PerUser
from recipes.networks.sizes import GameSizes
from recipes.offpolicy import losses
from recipes.offpolicy.replay_buffer import TransitionBatch
from recipes.offpolicy.schedules import linear


class OffPolicyLearner:
    """Learns from batches of joint transitions.

    A subclass defines :meth:`parameter_groups` and :meth:`update`, and where it needs other networks than one Q-network
    for each user, :meth:`make_acting` and :meth:`make_networks`.

    Attributes:
        hyper: the algorithm's hyper-parameters.
        networks: ``acting``, every network that :meth:`make_networks` names, and ``target_<name>`` for each of these.
        env_steps: of the training so far, for the schedules.
        generator: source of random numbers, on the learner's device.
        optimizers: by the name of their parameter group.
    """

    def __init__(
        self,
        hyper: Any,
        networks: Any,
        *,
        total_env_steps: int,
        generator: torch.Generator,
        check_loss: Callable[[str, Tensor, Mapping[str, Any]], None] = lambda name, loss, batch: None,
        games: Sequence[EdgeOffloadConfig | None] = (None,),
    ) -> None:
        """Make the optimisers.

        Args:
            hyper: the algorithm's hyper-parameters, an :class:`.OffPolicyHyperparameters`.
            networks: a module that holds them as attributes.
            total_env_steps: of the whole training, over which schedules run.
            generator: source of random numbers.
            check_loss: called with a group's name, its loss and the batch before each gradient step.
            games: configurations of the games learned from; None for others than this package's.
        """
        self.hyper, self.networks, self.generator = hyper, networks, generator
        self.games, self.env_steps = games, 0
        self._total_env_steps, self._check_loss = total_env_steps, check_loss
        groups = self.parameter_groups()
        self._parameters = {name: [list(network.parameters()) for network in group] for name, group in groups.items()}
        self._targets = [
            (list(network.parameters()), list(self._target_of(network).parameters()))
            for group in groups.values()
            for network in group
        ]
        self.optimizers = {name: self.make_optimizer(self.parameters(name)) for name in groups}
        self._batch: Mapping[str, Any] = {}
        self._sums: dict[str, Tensor] = {}
        self._updates = 0

    # To be defined by a subclass

    @staticmethod
    def make_acting(hyper: Any, sizes: GameSizes, seed: int | None) -> ActingNetwork:
        """Make the network that chooses the actions."""
        return PerUser(sizes, hyper.hidden, shared=hyper.share_actors, seed=seed)

    @staticmethod
    def make_networks(hyper: Any, sizes: GameSizes, seed: int | None) -> dict[str, nn.Module]:
        """Make the other trained networks, such as critics or a mixer, by their names."""
        return {}

    def parameter_groups(self) -> dict[str, list[nn.Module]]:
        """Return the networks that each optimiser trains, by the group's name; a group is trained by one loss."""
        raise NotImplementedError

    def make_optimizer(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """Make the optimiser of a parameter group."""
        return torch.optim.Adam(parameters, lr=self.hyper.lr, fused=True)

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

    def parameters(self, group: str) -> list[nn.Parameter]:
        """Return the parameters of a group."""
        return [parameter for network in self._parameters[group] for parameter in network]

    def gradient_step(self, group: str, loss: Tensor) -> None:
        """Step a group's optimiser down the gradient of its loss with respect to the group's parameters alone.

        Raises:
            NotFiniteError: the loss is NaN or infinite; nothing was learned from it.
        """
        self._check_loss(group, loss, self._batch)
        parameters = self.parameters(group)
        gradients = torch.autograd.grad(loss, parameters)
        if self.hyper.grad_clip is not None:
            of_network = iter(gradients)
            for network in self._parameters[group]:
                clip_per_user(list(itertools.islice(of_network, len(network))), self.hyper.grad_clip)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.contiguous()  # fused Adam silently misreads any other layout on the CPU
        optimizer = self.optimizers[group]
        for options in optimizer.param_groups:
            options["lr"] = self.scheduled("lr")
        optimizer.step()

    def move_targets(self) -> None:
        """Move each target network towards its network: theta' = tau theta + (1 - tau) theta', line 20 of Table 1."""
        with torch.no_grad():
            for parameters, target in self._targets:
                torch._foreach_lerp_(target, parameters, self.hyper.tau)

    def scheduled(self, name: str) -> float:
        """Return the present value of a hyper-parameter that changes linearly to its ``final_`` value."""
        first, final = getattr(self.hyper, name), getattr(self.hyper, f"final_{name}")
        return linear(first, final, self.env_steps, self._total_env_steps)

    def td_error(self, values: Tensor, targets: Tensor, counted: Tensor | None = None) -> Tensor:
        """Return the loss of values ``[N, batch]``: (35), or its Huber variant.

        Args:
            values: of the actions taken.
            targets: of the same shape.
            counted: bools of the same shape: the transitions that count; None for all.
        """
        error = losses.huber_error if self.hyper.huber else losses.squared_error
        return error(values, targets, counted)

    def report(self, **values: Tensor) -> None:
        """Add values to the means that :meth:`take_metrics` returns."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.detach()

    def take_metrics(self) -> tuple[dict[str, float], int]:
        """Return the means of the reported values since the last call, and the number of updates."""
        updates, means = self._updates, {name: float(total) / self._updates for name, total in self._sums.items()}
        self._sums, self._updates = {}, 0
        return means, updates

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


def clip_per_user(gradients: list[Tensor], largest: float) -> None:
    """Scale each user's gradients, in place, to a norm over all its parameters of at most ``largest``.

    Args:
        gradients: of one network, ``[users, ...]`` each, or ``[1, ...]`` where users share it.
        largest: the norm.
    """
    squares = torch.stack([gradient.flatten(1).square().sum(dim=1) for gradient in gradients]).sum(dim=0)
    scale = (largest / squares.sqrt().clamp_min(1e-12)).clamp_max(1.0)
    for gradient in gradients:
        gradient.mul_(scale.reshape(-1, *[1] * (gradient.dim() - 1)))
