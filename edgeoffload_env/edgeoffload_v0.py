"""Version 0 of the environment: ``parallel_env``, ``env``, ``raw_env`` and ``vector_env``."""

from typing import Any

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.scenarios import configure
from edgeoffload_env.views.aec import EdgeOffloadAECEnv
from edgeoffload_env.views.parallel import EdgeOffloadParallelEnv
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

__all__ = ["env", "parallel_env", "raw_env", "vector_env"]


def parallel_env(
    scenario: str | EdgeOffloadConfig = "paper", render_mode: str | None = None, **overrides: Any
) -> EdgeOffloadParallelEnv:
    """The game as a PettingZoo ParallelEnv.

    Args:
        scenario: a name from ``scenarios.names()``, or a configuration of one's own.
        render_mode: None, "ansi" (``render()`` returns a table of the last slot) or "human" (prints it at each step).
        **overrides: fields of :class:`EdgeOffloadConfig`.

    Raises:
        TypeError, ValueError: the message names the field, the value and what is allowed.
    """
    return EdgeOffloadParallelEnv(configure(scenario, **overrides), render_mode)


def raw_env(
    scenario: str | EdgeOffloadConfig = "paper", render_mode: str | None = None, **overrides: Any
) -> EdgeOffloadAECEnv:
    """The game as a PettingZoo AECEnv; arguments and errors as in :func:`parallel_env`."""
    return EdgeOffloadAECEnv(parallel_env(scenario, render_mode, **overrides))


env = raw_env  # it checks actions and order itself, so no wrapper is left to add


def vector_env(
    num_envs: int = 1024,
    scenario: str | EdgeOffloadConfig = "paper",
    backend: str = "numpy",
    device: Any = "cpu",
    dtype: str = "float32",
    compile: bool = False,
    **overrides: Any,
) -> EdgeOffloadVectorEnv:
    """B games at once over arrays.

    Args:
        num_envs: B.
        scenario: a name from ``scenarios.names()``, or a configuration of one's own.
        backend: "numpy" or "torch".
        device: "cpu", or any device of torch.
        dtype: "float32" or "float64".
        compile: run the step through ``torch.compile`` (torch only); the first steps take seconds.
        **overrides: fields of :class:`EdgeOffloadConfig`.

    Raises:
        TypeError, ValueError: the message names the argument, the value and what is allowed.
        ImportError: torch is asked for and not installed.
    """
    return EdgeOffloadVectorEnv(
        configure(scenario, **overrides), num_envs, backend=backend, device=device, dtype=dtype, compile=compile
    )
