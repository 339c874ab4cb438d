"""Errors of a Ray that does not start and of clusters that cannot be connected to."""

import signal
from pathlib import Path
from typing import Any

import pytest
import ray

from recipes.cli import main
from recipes.commands.exit_codes import REFUSED
from recipes.errors import RunError
from recipes.rllib.session import cluster, local_ray
from recipes.runs import RunFolder
from tests.recipes.runs import TINY_TRAIN


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


@pytest.mark.parametrize("broken", [Exception("The node timed out during startup.")], indirect=True)
def test_a_training_whose_ray_does_not_start(broken: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused, and its folder is one that the same command can begin."""
    assert main([*TINY_TRAIN, "--out", str(tmp_path / "run")]) == REFUSED
    text = capsys.readouterr().err
    assert text.startswith("python -m recipes: error: Ray did not start in 3 attempts: The node timed out")
    assert "Traceback" not in text
    run_folder = RunFolder.open(tmp_path / "run")
    assert not run_folder.finished
    RunFolder.begin(run_folder.path, run_folder.settings).release()


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
