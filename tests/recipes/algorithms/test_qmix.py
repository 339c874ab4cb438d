"""VDN and QMIX: the team's value, its targets, users without a choice, and the game that tells the two apart."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recipes.algorithms import qmix, vdn
from recipes.envs.batched_games import Start
from recipes.envs.parallel_games import ParallelGames
from recipes.joint.transitions import TransitionBatch, concatenate
from recipes.networks.acting import ActingNetwork
from recipes.networks.sizes import GameSizes
from recipes.offpolicy.learner import OffPolicyLearner, frozen_copy
from tests.recipes.offpolicy.toys import TwoStepGame

SIZES = GameSizes(num_users=2, num_actions=3, obs_size=1, state_size=2)
each_algorithm = pytest.mark.parametrize("module", [vdn, qmix], ids=["vdn", "qmix"])


class Table(ActingNetwork):
    """Values in proportion to the observation, a number."""

    def __init__(self, sizes: GameSizes, table: list[list[float]]) -> None:
        super().__init__(sizes)
        self.table = nn.Parameter(torch.tensor(table))

    def outputs(self, inputs: Tensor) -> Tensor:
        return inputs.transpose(0, 1) * self.table[:, None]


def learner_of(module: Any, sizes: GameSizes, acting: ActingNetwork | None = None, **values: Any) -> OffPolicyLearner:
    hyper = module.Hyperparameters(**values)
    networks = nn.Module()
    made = {"acting": acting or module.Learner.make_acting(hyper, sizes, 0)}
    for name, network in {**made, **module.Learner.make_networks(hyper, sizes, 0)}.items():
        networks.add_module(name, network)
        networks.add_module(f"target_{name}", frozen_copy(network))
    learner: OffPolicyLearner = module.Learner(hyper, networks, total_env_steps=1, generator=torch.Generator())
    return learner


def by_hand(module: Any, double_q: bool = True) -> Any:
    """A learner that knows Q = [[1, 2, 0], [3, 5, 4]] o, with a target Q' = [[4, 1, 6], [2, 7, 9]] o."""
    table = Table(SIZES, [[1.0, 2.0, 0.0], [3.0, 5.0, 4.0]])
    learner = learner_of(module, SIZES, table, gamma=0.5, reward_scale=1.0, huber=False, double_q=double_q)
    learner.networks.target_acting.table.copy_(torch.tensor([[4.0, 1.0, 6.0], [2.0, 7.0, 9.0]]))
    return learner


def one(**changed: Any) -> TransitionBatch:
    """A transition with o = 1 and o' = 2 in which users play 0 and 1, and rewards of 1 and 3."""
    columns = {
        "obs": torch.ones(1, 2, 1),
        "state": torch.tensor([[0.5, -0.5]]),
        "actions": torch.tensor([[0, 1]]),
        "rewards": torch.tensor([[1.0, 3.0]]),
        "next_obs": torch.full((1, 2, 1), 2.0),
        "next_state": torch.tensor([[0.25, 0.75]]),
        "terminated": torch.zeros(1, 2),
    }
    return TransitionBatch(**(columns | {name: torch.tensor(value) for name, value in changed.items()}))


ALL = [[[True] * 3] * 2]
CASES: list[tuple[bool, dict[str, Any], list[float], list[float]]] = [
    # double_q, what differs, what is mixed in the next slot and in the present one
    (True, {}, [2.0, 14.0], [1.0, 5.0]),  # the networks choose 1 and 1
    (False, {}, [12.0, 18.0], [1.0, 5.0]),
    (True, {"mask": ALL, "next_mask": ALL}, [2.0, 14.0], [1.0, 5.0]),
    (True, {"mask": ALL, "next_mask": [[[True, False, True], [True] * 3]]}, [8.0, 14.0], [1.0, 5.0]),
    (True, {"mask": ALL, "next_mask": [[[True, False, False], [True] * 3]]}, [0.0, 14.0], [1.0, 5.0]),
    (False, {"mask": ALL, "next_mask": [[[True, True, False], [True, False, False]]]}, [8.0, 0.0], [1.0, 5.0]),
    (True, {"mask": [[[True] * 3, [False, True, False]]], "next_mask": ALL}, [2.0, 14.0], [1.0, 0.0]),
    (True, {"terminated": [[1.0, 0.0]]}, [2.0, 14.0], [1.0, 5.0]),  # the game goes on for one
]


@each_algorithm
@pytest.mark.parametrize(("double_q", "changed", "next_values", "values"), CASES)
def test_targets_and_loss_by_hand(
    module: Any, double_q: bool, changed: dict[str, Any], next_values: list[float], values: list[float]
) -> None:
    learner, batch = by_hand(module, double_q), one(**changed)
    next_total, total = sum(next_values), torch.tensor(sum(values))
    if module is qmix:
        for parameter in learner.networks.target_mixer.parameters():  # another network than the mixer
            parameter.add_(0.5)
        networks = learner.networks
        next_total = float(networks.target_mixer(torch.tensor(next_values)[:, None], batch.next_state))
        total = networks.mixer(torch.tensor(values)[:, None], batch.state).detach()
    target = 2.0 + 0.5 * next_total
    assert learner.targets(batch).shape == (1, 1)
    assert float(learner.targets(batch)) == pytest.approx(target, rel=1e-6)
    learner.learn(batch, 0)
    means, _ = learner.take_metrics()
    assert means["td_loss"] == pytest.approx(float(target - total) ** 2, rel=1e-5)


@each_algorithm
def test_a_game_that_has_terminated_for_all_has_no_next_value(module: Any) -> None:
    assert float(by_hand(module).targets(one(terminated=[[1.0, 1.0]]))) == 2.0


def test_vdns_team_value_is_the_sum() -> None:
    values = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(by_hand(vdn).mix(values, torch.zeros(7, 2))[0], values[0] + values[1])


def random_batch(sizes: GameSizes, rows: int = 16) -> TransitionBatch:
    generator = torch.Generator().manual_seed(0)
    shape = (rows, sizes.num_users)
    masks = torch.rand(2, *shape, sizes.num_actions, generator=generator) < 0.3
    masks[..., 0] = True
    obs, next_obs = torch.randn(2, *shape, sizes.obs_size, generator=generator)
    state, next_state = torch.randn(2, rows, sizes.state_size, generator=generator)
    actions, rewards = torch.zeros(shape, dtype=torch.long), torch.randn(shape, generator=generator)
    return TransitionBatch(obs, state, actions, rewards, next_obs, next_state, torch.zeros(shape), *masks)


@each_algorithm
@pytest.mark.parametrize("slot", ["", "next_"])
def test_users_without_a_choice_have_no_weight(module: Any, slot: str) -> None:
    sizes = GameSizes(num_users=3, num_actions=4, obs_size=5, state_size=6)
    learner, batch = learner_of(module, sizes, hidden=(8,)), random_batch(sizes)
    seen, decided = getattr(batch, f"{slot}obs"), getattr(batch, f"{slot}decided")().T[..., None]
    assert 0.1 < decided.float().mean() < 0.9
    found: list[Tensor] = []
    learner.gradient_step = lambda group, loss: found.append(loss.detach())  # type: ignore[method-assign]
    for where in (torch.zeros_like(decided), ~decided, decided):
        learner.learn(batch._replace(**{f"{slot}obs": torch.where(where, seen + 1.0, seen)}), 0)
    usual, of_idle, of_deciders = found
    assert torch.equal(usual, of_idle)
    assert not torch.equal(usual, of_deciders)


def test_games_without_masks_have_values_as_they_are() -> None:
    values = torch.ones(2, 3)
    assert vdn.without_idle(values, None) is values


def two_steps(module: Any, **values: Any) -> tuple[float, OffPolicyLearner]:
    """Learn the two-step game from all ways to play it; return what greedy play gains."""
    games = ParallelGames(TwoStepGame, 16)
    learner = learner_of(
        module,
        games.sizes,
        lr=1e-2,
        final_lr=1e-2,
        gamma=0.99,
        tau=0.05,
        hidden=(32,),
        reward_scale=1.0,
        huber=False,
        **values,
    )

    def play(seen: Start, actions: Tensor | None = None) -> TransitionBatch:
        obs, state = torch.as_tensor(seen.obs), torch.as_tensor(seen.state)
        actions = learner.networks.acting.greedy(obs) if actions is None else actions
        step = games.step(actions.numpy())
        reached = (torch.as_tensor(array) for array in (step.rewards, step.next_obs, step.next_state))
        return TransitionBatch(obs, state, actions, *reached, torch.as_tensor(step.terminated).float())

    every = torch.tensor(list(itertools.product(range(2), repeat=4)))
    first = play(games.reset(0), every[:, :2])
    batch = concatenate([first, play(Start(first.next_obs, first.next_state), every[:, 2:])])
    for _ in range(250):
        learner.learn(batch, 0)
    first = play(games.reset(0))
    return float(play(Start(first.next_obs, first.next_state)).rewards.mean()), learner


@pytest.mark.parametrize("share_actors", [True, False])
def test_qmix_learns_the_two_step_games_optimum(share_actors: bool) -> None:
    gained, _ = two_steps(qmix, share_actors=share_actors)
    assert gained == 8.0


def test_vdn_takes_the_two_step_games_safe_side() -> None:
    """The sums closest to payoffs of 0, 1, 1 and 8 go up to 6.5: less than the 7 of the other side."""
    gained, learner = two_steps(vdn)
    assert gained == 7.0
    values = learner.networks.acting.values(torch.eye(3)[2].expand(1, 2, 3))[:, 0].detach()
    sums = values[0][:, None] + values[1]
    torch.testing.assert_close(sums, torch.tensor([[-1.5, 2.5], [2.5, 6.5]]), rtol=0.0, atol=0.05)
