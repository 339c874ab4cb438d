import pytest
import torch
from torch import nn

from recipes.joint.learner import clip_per_user
from recipes.networks.stacked_mlp import StackedMLP

USERS, BATCH, SIZES = 4, 7, (5, 8, 6, 3)


def separate(stack: StackedMLP, user: int) -> nn.Sequential:
    """The user's network as torch's own layers."""
    layers: list[nn.Module] = []
    for layer in range(stack.depth):
        weight, bias = getattr(stack, f"weight_{layer}")[user], getattr(stack, f"bias_{layer}")[user, 0]
        linear = nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(weight.T)
            linear.bias.copy_(bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("out", [1, 3, 16])
def test_a_stack_is_n_separate_networks_through_steps_of_adam(out: int) -> None:
    generator = torch.Generator().manual_seed(0)
    stack = StackedMLP(USERS, (*SIZES[:-1], out), generator=generator)
    alone = [separate(stack, user) for user in range(USERS)]
    together = torch.optim.Adam(stack.parameters(), lr=0.01, fused=True)
    apart = [torch.optim.Adam(network.parameters(), lr=0.01) for network in alone]
    for _ in range(5):
        x = torch.randn(USERS, BATCH, SIZES[0], generator=generator)
        goal = torch.randn(USERS, BATCH, out, generator=generator)
        outputs = stack(x)
        together.zero_grad()
        (outputs - goal).square().mean(dim=(1, 2)).sum().backward()
        clip_per_user(tuple(p.grad for p in stack.parameters()), 0.5)
        together.step()
        for user, (network, optimizer) in enumerate(zip(alone, apart, strict=True)):
            torch.testing.assert_close(outputs[user], network(x[user]))
            optimizer.zero_grad()
            (network(x[user]) - goal[user]).square().mean().backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.5)
            optimizer.step()
    for user, network in enumerate(alone):
        torch.testing.assert_close(stack.weight_1[user].T, network[2].weight, rtol=1e-4, atol=1e-6)


def test_an_input_without_users_is_seen_by_all() -> None:
    stack = StackedMLP(USERS, SIZES)
    x = torch.randn(BATCH, SIZES[0])
    torch.testing.assert_close(stack(x), stack(x.expand(USERS, BATCH, SIZES[0]).clone()))


def test_a_shared_network_is_one_that_sees_a_one_hot_of_the_user() -> None:
    stack = StackedMLP(USERS, SIZES, shared=True)
    assert all(parameter.shape[0] == 1 for parameter in stack.parameters())
    x = torch.randn(USERS, BATCH, SIZES[0])
    first = nn.Linear(SIZES[0] + USERS, SIZES[1])
    with torch.no_grad():
        first.weight.copy_(torch.cat((stack.weight_0[0], stack.user_bias[0])).T)
        first.bias.copy_(stack.bias_0[0, 0])
    network = separate(stack, 0)
    network[0] = first
    one_hot = torch.eye(USERS)[:, None].expand(USERS, BATCH, USERS)
    torch.testing.assert_close(stack(x), network(torch.cat((x, one_hot), dim=-1)))


def test_initial_parameters_come_from_the_generator_alone() -> None:
    def draw() -> list[torch.Tensor]:
        return list(StackedMLP(USERS, SIZES, generator=torch.Generator().manual_seed(3)).parameters())

    before = torch.get_rng_state()
    first = draw()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    assert all(torch.equal(a, b) for a, b in zip(first, draw(), strict=True))
