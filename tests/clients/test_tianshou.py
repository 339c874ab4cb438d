"""Tianshou."""

import numpy as np
from tianshou.algorithm import DQN
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.multiagent.marl import MultiAgentOffPolicyAlgorithm
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv, PettingZooEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net

from edgeoffload_env import edgeoffload_v0


def _game():
    return PettingZooEnv(edgeoffload_v0.env("sparse"))


def _dqn(game):
    features, choices = game.observation_space.shape, game.action_space.n
    policy = DiscreteQLearningPolicy(
        model=Net(state_shape=features, action_shape=choices, hidden_sizes=(64, 64)),
        action_space=game.action_space,
        observation_space=game.observation_space,
        eps_training=0.1,
    )
    return DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=0.9, target_update_freq=100)


def test_independent_dqn_trains():
    """Independent DQNs on the AEC game through `PettingZooEnv` and `MultiAgentOffPolicyAlgorithm`, on `sparse`"""
    game = _game()
    learners = MultiAgentOffPolicyAlgorithm(algorithms=[_dqn(game) for _ in game.agents], env=game)
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
