import itertools
import math

import pytest
import torch

from recipes.networks.acting import PerUser
from recipes.networks.mixers import MonotoneMixer
from recipes.networks.sizes import GameSizes
from recipes.offpolicy import losses

SIZES = GameSizes(num_users=3, num_actions=4, obs_size=5, state_size=6)


def random_mixer(seed: int) -> MonotoneMixer:
    """A mixer whose parameters have any sign and size."""
    mixer, generator = MonotoneMixer(SIZES, 8, seed=seed), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.normal_(generator=generator)
    return mixer


@pytest.mark.parametrize("seed", range(10))
def test_the_teams_value_never_falls_as_a_users_rises(seed: int) -> None:
    mixer, generator = random_mixer(seed), torch.Generator().manual_seed(100 + seed)
    values = (10.0 * torch.randn(3, 200, generator=generator)).requires_grad_()
    state = 5.0 * torch.randn(200, 6, generator=generator)
    total = mixer(values, state)
    assert total.shape == (1, 200)
    (gradient,) = torch.autograd.grad(total.sum(), values)
    assert gradient.amin() >= 0.0
    assert (gradient > 0.0).any(dim=1).all()


@pytest.mark.parametrize("masked", [False, True])
def test_everyones_own_best_action_is_the_teams(masked: bool) -> None:
    mixer, acting = random_mixer(3), PerUser(SIZES, (8,), seed=0)
    generator = torch.Generator().manual_seed(1)
    obs, state = torch.randn(40, 3, 5, generator=generator), torch.randn(40, 6, generator=generator)
    mask = torch.rand(40, 3, 4, generator=generator) < 0.5
    mask[..., 0] = True
    given = mask if masked else None
    values = acting.values(obs, given)
    best = mixer(losses.chosen(values, acting.greedy(obs, given).T), state)
    for joint in itertools.product(range(4), repeat=3):
        actions = torch.tensor(joint).expand(40, -1)
        allowed = mask.gather(2, actions.unsqueeze(2)).all(dim=1)[:, 0] if masked else torch.ones(40, dtype=torch.bool)
        total = mixer(losses.chosen(values, actions.T), state)
        assert (total <= best + 1e-4)[0, allowed].all()


def test_the_teams_value_by_hand() -> None:
    """3 ELU(abs(s - 2) q_0 + q_1 / 2 + 1) + 1 / 4"""
    mixer = MonotoneMixer(GameSizes(num_users=2, num_actions=4, obs_size=5, state_size=1), 1)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.zero_()
        mixer.hypernetwork.weight_0[0, 0, 0] = 1.0
        mixer.hypernetwork.bias_0[0, 0] = torch.tensor([-2.0, 0.5, -3.0, 1.0])
        mixer.final_bias.bias_1.fill_(0.25)
    values = torch.tensor([[1.0, 1.0, -1.0, -1.0], [4.0, 4.0, 0.0, 0.0]])
    state = torch.tensor([[4.0], [1.0], [4.0], [2.0]])
    expected = [3.0 * 5.0 + 0.25, 3.0 * 4.0 + 0.25, 3.0 * (math.exp(-1.0) - 1.0) + 0.25, 3.0 * 1.0 + 0.25]
    assert mixer(values, state)[0].tolist() == pytest.approx(expected, rel=1e-6)


def test_a_new_mixer_is_nearly_a_sum() -> None:
    generator = torch.Generator().manual_seed(0)
    mixer, state = MonotoneMixer(SIZES, 32, seed=0), torch.rand(200, 6, generator=generator)
    values = (0.1 * torch.randn(3, 200, generator=generator)).requires_grad_()
    (slope,) = torch.autograd.grad(mixer(values, state).sum(), values)
    assert slope.mean() == pytest.approx(1.0, abs=0.1)
    assert slope.std() < 0.2


def test_every_parameter_is_trained() -> None:
    mixer, generator = MonotoneMixer(SIZES, 8, seed=0), torch.Generator().manual_seed(0)
    values, state = torch.randn(3, 50, generator=generator), torch.randn(50, 6, generator=generator)
    gradients = torch.autograd.grad(mixer(values, state).square().sum(), list(mixer.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_equal_seeds_give_equal_mixers() -> None:
    first, second, third = (list(MonotoneMixer(SIZES, 8, seed=seed).parameters()) for seed in (1, 1, 2))
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))
    assert not torch.equal(first[0], third[0])
