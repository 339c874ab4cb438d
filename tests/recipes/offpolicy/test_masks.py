"""Action masks of games whose users can be without a task: in acting, targets, losses, replay and checkpoints."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from edgeoffload_env import edgeoffload_v0, evaluate, scenarios
from recipes.algorithms.dtomalb import normalized_advantages, policy_loss
from recipes.envs.batched_games import EdgeOffloadGames, Start
from recipes.envs.parallel_games import ParallelGames
from recipes.joint.policy import NetworkPolicy
from recipes.joint.transitions import TransitionBatch, concatenate
from recipes.networks.acting import MASKED, Branching, JointHead, PerUser, nth_allowed
from recipes.networks.sizes import GameSizes, sizes_of
from recipes.offpolicy import losses
from recipes.offpolicy.replay_buffer import ReplayBuffer
from tests.recipes.offpolicy.test_algorithms import small

SIZES = GameSizes(num_users=3, num_actions=4, obs_size=5, state_size=7)
NETWORKS: dict[str, Any] = {"per user": PerUser, "branching": Branching, "joint": JointHead}
each_network = pytest.mark.parametrize("kind", NETWORKS)


def masks(rows: int, seed: int = 0) -> torch.Tensor:
    """Random masks ``[rows, 3, 4]`` that always allow action 0."""
    mask = torch.rand(rows, 3, 4, generator=torch.Generator().manual_seed(seed)) < 0.4
    mask[..., 0] = True
    return mask


@each_network
@pytest.mark.parametrize("epsilon", [0.0, 1.0])
def test_no_masked_action_is_chosen_and_every_allowed_one_is(kind: str, epsilon: float) -> None:
    network, mask = NETWORKS[kind](SIZES, (8,), seed=0), masks(1).expand(4_000, -1, -1)
    inputs = network.select_input(torch.zeros(4_000, 3, 5), torch.zeros(4_000, 7))
    generator = torch.Generator().manual_seed(1)
    actions = network.explore(inputs, mask, epsilon=epsilon, noise=1.0, generator=generator)
    counts = torch.stack([(actions == action).sum(0) for action in range(4)], dim=1)
    assert torch.equal(counts > 0, mask[0])
    if epsilon:  # uniform among the allowed ones
        share = mask[0] / mask[0].sum(dim=1, keepdim=True)
        torch.testing.assert_close(counts / 4_000, share, rtol=0.0, atol=0.04)


@each_network
def test_greedy_takes_the_best_allowed_action(kind: str) -> None:
    network, mask = NETWORKS[kind](SIZES, (8,), seed=0), masks(50)
    generator = torch.Generator().manual_seed(2)
    obs, state = torch.randn(50, 3, 5, generator=generator), torch.randn(50, 7, generator=generator)
    inputs = network.select_input(obs, state)
    values = network.values(inputs)
    best = torch.full((50,), -torch.inf), torch.zeros(50, 3, dtype=torch.long)
    for joint in itertools.product(range(4), repeat=3):
        actions = torch.tensor(joint).expand(50, -1)
        allowed = mask.gather(2, actions.unsqueeze(2)).all(dim=1).squeeze(1)
        value = losses.chosen(values, network.index_of(actions)).sum(0).detach()
        better = allowed & (value > best[0])
        best = torch.where(better, value, best[0]), torch.where(better[:, None], actions, best[1])
    assert torch.equal(network.greedy(inputs, mask), best[1])


def test_nth_allowed_counts_the_allowed_choices_alone() -> None:
    values = torch.tensor([[MASKED, 1.0, MASKED, -3.0]]).expand(4, -1)
    assert nth_allowed(torch.tensor([0.0, 0.49, 0.5, 1.0 - 2.0**-24]), values).tolist() == [1, 1, 3, 3]


def test_users_who_cannot_choose_change_neither_loss_nor_gradient() -> None:
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(3, 8, generator=generator, requires_grad=True)
    targets, decided = torch.randn(3, 8, generator=generator), torch.rand(3, 8, generator=generator) < 0.5
    decided[2] = False
    for error in (losses.squared_error, losses.huber_error):
        loss = error(values, targets, decided)
        alone = sum(error(values[n : n + 1, decided[n]], targets[n : n + 1, decided[n]]) for n in range(2))
        torch.testing.assert_close(loss, torch.as_tensor(alone))
        (gradient,) = torch.autograd.grad(loss, values)
        assert torch.equal(gradient != 0.0, decided)
    logits = torch.randn(3, 8, 4, generator=generator, requires_grad=True)
    advantages = normalized_advantages(torch.randn(3, 8, 4, generator=generator), logits, decided)
    loss = policy_loss(torch.softmax(logits, -1), advantages, decided) - losses.entropy(logits, decided)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.equal((gradient != 0.0).any(-1), decided)


def test_a_masked_action_has_neither_probability_nor_entropy() -> None:
    logits = torch.tensor([[[0.3, MASKED, MASKED, MASKED]]], requires_grad=True)
    entropy = losses.entropy(logits)
    assert float(entropy.detach()) == 0.0
    (gradient,) = torch.autograd.grad(entropy, logits)
    assert gradient.isfinite().all()


def batch(rows: int = 6) -> TransitionBatch:
    row = torch.arange(rows, dtype=torch.float32)
    users = row[:, None].expand(-1, 3)
    obs = users[..., None].expand(-1, -1, 5)
    return TransitionBatch(obs, users, users.long(), users, obs, users, users % 2, masks(rows), masks(rows, seed=1))


def test_the_replay_buffer_keeps_masks_with_their_transitions() -> None:
    buffer = ReplayBuffer(4, seed=0)
    buffer.add(batch())  # the last four stay
    other = ReplayBuffer(4, seed=5)
    other.set_state(buffer.get_state())
    drawn, again = buffer.sample(50), other.sample(50)
    places = drawn.actions[:, 0]
    assert torch.equal(drawn.mask, masks(6)[places])
    assert torch.equal(drawn.next_mask, masks(6, seed=1)[places])
    assert all(torch.equal(one, two) for one, two in zip(drawn, again, strict=True))
    assert torch.equal(concatenate([batch(), batch()]).mask, torch.cat((masks(6), masks(6))))


def test_games_report_the_masks_before_and_after_their_reset() -> None:
    games = EdgeOffloadGames("urban", 3, "cpu", max_cycles=2)
    view = edgeoffload_v0.vector_env(3, "urban", max_cycles=2)
    start, (_, info) = games.reset(4), view.reset(seed=4)
    assert np.array_equal(start.mask, info["action_mask"] > 0)
    actions = np.ones((3, games.sizes.num_users), np.int64)
    for ended in (False, True):
        step, (*_, info) = games.step(actions), view.step(actions)
        assert np.array_equal(step.mask, info["action_mask"] > 0)
        last = info["final_action_mask" if ended else "action_mask"]
        assert np.array_equal(step.next_mask, last > 0)
        assert bool((step.mask != step.next_mask).any()) == ended
    assert EdgeOffloadGames("paper", 3, "cpu").reset(4).mask is None


def test_masks_of_other_peoples_games_come_from_their_infos() -> None:
    games = ParallelGames(lambda: edgeoffload_v0.parallel_env("urban", num_users=4, max_cycles=2), 3)
    has_task = games.sizes.obs_size - 4  # followed by the deadline and the two loads
    start, actions = games.reset(2), np.zeros((3, 4), np.int64)
    for ended in (False, True):
        assert start.mask is not None
        assert np.array_equal(start.mask[..., 1:].all(-1), start.obs[..., has_task] > 0.0)
        assert start.mask[..., 0].all()
        step = games.step(actions)
        assert np.array_equal(step.next_mask[..., 1:].all(-1), step.next_obs[..., has_task] > 0.0)
        start = Start(step.obs, step.state, step.mask)
        assert step.ended.all() == ended
    assert ParallelGames(lambda: edgeoffload_v0.parallel_env("paper", num_users=4), 3).reset(2).mask is None


@pytest.mark.usefixtures("ray_session")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["dtomalb", "dtomalb-equivariant", "idql-tolb", "dqn-tolb", "qmix"])
def test_trainings_on_urban_choose_allowed_actions_alone(name: str) -> None:
    config = small(name, "edgeoffload/urban-v0", server_hz=None, num_users=4).training(hidden=(8,))
    algorithm = config.build_algo()
    algorithm.train()
    rows = algorithm.replay.sample(200)
    assert rows.mask is not None
    assert rows.mask.gather(2, rows.actions.unsqueeze(2)).all()
    assert not rows.mask.all()
    (idle,) = (~rows.decided()).float().mean().reshape(1).tolist()
    assert 0.1 < idle < 0.9
    (played,) = algorithm.env_runner.sample(num_episodes=4, explore=False)
    taken = played.transitions
    assert taken.mask.gather(2, taken.actions.unsqueeze(2)).all()
    algorithm.stop()


@pytest.mark.usefixtures("ray_session")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["dtomalb", "idql-tolb"])
def test_learners_leave_idle_slots_out_and_mask_the_next_actions(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small(name, "edgeoffload/urban-v0", server_hz=None, num_users=4).training(hidden=(8,))
    algorithm = config.build_algo()
    algorithm.train()
    learner, rows = algorithm.learner_group._learner.learner, algorithm.replay.sample(64)
    found: list[torch.Tensor] = []
    monkeypatch.setattr(learner, "gradient_step", lambda group, loss: found.append(loss.detach()))
    monkeypatch.setattr(learner, "move_targets", lambda: None)
    before = learner.generator.get_state()

    def losses_of(**changed: torch.Tensor) -> list[torch.Tensor]:
        found.clear()
        learner.generator.set_state(before)
        learner.update(rows._replace(**changed))
        return list(found)

    usual, decided = losses_of(), rows.decided().T
    assert losses_of(rewards=torch.where(decided, rows.rewards, 1e3)) == usual
    assert losses_of(rewards=torch.where(decided, 1e3, rows.rewards)) != usual
    assert losses_of(next_mask=torch.ones_like(rows.next_mask))[0] != usual[0]
    algorithm.stop()


def test_evaluation_of_networks_sends_nobody_without_a_task() -> None:
    config = scenarios.configure("urban", num_users=4, max_cycles=5)
    policy = NetworkPolicy("mine", PerUser(sizes_of(config), (8,), seed=0))
    chosen: list[bool] = []

    class Watched:
        name = "watched"

        def act(self, view: Any) -> Any:
            actions = policy.act(view)
            chosen.append(bool((actions[view.snapshot["active"] < 0.5] == 0).all()))
            return actions

    evaluate(Watched(), "urban", 4, 0, num_users=4, max_cycles=5)
    assert chosen
    assert all(chosen)
