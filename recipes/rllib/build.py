"""Construction of a run's RLlib algorithm."""

from typing import Any

import numpy as np

from recipes import protocol, registry
from recipes.rllib.fault_reporting import PROBE_TIMEOUT_S, with_fault_reporting
from recipes.rllib.metrics import EpisodeMetrics
from recipes.settings import RunSettings

MAX_STEPS_PER_ITERATION = 5_000  # a few seconds: a run can be stopped between iterations only


def build_algorithm(settings: RunSettings, env_steps_done: int, env_runners: int = 0) -> Any:
    """Build the RLlib algorithm of a run, with its metrics and iterations that fit the evaluations.

    Args:
        settings: the run's settings.
        env_steps_done: env steps before this session.
        env_runners: env runner processes, anywhere in the cluster; 0 to sample in the learner's process. With separate
            processes the results depend on timing and cannot be repeated exactly.
    """
    config = registry.get(settings.algorithm).load().algorithm_config(settings)
    # The thread that measures the machine's load has no reader, and every stop waits for its next measurement
    config.debugging(seed=session_seed(settings.seed, env_steps_done), log_level="ERROR", log_sys_usage=False)
    config.callbacks(EpisodeMetrics)
    if env_runners:
        config.env_runners(num_env_runners=env_runners, env_runner_cls=with_fault_reporting(config.env_runner_cls))
        config.fault_tolerance(env_runner_health_probe_timeout_s=PROBE_TIMEOUT_S)
    config.reporting(
        min_time_s_per_iteration=0,
        min_sample_timesteps_per_iteration=min(
            protocol.steps_between_evaluations(settings.env_steps), MAX_STEPS_PER_ITERATION
        ),
    )
    return config.build_algo()


def session_seed(seed: int, env_steps_done: int) -> int:
    """Derive RLlib's seed for a session of a run.

    RLlib's random streams restart when a run is resumed, and must not repeat the same episodes. The seeds spread over
    31 bits, because RLlib derives the seeds of parallel environments by counting up.
    """
    return int(np.random.SeedSequence((seed, env_steps_done)).generate_state(1)[0]) // 2
