"""Stable-Baselines3."""

import numpy as np
import pytest
import torch
from sb3_contrib.common.maskable.utils import get_action_masks
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv

import edgeoffload_env  # noqa: F401  registers the ids
from tests.clients.masks import allowed, assert_heeded
from tests.pages import run_masks, run_tutorial


def test_tutorial(tmp_path):
    """`check_env`, and PPO as one controller on `edgeoffload/paper-central-v0`, above `proportional`"""
    run_tutorial("stable-baselines3", tmp_path)


@pytest.mark.parametrize("learner", [PPO, A2C])
def test_processes(learner):
    """PPO and A2C over games in separate processes."""
    # the processes do not import this package by themselves: Gymnasium does where the id names it
    games = make_vec_env("edgeoffload_env:edgeoffload/sparse-central-v0", n_envs=2, seed=1, vec_env_cls=SubprocVecEnv)
    model = learner("MlpPolicy", games, n_steps=50, seed=0, device="cpu")
    before = {name: values.clone() for name, values in model.policy.state_dict().items()}
    model.learn(200)
    after = model.policy.state_dict()
    assert [name for name in before if torch.equal(before[name], after[name])] == []
    assert all(values.isfinite().all() for values in after.values())
    seen = games.reset()
    actions, _ = model.predict(seen, deterministic=True)
    assert actions.shape == (2, 5)
    assert not np.array_equal(*seen)  # each process has a different game
    games.close()


def test_a_saved_model_acts_alike(tmp_path):
    """Saving and loading"""
    games = make_vec_env("edgeoffload/sparse-central-v0", n_envs=1, seed=1)
    model = PPO("MlpPolicy", games, n_steps=50, seed=0, device="cpu").learn(100)
    model.save(tmp_path / "model")
    seen = games.reset()
    loaded = PPO.load(tmp_path / "model", device="cpu")
    np.testing.assert_array_equal(*(each.predict(seen, deterministic=True)[0] for each in (model, loaded)))


def test_masked_ppo():
    """sb3-contrib's MaskablePPO on `urban`, whose masks it heeds"""
    torch.set_num_threads(1)
    page = run_masks("Stable-Baselines3")
    games, learner = page["games"], page["learner"]
    rollout = learner.rollout_buffer
    masks = rollout.action_masks.reshape(*rollout.actions.shape, 6)
    assert_heeded(rollout.actions, masks)
    seen = games.reset()
    may = get_action_masks(games)
    assert may.reshape(2, 30, 6).tolist() == [allowed(game.unwrapped.snapshot(), 6).tolist() for game in games.envs]
    actions, _ = learner.predict(seen, action_masks=may, deterministic=True)
    assert not actions[~may.reshape(2, 30, 6)[..., 1]].any()


def test_without_masks():
    """PPO without masks on `urban`"""
    games = make_vec_env("edgeoffload/urban-central-v0", n_envs=1, seed=0)
    model = PPO("MlpPolicy", games, n_steps=50, batch_size=50, n_epochs=1, seed=0, device="cpu")
    before = {name: values.clone() for name, values in model.policy.state_dict().items()}
    after = model.learn(50).policy.state_dict()
    assert [name for name in before if torch.equal(before[name], after[name])] == []
    assert all(values.isfinite().all() for values in after.values())
