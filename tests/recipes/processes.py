"""Commands of the recipes as processes of their own, with tiny settings, to be hurt."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recipes.runs import RunFolder
from tests.recipes.test_sweep import TINY_SWEEP, children_of
from tests.recipes.test_training import CHECKOUT, command, numbers

TINY_TRAIN = ["train", "idql-tolb", "--env-steps", "4000", "--checkpoint-every", "0", *TINY_SWEEP]


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A command in a process group of its own, as a shell starts it."""
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        start_new_session=True,
        env=os.environ | environment,
    )


def ended(process: subprocess.Popen[str], seconds: float = 600.0) -> str:
    """What a process wrote to its standard error until its end."""
    return process.communicate(timeout=seconds)[1]


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str], pause_s: float = 0.02) -> None:
    """Wait until something holds while a process runs."""
    end = time.monotonic() + 600.0  # on a machine that is busy with much else
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(pause_s)


def interrupt(process: subprocess.Popen[str]) -> list[tuple[int, str]]:
    """What Ctrl-C does in a shell, to Ray's processes too; returns the processes below."""
    below = children_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    return below


def survivors(below: list[tuple[int, str]], seconds: float = 90.0) -> list[tuple[int, str]]:
    """Which of these processes still run after a grace; Ray's agents take half a minute to miss a killed raylet."""
    end = time.monotonic() + seconds
    while True:
        alive = [(pid, name) for pid, name in below if Path(f"/proc/{pid}").exists()]
        if not alive or time.monotonic() > end:
            return alive
        time.sleep(0.1)


def checkpoints(folder: Path) -> list[Path]:
    """A run's checkpoints, in order."""
    return sorted(path for path in (folder / "checkpoints").glob("*") if path.name.isdigit())


def outcome(folder: Path) -> dict[str, Any]:
    """All that a finished run came to, but for the clock."""
    summary = RunFolder.open(folder).summary
    assert summary is not None
    return {"rows": numbers(folder), **{name: summary[name] for name in ("env_steps", "evaluation", "final")}}


def leftovers(folder: Path) -> list[Path]:
    """Files that were to be named otherwise once they were whole."""
    return [path for path in folder.rglob("*") if "unfinished" in path.name]
