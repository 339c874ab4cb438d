"""What needs more than one process: remote runners, and Tune."""

from pathlib import Path

import numpy as np
import pytest

from recipes import MAPPOConfig
from tests.recipes.onpolicy.test_algorithms import small

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("ray_session"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_remote_runners_play_a_rollout_together_with_the_learners_weights() -> None:
    config = small("mappo").env_runners(num_env_runners=2).training(train_batch_size_per_learner=80)
    algorithm = config.build_algo()
    result = algorithm.train()
    assert result["num_env_steps_sampled_lifetime"] == 160  # two rollouts of ten slots of twice four games
    assert np.isfinite(result["env_runners"]["episode_return_mean"])
    theirs = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: runner.module.acting.network.weight_0.detach().numpy(), local_env_runner=False
    )
    mine = algorithm.learner_group._learner.networks.acting.network.weight_0.detach().numpy()
    assert len(theirs) == 2
    for weights in theirs:
        assert np.array_equal(weights, mine)
    algorithm.stop()


def test_tune_runs_it_over_seeds(tmp_path: Path) -> None:
    from ray import tune

    config = small("mappo").debugging(seed=tune.grid_search([1, 2]))
    results = tune.Tuner(
        config.algo_class,
        param_space=config,
        run_config=tune.RunConfig(name="seeds", storage_path=str(tmp_path), stop={"training_iteration": 2}, verbose=0),
    ).fit()
    assert not results.errors
    assert len({result.metrics["env_runners"]["episode_return_mean"] for result in results}) == 2
    assert MAPPOConfig().algo_class.__name__ == "MAPPO"
