"""Health probes of env runner processes."""

import os
import signal
import time

import pytest

from recipes.rllib.build import build_algorithm
from recipes.settings import parse_assignments
from recipes.sweep import plan
from tests.recipes.noise import RAY_NOISE
from tests.recipes.runs import TINY_DQN

pytestmark = RAY_NOISE


@pytest.mark.parametrize("algorithm", ["idql-tolb", pytest.param("rllib-dqn", marks=pytest.mark.slow)])
def test_a_lost_runner_is_not_waited_for(local_session: None, algorithm: str) -> None:
    """RLlib's default is to wait half a minute for it, before every training step."""
    (run,) = plan([algorithm], ["paper"], [0], env_steps=1_000, assigned=parse_assignments(TINY_DQN[1::2]))
    trained = build_algorithm(run.settings, 0, env_runners=1)
    group = trained.env_runner_group
    (runner,) = group.foreach_env_runner(lambda _: os.getpid(), local_env_runner=False)
    os.kill(runner, signal.SIGSTOP)
    try:
        group._worker_manager.set_actor_state(1, healthy=False)
        began = time.monotonic()
        assert group.probe_unhealthy_env_runners() == []
        assert time.monotonic() - began < 25.0
    finally:
        os.kill(runner, signal.SIGCONT)
        trained.stop()
