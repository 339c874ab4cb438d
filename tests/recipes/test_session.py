"""Errors of a Ray that does not start and of clusters that cannot be connected to."""

import signal
from typing import Any

import pytest
import ray

from recipes.errors import RunError
from recipes.rllib.session import cluster, local_ray


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Make ``ray.init`` raise; the Ray of other tests keeps running."""

    def init(**_: Any) -> None:
        raise request.param

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "init", init)


@pytest.mark.parametrize("broken", [Exception("The node timed out during startup.")], indirect=True)
def test_a_ray_that_does_not_start(broken: None) -> None:
    with (
        pytest.raises(RunError, match=r"did not start in 3 attempts.*timed out during startup\..*try again"),
        local_ray(),
    ):
        pass


def test_a_ray_that_starts_at_the_second_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def init(**_: Any) -> None:
        called.append("init")
        if called.count("init") == 1:
            raise Exception("The node timed out during startup.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: called.append("shutdown"))
    monkeypatch.setattr(ray, "init", init)
    with local_ray():
        assert called == ["init", "shutdown", "init"]
    assert called[-1] == "shutdown"


@pytest.mark.parametrize(
    "broken", [ConnectionError("refused"), ray.exceptions.AuthenticationError("no token")], indirect=True
)
def test_a_cluster_that_cannot_be_connected_to(broken: None) -> None:
    with (
        pytest.raises(RunError, match=r"cannot connect to the Ray cluster at here:1: .*RAY_AUTH_MODE=token"),
        cluster("here:1"),
    ):
        pass


@pytest.mark.parametrize("broken", [KeyError("other")], indirect=True)
def test_other_errors_are_not_hidden(broken: None) -> None:
    with pytest.raises(KeyError), local_ray():
        pass


@pytest.mark.parametrize("broken", [SystemExit(signal.SIGTERM)], indirect=True)
def test_a_sigterm_while_ray_starts_is_a_stop(broken: None) -> None:
    with pytest.raises(KeyboardInterrupt), local_ray():
        pass
