"""Parameter groups: several networks with one optimiser and one loss, as value decomposition needs them."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from recipes.joint.transitions import TransitionBatch
from recipes.networks.acting import PerUser, seeded_generator
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import StackedMLP
from recipes.offpolicy import losses
from recipes.offpolicy.hyperparameters import OffPolicyHyperparameters
from recipes.offpolicy.learner import OffPolicyLearner, frozen_copy

SIZES = GameSizes(num_users=3, num_actions=4, obs_size=5, state_size=6)
ROWS = 32


class Mixed(OffPolicyLearner):
    """Agents and a mixer of their values in one loss."""

    @staticmethod
    def make_networks(hyper: Any, sizes: GameSizes, seed: int | None) -> dict[str, nn.Module]:
        return {"mixer": StackedMLP(1, (sizes.num_users, 16, 1), generator=seeded_generator(seed))}

    def parameter_groups(self) -> dict[str, list[nn.Module]]:
        return {"all": [self.networks.acting, self.networks.mixer]}

    def total(self, batch: TransitionBatch) -> torch.Tensor:
        values = losses.chosen(self.networks.acting.values(batch.obs), batch.actions.T)
        return self.networks.mixer(values.T)[..., 0]

    def update(self, batch: TransitionBatch) -> None:
        loss = self.td_error(self.total(batch), batch.rewards.mean(1)[None])
        self.gradient_step("all", loss)
        self.move_targets()
        self.report(loss=loss)


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(OffPolicyHyperparameters):
    """For the tests."""


def learner(**values: Any) -> Mixed:
    hyper = Hyperparameters(hidden=(8,), **values)
    networks = nn.Module()
    made = {"acting": PerUser(SIZES, hyper.hidden, seed=0), **Mixed.make_networks(hyper, SIZES, 0)}
    for name, network in made.items():
        networks.add_module(name, network)
        networks.add_module(f"target_{name}", frozen_copy(network))
    return Mixed(hyper, networks, total_env_steps=1_000, generator=torch.Generator())


def batch() -> TransitionBatch:
    generator = torch.Generator().manual_seed(0)
    obs, state = torch.randn(ROWS, 3, 5, generator=generator), torch.randn(ROWS, 6, generator=generator)
    actions = torch.randint(4, (ROWS, 3), generator=generator)
    rewards = torch.randn(ROWS, 3, generator=generator)
    return TransitionBatch(obs, state, actions, rewards, obs, state, torch.zeros(ROWS, 3))


def test_one_loss_trains_all_networks_of_a_group_and_moves_their_targets() -> None:
    mixed = learner(lr=1e-2, final_lr=1e-2, tau=0.5)
    assert list(mixed.optimizers) == ["all"]
    pairs = [
        (network, getattr(mixed.networks, f"target_{name}"))
        for name, network in mixed.networks.named_children()
        if "target" not in name
    ]
    before = [[p.detach().clone() for p in network.parameters()] for network, _ in pairs]
    mixed.learn(batch(), 0)
    for old, (network, target) in zip(before, pairs, strict=True):
        for was, now, following in zip(old, network.parameters(), target.parameters(), strict=True):
            assert not torch.equal(was, now)
            torch.testing.assert_close(following, 0.5 * (was + now.detach()))
    for _ in range(300):
        mixed.learn(batch(), 0)
    means, updates = mixed.take_metrics()
    assert updates == 301
    mixed.learn(batch(), 0)
    last, _ = mixed.take_metrics()
    assert last["loss"] < 0.5 * means["loss"]
    assert mixed.take_metrics() == ({}, 0)


def test_gradients_are_clipped_for_each_user_of_each_network() -> None:
    mixed = learner(grad_clip=1e-3, reward_scale=1_000.0)
    mixed.learn(batch(), 0)
    acting, mixer = mixed.networks.acting, mixed.networks.mixer
    squares = torch.stack([p.grad.flatten(1).square().sum(1) for p in acting.parameters()]).sum(0)
    torch.testing.assert_close(squares.sqrt(), torch.full((3,), 1e-3))
    norm = torch.cat([p.grad.flatten() for p in mixer.parameters()]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-4)


def test_schedules_follow_the_env_steps() -> None:
    mixed = learner(lr=1e-2, final_lr=1e-3)
    for env_steps, rate in ((0, 1e-2), (500, 5.5e-3), (1_000, 1e-3), (5_000, 1e-3)):
        mixed.learn(batch(), env_steps)
        assert mixed.optimizers["all"].param_groups[0]["lr"] == pytest.approx(rate)


def test_rewards_are_scaled_before_they_are_learned_from() -> None:
    seen: list[torch.Tensor] = []
    mixed = learner(reward_scale=0.1)
    mixed.update = lambda batch: seen.append(batch.rewards)  # type: ignore[method-assign]
    mixed.learn(batch(), 0)
    assert torch.equal(seen[0], 0.1 * batch().rewards)
    mixed.hyper = dataclasses.replace(mixed.hyper, symlog_rewards=True)
    mixed.learn(batch(), 0)
    assert torch.equal(seen[1], losses.symlog(0.1 * batch().rewards))
