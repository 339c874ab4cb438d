"""Env runners in processes of their own, hurt in this process."""

import os
import signal
import time

import pytest

from recipes.rllib.loop import build
from recipes.settings import parse_assignments
from recipes.sweep import plan
from tests.recipes.noise import RAY_NOISE
from tests.recipes.test_sweep import TINY_SWEEP

pytestmark = RAY_NOISE


@pytest.mark.parametrize("algorithm", ["idql-tolb", "rllib-dqn"])
def test_a_lost_runner_is_not_waited_for(local_session: None, algorithm: str) -> None:
    """RLlib alone waits half a minute for it, before every training step."""
    (run,) = plan([algorithm], ["paper"], [0], env_steps=1_000, assigned=parse_assignments(TINY_SWEEP[1::2]))
    trained = build(run.settings, 0, env_runners=1)
    group = trained.env_runner_group
    (runner,) = group.foreach_env_runner(lambda _: os.getpid(), local_env_runner=False)
    os.kill(runner, signal.SIGSTOP)
    try:
        group._worker_manager.set_actor_state(1, healthy=False)
        began = time.monotonic()
        assert group.probe_unhealthy_env_runners() == []
        assert time.monotonic() - began < 10.0
    finally:
        os.kill(runner, signal.SIGCONT)
        trained.stop()
