"""The learners of IPPO and MAPPO on rollouts made by hand; no Ray."""

from typing import Any

import pytest
import torch
from torch import nn

from recipes.algorithms import ippo, mappo
from recipes.joint.transitions import TransitionBatch
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import chosen, log_softmax
from recipes.onpolicy.rollout import Rollout

SIZES = GameSizes(num_users=3, num_actions=4, obs_size=5, state_size=7)
SLOTS, GAMES = 6, 4
ROWS = SLOTS * GAMES
MODULES: dict[str, Any] = {"ippo": ippo, "mappo": mappo}
each_algorithm = pytest.mark.parametrize("name", MODULES)


def learner(name: str, **values: Any) -> Any:
    module = MODULES[name]
    hyper = module.Hyperparameters(hidden=(8,), minibatch_size=8, **values)
    networks = nn.Module()
    networks.acting = module.Learner.make_acting(hyper, SIZES, 0)
    for child, network in module.Learner.make_networks(hyper, SIZES, 0).items():
        networks.add_module(child, network)
    return module.Learner(hyper, networks, total_env_steps=1_000, generator=torch.Generator().manual_seed(0))


def rollout(masked: bool = False) -> Rollout:
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(ROWS, *shape, generator=generator)

    mask = None
    if masked:  # the device alone, or all actions
        mask = (torch.rand(ROWS, 3, 1, generator=generator) < 0.5).expand(-1, -1, 4).clone()
        mask[..., 0] = True
    actions = torch.randint(4, (ROWS, 3), generator=generator)
    if mask is not None:
        actions = torch.where(mask[..., 1], actions, 0)
    ended = torch.rand(ROWS, generator=generator) < 0.2
    terminated = (ended[:, None] & (torch.rand(ROWS, 3, generator=generator) < 0.5)).float()
    rows = TransitionBatch(draw(3, 5), draw(7), actions, draw(3), draw(3, 5), draw(7), terminated, mask, mask)
    return Rollout(rows, ended, GAMES)


@each_algorithm
def test_values_of_what_follows_are_of_the_same_episode(name: str) -> None:
    """The next slot's own, but for borders, where it is the state before the reset."""
    one, played = learner(name), rollout()
    rows, critics = played.transitions, one.networks.critics
    found = one._next_values(played, critics.values(rows.obs, rows.state).T.detach())
    truth = critics.values(rows.next_obs, rows.next_state).T.detach()
    values = critics.values(rows.obs, rows.state).T.detach()
    for row in range(ROWS):
        border = bool(played.ended[row]) or row >= ROWS - GAMES
        expected = truth[row] if border else values[row + GAMES]
        torch.testing.assert_close(found[row], expected)


@each_algorithm
@pytest.mark.parametrize("masked", [False, True])
def test_a_prepared_rollout_has_the_players_probabilities(name: str, masked: bool) -> None:
    one, played = learner(name), rollout(masked)
    prepared = one.prepare(played)
    rows = played.transitions
    logits = one.networks.acting.values(rows.obs, rows.mask).detach()
    torch.testing.assert_close(prepared.log_probs, chosen(log_softmax(logits), rows.actions.T).T)
    if masked:  # who has one action takes it for sure
        assert rows.mask is not None
        alone = rows.mask.sum(2) == 1
        assert torch.equal(prepared.log_probs[alone], torch.zeros(int(alone.sum())))
        assert (prepared.log_probs[~alone] > -3.0).all()  # four actions, about equally likely


@each_algorithm
def test_users_who_cannot_choose_have_no_weight_in_the_actors_gradient(name: str) -> None:
    """It is that of each user's mean over the transitions in which it could choose."""
    one, played = learner(name, entropy_coeff=0.2, final_entropy_coeff=0.0), rollout(masked=True)
    one.env_steps = 500  # half of the training, after which the entropy weighs 0.1
    prepared, acting = one.prepare(played), one.networks.acting
    decided = prepared.decided()
    assert 0.2 < decided.float().mean() < 0.8
    log_p = log_softmax(acting.values(prepared.obs, prepared.mask))
    loss = torch.zeros(())
    for user in range(3):
        rows = decided[user]
        taken = chosen(log_p[user], prepared.actions[:, user])
        entropy = -(log_p[user].exp() * log_p[user]).sum(-1)
        loss = loss - (taken * prepared.advantages[:, user])[rows].mean() - 0.1 * entropy[rows].mean()
    expected = torch.autograd.grad(loss, list(acting.parameters()))
    one.update(prepared._replace(advantages=torch.where(decided.T, prepared.advantages, 1e6)))
    for parameter, gradient in zip(acting.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


@each_algorithm
def test_idle_users_change_no_advantage_of_the_others(name: str) -> None:
    one, played = learner(name, normalize_values=False, lambda_=0.0), rollout(masked=True)
    decided = one.prepare(played).decided().T
    rows = played.transitions
    paid = rows._replace(rewards=torch.where(decided, rows.rewards, 1e3))
    usual, changed = one.prepare(played), one.prepare(played._replace(transitions=paid))
    assert torch.equal(usual.advantages[decided], changed.advantages[decided])


@each_algorithm
@pytest.mark.parametrize("share", [False, True])
def test_advantages_are_standardised_for_each_actor(name: str, share: bool) -> None:
    played = rollout()
    advantages = learner(name, share_actors=share).prepare(played).advantages
    means = advantages.mean(0)
    assert advantages.mean() == pytest.approx(0.0, abs=1e-5)
    assert bool((means.abs() < 1e-5).all()) != share
    raw = learner(name, share_actors=share, normalize_advantages=False).prepare(played).advantages
    assert raw.std() != pytest.approx(1.0, abs=0.02)


@each_algorithm
def test_every_epoch_takes_every_transition_once(name: str) -> None:
    one, played = learner(name, num_epochs=3), rollout()
    batches: list[torch.Tensor] = []
    one.update = lambda batch: batches.append(batch.state[:, 0])
    one.learn(played, 0)
    assert [len(batch) for batch in batches] == [8] * 9
    for epoch in range(3):
        states = torch.cat(batches[3 * epoch : 3 * epoch + 3]).sort().values
        assert torch.equal(states, played.transitions.state[:, 0].sort().values)
    assert not torch.equal(batches[0], batches[3])
    assert one.take_metrics() == ({}, 9)


@each_algorithm
def test_one_loss_trains_actors_and_critics_by_their_own_parts(name: str) -> None:
    """The first step of the first epoch: the ratio is 1, so the gradient is that of A log p."""
    one, played = learner(name, entropy_coeff=0.0, final_entropy_coeff=0.0, vf_loss_coeff=0.25), rollout()
    prepared = one.prepare(played)
    acting, critics = one.networks.acting, one.networks.critics
    log_probs = chosen(log_softmax(acting.values(prepared.obs)), prepared.actions.T)
    of_actors = torch.autograd.grad(-(log_probs * prepared.advantages.T).mean(1).sum(), list(acting.parameters()))
    errors = (critics(prepared.obs, prepared.state) - prepared.targets.T).square()
    of_critics = torch.autograd.grad(0.25 * errors.mean(1).sum(), list(critics.parameters()))
    one.update(prepared)
    for network, expected in ((acting, of_actors), (critics, of_critics)):
        for parameter, gradient in zip(network.parameters(), expected, strict=True):
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


@each_algorithm
def test_rates_and_entropy_fall_over_the_training(name: str) -> None:
    one = learner(name, lr=1e-2, final_lr=1e-3, entropy_coeff=0.4, final_entropy_coeff=0.2)
    for env_steps, rate, weight in ((0, 1e-2, 0.4), (500, 5.5e-3, 0.3), (2_000, 1e-3, 0.2)):
        one.learn(rollout(), env_steps)
        assert one.optimizers["actors_and_critics"].param_groups[0]["lr"] == pytest.approx(rate)
        assert one.scheduled("entropy_coeff") == pytest.approx(weight)


@each_algorithm
def test_learning_raises_the_value_of_what_paid(name: str) -> None:
    """One action pays; after some rounds on what the policy itself plays, it is chosen nearly always."""
    one = learner(name, lr=2e-2, final_lr=2e-2, entropy_coeff=0.0, final_entropy_coeff=0.0)
    played, generator = rollout(), torch.Generator().manual_seed(4)
    for _ in range(25):
        actions = one.networks.acting.explore(played.transitions.obs, epsilon=0.0, noise=1.0, generator=generator)
        rows = played.transitions._replace(actions=actions, rewards=(actions == 2).float())
        one.learn(played._replace(transitions=rows), 0)
    best = one.networks.acting.greedy(played.transitions.obs)
    assert (best == 2).float().mean() > 0.95
