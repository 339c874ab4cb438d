"""One local Ray for all tests of a process that need one."""

from collections.abc import Iterator

import pytest

from recipes.rllib.session import local_ray


@pytest.fixture(scope="session")
def local_session() -> Iterator[None]:
    with local_ray():
        yield
