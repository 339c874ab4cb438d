"""Ctrl-C at any time: an end without a traceback, nothing that still runs, and a run that goes on."""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recipes.cli import STOPPED
from recipes.runs import RunFolder
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import TINY_TRAIN, checkpoints, ended, interrupt, leftovers, outcome, start, survivors
from tests.recipes.processes import wait_for as wait
from tests.recipes.test_sweep import TINY_SWEEP, children_of, without_clock
from tests.recipes.test_training import run

pytestmark = [*RAY_NOISE, pytest.mark.slow]

SWEEP = ["sweep", "--algorithms", "idql-tolb", "--seeds", "2", "--env-steps", "4000", "--jobs", "2"]
SWEEP += ["--checkpoint-every", "0", *TINY_SWEEP]
COMMANDS = {"train": TINY_TRAIN, "sweep": SWEEP}
FOLDERS = {"train": "out", "sweep": "out/runs/idql-tolb/paper/seed-0"}

Sign = Callable[[Path], object]
MOMENTS: dict[str, Sign] = {
    "start": lambda run: (run.parents[4] / "out" if "runs" in run.parts else run).exists(),
    "first networks": lambda run: (run / "candidate.unfinished").exists(),
    "first checkpoint": lambda run: (run / "checkpoints/.unfinished").exists(),
    "training": lambda run: len(checkpoints(run)) == 2,
    "judging": lambda run: any(int(path.name) >= 4_000 for path in checkpoints(run)),  # all trained
}


@pytest.fixture(scope="module", params=COMMANDS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A command and what it leaves when nothing happens."""
    out = tmp_path_factory.mktemp(request.param) / "out"
    done = run(*COMMANDS[request.param], "--out", str(out))
    assert done.returncode == 0, done.stderr
    return request.param, out


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder of a short name: Ray's sockets lie below it, and may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c(whole: tuple[str, Path], moment: str, tmp_path: Path, temporary: Path) -> None:
    name, reference = whole
    out, folder = tmp_path / "out", tmp_path / FOLDERS[name]
    process = start(*COMMANDS[name], "--out", str(out), TMPDIR=str(temporary))
    wait(lambda: MOMENTS[moment](folder), process, pause_s=0.001)
    time.sleep(random.Random(moment).random() / 10)
    below = interrupt(process)
    text = ended(process)
    assert "Traceback" not in text
    if name == "sweep" and (out / "results.csv").is_file() and len(without_clock(out)) == 4:
        assert moment == "judging"  # which a trial brings to its end: nothing is left to do
        assert process.returncode == 0, text
    else:
        assert process.returncode == STOPPED, text
        assert ("resume with:" if name == "train" else "the same command goes on") in text
    if name == "train":
        assert not (out / "summary.json").exists()
        assert ("stopped after all 4,0" in text) == (moment == "judging")
    assert not survivors(below)
    assert not leftovers(out)
    names = {path.name for path in temporary.iterdir()}
    assert all(name == "ray" or name.startswith("torchinductor_") for name in names)  # Ray's logs, torch's cache
    assert bool(checkpoints(folder)) == (moment != "start")

    done = run(*COMMANDS[name], "--out", str(out))
    assert done.returncode == 0, done.stderr
    if name == "sweep":
        assert without_clock(out) == without_clock(reference)
    assert outcome(folder) == outcome(reference / folder.relative_to(out))


def test_sigterm(tmp_path: Path) -> None:
    """As a batch system or ``kill`` sends it: to the command alone."""
    process = start(*TINY_TRAIN, "--out", str(tmp_path / "out"))
    wait(lambda: checkpoints(tmp_path / "out"), process)
    below = children_of(process.pid)
    process.terminate()
    text = ended(process)
    assert process.returncode == STOPPED, text
    assert "Traceback" not in text
    assert "resume with:" in text
    assert not survivors(below)
    last = int(checkpoints(tmp_path / "out")[-1].name)
    assert int(RunFolder(tmp_path / "out").rows()[-1]["env_steps"]) <= last  # nothing is lost
    done = run(*TINY_TRAIN, "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert f"{last:,} done" in done.stderr


def test_ctrl_c_before_there_is_anything_to_stop(tmp_path: Path) -> None:
    process = start(*TINY_TRAIN, "--out", str(tmp_path / "out"))
    time.sleep(0.2)
    interrupt(process)
    text = ended(process)
    assert (process.returncode, text) in [(-2, ""), (STOPPED, "python -m recipes: stopped\n")]


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    process = start(*TINY_TRAIN, "--out", str(tmp_path / "out"))
    wait((tmp_path / "out/config.json").exists, process)
    below = interrupt(process)
    time.sleep(0.5)
    interrupt(process)
    text = ended(process)
    assert process.returncode == STOPPED, text
    assert "Traceback" not in text
    assert not survivors(below)
    assert run(*TINY_TRAIN, "--out", str(tmp_path / "out")).returncode == 0


def test_a_run_of_hours_stops_within_seconds(tmp_path: Path) -> None:
    """It is evaluated every hundredth, which here comes after a million env steps."""
    out = tmp_path / "out"
    process = start(*TINY_TRAIN[:2], "--env-steps", "100000000", "--set", "env.num_users=3", "--out", str(out))
    wait(lambda: any(out.glob("events.*")), process)
    time.sleep(2.0)
    below = interrupt(process)
    text = ended(process)
    assert process.returncode == STOPPED, text
    assert not survivors(below)
    (only,) = checkpoints(out)
    assert 0 < int(only.name) < 500_000
