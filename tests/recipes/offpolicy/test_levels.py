"""Every algorithm in games whose actions are a server, a power and a share: more actions, and nothing else."""

from typing import Any

import numpy as np
import pytest

from edgeoffload_env import evaluate, scenarios
from edgeoffload_env.agents import action_count
from recipes.joint.policy import NetworkPolicy
from tests.recipes.offpolicy import test_algorithms as offpolicy
from tests.recipes.onpolicy import test_algorithms as onpolicy
from tests.recipes.trainings import differ, weights

pytestmark = [pytest.mark.usefixtures("ray_session"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

LEVELS = {"tx_power_w": (0.05, 0.8), "offload_ratio": (0.5, 1.0)}
OFF_POLICY = (
    "idql-tolb",
    "dtomalb",
    "dtomalb-exact",
    "dtomalb-shared",
    "dtomalb-equivariant",
    "dqn-tolb",
    "vdn",
    "qmix",
)


def config_of(name: str) -> Any:
    make = offpolicy.small if name in OFF_POLICY else onpolicy.small
    return make(name, "edgeoffload/urban-v0", levels=LEVELS)


@pytest.mark.parametrize("name", [*OFF_POLICY, "ippo", "mappo"])
def test_it_trains_and_plays(name: str) -> None:
    algorithm = config_of(name).build_algo()
    game = scenarios.configure("urban", **algorithm.config.env_config)
    assert action_count(game) == 1 + 2 * 2 * 2
    before = weights(algorithm)
    for _ in range(3):
        result = algorithm.train()
    assert differ(before, weights(algorithm))
    assert result["env_runners"]["num_env_steps_sampled_lifetime"] >= 300
    found = {k: v for k, v in result["learners"]["default_policy"].items() if k.endswith("loss")}
    assert found
    assert np.isfinite(list(found.values())).all()
    (fragment,) = algorithm.env_runner.sample()
    assert int(fragment.transitions.actions.max()) > game.servers
    policy = NetworkPolicy(name, algorithm.env_runner.module.acting)
    assert np.isfinite(evaluate(policy, game, 4).utility).all()
    others = game.replace(levels={"tx_power_w": (0.05, 0.1, 0.4, 0.8)})  # as many actions, which mean others
    assert action_count(others) == action_count(game)
    if name != "dtomalb-equivariant":
        with pytest.raises(ValueError, match=rf"^levels of the game must be with 2 powers and 2 shares, as {name} was"):
            policy.check(others)
    algorithm.stop()
