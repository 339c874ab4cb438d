"""A DTOMALB update in bare torch: the mathematics of ``recipes.joint``'s and nothing else, written without it."""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def bare_update(
    users: int, obs_size: int, state_size: int, choices: int, hidden: int, batch: int, rows: int = 50_000
) -> Callable[[], None]:
    """A function that draws a batch from random rows and does one update of stacked actors, critics and targets."""
    generator = torch.Generator().manual_seed(0)

    def network(*sizes: int) -> list[Tensor]:
        parameters = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            for shape in ((users, fan_in, fan_out), (users, 1, fan_out)):
                uniform = 2.0 * torch.rand(shape, generator=generator) - 1.0
                parameters.append((uniform / math.sqrt(fan_in)).requires_grad_())
        return parameters

    def forward(parameters: list[Tensor], x: Tensor) -> Tensor:
        x = torch.relu(torch.baddbmm(parameters[1], x, parameters[0]))
        x = torch.relu(torch.baddbmm(parameters[3], x, parameters[2]))
        return torch.baddbmm(parameters[5], x, parameters[4])

    def critic(parameters: list[Tensor], state: Tensor, own: Tensor) -> Tensor:
        joint = torch.cat((state, own.transpose(0, 1).flatten(1)), dim=1)
        return forward(parameters, joint.expand(users, *joint.shape))[..., 0]

    actor, critics = (
        network(obs_size, hidden, hidden, choices),
        network(state_size + users * choices, hidden, hidden, 1),
    )
    actor_target, critics_target = ([p.detach().clone() for p in net] for net in (actor, critics))
    optimizers = [torch.optim.Adam(net, lr=1e-3, fused=True) for net in (actor, critics)]
    obs, next_obs = (torch.rand(rows, users, obs_size, generator=generator) for _ in range(2))
    state, next_state = (torch.rand(rows, state_size, generator=generator) for _ in range(2))
    actions = torch.randint(choices, (rows, users), generator=generator)
    rewards = torch.rand(rows, users, generator=generator)

    def descend(optimizer: torch.optim.Optimizer, parameters: list[Tensor], loss: Tensor) -> None:
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()

    def update() -> None:
        drawn = torch.randint(rows, (batch,), generator=generator)
        taken = one_hot(actions[drawn], choices).float().transpose(0, 1)
        with torch.no_grad():
            best = forward(actor_target, next_obs[drawn].transpose(0, 1)).argmax(-1)
            following = critic(critics_target, next_state[drawn], one_hot(best, choices).float())
            targets = rewards[drawn].T + 0.9 * following
        here = state[drawn]
        descend(optimizers[1], critics, (critic(critics, here, taken) - targets).square().mean(1).sum())
        logits = forward(actor, obs[drawn].transpose(0, 1))
        noise = -torch.log(-torch.log(torch.rand(logits.shape, generator=generator).clamp(1e-20, 1.0 - 1e-7)))
        relaxed = torch.softmax(logits + noise, dim=-1)
        own = one_hot(relaxed.argmax(-1), choices).float() - relaxed.detach() + relaxed
        # each critic sees its own user's drawn action and the batch's of the others
        weight = critics[0][:, state_size:].reshape(users, users, choices, hidden)[range(users), range(users)]
        joint = torch.cat((here, taken.transpose(0, 1).flatten(1)), dim=1)
        first = torch.baddbmm(critics[1], joint.expand(users, *joint.shape), critics[0])
        x = torch.relu(torch.baddbmm(first, own - taken, weight))
        x = torch.relu(torch.baddbmm(critics[3], x, critics[2]))
        descend(optimizers[0], actor, -torch.baddbmm(critics[5], x, critics[4]).mean(1).sum())
        with torch.no_grad():
            torch._foreach_lerp_(actor_target + critics_target, actor + critics, 0.01)

    return update
