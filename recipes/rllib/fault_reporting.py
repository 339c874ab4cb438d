"""Env runner processes that report the exceptions of their environments to the learner.

RLlib ends an env runner's process at any exception, drops the exception, and restarts the process, up to a thousand
times: an environment that always raises would stall training without a message. Runners with fault reporting keep
the traceback and stay alive, and :func:`raise_runner_failure` raises it in the learner's process.
"""

import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from ray.exceptions import RayError
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner

PROBE_TIMEOUT_S = 0.1
"""Timeout of RLlib's health probe of lost env runners, which precedes every training step. Ray needs two seconds to
report that a runner has no node; a runner that has restarted answers within milliseconds."""


class RunnerError(Exception):
    """An exception in an env runner; the message is its last line followed by the traceback."""


class _FaultReporting:
    """Mixin of env runners: keeps the traceback of the last exception, and the process alive."""

    failure: str | None = None

    def apply(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function with this runner; RLlib calls this for every request."""
        try:
            return func(self, *args, **kwargs)
        except RayError:  # a node or an object was lost: a new process may succeed
            sys.exit(1)
        except Exception as error:
            cause = error.__cause__ or error  # RLlib raises an empty RuntimeError from the environment's exception
            title = traceback.format_exception_only(cause)[-1].strip()
            self.failure = f"{title}\n\n{''.join(traceback.format_exception(error))}"
            raise


def with_fault_reporting(runner: type | None) -> type:
    """Return a subclass of an env runner class with fault reporting.

    Args:
        runner: an env runner class; None for RLlib's multi-agent env runner.
    """
    runner = runner or MultiAgentEnvRunner
    return type(runner.__name__, (_FaultReporting, runner), {})  # Ray shows the name in the list of processes


def raise_runner_failure(group: Any, runners: Iterable[int]) -> None:
    """Raise the exception of the first env runner that has one.

    Args:
        group: RLlib's ``EnvRunnerGroup``.
        runners: indices of the runners to check, which RLlib reports as restored. A process that was killed and
            restarted has no exception.

    Raises:
        RunnerError: an exception in one of the runners.
    """
    answers = group.foreach_env_runner(
        lambda runner: getattr(runner, "failure", None), local_env_runner=False, remote_worker_ids=list(runners)
    )
    for failure in filter(None, answers):
        raise RunnerError(failure)
