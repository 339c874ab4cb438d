import itertools

import pytest
import torch

from recipes.networks.critics import KINDS, make_critics
from recipes.networks.sizes import GameSizes

SIZES = GameSizes(num_users=3, num_actions=4, obs_size=6, state_size=5)
BATCH = 7

each_kind = pytest.mark.parametrize("kind", KINDS)


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(BATCH, 3, 6, generator=generator),
        torch.randn(BATCH, 5, generator=generator),
        torch.randint(4, (BATCH, 3), generator=generator),
    )


@each_kind
def test_values_of_a_changed_own_action_are_those_of_the_changed_joint_action(kind: str) -> None:
    critics = make_critics(kind, SIZES, (8, 8), seed=0)
    obs, state, actions = batch()
    every = critics.for_each_own_action(obs, state, actions)
    assert every.shape == (3, BATCH, 4)
    for user, choice in itertools.product(range(3), range(4)):
        changed = actions.clone()
        changed[:, user] = choice
        values = critics(obs, state, changed)
        expected = values[0 if critics.team else user]
        torch.testing.assert_close(every[user, :, choice], expected, rtol=1e-4, atol=1e-6)
        own = torch.zeros(3, BATCH, 4)
        own[..., choice] = 1.0
        alone = critics.with_own_action(obs, state, actions, own)[user]
        torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-6)


@each_kind
def test_each_value_depends_on_everyones_action(kind: str) -> None:
    critics = make_critics(kind, SIZES, (8, 8), seed=0)
    obs, state, actions = batch()
    here = critics(obs, state, actions)
    assert here.shape == (1 if kind == "team" else 3, BATCH)
    for user in range(3):
        changed = actions.clone()
        changed[:, user] = (changed[:, user] + 1) % 4
        assert bool((critics(obs, state, changed) != here).any(dim=1).all())


@each_kind
def test_every_parameter_is_trained(kind: str) -> None:
    critics = make_critics(kind, SIZES, (8, 8), seed=0)
    gradients = torch.autograd.grad(critics(*batch()).square().sum(), list(critics.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize("kind", ["pooled", "team"])
def test_pooled_critics_treat_users_alike(kind: str) -> None:
    critics = make_critics(kind, SIZES, (8, 8), seed=0)
    obs, state, actions = batch()
    order = [2, 0, 1]
    here, there = critics(obs, state, actions), critics(obs[:, order], state, actions[:, order])
    torch.testing.assert_close(there, here if kind == "team" else here[order])


@pytest.mark.parametrize("kind", ["pooled", "team"])
def test_between_actions_a_user_counts_as_their_mixture(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the slope at one action, which straight-through gradients follow, tells of all others."""
    critics = make_critics(kind, SIZES, (8, 8), seed=0)
    monkeypatch.setattr(critics, "_value", lambda hidden: hidden.sum(dim=-1))  # what comes after is not linear
    share = torch.softmax(torch.randn(3, BATCH, 4, generator=torch.Generator().manual_seed(1)), dim=-1)
    seen = batch()
    mixed = (share * critics.for_each_own_action(*seen)).sum(dim=-1)
    torch.testing.assert_close(critics.with_own_action(*seen, share), mixed)
