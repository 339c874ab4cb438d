"""IPPO and MAPPO as RLlib algorithms, in this process."""

from typing import Any

import numpy as np
import pytest
import torch
from ray.tune.registry import register_env

from recipes import IPPOConfig, MAPPOConfig
from recipes.envs import batched_games
from recipes.onpolicy.config import OnPolicyConfig
from tests.recipes.trainings import Trainings, assert_equal, differ

pytestmark = [pytest.mark.usefixtures("ray_session"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ALGORITHMS: dict[str, Any] = {
    "ippo": lambda: IPPOConfig(),
    "ippo-separate": lambda: IPPOConfig().training(share_actors=False, share_critics=False, vf_clip_param=10.0),
    "mappo": lambda: MAPPOConfig().training(grad_clip=1.0),
    "mappo-separate": lambda: MAPPOConfig().training(
        share_actors=False, share_critics=False, normalize_values=False, team_reward=True
    ),
}
each_algorithm = pytest.mark.parametrize("name", ALGORITHMS)
each_default = pytest.mark.parametrize("name", ["ippo", "mappo"])


def small(name: str, env: str = "edgeoffload/sparse-v0", seed: int = 0, **env_config: Any) -> OnPolicyConfig:
    config: OnPolicyConfig = ALGORITHMS[name]()
    if env.startswith("edgeoffload"):
        env_config = {"num_users": 3, "server_hz": (12e9, 20e9), "max_cycles": 7} | env_config
    return (
        config.environment(env, env_config=env_config)
        .env_runners(num_envs_per_env_runner=4)
        .reporting(min_sample_timesteps_per_iteration=100)
        .training(
            train_batch_size_per_learner=40,
            minibatch_size=20,
            num_epochs=2,
            hidden=(16, 16),
            total_env_steps=1_000,
        )
        .debugging(seed=seed, log_level="ERROR", log_sys_usage=False)
    )


def greedy_reward(algorithm: Any, episodes: int = 40) -> float:
    (fragment,) = algorithm.env_runner.sample(num_episodes=episodes, explore=False)
    return float(fragment.transitions.rewards.mean())


@pytest.fixture(scope="module", params=ALGORITHMS)
def trainings(request: pytest.FixtureRequest, ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings.of(small, request.param, tmp_path_factory.mktemp("trainings"))


def test_restoring_and_going_on_is_never_having_stopped(trainings: Trainings) -> None:
    first, second = trainings.going_on, trainings.resumed
    assert differ(trainings.fresh, second.weights)
    assert_equal(first.weights, second.weights)
    assert_equal(first.transitions, second.transitions)
    for one, other in zip(first.results, second.results, strict=True):
        for key in ("episode_return_mean", "num_env_steps_sampled_lifetime", "utility"):
            assert_equal(one["env_runners"][key], other["env_runners"][key], key)
        for key in ("policy_loss", "vf_loss", "entropy", "kl_loss"):
            learned = [result["learners"]["default_policy"][key] for result in (one, other)]
            assert_equal(*learned, key)


def test_statistics_of_the_values_are_restored(trainings: Trainings) -> None:
    mine, theirs = trainings.saved["module"], trainings.restored["module"]
    for statistic in ("critics.mean", "critics.std", "critics.weight"):
        assert np.array_equal(mine[statistic], theirs[statistic])
    if trainings.name == "mappo-separate":  # without normalisation
        assert mine["critics.weight"] == 0.0
    else:
        assert mine["critics.weight"] > 0.2
        assert (mine["critics.mean"] < -0.1).all()  # rewards are negative


def test_the_same_seed_gives_the_same_weights(trainings: Trainings) -> None:
    assert_equal(trainings.saved, trainings.twin)
    assert differ(trainings.initial, trainings.fresh)
    assert differ(trainings.initial, trainings.saved)


@pytest.mark.parametrize(("truncate", "value"), [(True, 2.0), (False, 1.0)])
@each_algorithm
def test_truncated_games_bootstrap_and_terminated_ones_do_not(name: str, truncate: bool, value: float) -> None:
    config = small(name, "one-step", truncate=truncate).training(gamma=0.5, lr=5e-3, final_lr=5e-3, num_epochs=4)
    algorithm = config.reporting(min_sample_timesteps_per_iteration=700).build_algo()
    algorithm.train()
    critics = algorithm.learner_group._learner.networks.critics
    learned = critics.values(torch.ones(1, 2, 1), torch.ones(1, 2)).detach()
    assert learned.flatten().tolist() == pytest.approx([value] * 2, abs=0.1)
    algorithm.stop()


@each_algorithm
def test_a_cooperative_game_with_a_known_optimum_is_solved(name: str) -> None:
    config = small(name, "code", length=5, users=2).training(
        lr=1e-2, final_lr=1e-3, gamma=0.5, train_batch_size_per_learner=160, minibatch_size=80, num_epochs=4
    )
    config.training(total_env_steps=6_000, entropy_coeff=0.02).reporting(min_sample_timesteps_per_iteration=6_000)
    algorithm = config.build_algo()
    assert greedy_reward(algorithm) < 0.7
    algorithm.train()
    assert greedy_reward(algorithm) == 1.0
    algorithm.stop()


@each_default
def test_trainings_on_urban_choose_allowed_actions_alone(name: str) -> None:
    config = small(name, "edgeoffload/urban-v0", server_hz=None, num_users=4).training(hidden=(8,))
    algorithm = config.build_algo()
    algorithm.train()
    for explore in (True, False):
        (fragment,) = algorithm.env_runner.sample(num_episodes=8, explore=explore)
        rows = fragment.transitions
        assert rows.mask is not None
        assert not rows.mask.all()
        assert rows.mask.gather(2, rows.actions.unsqueeze(2)).all()
    algorithm.stop()


@each_default
def test_training_where_games_are_torchs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of other devices."""
    monkeypatch.setattr(batched_games, "backend_for", lambda device: "torch")
    algorithm = small(name).build_algo()
    result = algorithm.train()
    assert algorithm.env_runner.games.on_device
    assert np.isfinite(result["learners"]["default_policy"]["vf_loss"])
    algorithm.stop()


@each_default
def test_a_round_is_as_long_as_asked_for(name: str) -> None:
    algorithm = small(name).training(train_batch_size_per_learner=50).build_algo()
    result = algorithm.train()
    assert result["num_env_steps_sampled_lifetime"] == 2 * 52  # 13 slots of 4 games each are at least 50
    assert result["learners"]["default_policy"]["num_updates_lifetime"] == 2 * 2 * 3
    algorithm.stop()


@each_default
def test_evaluation_as_rllib_configures_it(name: str) -> None:
    config = small(name).evaluation(evaluation_interval=1, evaluation_duration=6, evaluation_config={"explore": False})
    algorithm = config.build_algo()
    result = algorithm.train()
    assert result["evaluation"]["env_runners"]["num_episodes"] == 8  # whole batches of 4 games
    algorithm.stop()


@each_default
def test_mpe2s_simple_spread_is_played(name: str) -> None:
    from mpe2 import simple_spread_v3

    register_env("spread", lambda config: simple_spread_v3.parallel_env(N=3, max_cycles=25, **config))
    algorithm = small(name, "spread").build_algo()
    result = algorithm.train()
    assert np.isfinite(result["learners"]["default_policy"]["policy_loss"])
    assert set(algorithm.env_runner.games.users) == {"agent_0", "agent_1", "agent_2"}
    algorithm.stop()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lambda_": 1.5}, r"lambda_ must be a number in \[0, 1\], got 1.5"),
        ({"num_epochs": 0}, "num_epochs must be an integer .*, got 0"),
        ({"minibatch_size": 0}, "minibatch_size must be an integer .*, got 0"),
        ({"clip_param": "much"}, "clip_param must be a number .*, got 'much'"),
        ({"vf_clip_param": 0.0}, "vf_clip_param must be a number .*, got 0"),
        ({"entropy_coef": 0.1}, "unknown hyper-parameter 'entropy_coef'; did you mean 'entropy_coeff'"),
        ({"replay_capacity": 10}, "unknown hyper-parameter 'replay_capacity'"),
    ],
)
def test_bad_settings_are_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        small("mappo").training(**change).validate()


def test_a_rollout_is_no_longer_than_the_training() -> None:
    config = IPPOConfig().env_runners(num_envs_per_env_runner=16)
    assert config.get_rollout_fragment_length() == 50  # 800 env steps
    assert config.training(total_env_steps=100).get_rollout_fragment_length() == 7
