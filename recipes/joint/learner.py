"""Base of the algorithms' learners: optimisers, gradient steps, schedules and metrics; torch without Ray."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from edgeoffload_env import EdgeOffloadConfig
from recipes.joint.schedules import linear
from recipes.networks.acting import ActingNetwork, PerUser
from recipes.networks.sizes import GameSizes


class JointLearner:
    """Learns for all users at once.

    A subclass defines :meth:`parameter_groups` and :meth:`learn`, and where it needs other networks than one for each
    user, :meth:`make_acting` and :meth:`make_networks`.

    Attributes:
        hyper: the algorithm's hyper-parameters.
        networks: ``acting``, and every network that :meth:`make_networks` names.
        env_steps: of the training so far, for the schedules.
        generator: source of random numbers, on the learner's device.
        games: configurations of the games learned from.
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
            hyper: the algorithm's hyper-parameters, a :class:`.JointHyperparameters`.
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

    def learn(self, batch: Any, env_steps: int, game: int = 0) -> None:
        """Learn from transitions of one of the games, after ``env_steps`` of the training."""
        raise NotImplementedError

    # Provided to subclasses

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

    def scheduled(self, name: str) -> float:
        """Return the present value of a hyper-parameter that changes linearly to its ``final_`` value."""
        first, final = getattr(self.hyper, name), getattr(self.hyper, f"final_{name}")
        return linear(first, final, self.env_steps, self._total_env_steps)

    def report(self, **values: Tensor) -> None:
        """Add values of an update to the means that :meth:`take_metrics` returns."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.detach()

    def take_metrics(self) -> tuple[dict[str, float], int]:
        """Return the means of the reported values since the last call, and the number of updates."""
        updates, means = self._updates, {name: float(total) / self._updates for name, total in self._sums.items()}
        self._sums, self._updates = {}, 0
        return means, updates


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
