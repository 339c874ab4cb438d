"""Settings and fixtures of all tests."""

import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, settings

# Third-party learners are tested only where they are installed; `.ci/clients` creates an environment for each.
_LEARNERS = ("supersuit", "stable_baselines3", "torchrl", "benchmarl", "tianshou", "agilerl")
collect_ignore = [f"clients/test_{name}.py" for name in _LEARNERS if find_spec(name) is None]

os.environ["SDL_VIDEODRIVER"] = "dummy"  # no window is opened
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"

# The default profile tests the same examples at every run; `pytest --hypothesis-profile thorough` draws new ones.
settings.register_profile("default", derandomize=True, database=None, deadline=None, print_blob=True, max_examples=100)
settings.register_profile(
    "thorough",
    database=None,
    deadline=None,
    print_blob=True,
    max_examples=1000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")


@pytest.fixture(scope="session")
def local_session() -> Iterator[None]:
    """A local Ray, shared by all tests of the process."""
    from recipes.rllib.session import local_ray

    with local_ray(3):  # as many as in ray_session, which uses the same Ray if it comes second
        yield
