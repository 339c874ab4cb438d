"""Waits that follow progress: they outlast slow processes, and end at dead or idle ones."""

import sys
from pathlib import Path

import pytest

from tests.recipes import processes
from tests.recipes.processes import descendants, finished, started


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "IDLE_LIMIT_S", 2.0)
    monkeypatch.setattr(processes, "LOOK_EVERY_S", 0.1)


def test_a_process_that_ends_is_not_waited_for() -> None:
    with (
        started(python("import sys; print('out'); sys.exit('why')")) as process,
        pytest.raises(AssertionError, match=r"(?s)exit code 1.*out.*why"),
    ):
        process.wait_until(lambda: False)


def test_an_idle_process_ends_the_wait_and_is_ended(impatient: None) -> None:
    with started(python("import time; print('before', flush=True); time.sleep(600)")) as process:
        with pytest.raises(AssertionError, match=r"(?s)no progress in .*before"):
            process.wait()
        assert process.returncode is None
    assert process.returncode == -9


def test_an_endless_loop_ends_the_wait(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "BUSY_LIMIT_S", 0.5)
    with started(python("while True: pass")) as process, pytest.raises(AssertionError, match="no progress"):
        process.wait()


@pytest.mark.parametrize("sign", ["print(n, flush=True)", "open('file', 'w').write(str(n))"])
def test_output_and_files_are_progress(impatient: None, tmp_path: Path, sign: str) -> None:
    code = f"import time\nfor n in range(12):\n    time.sleep(0.25)\n    {sign}"
    with started(python(code), watched=tmp_path, cwd=tmp_path) as process:
        assert process.wait().returncode == 0


def test_cpu_time_is_progress(impatient: None) -> None:
    assert finished(python("import time\nwhile time.process_time() < 3: pass")).returncode == 0


def test_processes_below_are_ended_too() -> None:
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with started(python(f"{code}; print('ready', flush=True)")) as process:
        process.wait()
        (orphan,) = descendants(process.pid)
        assert orphan.alive
    assert not orphan.alive
