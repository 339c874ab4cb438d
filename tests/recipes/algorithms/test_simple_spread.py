"""MPE2's ``simple_spread``: three agents that nobody here wrote, whose returns are per agent in 25 steps.

Random play gets -27.1, standing still -25.4, each going to a landmark of its own -16.8.
"""

from typing import Any

import pytest
from ray.tune.registry import register_env

import recipes
from tests.recipes.offpolicy.conftest import ray_session as ray_session

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("ray_session"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

LENGTH = 25
SHORT: dict[str, Any] = {"total_env_steps": 40_000, "num_envs_per_env_runner": 8}
REPLAY: dict[str, Any] = SHORT | {"train_batch_size_per_learner": 256, "slots_per_update": 2, "epsilon": 1.0}
HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    # With an output for each own action, which suits this package's games, critics got it to -19.1 to -20.0: at
    # entropies of 0.002 and 0.02, with a replay of 20,000, and with normalised advantages.
    "DTOMALBConfig": REPLAY
    | {"critic": "separate", "replay_capacity": 100_000, "exploration_fraction": 1 / 6, "lr": 2e-3, "final_lr": 2e-4}
    | {"temperature": 1.0, "final_temperature": 1.0, "entropy_coeff": 0.02, "final_entropy_coeff": 0.02}
    | {"reward_scale": 1.0, "huber": False},
    # After about 40,000 env steps it was -18.7 to -19.2 with each of seven settings: there, rounding decides on -19.
    "MAPPOConfig": {"total_env_steps": 96_000, "num_envs_per_env_runner": 16, "hidden": (128, 128), "team_reward": True}
    | {"train_batch_size_per_learner": 1_600, "minibatch_size": 200, "num_epochs": 10}
    | {"final_entropy_coeff": 0.01, "lr": 2e-3, "final_lr": 2e-4},
    "QMIXConfig": REPLAY
    | {"hidden": (128, 128), "reward_scale": 1.0, "replay_capacity": 50_000, "exploration_fraction": 0.3}
    | {"final_epsilon": 0.05},
}

LEAST = {"DTOMALBConfig": -19.0, "MAPPOConfig": -19.0, "QMIXConfig": -21.0}
"""QMIX ends near -17 or near -20, by its seed, after 40,000, 75,000 and 100,000 env steps."""


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_it_is_learnt(name: str) -> None:
    from mpe2 import simple_spread_v3

    register_env("spread", lambda config: simple_spread_v3.parallel_env(N=3, max_cycles=LENGTH, **config))
    algorithm = (
        getattr(recipes, name)()
        .environment("spread")
        .training(gamma=0.95, **HYPERPARAMETERS[name])
        .reporting(min_sample_timesteps_per_iteration=5_000)
        .debugging(seed=0, log_level="ERROR", log_sys_usage=False)
        .build_algo()
    )

    def mean_return(**options: bool) -> float:
        (fragment,) = algorithm.env_runner.sample(num_episodes=200, **options)
        return float(fragment.transitions.rewards.mean()) * LENGTH

    assert mean_return(random_actions=True) < -25.0  # so that the rest is what looking at the landmarks gains
    while algorithm.env_steps < HYPERPARAMETERS[name]["total_env_steps"]:
        algorithm.train()
    assert mean_return(explore=False) > LEAST[name]
    algorithm.stop()
