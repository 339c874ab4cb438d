"""TorchRL."""

import pytest
from torchrl.envs import PettingZooWrapper, check_env_specs

from edgeoffload_env import edgeoffload_v0
from tests.pages import run_tutorial


def test_tutorial(tmp_path):
    """MAPPO with a network per user and a central critic on `paper`, above `random`"""
    run_tutorial("torchrl", tmp_path)


@pytest.mark.parametrize("scenario", ["sparse", "paper-load-only", "random-servers", "crowded-team"])
def test_specs(scenario):
    """`check_env_specs` with and without the global state, one-hot and categorical actions"""
    for return_state, categorical in ((True, True), (False, False)):
        game = edgeoffload_v0.parallel_env(scenario)
        env = PettingZooWrapper(game, return_state=return_state, categorical_actions=categorical, seed=0)
        check_env_specs(env)
        assert env.group_map == {"user": game.possible_agents}


def test_episodes_end_by_truncation():
    """Rollouts over several episodes: truncated, never terminated"""
    env = PettingZooWrapper(edgeoffload_v0.parallel_env("sparse"), use_mask=False, seed=0)
    data = env.rollout(150, break_when_any_done=False)
    assert data["next", "truncated"].sum() == 3
    assert not data["next", "terminated"].any()
    assert data["next", "done"].nonzero()[:, 0].tolist() == [49, 99, 149]


def test_a_seed_is_a_game():
    """Seeds"""
    first, second = (
        PettingZooWrapper(edgeoffload_v0.parallel_env("sparse"), seed=5).reset()["user", "observation"]
        for _ in range(2)
    )
    assert first.equal(second)
