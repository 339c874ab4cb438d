"""Ctrl-C and SIGTERM at any time: no traceback, no process left, and a run that can be resumed.

The commands that get a signal are processes of their own; runs that end undisturbed are trained in the tests' process.
"""

import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recipes.commands.exit_codes import STOPPED
from recipes.runs import RunFolder
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import descendants, run_here, start, survivors
from tests.recipes.runs import TINY_DQN, TINY_TRAIN, checkpoints, outcome, table_without_times, unfinished_files

pytestmark = [*RAY_NOISE, pytest.mark.slow, pytest.mark.usefixtures("local_session")]

SWEEP = ["sweep", "--algorithms", "idql-tolb", "--seeds", "2", "--env-steps", "4000", "--jobs", "2"]
SWEEP += ["--checkpoint-every", "0", *TINY_DQN]
COMMANDS = {"train": TINY_TRAIN, "sweep": SWEEP}
FOLDERS = {"train": "out", "sweep": "out/runs/idql-tolb/paper/seed-0"}

MOMENTS: dict[str, Callable[[Path], object]] = {
    "start": lambda run: (run.parents[4] / "out" if "runs" in run.parts else run).exists(),
    "first networks": lambda run: (run / "candidate.unfinished").exists(),
    "first checkpoint": lambda run: (run / "checkpoints/.unfinished").exists(),
    "training": lambda run: len(checkpoints(run)) == 2,
    "final evaluation": lambda run: any(int(path.name) >= 4_000 for path in checkpoints(run)),
}
# In a sweep the code at the other moments is that of a single training: it is the trial that is stopped.
CASES = [*(("train", moment) for moment in MOMENTS)]
CASES += [("sweep", moment) for moment in ("start", "training", "final evaluation")]


@pytest.fixture(scope="module")
def undisturbed(local_session: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a run of each command without an interrupt."""
    folder = tmp_path_factory.mktemp("undisturbed")
    found = {"train": folder / "train", "sweep": folder / "sweep"}
    done = run_here(*TINY_TRAIN, "--out", str(found["train"]))
    assert done.returncode == 0, done.stderr
    done = run_here(*SWEEP, "--out", str(found["sweep"]))
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder with a short path, because the paths of Ray's sockets may have at most 107 characters."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        yield Path(folder)


@pytest.mark.parametrize(("name", "moment"), CASES)
def test_ctrl_c(undisturbed: dict[str, Path], name: str, moment: str, tmp_path: Path, temporary: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / FOLDERS[name]
    with start(*COMMANDS[name], "--out", str(out), TMPDIR=str(temporary)) as process:
        process.wait_until(lambda: MOMENTS[moment](folder), pause_s=0.001)
        time.sleep(random.Random(moment).random() / 10)  # varies the moment
        below = process.interrupt()
        stopped = process.wait()
        assert not survivors(below)
    text = stopped.stderr
    assert "Traceback" not in text
    if name == "sweep" and (out / "results.csv").is_file() and len(table_without_times(out)) == 4:
        assert moment == "final evaluation"  # trials finish it, and then the sweep is complete
        assert stopped.returncode == 0, text
    else:
        assert stopped.returncode == STOPPED, text
        assert ("resume with:" if name == "train" else "re-run the command to resume") in text
    if name == "train":
        assert not (out / "summary.json").exists()
        assert ("stopped after all 4,0" in text) == (moment == "final evaluation")
    assert not unfinished_files(out)
    names = {path.name for path in temporary.iterdir()}
    assert all(name == "ray" or name.startswith("torchinductor_") for name in names)  # Ray's logs, torch's cache
    assert bool(checkpoints(folder)) == (moment != "start")

    done = run_here(*COMMANDS[name], "--out", str(out))
    assert done.returncode == 0, done.stderr
    if name == "sweep":
        assert table_without_times(out) == table_without_times(undisturbed[name])
    assert outcome(folder) == outcome(undisturbed[name] / folder.relative_to(out))


def test_sigterm(tmp_path: Path) -> None:
    """To the command alone, as a batch system or ``kill`` sends it."""
    out = tmp_path / "out"
    with start(*TINY_TRAIN, "--out", str(out)) as process:
        process.wait_until(lambda: checkpoints(out))
        below = descendants(process.pid)
        process.send_signal(signal.SIGTERM)
        stopped = process.wait()
        assert not survivors(below)
    assert stopped.returncode == STOPPED, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert "resume with:" in stopped.stderr
    last = int(checkpoints(out)[-1].name)
    assert int(RunFolder(out).rows()[-1]["env_steps"]) <= last  # nothing is lost
    done = run_here(*TINY_TRAIN, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert f"{last:,} done" in done.stderr


def test_ctrl_c_during_the_imports(tmp_path: Path) -> None:
    with start(*TINY_TRAIN, "--out", str(tmp_path / "out")) as process:
        process.wait_until(lambda: "numpy" in Path(f"/proc/{process.pid}/maps").read_text(), pause_s=0.001)
        process.interrupt()
        stopped = process.wait()
    assert stopped.returncode in (-signal.SIGINT, STOPPED)
    assert "Traceback" not in stopped.stderr


def test_a_second_ctrl_c_stops_immediately(tmp_path: Path) -> None:
    with start(*TINY_TRAIN, "--out", str(tmp_path / "out")) as process:
        process.wait_until((tmp_path / "out/config.json").exists)
        below = process.interrupt()
        time.sleep(0.5)  # long enough for most of the code that handles the first one
        process.interrupt()
        stopped = process.wait()
        assert not survivors(below)
    assert stopped.returncode == STOPPED, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert run_here(*TINY_TRAIN, "--out", str(tmp_path / "out")).returncode == 0


def test_a_long_run_stops_within_an_iteration(tmp_path: Path) -> None:
    """Its first evaluation is due after a million env steps."""
    out = tmp_path / "out"
    arguments = [*TINY_TRAIN[:2], "--env-steps", "100000000", "--set", "env.num_users=3", "--out", str(out)]
    with start(*arguments) as process:
        process.wait_until(lambda: "env steps, 0 done" in process.stderr)  # the next it does is an iteration
        below = process.interrupt()
        stopped = process.wait()
        assert not survivors(below)
    assert stopped.returncode == STOPPED, stopped.stderr
    (only,) = checkpoints(out)
    assert 0 < int(only.name) < 500_000
