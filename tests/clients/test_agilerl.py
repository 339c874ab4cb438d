"""AgileRL."""

import copy
import math

import pytest
import torch
from agilerl.algorithms import IPPO, MADDPG
from agilerl.components.replay_buffer import ReplayBuffer
from agilerl.training.train_multi_agent_off_policy import train_multi_agent_off_policy
from agilerl.training.train_multi_agent_on_policy import train_multi_agent_on_policy
from agilerl.vector.pz_async_vec_env import AsyncPettingZooVecEnv

from edgeoffload_env import edgeoffload_v0

GAMES = 2


def _game():
    return edgeoffload_v0.parallel_env("sparse")


def _weights(*networks):
    """A copy of all weights, by the networks' place and the parameter's name."""
    return copy.deepcopy(
        [(n, name, values) for n, each in enumerate(networks) for name, values in each.state_dict().items()]
    )


def _assert_learned(before, after):
    """Every network has finite weights, and has moved; what a network has beside weights may stay."""
    assert [pair[:2] for pair in before] == [pair[:2] for pair in after]
    assert all(values.isfinite().all() for _, _, values in after if torch.is_tensor(values))
    weights = [(old, new) for (_, name, old), (_, _, new) in zip(before, after, strict=True) if name.endswith("weight")]
    assert weights
    assert not any(torch.equal(old, new) for old, new in weights)


@pytest.fixture
def described():
    torch.set_num_threads(1)
    game = _game()
    users = game.possible_agents
    return [game.observation_space(user) for user in users], [game.action_space(user) for user in users], users


def test_maddpg_trains(described):
    """MADDPG on games in worker processes, on `sparse`; agents named `user_*` share networks there"""
    observations, actions, users = described
    learner = MADDPG(observations, actions, agent_ids=users, vect_noise_dim=GAMES, batch_size=64, learn_step=20)
    before = _weights(learner.actors, learner.critics)
    games = AsyncPettingZooVecEnv([_game for _ in range(GAMES)])
    (trained,), fitness = train_multi_agent_off_policy(
        games,
        "edgeoffload",
        "MADDPG",
        [learner],
        ReplayBuffer(1_000),
        max_steps=400,
        evo_steps=200,
        eval_steps=50,
        verbose=False,
    )
    assert trained.steps == 400
    assert all(math.isfinite(value) and value < 0 for value in fitness)
    _assert_learned(before, _weights(trained.actors, trained.critics))


def test_ippo_trains(described):
    """IPPO on the same"""
    observations, actions, users = described
    learner = IPPO(observations, actions, agent_ids=users, batch_size=64, learn_step=100)
    before = _weights(learner.actors, learner.critics)
    games = AsyncPettingZooVecEnv([_game for _ in range(GAMES)])
    (trained,), fitness = train_multi_agent_on_policy(
        games, "edgeoffload", "IPPO", [learner], max_steps=400, evo_steps=200, eval_steps=50, verbose=False
    )
    assert trained.steps == 400
    assert all(math.isfinite(value) and value < 0 for value in fitness)
    _assert_learned(before, _weights(trained.actors, trained.critics))
