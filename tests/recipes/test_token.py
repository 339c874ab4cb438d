"""A cluster that asks for a token, started as docs/cluster.md says, and who may use it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recipes.cli import REFUSED
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import survivors
from tests.recipes.test_sweep import TINY_SWEEP, children_of, without_clock
from tests.recipes.test_training import run

pytestmark = [*RAY_NOISE, pytest.mark.slow]

RAY = [sys.executable, "-m", "ray.scripts.scripts"]
SWEEP = ["sweep", "--algorithms", "idql-tolb", "--env-steps", "600", *TINY_SWEEP]


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of its own, of a short name: Ray's sockets lie below it, and may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="h-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def address(home: Path) -> Iterator[str]:
    """Of a head that asks for the token in that home."""
    environment = os.environ | environment_of(home)
    generated = subprocess.run([*RAY, "get-auth-token", "--generate"], env=environment, capture_output=True, check=True)
    assert (home / ".ray/auth_token").read_text().strip() in generated.stdout.decode()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--port", str(port), "--num-cpus", "1", "--object-store-memory", str(100 * 2**20)]
    log = home / "head.log"
    with log.open("w") as file:
        head = subprocess.Popen(
            [*RAY, "start", "--head", "--block", "--include-dashboard", "false", *arguments],
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while "Ray runtime started" not in log.read_text():
            assert head.poll() is None, log.read_text()
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        below = children_of(head.pid)
        head.terminate()
        head.wait(timeout=60)
        for pid, _ in survivors(below, seconds=60):
            os.kill(pid, signal.SIGKILL)


def environment_of(home: Path) -> dict[str, str]:
    """What the page exports on every machine."""
    return {
        "HOME": str(home),
        "RAY_TMPDIR": str(home),
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def test_a_cluster_that_asks_for_a_token(address: str, home: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    for number, mode in enumerate(("token", "disabled")):
        out = tmp_path / f"refused {number}"
        environment = environment_of(stranger) | {"RAY_AUTH_MODE": mode, "RAY_TMPDIR": str(home)}
        refused = run(*SWEEP, "--address", address, "--out", str(out), **environment)
        assert refused.returncode == REFUSED, refused.stderr
        assert f"the Ray cluster at {address} cannot be joined" in refused.stderr
        assert "wants RAY_AUTH_MODE=token and the token, see docs/cluster.md" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not (out / "runs").exists()
    done = run(*SWEEP, "--address", address, "--out", str(tmp_path / "out"), **environment_of(home))
    assert done.returncode == 0, done.stderr
    assert [row["checkpoint"] for row in without_clock(tmp_path / "out")] == ["best", "last"]
