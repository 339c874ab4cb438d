"""Critics, and PopArt's promise: new statistics change the units of the outputs, and not the values."""

from typing import Any

import pytest
import torch

from recipes.networks.sizes import GameSizes
from recipes.networks.values import ValueNetworks

SIZES = GameSizes(num_users=3, num_actions=4, obs_size=5, state_size=7)
ROWS = 64
each_kind = pytest.mark.parametrize(("central", "shared"), [(False, False), (False, True), (True, False), (True, True)])


def made(**options: Any) -> ValueNetworks:
    return ValueNetworks(SIZES, (8,), seed=0, **options)


def seen() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(ROWS, 3, 5, generator=generator), torch.randn(ROWS, 7, generator=generator)


def returns(mean: float, std: float) -> torch.Tensor:
    """Of each user around a mean of its own."""
    draws = torch.randn(3, ROWS, generator=torch.Generator().manual_seed(2))
    return mean * torch.tensor([[1.0], [2.0], [3.0]]) + std * draws


@each_kind
def test_critics_see_what_they_may_and_tell_users_apart(central: bool, shared: bool) -> None:
    critics, (obs, state) = made(central=central, shared=shared), seen()
    values = critics(obs, state)
    assert values.shape == (3, ROWS)
    for user in range(3):
        others = obs.clone()
        others[:, [n for n in range(3) if n != user]] = 9.0
        assert torch.equal(critics(others, state)[user], values[user])
    assert torch.equal(critics(obs, state + 1.0), values) != central
    assert torch.equal(critics(obs + 1.0, state), values) == central
    alike = critics(obs[:, :1].expand(-1, 3, -1), state)
    assert not torch.allclose(alike[0], alike[1])


@each_kind
def test_new_statistics_keep_the_values_and_standardise_the_returns(central: bool, shared: bool) -> None:
    critics = made(central=central, shared=shared, normalize=True)
    critics.observe(returns(-5.0, 2.0))
    before = critics.values(*seen()).detach()
    scale = float(critics.std[0])
    for _ in range(3):
        critics.observe(returns(40.0, 9.0))
    assert float(critics.std[0]) != pytest.approx(scale, rel=0.5)
    torch.testing.assert_close(critics.values(*seen()).detach(), before, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shared", [False, True])
def test_statistics_are_those_of_the_returns(shared: bool) -> None:
    critics, given = made(central=True, shared=shared, normalize=True), returns(-5.0, 2.0)
    for _ in range(4):
        critics.observe(given)
        standard = critics.normalize(given).reshape(len(critics.mean), -1)
        torch.testing.assert_close(standard.mean(1), torch.zeros(len(standard)), rtol=0.0, atol=1e-5)
        torch.testing.assert_close(standard.std(1, correction=0), torch.ones(len(standard)))
    initial = made(central=True, shared=shared).values(*seen()).detach().abs().max()
    assert initial < 0.5  # and, once the first returns are known, about their mean
    first = made(central=True, shared=shared, normalize=True)
    first.observe(given)
    mean = first.mean.expand(3, 1)
    assert ((first.values(*seen()) - mean) / first.std).detach().abs().max() < 0.5


def test_statistics_run_as_a_mean_of_the_observations_and_their_mixture() -> None:
    """Two observations weigh 0.9 : 1, and the variance holds that of their means."""
    critics = made(central=True, shared=True, normalize=True)
    for mean in (0.0, 10.0):
        critics.observe(torch.tensor([[mean - 1.0, mean + 1.0]] * 3))
    share = 1.0 / 1.9
    assert float(critics.mean) == pytest.approx(10.0 * share, rel=1e-5)
    assert float(critics.std) ** 2 == pytest.approx(1.0 + 100.0 * share * (1.0 - share), rel=1e-5)


def test_without_normalisation_statistics_stay() -> None:
    critics = made(central=False)
    critics.observe(returns(-5.0, 2.0))
    assert torch.equal(critics.normalize(returns(3.0, 1.0)), returns(3.0, 1.0))
    assert torch.equal(critics.values(*seen()), critics(*seen()))


def test_constant_returns_divide_by_no_zero() -> None:
    critics = made(central=True, normalize=True)
    for _ in range(3):
        critics.observe(torch.full((3, ROWS), 2.0))
    assert critics.normalize(torch.full((3, ROWS), 2.0)).abs().max() < 1e-2
    assert critics.values(*seen()).isfinite().all()
