"""One Ray for all tests of the recipes that need it."""

import logging
import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # read when Ray is imported
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray.tune.registry import register_env

from tests.recipes.offpolicy import toys


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """With room for two remote runners."""
    register_env("code", lambda config: toys.CodeGame(**config))
    register_env("counting", lambda config: toys.CountingGame(**config))
    register_env("one-step", lambda config: toys.OneStepGame(**config))
    ray.init(
        address="local",
        num_cpus=3,
        ignore_reinit_error=True,
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    yield
    ray.shutdown()
