from typing import Any

import numpy as np
import pytest
import torch
from ray.tune.registry import register_env

from edgeoffload_env import edgeoffload_v0
from recipes import DQNTOLBConfig, DTOMALBConfig, IDQLConfig
from recipes.envs.make_envs import make_games
from recipes.envs.parallel_games import ParallelGames
from recipes.joint.env_runner import BatchedEnvRunner
from recipes.joint.transitions import TransitionBatch
from tests.recipes.offpolicy.toys import CodeGame, CountingGame, EarlyLeaver

pytestmark = pytest.mark.usefixtures("ray_session")


def runner(env: str = "counting", num_envs: int = 3, config: Any = None, **env_config: Any) -> BatchedEnvRunner:
    chosen = (
        (config or IDQLConfig())
        .environment(env, env_config=env_config)
        .env_runners(num_envs_per_env_runner=num_envs, rollout_fragment_length=4)
        .debugging(seed=3)
    )
    return BatchedEnvRunner(config=chosen, worker_index=0)


def played(ending: str, agents: int = 3) -> TransitionBatch:
    one = runner(length=3, ending=ending, agents=agents)
    (fragment,) = one.sample(num_timesteps=30)
    assert fragment.env_steps() == 30
    assert fragment.agent_steps() == 30 * agents
    return fragment.transitions


@pytest.mark.parametrize("ending", ["terminated", "truncated", "mixed"])
def test_a_row_holds_one_step_of_one_game_for_everyone(ending: str) -> None:
    rows = played(ending)
    copy, agent, episode, step = rows.obs.unbind(-1)
    assert torch.equal(agent, torch.arange(3.0).expand(30, 3))
    for same in (copy, episode, step):
        assert torch.equal(same, same[:, :1].expand(-1, 3))
    assert torch.equal(rows.rewards, rows.actions + 10.0 * torch.arange(3))
    assert torch.equal(rows.state, rows.obs.flatten(1))


@pytest.mark.parametrize("ending", ["terminated", "truncated", "mixed"])
def test_what_a_row_leads_to_is_of_its_own_episode(ending: str) -> None:
    rows = played(ending)
    assert torch.equal(rows.next_obs[..., :3], rows.obs[..., :3])
    assert torch.equal(rows.next_obs[..., 3], rows.obs[..., 3] + 1.0)
    assert torch.equal(rows.next_state, rows.next_obs.flatten(1))
    assert set(rows.obs[:, 0, 3].tolist()) == {0.0, 1.0, 2.0}
    assert set(rows.obs[:, 0, 2].tolist()) >= {0.0, 1.0, 2.0}


@pytest.mark.parametrize(
    ("ending", "last"), [("terminated", [1, 1, 1]), ("truncated", [0, 0, 0]), ("mixed", [1, 0, 0])]
)
def test_only_terminated_users_are_marked(ending: str, last: list[int]) -> None:
    rows = played(ending)
    is_last = rows.obs[:, 0, 3] == 2.0
    assert rows.terminated[is_last].unique(dim=0).tolist() == [last]
    assert not rows.terminated[~is_last].any()


def test_our_games_end_by_truncation_with_the_state_before_the_reset() -> None:
    one = runner("edgeoffload/paper-v0", num_envs=2, max_cycles=3)
    (fragment,) = one.sample(num_timesteps=12)
    rows = fragment.transitions
    assert not rows.terminated.any()
    following = torch.arange(2, 12)
    ends = (following - 2) // 2 % 3 == 2  # the row before was a last one
    joined = (rows.next_obs[:-2] == rows.obs[following]).flatten(1).all(1)
    assert torch.equal(joined, ~ends)
    joined = (rows.next_state[:-2] == rows.state[following]).all(1)
    assert torch.equal(joined, ~ends)
    speeds_and_links = rows.obs[..., -2:]  # of the episode, drawn anew by a reset
    assert torch.equal(rows.next_obs[..., -2:], speeds_and_links)


def test_our_rows_are_what_the_vector_view_gives() -> None:
    one = runner("edgeoffload/paper-v0", num_envs=4, num_users=5)
    (fragment,) = one.sample(num_timesteps=40)
    env = edgeoffload_v0.vector_env(4, num_users=5)
    obs, _ = env.reset(seed=int(np.random.SeedSequence([3, 0, 0]).generate_state(2)[0]))
    for start in range(0, 40, 4):
        step = slice(start, start + 4)
        assert np.array_equal(fragment.transitions.obs[step].numpy(), obs)
        assert np.array_equal(fragment.transitions.state[step].numpy(), env.state())
        obs, rewards, *_ = env.step(fragment.transitions.actions[step].numpy())
        assert np.array_equal(fragment.transitions.rewards[step].numpy(), rewards)


def test_shorter_observations_are_padded_at_their_end() -> None:
    games = ParallelGames(lambda: CountingGame(sizes=[4, 6, 2]), 1)
    obs, state, _ = games.reset(0)
    assert games.sizes.obs_size == 6
    assert obs[0, 0, 4:].tolist() == [0.0, 0.0]
    assert obs[0, 1, 4:].tolist() == [7.0, 7.0]
    assert obs[0, 2, 2:].tolist() == [0.0] * 4
    assert state.shape == (1, 18)


def test_the_games_own_state_is_used_where_there_is_one() -> None:
    games = ParallelGames(CodeGame, 2)
    obs, state, _ = games.reset(0)
    assert state.shape == (2, 3)
    assert np.array_equal(obs[:, 0], state)


def test_agents_that_leave_early_are_refused_by_name() -> None:
    games = ParallelGames(EarlyLeaver, 1)
    games.reset(0)
    with pytest.raises(ValueError, match="end for all agents at once, but agent_0 left before the others"):
        games.step(np.zeros((1, 3), int))


def test_other_action_spaces_are_refused_by_name() -> None:
    import gymnasium

    class Odd(CountingGame):
        def action_space(self, agent: str) -> Any:
            return gymnasium.spaces.Discrete(4 if agent == "agent_2" else 5)

    class Continuous(CountingGame):
        def action_space(self, agent: str) -> Any:
            return gymnasium.spaces.Box(0.0, 1.0, (1,))

    with pytest.raises(ValueError, match=r"agent_2 must be equal to that of agent_0"):
        ParallelGames(Odd, 1)
    with pytest.raises(TypeError, match=r"agent_0 .*Discrete"):
        ParallelGames(Continuous, 1)


def test_unknown_games_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown env 'nowhere'[.] Known: edgeoffload/paper-v0"):
        make_games("nowhere", {}, 1)


def test_a_wrapped_parallel_game_is_looked_through() -> None:
    from recipes.rllib.adapter import RLlibParallelEnv

    register_env("wrapped", lambda config: RLlibParallelEnv(CodeGame()))
    assert make_games("wrapped", {}, 1).users == ["user_0", "user_1"]


def test_copies_of_a_game_have_seeds_of_their_own() -> None:
    games = ParallelGames(CodeGame, 64)
    obs, *_ = games.reset(5)
    again, *_ = ParallelGames(CodeGame, 64).reset(5)
    assert np.array_equal(obs, again)
    assert set(obs[:, 0].argmax(-1).tolist()) == {0, 1, 2}


def equal(mine: TransitionBatch, theirs: TransitionBatch) -> bool:
    """Whether all columns are equal; those of masks may be missing in both."""
    pairs = zip(mine, theirs, strict=True)
    return all(a is b if a is None or b is None else torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("env", ["code", "edgeoffload/paper-v0", "edgeoffload/urban-v0"])
def test_a_restored_runner_goes_on_alike(env: str) -> None:
    short = {"max_cycles": 50} if env.startswith("edgeoffload") else {}
    one = runner(env, **short)
    one.sample(num_timesteps=21)
    twin = runner(env, **short)
    twin.set_state(one.get_state())
    for _ in range(12):
        (mine,), (theirs,) = one.sample(), twin.sample()
        assert equal(mine.transitions, theirs.transitions)
    mine, theirs = (one_of.get_metrics() for one_of in (one, twin))
    assert mine["episode_return_mean"].peek() == theirs["episode_return_mean"].peek()


def test_a_stored_state_does_not_change_afterwards() -> None:
    one = runner("edgeoffload/paper-v0", max_cycles=5)
    one.sample(num_timesteps=9)
    state = one.get_state()
    (first,) = one.sample()
    twin = runner("edgeoffload/paper-v0", max_cycles=5)
    twin.set_state(state)
    (again,) = twin.sample()
    assert equal(first.transitions, again.transitions)


def test_metrics_have_rllibs_names_and_the_utility() -> None:
    one = runner("edgeoffload/paper-v0", num_envs=2, max_cycles=4, balance_weight=0.0)
    (fragment,) = one.sample(num_timesteps=16)
    metrics = one.get_metrics()
    returns = fragment.transitions.rewards.mean(1).reshape(2, 4, 2).sum(1).flatten()
    assert metrics["num_env_steps_sampled"].peek() == 16
    assert metrics["num_episodes"].peek() == 4
    assert metrics["episode_len_mean"].peek() == 4
    assert metrics["episode_return_mean"].peek() == pytest.approx(float(returns.mean()), rel=1e-5)
    assert metrics["episode_return_max"].peek() == pytest.approx(float(returns.max()), rel=1e-5)
    utility, delay, imbalance = (metrics[key].peek() for key in ("utility", "mean_delay_s", "imbalance"))
    assert len(utility) == 4
    assert np.allclose(utility, -4 * (np.array(delay) + np.array(imbalance)), rtol=1e-5)
    assert np.allclose(-4 * np.array(delay), returns.numpy(), rtol=1e-5)  # trained on delay alone


def test_without_exploration_actions_are_greedy() -> None:
    one = runner("edgeoffload/paper-v0", config=DTOMALBConfig())
    (fragment,) = one.sample(num_timesteps=30, explore=False)
    assert torch.equal(fragment.transitions.actions, one.module.acting.greedy(fragment.transitions.obs))
    (fragment,) = one.sample(num_timesteps=30)
    assert not torch.equal(fragment.transitions.actions, one.module.acting.greedy(fragment.transitions.obs))


@pytest.mark.parametrize("config", [IDQLConfig, DQNTOLBConfig, DTOMALBConfig])
def test_random_actions_are_uniform_over_all(config: Any) -> None:
    one = runner("edgeoffload/paper-v0", num_envs=8, config=config(), num_users=3)
    (fragment,) = one.sample(num_timesteps=4_000, random_actions=True)
    for user in range(3):
        counts = torch.bincount(fragment.transitions.actions[:, user], minlength=6)
        assert (counts - 4_000 / 6).abs().max() < 6 * (4_000 / 6 * 5 / 6) ** 0.5


def test_the_share_of_random_actions_follows_the_training() -> None:
    one = runner(
        "edgeoffload/paper-v0",
        config=IDQLConfig().training(epsilon=1.0, final_epsilon=0.0, exploration_fraction=1.0, total_env_steps=100),
    )
    for env_steps, greedy_share in ((0, 1 / 6), (100, 1.0)):
        (fragment,) = one.sample(num_timesteps=600, env_steps=env_steps)
        greedy = one.module.acting.greedy(fragment.transitions.obs)
        assert (fragment.transitions.actions == greedy).float().mean() == pytest.approx(greedy_share, abs=0.05)


def test_whole_episodes_for_evaluation() -> None:
    one = runner(num_envs=2, length=3)
    (fragment,) = one.sample(num_episodes=3)
    assert fragment.env_steps() == 12
    assert fragment.transitions.obs[0, 0, 3] == 0.0
    (fragment,) = one.sample(num_timesteps=2)
    assert fragment.transitions.obs[0, 0, 3] == 0.0
