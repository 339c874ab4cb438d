"""Env runners in processes of their own: that tell what broke in them, and whose loss costs the others no time.

RLlib ends a runner's process at any exception, keeps the exception to itself, and starts the process anew a minute
later, a thousand times: a game that raises would be played forever, and nobody would know why nothing is learned.
"""

import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from ray.exceptions import RayError
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner

PROBE_TIMEOUT_S = 0.1
"""Before each training step RLlib asks the lost runners whether they are back, and Ray takes two seconds to say of one
that has no place that it is not; one that is back answers within milliseconds."""


class RunnerError(Exception):
    """Something raised in an env runner; the message holds its traceback, the last line first."""


class _Outspoken:
    """Keeps the traceback of what raised last, and goes on to answer."""

    failure: str | None = None

    def apply(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function with this runner, as RLlib does with each of them."""
        try:
            return func(self, *args, **kwargs)
        except RayError:  # a node or an object was lost; a fresh process may do better
            sys.exit(1)
        except Exception as error:
            cause = error.__cause__ or error  # RLlib raises a RuntimeError without a word from what the game raised
            title = traceback.format_exception_only(cause)[-1].strip()
            self.failure = f"{title}\n\n{''.join(traceback.format_exception(error))}"
            raise


def outspoken(runner: type | None) -> type:
    """A class of env runners whose failures :func:`raise_failure` finds; of the same name, which ``ps`` shows.

    Args:
        runner: a class of env runners; None for RLlib's of many agents.
    """
    runner = runner or MultiAgentEnvRunner
    return type(runner.__name__, (_Outspoken, runner), {})


def raise_failure(group: Any, runners: Iterable[int]) -> None:
    """Ask runners that RLlib takes for recovered whether something raised in them.

    Args:
        group: RLlib's ``EnvRunnerGroup``.
        runners: whom to ask. A process that died and was started anew has nothing to tell.

    Raises:
        RunnerError: something raised.
    """
    answers = group.foreach_env_runner(
        lambda runner: getattr(runner, "failure", None), local_env_runner=False, remote_worker_ids=list(runners)
    )
    for failure in filter(None, answers):
        raise RunnerError(failure)
