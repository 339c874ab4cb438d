"""A DTOMALB update in bare torch: the mathematics of ``recipes.joint``'s and nothing else, written without it."""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import one_hot

DISCOUNT, RATE, TAU = 0.9, 1e-3, 0.01


class BareUpdate:
    """Stacked actors, critics and targets, and how they learn from a batch.

    Attributes:
        generator: of the parameters and of the Gumbel noise.
        actor: weights ``[users, in, out]`` and biases ``[users, 1, out]`` of three layers in turn.
        critics: likewise.
        actor_target: follows the actor.
        critics_target: follows the critics.
    """

    def __init__(self, users: int, obs_size: int, state_size: int, choices: int, hidden: int) -> None:
        self.users, self.state_size, self.choices, self.hidden = users, state_size, choices, hidden
        self.generator = torch.Generator().manual_seed(0)
        self.actor = self._network(obs_size, hidden, hidden, choices)
        self.critics = self._network(state_size + users * choices, hidden, hidden, 1)
        self.actor_target, self.critics_target = (
            [p.detach().clone() for p in network] for network in (self.actor, self.critics)
        )
        self._optimizers = [torch.optim.Adam(network, lr=RATE, fused=True) for network in (self.actor, self.critics)]

    def learn(
        self, obs: Tensor, state: Tensor, actions: Tensor, rewards: Tensor, next_obs: Tensor, next_state: Tensor
    ) -> Tensor:
        """One update on a batch of rows; returns the critics' loss."""
        users, choices, actor, critics = self.users, self.choices, self.actor, self.critics
        taken = one_hot(actions, choices).float().transpose(0, 1)
        with torch.no_grad():
            best = _forward(self.actor_target, next_obs.transpose(0, 1)).argmax(-1)
            following = self._values(self.critics_target, next_state, one_hot(best, choices).float())
            targets = rewards.T + DISCOUNT * following
        critic_loss = (self._values(critics, state, taken) - targets).square().mean(1).sum()
        _descend(self._optimizers[1], critics, critic_loss)
        logits = _forward(actor, obs.transpose(0, 1))
        noise = -torch.log(-torch.log(torch.rand(logits.shape, generator=self.generator).clamp(1e-20, 1.0 - 1e-7)))
        relaxed = torch.softmax(logits + noise, dim=-1)
        own = one_hot(relaxed.argmax(-1), choices).float() - relaxed.detach() + relaxed
        # each critic sees its own user's drawn action and the batch's of the others
        weight = critics[0][:, self.state_size :].reshape(users, users, choices, self.hidden)
        weight = weight[range(users), range(users)]
        joint = torch.cat((state, taken.transpose(0, 1).flatten(1)), dim=1)
        first = torch.baddbmm(critics[1], joint.expand(users, *joint.shape), critics[0])
        x = torch.relu(torch.baddbmm(first, own - taken, weight))
        x = torch.relu(torch.baddbmm(critics[3], x, critics[2]))
        _descend(self._optimizers[0], actor, -torch.baddbmm(critics[5], x, critics[4]).mean(1).sum())
        with torch.no_grad():
            torch._foreach_lerp_(self.actor_target + self.critics_target, actor + critics, TAU)
        return critic_loss.detach()

    def _network(self, *sizes: int) -> list[Tensor]:
        parameters = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            for shape in ((self.users, fan_in, fan_out), (self.users, 1, fan_out)):
                uniform = 2.0 * torch.rand(shape, generator=self.generator) - 1.0
                parameters.append((uniform / math.sqrt(fan_in)).requires_grad_())
        return parameters

    def _values(self, parameters: list[Tensor], state: Tensor, own: Tensor) -> Tensor:
        joint = torch.cat((state, own.transpose(0, 1).flatten(1)), dim=1)
        return _forward(parameters, joint.expand(self.users, *joint.shape))[..., 0]


def bare_update(
    users: int, obs_size: int, state_size: int, choices: int, hidden: int, batch: int, rows: int = 50_000
) -> Callable[[], None]:
    """A function that draws a batch from random rows and does one update."""
    learner = BareUpdate(users, obs_size, state_size, choices, hidden)
    generator = learner.generator
    obs, next_obs = (torch.rand(rows, users, obs_size, generator=generator) for _ in range(2))
    state, next_state = (torch.rand(rows, state_size, generator=generator) for _ in range(2))
    actions = torch.randint(choices, (rows, users), generator=generator)
    rewards = torch.rand(rows, users, generator=generator)

    def update() -> None:
        drawn = torch.randint(rows, (batch,), generator=generator)
        learner.learn(obs[drawn], state[drawn], actions[drawn], rewards[drawn], next_obs[drawn], next_state[drawn])

    return update


def _forward(parameters: list[Tensor], x: Tensor) -> Tensor:
    x = torch.relu(torch.baddbmm(parameters[1], x, parameters[0]))
    x = torch.relu(torch.baddbmm(parameters[3], x, parameters[2]))
    return torch.baddbmm(parameters[5], x, parameters[4])


def _descend(optimizer: torch.optim.Optimizer, parameters: list[Tensor], loss: Tensor) -> None:
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optimizer.step()
