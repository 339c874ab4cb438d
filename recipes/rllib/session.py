"""A Ray of this process alone: quiet, small, and closed to others; or a cluster that is already running."""

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

from recipes.runs import RunError

_OBJECT_STORE_BYTES = 200 * 2**20  # Ray takes 30 % of the memory by default; local recipes send almost nothing
_CHECKOUT = Path(__file__).parents[2]
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_TOKEN_VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@contextlib.contextmanager
def local_ray(num_cpus: int | None = 1) -> Iterator[None]:
    """A local Ray for the time of the block; one that is already running is used as it is.

    Ray's notes on its new API stack, deprecations and authentication are silenced, errors are not.

    Args:
        num_cpus: cores it may use, one process each; None for all.

    Raises:
        RunError: it does not start in time.
    """
    if "ray" not in sys.modules:  # which reads them when it is imported
        _set_environment()
    import ray

    if ray.is_initialized():
        quiet_process()
        yield
        return
    where = {"address": "local", "num_cpus": num_cpus, "object_store_memory": _OBJECT_STORE_BYTES}
    with contextlib.ExitStack() as session:
        try:
            session.enter_context(_session(**where, include_dashboard=False))
        except Exception as error:
            if type(error) is not Exception:  # which is what Ray raises after half a minute
                raise
            raise RunError(f"Ray does not start, here and now: {error} Nothing was lost; try again") from error
        yield


@contextlib.contextmanager
def cluster(address: str) -> Iterator[None]:
    """An existing cluster for the time of the block; its nodes get this checkout's code.

    Args:
        address: as ``ray.init`` takes it, ``"auto"`` for the one that this machine belongs to.

    Raises:
        RunError: it cannot be joined.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    code = [str(_CHECKOUT / name) for name in ("recipes", "edgeoffload_env")]
    with contextlib.ExitStack() as session:
        try:
            session.enter_context(_session(address=address, runtime_env={"py_modules": code}))
        except (ConnectionError, ValueError, ray.exceptions.AuthenticationError) as error:
            raise RunError(
                f"the Ray cluster at {address} cannot be joined: {error}; "
                "one that is protected by a token wants RAY_AUTH_MODE=token and the token, see docs/cluster.md"
            ) from error
        yield


@contextlib.contextmanager
def _session(**where: Any) -> Iterator[None]:
    import ray

    try:
        try:
            ray.init(**where, logging_level=logging.ERROR, log_to_driver=False)
        except SystemExit as error:  # Ray's answer to a SIGTERM while it starts
            raise KeyboardInterrupt from error
        quiet_process()
        with no_results_at_home():
            yield
    finally:
        ray.shutdown()


def quiet_process() -> None:
    """One thread, memory that stays, and of Ray's loggers only errors, in this process."""
    import ray.rllib  # noqa: F401  sets its logger's level
    import torch

    torch.set_num_threads(1)  # Ray does so in its workers, not here, and two busy threads are slower than one
    _keep_freed_memory()
    for logger in ("ray", "ray.rllib"):
        logging.getLogger(logger).setLevel(logging.ERROR)


def _keep_freed_memory() -> None:
    """Let glibc keep what each update frees and the next one asks for; a fifth of an update was page faults."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 2**25)  # the most that it takes
        libc.mallopt(_M_TRIM_THRESHOLD, 2**30)


@contextlib.contextmanager
def no_results_at_home() -> Iterator[None]:
    """Without this RLlib leaves an empty folder under ``~/ray_results`` for every algorithm that is built."""
    from ray.tune.trainable import trainable

    before = trainable.DEFAULT_STORAGE_PATH
    with tempfile.TemporaryDirectory(prefix="recipes-") as elsewhere:
        trainable.DEFAULT_STORAGE_PATH = elsewhere
        try:
            yield
        finally:
            trainable.DEFAULT_STORAGE_PATH = before


def _set_environment() -> None:
    """What Ray reads from the environment, wherever the user has not decided."""
    # Ray protects a local cluster by a token that it writes to the home folder, and warns that it does so. This one
    # lasts as long as the process, so its token need not be written anywhere.
    has_token = (Path.home() / ".ray" / "auth_token").exists()
    has_token = has_token or any(variable in os.environ for variable in _TOKEN_VARIABLES)
    if os.environ.setdefault("RAY_AUTH_MODE", "token") == "token" and not has_token:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
