import dataclasses

import torch

from recipes.algorithms import ippo, mappo
from recipes.networks.sizes import GameSizes
from tests.recipes.onpolicy.test_learner import learner, rollout

SIZES = GameSizes(num_users=3, num_actions=4, obs_size=5, state_size=7)


def test_critics_see_the_state_and_actors_their_own_users_observation() -> None:
    hyper = mappo.Hyperparameters(hidden=(8,))
    acting = mappo.Learner.make_acting(hyper, SIZES, 0)
    critics = mappo.Learner.make_networks(hyper, SIZES, 0)["critics"]
    generator = torch.Generator().manual_seed(0)
    obs, state = torch.randn(9, 3, 5, generator=generator), torch.randn(9, 7, generator=generator)
    changed = obs.clone()
    changed[:, 1:] += 1.0
    assert torch.equal(acting.values(obs)[0], acting.values(changed)[0])
    values = critics(obs, state)
    assert torch.equal(critics(changed, state), values)
    assert not torch.equal(critics(obs, state + 1.0), values)
    assert not torch.allclose(values[0], values[1])  # a one-hot of the user


def test_it_is_ippo_with_other_critics() -> None:
    own = {field.name for field in dataclasses.fields(mappo.Hyperparameters)}
    assert own - {field.name for field in dataclasses.fields(ippo.Hyperparameters)} == {"team_reward"}
    assert mappo.Learner.update is ippo.Learner.update


def test_the_team_learns_from_the_mean_of_its_rewards() -> None:
    played = rollout()
    rows = played.transitions
    mean = rows.rewards.mean(1, keepdim=True).expand(-1, 3)
    ended = (rows.terminated.sum(1, keepdim=True) == 3.0).float().expand(-1, 3)
    assert not torch.equal(ended, rows.terminated)
    alike = played._replace(transitions=rows._replace(rewards=mean, terminated=ended))
    team, own, told = (learner("mappo", team_reward=flag) for flag in (True, False, False))
    for one, given in ((team, played), (own, played), (told, alike)):
        one.learn(given, 0)
    weights = [one.networks.acting.network.weight_0.detach() for one in (team, own, told)]
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[1])
