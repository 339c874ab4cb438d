"""A Ray of this process alone: quiet, small, and closed to others."""

import contextlib
import logging
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_OBJECT_STORE_BYTES = 200 * 2**20  # Ray takes 30 % of the memory by default; local recipes send almost nothing
_TOKEN_VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@contextlib.contextmanager
def local_ray() -> Iterator[None]:
    """A local Ray for the time of the block, on one core and one thread; one that is already running is used as it is.

    Ray's notes on its new API stack, deprecations and authentication are silenced, errors are not.
    """
    if "ray" not in sys.modules:  # which reads them when it is imported
        _set_environment()
    import ray
    import ray.rllib  # sets its logger's level
    import torch

    torch.set_num_threads(1)  # Ray does so in its workers, not here, and two busy threads are slower than one
    if ray.is_initialized():
        yield
        return
    ray.init(
        address="local",
        num_cpus=1,
        include_dashboard=False,
        object_store_memory=_OBJECT_STORE_BYTES,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    for logger in ("ray", "ray.rllib"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    try:
        with _no_results_at_home():
            yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _no_results_at_home() -> Iterator[None]:
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
