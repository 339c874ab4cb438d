"""What needs more than one process: remote runners, a killed runner, Tune."""

import time
from pathlib import Path

import numpy as np
import pytest
import ray

from recipes import DTOMALBConfig

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("ray_session"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def small() -> DTOMALBConfig:
    return (
        DTOMALBConfig()
        .environment("edgeoffload/sparse-v0", env_config={"num_users": 3, "max_cycles": 10})
        .env_runners(num_envs_per_env_runner=4)
        .training(
            train_batch_size_per_learner=32,
            hidden=(16, 16),
            num_steps_sampled_before_learning_starts=100,
            slots_per_update=4,
        )
        .reporting(min_sample_timesteps_per_iteration=400)
        .debugging(seed=1, log_level="ERROR", log_sys_usage=False)
    )


def test_remote_runners_play_other_games_and_act_with_the_learners_weights() -> None:
    algorithm = small().env_runners(num_env_runners=2, rollout_fragment_length=10).build_algo()
    result = algorithm.train()
    assert result["num_env_steps_sampled_lifetime"] >= 400
    assert np.isfinite(result["env_runners"]["episode_return_mean"])
    played = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: runner.sample()[0].transitions.obs, local_env_runner=False
    )
    assert len(played) == 2
    assert not np.array_equal(played[0], played[1])
    algorithm.train()
    theirs = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: runner.module.acting.network.weight_0.detach().numpy(), local_env_runner=False
    )
    mine = algorithm.learner_group._learner.networks.acting.network.weight_0.detach().numpy()
    for weights in theirs:
        assert np.allclose(weights, mine, atol=0.05)  # the last sync may still be on its way
    algorithm.stop()


def test_a_killed_runner_is_replaced_and_training_goes_on() -> None:
    config = (
        small()
        .env_runners(num_env_runners=2, rollout_fragment_length=10)
        .fault_tolerance(restart_failed_env_runners=True, delay_between_env_runner_restarts_s=0)
    )
    algorithm = config.build_algo()
    algorithm.train()
    ray.kill(algorithm.env_runner_group._worker_manager.actors()[1], no_restart=False)
    steps = [algorithm.train()["num_env_steps_sampled_lifetime"] for _ in range(6)]
    assert steps == sorted(set(steps))
    end = time.monotonic() + 120.0  # a process that starts on a busy machine
    while algorithm.env_runner_group.num_healthy_remote_workers() < 2:
        assert time.monotonic() < end
        algorithm.train()
    algorithm.stop()


def test_tune_runs_it_over_seeds(tmp_path: Path) -> None:
    from ray import tune

    config = small().debugging(seed=tune.grid_search([1, 2]))
    results = tune.Tuner(
        config.algo_class,
        param_space=config,
        run_config=tune.RunConfig(
            name="seeds",
            storage_path=str(tmp_path),
            stop={"training_iteration": 2},
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True),
        ),
    ).fit()
    assert not results.errors
    returns = [result.metrics["env_runners"]["episode_return_mean"] for result in results]
    assert len(set(returns)) == 2
    assert all(result.checkpoint is not None for result in results)
