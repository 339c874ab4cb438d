import textwrap
from typing import Any

import gymnasium
import numpy as np
import pytest
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.env_context import EnvContext
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner
from ray.tune.registry import ENV_CREATOR, _global_registry, register_env

from edgeoffload_env import edgeoffload_v0, scenarios
from recipes.rllib import adapter
from recipes.rllib.adapter import RLlibParallelEnv, make_env, one_policy, own_policy, register_envs
from tests.recipes.games import ENDS, Staggered
from tests.recipes.noise import RAY_NOISE

pytestmark = RAY_NOISE


def runner(env_id: str, agents: list[str], num_envs: int = 1, **env_config: Any) -> MultiAgentEnvRunner:
    config = (
        PPOConfig()
        .environment(env_id, env_config=env_config)
        .multi_agent(policies=set(agents), policy_mapping_fn=own_policy)
        .env_runners(num_env_runners=0, num_envs_per_env_runner=num_envs)
        .debugging(seed=0)
    )
    return MultiAgentEnvRunner(config=config)


def ends(episode: Any) -> dict[str, tuple[bool, bool]]:
    return {agent: (sa.is_terminated, sa.is_truncated) for agent, sa in episode.agent_episodes.items()}


def test_agents_keep_the_games_order_and_spaces() -> None:
    env = make_env("paper", {"num_users": 12})
    users = [f"user_{n}" for n in range(12)]
    assert env.possible_agents == list(env.observation_spaces) == list(env.action_spaces) == users
    game = edgeoffload_v0.parallel_env("paper", num_users=12)
    for user in users:
        assert env.get_observation_space(user) == game.observation_space(user)
        assert env.get_action_space(user) == game.action_space(user)
    observations, infos = env.reset(seed=0)
    assert list(observations) == list(infos) == env.agents == users
    stepped = env.step(dict.fromkeys(reversed(users), 1))
    assert list(stepped[0]) == list(stepped[1]) == list(stepped[4]) == users


def test_same_game_as_without_the_adapter() -> None:
    env, game = make_env("sparse", {"max_cycles": 4}), edgeoffload_v0.parallel_env("sparse", max_cycles=4)
    (seen, _), (expected, _) = env.reset(seed=3), game.reset(seed=3)
    rng = np.random.default_rng(0)
    while game.agents:
        np.testing.assert_equal(seen, expected)
        actions = {agent: int(rng.integers(6)) for agent in game.agents}
        seen, rewards, terminated, truncated, infos = env.step(actions)
        expected, *others = game.step(actions)
        assert rewards == others[0]
        assert infos == others[3]
        assert not any(terminated.values())
        assert truncated["__all__"] == (not game.agents)
    assert truncated == {"__all__": True}
    assert env.agents == []


def test_every_scenario_is_registered(local_session: None) -> None:
    register_envs()
    for scenario in scenarios.names():
        make = _global_registry.get(ENV_CREATOR, f"edgeoffload/{scenario}-v0")
        env = make(EnvContext({"num_users": 2}, worker_index=0))
        assert env.par_env.config == scenarios.get(scenario).config.replace(num_users=2)


@pytest.mark.parametrize("chunked", [False, True])
def test_the_horizon_is_a_truncation_in_rllibs_episodes(local_session: None, chunked: bool) -> None:
    register_envs()
    users = [f"user_{n}" for n in range(3)]
    sampler = runner("edgeoffload/paper-v0", users, num_envs=2, num_users=3, max_cycles=4)
    if chunked:
        episodes = [e for _ in range(6) for e in sampler.sample(num_timesteps=6, random_actions=True)]
    else:
        episodes = sampler.sample(num_episodes=4, random_actions=True)
    done = [episode for episode in episodes if episode.is_done]
    assert len(done) >= 4
    for episode in done:
        assert (episode.is_terminated, episode.is_truncated) == (False, True)
        assert ends(episode) == dict.fromkeys(users, (False, True))
    assert all(not any(flag for pair in ends(e).values() for flag in pair) for e in episodes if not e.is_done)
    sampler.stop()


@pytest.mark.parametrize(
    ("finish", "late", "also_late"),
    [
        ("truncated", (False, True), (False, True)),
        ("terminated", (True, False), (True, False)),
        ("mixed", (True, True), (False, True)),
    ],
)
def test_agents_of_a_foreign_game_end_as_they_should(
    local_session: None, finish: str, late: tuple[bool, bool], also_late: tuple[bool, bool]
) -> None:
    register_env("staggered", lambda config: RLlibParallelEnv(Staggered(**config)))
    sampler = runner("staggered", list(ENDS), length=5, finish=finish)
    (episode,) = sampler.sample(num_episodes=1, random_actions=True)
    # What learners read is `terminated`: it alone stops them from bootstrapping
    assert ends(episode) == {"late": late, "early": (True, False), "cut": (False, True), "also_late": also_late}
    lengths = {agent: len(sa) for agent, sa in episode.agent_episodes.items()}
    assert lengths == {"late": 5, "early": 2, "cut": 3, "also_late": 5}
    sampler.stop()


def test_stock_dqn_learns_from_a_foreign_game_with_unequal_spaces(local_session: None) -> None:
    register_env("staggered", lambda config: RLlibParallelEnv(Staggered(**config)))
    config = (
        DQNConfig()
        .environment("staggered")
        .multi_agent(policies=set(ENDS), policy_mapping_fn=own_policy)
        .env_runners(num_env_runners=0)
        .training(
            replay_buffer_config={"type": "MultiAgentEpisodeReplayBuffer"}, num_steps_sampled_before_learning_starts=20
        )
        .reporting(min_sample_timesteps_per_iteration=25, min_time_s_per_iteration=0)
    )
    algorithm = config.build_algo()
    learners = algorithm.train()["learners"]
    assert set(ENDS) <= set(learners)
    assert all(np.isfinite(learners[agent]["qf_loss"]) for agent in ENDS)
    algorithm.stop()


def test_one_hot_identity() -> None:
    env = make_env("paper", {"num_users": 3, "agent_id": True})
    plain = edgeoffload_v0.parallel_env("paper", num_users=3)
    (seen, _), (expected, _) = env.reset(seed=1), plain.reset(seed=1)
    for n, user in enumerate(env.possible_agents):
        np.testing.assert_array_equal(seen[user], np.concatenate((expected[user], np.eye(3, dtype=np.float32)[n])))
        assert env.observation_spaces[user].contains(seen[user])
    assert one_policy("user_2") == "shared"


def test_numbered_agents_play_the_same_game() -> None:
    options = {"num_users": 12, "max_cycles": 2, "agent_id": True}
    numbered, named = make_env("paper", options | {"numbered": True}), make_env("paper", options)
    assert numbered.possible_agents == list(numbered.observation_spaces) == list(numbered.action_spaces) == [*range(12)]
    seen, expected = numbered.reset(seed=2), named.reset(seed=2)
    rng = np.random.default_rng(0)
    while numbered.agents:
        assert [list(values) for values in seen[:2]] == [numbered.agents] * 2
        for values, named_values in zip(seen, expected, strict=True):
            names = {f"user_{key}" if isinstance(key, int) else key: value for key, value in values.items()}
            np.testing.assert_equal(names, named_values)
        actions = rng.integers(6, size=12)
        seen = numbered.step(dict(enumerate(actions)))
        expected = named.step({f"user_{n}": action for n, action in enumerate(actions)})
    assert named.agents == []
    assert [own_policy(3), own_policy("late")] == ["user_3", "late"]


def test_numbered_agents_refuse_what_the_game_refuses() -> None:
    env = make_env("paper", {"num_users": 2, "numbered": True})
    env.reset(seed=0)
    with pytest.raises(ValueError, match="7"):
        env.step({0: 1, 1: 1, 7: 1})


def test_one_hot_identity_needs_boxes() -> None:
    class Counting(Staggered):
        def observation_space(self, agent: str) -> gymnasium.Space:
            return gymnasium.spaces.Discrete(3)

    with pytest.raises(TypeError, match=r"late .*must be a 1-D Box, got Discrete\(3\)"):
        RLlibParallelEnv(Counting(), agent_id=True)
    with pytest.raises(TypeError, match="agent_id must be True or False, got 1"):
        RLlibParallelEnv(Staggered(), agent_id=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="numbered must be True or False, got None"):
        RLlibParallelEnv(Staggered(), numbered=None)  # type: ignore[arg-type]


def test_bad_env_config_names_the_field() -> None:
    with pytest.raises(ValueError, match=r"num_users must be an integer in .*, got 0"):
        make_env("paper", {"num_users": 0})
    with pytest.raises(TypeError, match="unknown field 'users'"):
        make_env("paper", {"users": 3})


def test_the_docstrings_example_runs(local_session: None, capsys: pytest.CaptureFixture[str]) -> None:
    document = adapter.__doc__ or ""
    lines = document.split("::\n", 1)[1].split("\n``env_config``", 1)[0]
    exec(textwrap.dedent(lines), {})
    assert float(capsys.readouterr().out) < 0.0


@pytest.mark.usefixtures("local_session")
def test_env_runners_of_a_later_job_find_the_scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    """RLlib's registry remembers the process's first job, as after a second ``ray.init`` on the same cluster."""
    import ray

    monkeypatch.setattr(_global_registry, "_prefix", "ff000000")
    register_envs()

    @ray.remote
    def found() -> bool:
        from ray.tune.registry import ENV_CREATOR, _global_registry  # the worker's own

        return bool(_global_registry.contains(ENV_CREATOR, "edgeoffload/urban-v0"))

    assert ray.get(found.remote())
