import pytest
import torch

from recipes.algorithms import ippo
from recipes.networks.sizes import GameSizes

SIZES = GameSizes(num_users=3, num_actions=4, obs_size=5, state_size=7)


def test_actors_and_critics_see_their_own_users_observation_alone() -> None:
    hyper = ippo.Hyperparameters(hidden=(8,))
    acting = ippo.Learner.make_acting(hyper, SIZES, 0)
    critics = ippo.Learner.make_networks(hyper, SIZES, 0)["critics"]
    obs, state = torch.randn(9, 3, 5, generator=torch.Generator().manual_seed(0)), torch.zeros(9, 7)
    changed = obs.clone()
    changed[:, 1:] += 1.0
    for network in (acting.values, lambda seen: critics(seen, state)):
        before, after = network(obs), network(changed)
        assert torch.equal(before[0], after[0])
        assert not torch.equal(before[1:], after[1:])
    assert torch.equal(critics(obs, state), critics(obs, state + 1.0))


@pytest.mark.parametrize(("share_actors", "share_critics"), [(False, False), (True, False), (False, True)])
def test_networks_are_shared_as_asked(share_actors: bool, share_critics: bool) -> None:
    hyper = ippo.Hyperparameters(hidden=(8,), share_actors=share_actors, share_critics=share_critics)
    acting = ippo.Learner.make_acting(hyper, SIZES, 0)
    critics = ippo.Learner.make_networks(hyper, SIZES, 0)["critics"]
    assert acting.network.copies == (1 if share_actors else 3)
    assert critics.network.copies == (1 if share_critics else 3)
    assert not torch.equal(acting.network.weight_0[0, 0], critics.network.weight_0[0, 0])


def test_bad_settings_are_named() -> None:
    with pytest.raises(ValueError, match=r"clip_param must be a number in \[0, 10\], got -0.1"):
        ippo.Hyperparameters(clip_param=-0.1)
    with pytest.raises(TypeError, match="unknown hyper-parameter 'lamda_'; did you mean 'lambda_'"):
        ippo.Hyperparameters.of({"lamda_": 0.9})
