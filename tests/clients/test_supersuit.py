"""SuperSuit."""

import numpy as np
import supersuit

from edgeoffload_env import edgeoffload_v0
from tests.clients.masks import allowed, assert_heeded
from tests.pages import run_masks, run_tutorial


def test_tutorial(tmp_path):
    """Stable-Baselines3's PPO with shared parameters on a SuperSuit vector of 40 users, above `proportional`"""
    run_tutorial("supersuit", tmp_path)


def test_vectors_are_the_games():
    """A seeded vector of two games over three episodes, equal to the games themselves step by step"""
    vector = supersuit.pettingzoo_env_to_vec_env_v1(edgeoffload_v0.parallel_env("sparse"))
    vector = supersuit.concat_vec_envs_v1(vector, 2, num_cpus=1, base_class="gymnasium")
    games = [edgeoffload_v0.parallel_env("sparse") for _ in range(2)]
    users = games[0].possible_agents
    seen, _ = vector.reset(seed=3)
    expected = [game.reset(seed=3 + i)[0] for i, game in enumerate(games)]
    generator = np.random.default_rng(0)
    for _ in range(150):
        np.testing.assert_array_equal(seen, [values[user] for values in expected for user in users])
        actions = generator.integers(0, 6, vector.num_envs)
        seen, rewards, terminated, truncated, _ = vector.step(actions)
        shared = actions.reshape(2, len(users))
        steps = [game.step(dict(zip(users, row, strict=True))) for game, row in zip(games, shared, strict=True)]
        np.testing.assert_allclose(rewards, [step[1][user] for step in steps for user in users], rtol=1e-6)
        np.testing.assert_array_equal(truncated, [step[3][user] for step in steps for user in users])
        assert not np.any(terminated)
        expected = [step[0] if game.agents else game.reset()[0] for game, step in zip(games, steps, strict=True)]


def test_frames_are_stacked():
    """`frame_stack_v1` and `agent_indicator_v0`"""
    env = supersuit.frame_stack_v1(supersuit.agent_indicator_v0(edgeoffload_v0.parallel_env("sparse")), 2)
    observations, _ = env.reset(seed=0)
    assert env.observation_space("user_0").contains(observations["user_0"])


def test_masks_are_the_games():
    """Masks in the infos of `urban`, over the end of an episode"""
    game = edgeoffload_v0.parallel_env("urban", max_cycles=5)
    vector = supersuit.pettingzoo_env_to_vec_env_v1(game)
    vector = supersuit.concat_vec_envs_v1(vector, 1, num_cpus=1, base_class="gymnasium")
    (own,) = vector.vec_envs
    _, infos = vector.reset(seed=0)
    for _ in range(8):
        expected = allowed(own.par_env.unwrapped.snapshot(), 6)
        assert [info["action_mask"].tolist() for info in infos] == expected.astype(int).tolist()
        *_, infos = vector.step(np.zeros(30, dtype=int))


def test_masked_ppo():
    """sb3-contrib's MaskablePPO with shared parameters on `urban`, whose masks it heeds"""
    rollout = run_masks("SuperSuit")["learner"].rollout_buffer
    masks = rollout.action_masks
    assert_heeded(rollout.actions.reshape(masks.shape[:-1]), masks)
