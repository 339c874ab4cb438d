"""What is said where Ray does not start, or a cluster cannot be joined."""

import signal
from typing import Any

import pytest
import ray

from recipes.rllib.session import cluster, local_ray
from recipes.runs import RunError


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A Ray that raises when it is to start; the tests' own goes on."""

    def init(**_: Any) -> None:
        raise request.param

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "init", init)


@pytest.mark.parametrize("broken", [Exception("The node timed out during startup.")], indirect=True)
def test_a_ray_that_does_not_start(broken: None) -> None:
    with pytest.raises(RunError, match=r"Ray does not start.*timed out during startup\..*try again"), local_ray():
        pass


@pytest.mark.parametrize(
    "broken", [ConnectionError("refused"), ray.exceptions.AuthenticationError("no token")], indirect=True
)
def test_a_cluster_that_cannot_be_joined(broken: None) -> None:
    with pytest.raises(RunError, match=r"cluster at here:1 cannot be joined: .*RAY_AUTH_MODE=token"), cluster("here:1"):
        pass


@pytest.mark.parametrize("broken", [KeyError("ours")], indirect=True)
def test_other_errors_are_not_hidden(broken: None) -> None:
    with pytest.raises(KeyError), local_ray():
        pass


@pytest.mark.parametrize("broken", [SystemExit(signal.SIGTERM)], indirect=True)
def test_a_sigterm_while_ray_starts_is_a_stop(broken: None) -> None:
    with pytest.raises(KeyboardInterrupt), local_ray():
        pass
