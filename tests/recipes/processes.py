"""Commands in processes of their own, and waits that follow their progress instead of a clock.

On a busy machine everything takes longer, so a wait lasts as long as the process makes progress: its output or the
files that it writes change, or it uses CPU time. It fails with the process's output when the process has ended, or
has made no progress for a long while. A process is always waited for, also when its test fails.
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).parents[2]
IDLE_LIMIT_S = 600.0
"""Longest wait without new output or files for a process that uses less than ``IDLE_CPU`` of a core, as Ray's idle
processes do."""
IDLE_CPU = 0.05
BUSY_LIMIT_S = 1_200.0
"""Most CPU time without new output or files: the process is in an endless loop."""
GONE_LIMIT_S = 600.0
"""Longest wait for processes to end by themselves; Ray's agents need half a minute to notice a killed raylet."""
LOOK_EVERY_S = 5.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class ProcessInfo(NamedTuple):
    """A process, identified also by its start time, because the system reuses numbers."""

    pid: int
    started: int
    command: str

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie has ended."""
        fields = _stat(self.pid)
        return fields is not None and int(fields[19]) == self.started and fields[0] != "Z"


def descendants(pid: int) -> list[ProcessInfo]:
    """List the running processes below a process or in its session, with their command lines."""
    table = {int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    children: dict[int, list[int]] = {}
    sessions: dict[int, int] = {}
    for child, fields in table.items():
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(child)
            sessions[child] = int(fields[3])
    # A process whose parent has ended gets another parent, but stays in its session
    found, pending, seen = [], children.get(pid, []) + [child for child, of in sessions.items() if of == pid], {pid}
    while pending:
        child = pending.pop()
        if child in seen:
            continue
        seen.add(child)
        pending += children.get(child, [])
        fields = table[child]
        if fields is not None and fields[0] != "Z":
            found.append(ProcessInfo(child, int(fields[19]), _command_of(child)))
    return sorted(found)


def is_actor(process: ProcessInfo, name: str) -> bool:
    """Return whether a process is an actor of Ray with a name in its class."""
    title = process.command.partition(" ")[0].partition(".")[0]
    return title.startswith("ray::") and name in title


def survivors(processes: list[ProcessInfo]) -> list[ProcessInfo]:
    """Wait until processes have ended, and return those that have not after a long while."""
    end = time.monotonic() + GONE_LIMIT_S
    while (alive := [process for process in processes if process.alive]) and time.monotonic() < end:
        time.sleep(0.1)
    return alive


def _stat(pid: int) -> list[str] | None:
    """Read /proc/<pid>/stat from the state on: state, parent, ...; None if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _command_of(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def _cpu_s(pid: int) -> float:
    """CPU time of a process, its ended children and its running descendants."""
    total = 0
    for process in (pid, *(below.pid for below in descendants(pid))):
        fields = _stat(process)
        total += 0 if fields is None else sum(map(int, fields[11:15]))
    return total / _TICKS_PER_S


@dataclass
class Finished:
    """A process that has ended."""

    returncode: int
    stdout: str
    stderr: str


class Process:
    """A running command; :func:`started` starts it.

    Attributes:
        pid: its number.
    """

    def __init__(self, popen: "subprocess.Popen[bytes]", logs: Path, watched: Path | None) -> None:
        self._popen, self._logs, self._watched = popen, logs, watched
        self.pid = popen.pid
        self._mark()

    @property
    def stdout(self) -> str:
        """The standard output so far."""
        return (self._logs / "stdout").read_text(errors="replace")

    @property
    def stderr(self) -> str:
        """The standard error so far."""
        return (self._logs / "stderr").read_text(errors="replace")

    @property
    def returncode(self) -> int | None:
        """The exit code; None while the process runs."""
        return self._popen.poll()

    def wait_until(self, condition: Callable[[], Any], pause_s: float = 0.02) -> None:
        """Wait until a condition holds; fail if the process ends before or makes no progress."""
        self._mark()
        while not condition():
            if self.returncode is not None:
                assert condition(), self._describe("ended before what the test waits for")
                return
            self._require_progress()
            time.sleep(pause_s)

    def wait(self) -> Finished:
        """Wait until the process ends; fail if it makes no progress."""
        self._mark()
        while self.returncode is None:
            self._require_progress()
            time.sleep(0.02)
        return Finished(self._popen.returncode, self.stdout, self.stderr)

    def interrupt(self) -> list[ProcessInfo]:
        """Send SIGINT to the process group, as Ctrl-C in a shell does, and return the processes below."""
        below = descendants(self.pid)
        os.killpg(self.pid, signal.SIGINT)
        return below

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone, as ``kill`` does."""
        self._popen.send_signal(number)

    def clean_up(self) -> None:
        """End the process and all below, and wait for them."""
        below = descendants(self.pid)
        if self.returncode is None:
            self._popen.kill()
        self._popen.wait()
        for process in below:
            if process.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        survivors(below)

    def _mark(self) -> None:
        self._seen, self._seen_at, self._next_look = self._look(), time.monotonic(), 0.0
        self._cpu_at_mark = _cpu_s(self.pid)

    def _require_progress(self) -> None:
        now = time.monotonic()
        if now < self._next_look:  # a look reads many files
            return
        self._next_look = now + LOOK_EVERY_S
        if self._look() != self._seen:
            self._mark()
            return
        idle_s, cpu_s = now - self._seen_at, _cpu_s(self.pid) - self._cpu_at_mark
        is_idle = idle_s > IDLE_LIMIT_S and cpu_s < IDLE_CPU * idle_s
        if is_idle or cpu_s > BUSY_LIMIT_S:
            raise AssertionError(self._describe(f"made no progress in {idle_s:.0f} s, {cpu_s:.0f} s of CPU time"))

    def _look(self) -> Any:
        """Sizes and times of the output and of all files below the watched folder."""
        found = {}
        for folder in (self._logs, *([] if self._watched is None else [self._watched])):
            for parent, folders, files in os.walk(folder):  # which passes over folders that vanish, as rglob does not
                for name in (*folders, *files):
                    path = os.path.join(parent, name)
                    with contextlib.suppress(OSError):  # deleted or renamed meanwhile
                        status = os.stat(path)
                        found[path] = (status.st_size, status.st_mtime_ns)
        return found

    def _describe(self, what: str) -> str:
        below = "\n".join(f"{process.pid} {process.command}" for process in descendants(self.pid))
        return (
            f"{self._popen.args!r} {what}; exit code {self.returncode}\n--- standard output\n{self.stdout}"
            f"\n--- standard error\n{self.stderr}\n--- processes below\n{below}"
        )


@contextlib.contextmanager
def started(words: list[str], *, watched: Path | None = None, cwd: Path = CHECKOUT, **env: str) -> Iterator[Process]:
    """Start a command in a process group of its own; when the block ends, end it and wait for it.

    Args:
        words: the command line.
        watched: a folder that the command writes to, whose files show progress.
        cwd: the folder to run in.
        **env: environment variables in addition to this process's.
    """
    with tempfile.TemporaryDirectory(prefix="process-") as name:
        logs = Path(name)
        with (logs / "stdout").open("wb") as stdout, (logs / "stderr").open("wb") as stderr:
            popen = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=cwd,
                start_new_session=True,
                env=os.environ | env,
            )
        process = Process(popen, logs, watched)
        try:
            yield process
        finally:
            process.clean_up()


def finished(words: list[str], *, cwd: Path = CHECKOUT, **env: str) -> Finished:
    """Run a command to its end."""
    with started(words, cwd=cwd, **env) as process:
        return process.wait()


def command(*arguments: str) -> list[str]:
    """Return the command line of ``python -m recipes``."""
    return [sys.executable, "-m", "recipes", *arguments]


def start(*arguments: str, **env: str) -> contextlib.AbstractContextManager[Process]:
    """Start ``python -m recipes``, and watch the folder of ``--out``."""
    out = Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else None
    return started(command(*arguments), watched=out, **env)


def run(*arguments: str, **env: str) -> Finished:
    """Run ``python -m recipes`` to its end."""
    with start(*arguments, **env) as process:
        return process.wait()


def run_here(*arguments: str) -> Finished:
    """Run ``python -m recipes`` in this process, on its Ray, where a test does not depend on a process of its own.

    A new process and its Ray take longer than the tiny trainings of the tests.
    """
    from recipes.cli import main

    with contextlib.redirect_stdout(io.StringIO()) as stdout, contextlib.redirect_stderr(io.StringIO()) as stderr:
        returncode = main(list(arguments))
    return Finished(returncode, stdout.getvalue(), stderr.getvalue())
