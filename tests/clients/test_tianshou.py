"""Tianshou."""

import numpy as np
import torch
from tianshou.algorithm import DQN
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.multiagent.marl import MultiAgentOffPolicyAlgorithm
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv, PettingZooEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net

from edgeoffload_env import edgeoffload_v0
from tests.clients.masks import allowed, assert_heeded
from tests.pages import run_masks


def _game():
    return PettingZooEnv(edgeoffload_v0.env("sparse"))


def _dqn(observations, actions, *, exploration=0.1):
    policy = DiscreteQLearningPolicy(
        model=Net(state_shape=observations.shape, action_shape=actions.n, hidden_sizes=(64, 64)),
        action_space=actions,
        observation_space=observations,
        eps_training=exploration,
    )
    return DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=0.9, target_update_freq=100)


def test_independent_dqn_trains():
    """Independent DQNs on the AEC game through `PettingZooEnv` and `MultiAgentOffPolicyAlgorithm`, on `sparse`"""
    game = _game()
    learners = MultiAgentOffPolicyAlgorithm(
        algorithms=[_dqn(game.observation_space, game.action_space) for _ in game.agents], env=game
    )
    games = DummyVectorEnv([_game for _ in range(4)])
    games.seed([0, 1, 2, 3])
    collector = Collector(learners, games, VectorReplayBuffer(20_000, 4), exploration_noise=True)
    collector.reset()
    collector.collect(n_step=400)
    result = learners.run_training(
        OffPolicyTrainerParams(
            training_collector=collector,
            test_collector=Collector(learners, DummyVectorEnv([_game])),
            max_epochs=1,
            epoch_num_steps=200,
            collection_step_num_env_steps=100,
            test_step_num_episodes=1,
            batch_size=64,
            update_step_num_gradient_steps_per_sample=0.1,
            verbose=False,
            show_progress=False,
        )
    )
    assert result.train_step == 200
    assert result.update_step > 0
    assert np.isfinite(result.best_reward)


def test_masks():
    """The same with masks on `urban`, heeded in exploration"""
    page = run_masks("Masks in observations", "Tianshou")
    game = page["game"]
    observations = game.observation_space["observation"]
    users = [_dqn(observations, game.action_space, exploration=0.5) for _ in game.agents]
    learners = MultiAgentOffPolicyAlgorithm(algorithms=users, env=game)
    before = [[values.detach().clone() for values in user.policy.parameters()] for user in users]
    games = DummyVectorEnv([lambda: PettingZooEnv(page["MasksInObservations"](edgeoffload_v0.env("urban")))])
    games.seed([0])
    buffer = VectorReplayBuffer(20_000, 1)
    collector = Collector(learners, games, buffer, exploration_noise=True)
    collector.reset()
    collector.collect(n_step=600)
    result = learners.run_training(
        OffPolicyTrainerParams(
            training_collector=collector,
            max_epochs=1,
            epoch_num_steps=600,
            collection_step_num_env_steps=600,
            batch_size=600,
            update_step_num_gradient_steps_per_sample=0.01,
            verbose=False,
            show_progress=False,
        )
    )
    assert result.update_step > 0
    data, _ = buffer.sample(0)  # all of it
    assert len(data) == 1_200
    assert_heeded(data.act, data.obs.mask)
    for old, user in zip(before, users, strict=True):
        assert not any(map(torch.equal, old, user.policy.parameters()))


def test_masks_are_the_games():
    game = run_masks("Masks in observations", "Tianshou")["game"]
    seen, _ = game.reset(seed=1)
    for turn in range(300):
        assert seen["agent_id"] == f"user_{turn % 30}"
        assert seen["mask"] == allowed(game.env.unwrapped.snapshot(), 6)[turn % 30].tolist()
        seen, *_ = game.step(5)
