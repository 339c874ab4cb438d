"""Token authentication of a cluster that is started as docs/cluster.md describes."""

import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from recipes.commands.exit_codes import REFUSED
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import finished, run, started
from tests.recipes.runs import TINY_DQN, table_without_times

pytestmark = [*RAY_NOISE, pytest.mark.slow]

RAY = [sys.executable, "-m", "ray.scripts.scripts"]
SWEEP = ["sweep", "--algorithms", "idql-tolb", "--env-steps", "600", *TINY_DQN]


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder with a short path, because the paths of Ray's sockets may have at most 107 characters."""
    with tempfile.TemporaryDirectory(prefix="h-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def address(home: Path) -> Iterator[str]:
    """Address of a head node that requires the token in that home folder."""
    generated = finished([*RAY, "get-auth-token", "--generate"], **environment_of(home))
    assert generated.returncode == 0, generated.stderr
    assert (home / ".ray/auth_token").read_text().strip() in generated.stdout
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--port", str(port), "--num-cpus", "1", "--object-store-memory", str(100 * 2**20)]
    head = [*RAY, "start", "--head", "--block", "--include-dashboard", "false", *arguments]
    with started(head, **environment_of(home)) as process:
        process.wait_until(lambda: "Ray runtime started" in process.stdout)
        yield f"127.0.0.1:{port}"


def environment_of(home: Path) -> dict[str, str]:
    """Return the variables that the page exports on every machine."""
    return {
        "HOME": str(home),
        "RAY_TMPDIR": str(home),
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def test_a_cluster_with_token_authentication(address: str, home: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    for number, mode in enumerate(("token", "disabled")):
        out = tmp_path / f"refused {number}"
        environment = environment_of(stranger) | {"RAY_AUTH_MODE": mode, "RAY_TMPDIR": str(home)}
        refused = run(*SWEEP, "--address", address, "--out", str(out), **environment)
        assert refused.returncode == REFUSED, refused.stderr
        assert f"cannot connect to the Ray cluster at {address}: " in refused.stderr
        assert "needs RAY_AUTH_MODE=token and the token, see docs/cluster.md" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not (out / "runs").exists()
    done = run(*SWEEP, "--address", address, "--out", str(tmp_path / "out"), **environment_of(home))
    assert done.returncode == 0, done.stderr
    assert [row["checkpoint"] for row in table_without_times(tmp_path / "out")] == ["best", "last"]
