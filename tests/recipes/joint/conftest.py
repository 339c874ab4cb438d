"""One Ray for all tests of the recipes that need it."""

from collections.abc import Iterator

import pytest
from ray.tune.registry import register_env

from recipes.rllib.session import local_ray
from tests.recipes.joint import toys


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    register_env("code", lambda config: toys.CodeGame(**config))
    register_env("counting", lambda config: toys.CountingGame(**config))
    register_env("one-step", lambda config: toys.OneStepGame(**config))
    with local_ray():
        yield
