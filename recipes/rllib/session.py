"""Ray sessions: a private local one, with little memory and output, or a cluster that is already running."""

import contextlib
import ctypes
import logging
import os
import platform
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recipes.errors import RunError

_OBJECT_STORE_BYTES = 200 * 2**20  # Ray reserves 30 % of the memory by default; local training needs little
_ATTEMPTS = 3
"""Times that Ray is started anew where it takes too long, as on a busy machine."""
_CHECKOUT = Path(__file__).parents[2]
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from malloc.h
_TOKEN_VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@contextlib.contextmanager
def local_ray(num_cpus: int | None = 1) -> Iterator[None]:
    """Start a local Ray for the block, or use the one that is running.

    Ray's notes on its API stack, deprecations and authentication are silenced; errors are not.

    Args:
        num_cpus: cores to use, one process each; None for all.

    Raises:
        RunError: Ray does not start in time in three attempts.
    """
    if "ray" not in sys.modules:  # Ray reads the environment when it is imported
        _set_environment()
    import ray

    if ray.is_initialized():
        quiet_process()
        yield
        return
    options = {"address": "local", "num_cpus": num_cpus, "object_store_memory": _OBJECT_STORE_BYTES}
    with contextlib.ExitStack() as session:
        for attempt in range(_ATTEMPTS):
            try:
                session.enter_context(_session(**options, include_dashboard=False))
                break
            except Exception as error:
                if type(error) is not Exception:  # Ray raises a plain Exception when its startup takes more than 30 s
                    raise
                if attempt == _ATTEMPTS - 1:
                    reason = f"Ray did not start in {_ATTEMPTS} attempts: {error}"
                    raise RunError(f"{reason} The machine may be overloaded; try again") from error
        yield


@contextlib.contextmanager
def cluster(address: str) -> Iterator[None]:
    """Connect to a running cluster for the block, and send this checkout's code to its nodes.

    Args:
        address: an address for ``ray.init``, or ``"auto"`` for the cluster that this machine belongs to.

    Raises:
        RunError: the connection fails.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    code = [str(_CHECKOUT / name) for name in ("recipes", "edgeoffload_env")]
    with contextlib.ExitStack() as session:
        try:
            session.enter_context(_session(address=address, runtime_env={"py_modules": code}))
        except (ConnectionError, ValueError, ray.exceptions.AuthenticationError) as error:
            raise RunError(
                f"cannot connect to the Ray cluster at {address}: {error}; "
                "a cluster with token authentication needs RAY_AUTH_MODE=token and the token, see docs/cluster.md"
            ) from error
        yield


@contextlib.contextmanager
def _session(**options: Any) -> Iterator[None]:
    import ray

    try:
        try:
            ray.init(**options, logging_level=logging.ERROR, log_to_driver=False)
        except SystemExit as error:  # Ray exits at a SIGTERM during its startup
            raise KeyboardInterrupt from error
        quiet_process()
        with temporary_ray_results():
            yield
    finally:
        ray.shutdown()


def quiet_process() -> None:
    """Use one torch thread, keep freed memory, and log only errors of Ray, in this process."""
    import ray.rllib  # noqa: F401  its import sets the level of its logger
    import torch

    torch.set_num_threads(1)  # as in Ray's workers; two busy threads are slower than one
    _keep_freed_memory()
    for logger in ("ray", "ray.rllib"):
        logging.getLogger(logger).setLevel(logging.ERROR)


def _keep_freed_memory() -> None:
    """Let glibc keep freed memory, because each update allocates the same again and page faults are slow."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 2**25)  # its maximum
        libc.mallopt(_M_TRIM_THRESHOLD, 2**30)


@contextlib.contextmanager
def temporary_ray_results() -> Iterator[None]:
    """Redirect RLlib's empty result folders, one per built algorithm, from ``~/ray_results`` to a temporary folder."""
    from ray.tune.trainable import trainable

    before = trainable.DEFAULT_STORAGE_PATH
    with tempfile.TemporaryDirectory(prefix="recipes-") as temporary:
        trainable.DEFAULT_STORAGE_PATH = temporary
        try:
            yield
        finally:
            trainable.DEFAULT_STORAGE_PATH = before


def _set_environment() -> None:
    """Set Ray's environment variables where the user has not set them."""
    # Ray protects a local cluster by a token, which it writes to the home folder with a warning. This cluster ends with
    # the process, so its token need not be stored.
    has_token = (Path.home() / ".ray" / "auth_token").exists()
    has_token = has_token or any(variable in os.environ for variable in _TOKEN_VARIABLES)
    if os.environ.setdefault("RAY_AUTH_MODE", "token") == "token" and not has_token:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
