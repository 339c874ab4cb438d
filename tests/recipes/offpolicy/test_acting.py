import itertools

import pytest
import torch

from recipes.networks.acting import Branching, JointHead, PerUser
from recipes.networks.sizes import GameSizes

SIZES = GameSizes(num_users=3, num_actions=4, obs_size=5, state_size=7)


def observations(batch: int) -> torch.Tensor:
    return torch.randn(batch, 3, 5)


def states(batch: int) -> torch.Tensor:
    return torch.randn(batch, 7)


def test_every_joint_action_has_an_output_of_its_own() -> None:
    network = JointHead(SIZES, (8,))
    every = torch.tensor(list(itertools.product(range(4), repeat=3)))
    index = network.index_of(every)
    assert sorted(index[0].tolist()) == list(range(64))
    assert torch.equal(network.actions_of(index), every)
    assert network.values(states(2)).shape == (1, 2, 64)


def test_a_joint_head_too_large_is_refused_with_its_number_of_outputs() -> None:
    with pytest.raises(ValueError, match=r"more than 20,000 joint actions \(6\^10 need 60,466,176 outputs\)"):
        JointHead(GameSizes(10, 6, 9, 50), (64,))


def test_branches_share_a_value_and_have_centred_advantages() -> None:
    network = Branching(SIZES, (8,))
    values = network.values(states(6))
    assert values.shape == (3, 6, 4)
    means = values.mean(-1)
    torch.testing.assert_close(means, means[:1].expand(3, -1))


@pytest.mark.parametrize("shared", [False, True])
def test_each_user_acts_on_its_own_observation_alone(shared: bool) -> None:
    network = PerUser(SIZES, (8,), shared=shared)
    obs = observations(50)
    changed = obs.clone()
    changed[:, 1] = torch.randn(50, 5)
    here, there = network.values(obs), network.values(changed)
    assert torch.equal(here[0], there[0])
    assert torch.equal(here[2], there[2])
    assert not torch.equal(here[1], there[1])
    for user in range(3):
        torch.testing.assert_close(network.single(user)(obs[:, user]), here[user])


def test_each_network_reads_one_of_observations_and_states() -> None:
    obs, state = observations(2), states(2)
    assert PerUser(SIZES, (8,)).select_input(obs, state) is obs
    assert Branching(SIZES, (8,)).select_input(obs, state) is state
    assert JointHead(SIZES, (8,)).select_input(obs, state) is state


def test_gumbel_noise_of_scale_1_samples_from_the_softmax() -> None:
    network = PerUser(SIZES, (8,), seed=0)
    obs = observations(1)
    p = torch.softmax(network.values(obs), -1)[:, 0]
    draws = 40_000
    actions = network.explore(obs.expand(draws, -1, -1), epsilon=0.0, noise=1.0, generator=torch.Generator())
    for user in range(3):
        frequencies = torch.bincount(actions[:, user], minlength=4) / draws
        torch.testing.assert_close(frequencies, p[user], rtol=0.0, atol=0.015)


def test_equal_seeds_give_equal_networks() -> None:
    first, second, third = (PerUser(SIZES, (8,), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.network.weight_0, second.network.weight_0)
    assert not torch.equal(first.network.weight_0, third.network.weight_0)
