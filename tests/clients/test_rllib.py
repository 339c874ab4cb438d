"""RLlib."""

import subprocess
import sys

import pytest

from tests.pages import ROOT, run_tutorial

pytestmark = pytest.mark.slow


def test_tutorial(tmp_path):
    """PPO with shared parameters through `recipes/rllib/adapter.py`, above `random`"""
    run_tutorial("rllib-ppo", tmp_path)


def test_env_config(tmp_path):
    """Stock PPO with fields, and others in evaluation, through `env_config`"""
    run_tutorial("rllib-env-config", tmp_path)


def test_tune(tmp_path):
    """A `Tuner` over a recipe's configuration"""
    run_tutorial("tune", tmp_path)


OFF_POLICY = """
import numpy as np
from ray import tune
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv

from edgeoffload_env import edgeoffload_v0
from recipes.rllib.session import local_ray

tune.register_env("edgeoffload", lambda config: ParallelPettingZooEnv(edgeoffload_v0.parallel_env(**config)))
users = edgeoffload_v0.parallel_env("sparse").possible_agents


def check(config_class):
    algorithm = (
        config_class()
        .environment("edgeoffload", env_config={"scenario": "sparse"})
        .multi_agent(policies=set(users), policy_mapping_fn=lambda agent, episode, **_: agent)
        .env_runners(num_env_runners=0)
        .training(
            train_batch_size_per_learner=32,
            num_steps_sampled_before_learning_starts=100,
            replay_buffer_config={"type": "MultiAgentEpisodeReplayBuffer"},
        )
        .reporting(min_sample_timesteps_per_iteration=100, min_time_s_per_iteration=0)
        .build_algo()
    )
    before = algorithm.get_weights()
    for _ in range(3):
        result = algorithm.train()
    assert result["env_runners"]["episode_return_mean"] < 0
    assert set(users) <= set(result["learners"])
    after = algorithm.get_weights()
    assert set(after) == set(users)
    for user in users:
        assert any(not np.array_equal(before[user][name], after[user][name]) for name in before[user]), user
    algorithm.stop()


with local_ray():
    check(DQNConfig)
    check(SACConfig)
"""


def test_off_policy():
    """DQN and SAC with networks per user through RLlib's PettingZoo wrapper, with a `MultiAgentEpisodeReplayBuffer`"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", OFF_POLICY], cwd=ROOT, check=True, timeout=600)


MASKED = """
import numpy as np

from recipes.rllib.session import local_ray
from tests.clients.masks import assert_heeded
from tests.pages import run_masks

with local_ray():
    names = run_masks("RLlib")
    names["dqn"].stop()
    algorithm = names["algorithm"]
    before = algorithm.get_weights()["shared"]
    for _ in range(2):
        algorithm.train()  # episodes of 100 slots in pieces of 150
    after = algorithm.get_weights()["shared"]
    assert all(np.isfinite(values).all() for values in after.values())
    assert any(not np.array_equal(before[name], after[name]) for name in before)
    played = [
        user
        for episode in algorithm.env_runner.sample(num_timesteps=150, explore=True)
        for user in episode.agent_episodes.values()
    ]
    masks = np.concatenate([user.get_observations(slice(0, len(user)))["action_mask"] for user in played])
    known = np.concatenate([[info["action_mask"] for info in user.get_infos(slice(0, len(user)))] for user in played])
    assert len(masks) == 150 * 30
    np.testing.assert_array_equal(masks, known)
    assert_heeded(np.concatenate([user.get_actions() for user in played]), masks)
    algorithm.stop()
"""


def test_masks():
    """PPO with RLlib's `ActionMaskingTorchRLModule` on `urban`, whose masks it heeds"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", MASKED], cwd=ROOT, check=True, timeout=600)


WITHOUT_MASKS = """
import numpy as np
from ray import tune
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv

from edgeoffload_env import edgeoffload_v0
from recipes.rllib.adapter import one_policy
from recipes.rllib.session import local_ray

tune.register_env("urban", lambda config: ParallelPettingZooEnv(edgeoffload_v0.parallel_env("urban")))
with local_ray():
    algorithm = (
        PPOConfig()
        .environment("urban")
        .multi_agent(policies={"shared"}, policy_mapping_fn=one_policy)
        .env_runners(num_env_runners=0)
        .training(train_batch_size_per_learner=100, minibatch_size=100, num_epochs=1)
        .build_algo()
    )
    before = algorithm.get_weights()["shared"]
    assert algorithm.train()["env_runners"]["episode_return_mean"] < 0
    after = algorithm.get_weights()["shared"]
    assert any(not np.array_equal(before[name], after[name]) for name in before)
    algorithm.stop()
"""


def test_without_masks():
    """Stock PPO through RLlib's PettingZoo wrapper on `urban`"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", WITHOUT_MASKS], cwd=ROOT, check=True, timeout=600)
