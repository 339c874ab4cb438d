"""Injected faults: kills, full disks, corrupt files, environments that raise, losses that overflow.

After each the same command resumes, and the results are those of an undisturbed run. Both run in the tests' own process
and on its Ray: the faults are in processes of their own.
"""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from recipes.cli import main
from recipes.commands.exit_codes import FAILED, REFUSED
from recipes.runs import RunFolder
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import (
    CHECKOUT,
    Finished,
    descendants,
    finished,
    is_actor,
    run,
    run_here,
    start,
    survivors,
)
from tests.recipes.runs import (
    TINY_DQN,
    TINY_TRAIN,
    TINY_TRAIN_SEVERAL,
    checkpoints,
    outcome,
    table_without_times,
    unfinished_files,
)
from tests.recipes.test_checkpoints import cut_off, flip

pytestmark = [*RAY_NOISE, pytest.mark.slow, pytest.mark.usefixtures("local_session")]


@pytest.fixture(scope="module")
def undisturbed(local_session: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    done = run_here(*TINY_TRAIN, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def resume_and_compare(
    folder: Path, undisturbed: Path, resume: Callable[..., Finished] = run_here, train: Sequence[str] = TINY_TRAIN
) -> str:
    """Resume a run, compare its outcome with an undisturbed run's, and return its standard error."""
    done = resume(*train, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    assert outcome(folder) == outcome(undisturbed)
    assert not unfinished_files(folder)
    return done.stderr


def test_a_driver_that_is_killed(undisturbed: Path, tmp_path: Path) -> None:
    """In training, on one scenario and on several, while it writes a checkpoint, and while it evaluates.

    One test for all, because the processes below need half a minute each to notice and to end.
    """
    several = tmp_path / "undisturbed"
    done = run_here(*TINY_TRAIN_SEVERAL, "--out", str(several))
    assert done.returncode == 0, done.stderr
    cases = {
        "training": (TINY_TRAIN, undisturbed, "progress.csv"),
        "training on several": (TINY_TRAIN_SEVERAL, several, "progress.csv"),
        "checkpoint": (TINY_TRAIN, undisturbed, "checkpoints/.unfinished/state.json"),
        "evaluation": (TINY_TRAIN, undisturbed, "candidate.unfinished"),
    }
    below = []
    with contextlib.ExitStack() as killed:
        for moment, (train, expected, sign) in cases.items():
            folder = tmp_path / moment
            process = killed.enter_context(start(*train, "--out", str(folder)))
            process.wait_until(lambda folder=folder: checkpoints(folder))
            process.wait_until((folder / sign).exists, pause_s=0.001)
            found = descendants(process.pid)
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert found, moment
            below += found
            assert "env steps, 0 done" not in resume_and_compare(folder, expected, train=train)
        assert not survivors(below)


def test_a_disk_that_fills(undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    with start(*TINY_TRAIN, "--out", str(folder)) as process:
        process.wait_until(lambda: checkpoints(folder))
        # RLIMIT_FSIZE also limits the size of the log files of the process, which stay small
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        failed = process.wait()
    text = failed.stderr
    assert failed.returncode == FAILED, text
    assert "Traceback" not in text
    assert f"Training failed: cannot write to {folder} after" in text
    assert "File too large; the last checkpoint is at" in text
    assert "Fix the cause and re-run the command to resume." in text
    assert not unfinished_files(folder)
    assert checkpoints(folder)
    assert main(["evaluate", str(folder), "--episodes", "2"]) == 0
    assert "idql-tolb" in capsys.readouterr().out
    assert "env steps, 0 done" not in resume_and_compare(folder, undisturbed)


def test_a_file_system_that_is_full(undisturbed: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a file system takes root")
    try:
        folder = disk / "run"
        failed = run(*TINY_TRAIN, "--out", str(folder))
        assert failed.returncode == FAILED, failed.stderr
        assert "No space left on device; the last checkpoint is at" in failed.stderr
        assert checkpoints(folder)
        assert not unfinished_files(folder)
        subprocess.run(["mount", "-o", "remount,size=30m", str(disk)], check=True)
        assert "env steps, 0 done" not in resume_and_compare(folder, undisturbed)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_corrupt_checkpoint(undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    with start(*TINY_TRAIN, "--out", str(folder)) as process:
        process.wait_until(lambda: len(checkpoints(folder)) == 2)
        process.interrupt()
        process.wait()
    first, second = checkpoints(folder)
    flip(second / "algorithm_state.pkl")
    text = resume_and_compare(folder, undisturbed, run)  # pytest would take the warning for its own log
    assert f"checkpoint {second} is corrupt: the digest of algorithm_state.pkl does not match SHA256SUMS" in text
    assert f"using the previous one, of {int(first.name):,} env steps" in text
    assert f"{int(first.name):,} done" in text
    for checkpoint in checkpoints(folder):
        cut_off(checkpoint / "algorithm_state.pkl")
    assert main(["evaluate", str(folder)]) == REFUSED
    assert "all checkpoints are corrupt" in capsys.readouterr().err


def test_a_killed_env_runner(tmp_path: Path) -> None:
    arguments = ["train", "dtomalb", "--env-runners", "2", "--env-steps", "12000", *TINY_DQN]
    with start(*arguments, "--out", str(tmp_path)) as process:

        def runners() -> set[int]:
            return {below.pid for below in descendants(process.pid) if is_actor(below, "EnvRunner")}

        process.wait_until(lambda: RunFolder(tmp_path).rows())
        first = runners()
        assert len(first) == 2
        killed = first.pop()
        os.kill(killed, signal.SIGKILL)
        process.wait_until(lambda: len(runners() - {killed}) == 2, pause_s=0.2)  # the other, and a new one
        assert runners() >= first
        done = process.wait()
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    summary = RunFolder(tmp_path).summary
    assert summary is not None
    assert summary["env_runners"] == 2
    assert summary["env_steps"] >= 12_000
    steps = [int(row["env_steps"]) for row in RunFolder(tmp_path).rows()]
    assert steps == sorted(set(steps))
    assert steps[-1] == summary["env_steps"]
    assert 12 <= len(steps) <= 24  # batches of runners may end some steps after an evaluation is due


def test_a_ray_that_starts_at_the_second_attempt(undisturbed: Path, tmp_path: Path) -> None:
    """Its first raylet is stopped, as if the machine were overloaded; Ray kills it when the run ends."""
    folder = tmp_path / "run"
    with start(*TINY_TRAIN, "--out", str(folder)) as process:

        def raylets() -> set[int]:
            """Read /proc/<pid>/children, which takes less time than a list of all processes."""
            lists = Path(f"/proc/{process.pid}/task").glob("*/children")
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread ended meanwhile
                children = [pid for file in lists for pid in file.read_text().split()]
                return {int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() == "raylet\n"}
            return set()

        process.wait_until(raylets, pause_s=0.001)
        (held,) = raylets()
        os.kill(held, signal.SIGSTOP)
        try:
            below = descendants(process.pid)
            process.wait_until(lambda: raylets() - {held})
            assert not RunFolder(folder).rows()
            process.wait_until((folder / "progress.csv").exists)
            below += descendants(process.pid)
            done = process.wait()
            assert not survivors(below)  # the one held too, which nothing has let go on
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(held, signal.SIGCONT)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert outcome(folder) == outcome(undisturbed)
    assert not unfinished_files(folder)


def test_two_trainings_of_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with start(*TINY_TRAIN, "--out", str(tmp_path / "run")) as process:
        process.wait_until((tmp_path / "run/progress.csv").exists)
        assert main([*TINY_TRAIN, "--out", str(tmp_path / "run")]) == REFUSED
        assert f"another process is training {tmp_path / 'run'}" in capsys.readouterr().err
        first = process.wait()
    assert first.returncode == 0, first.stderr


def test_a_trial_that_is_killed_ends_in_the_same_numbers(undisturbed: Path, tmp_path: Path) -> None:
    """Those of the same run trained alone; the sweep restarts it and ends as it should."""
    arguments = ["sweep", "--algorithms", "idql-tolb", "--env-steps", "4000", "--checkpoint-every", "0", *TINY_DQN]
    folder = tmp_path / "runs/idql-tolb/paper/seed-0"
    with start(*arguments, "--out", str(tmp_path)) as process:
        process.wait_until(lambda: len(RunFolder(folder).rows()) >= 3)
        (trial,) = [below.pid for below in descendants(process.pid) if is_actor(below, "RunTrial")]
        os.kill(trial, signal.SIGKILL)
        killed = process.wait()
    assert killed.returncode == 0, killed.stderr
    found = outcome(folder)
    assert found == outcome(undisturbed)
    assert {row["checkpoint"]: float(row["utility"]) for row in table_without_times(tmp_path)} == {
        checkpoint: final["utility"]["mean"] for checkpoint, final in found["final"].items()
    }


def run_with_broken_games(*arguments: str) -> Finished:
    command = [sys.executable, "-m", "tests.recipes.broken_games", *arguments]
    return finished(command, PYTHONPATH=str(CHECKOUT))  # Ray's processes import the module before they get the path


def test_a_game_that_raises(tmp_path: Path) -> None:
    tiny = TINY_DQN[2:]  # without the number of users
    arguments = ["--algorithms", "idql-tolb", "--num-users", "3", "4", "--env-steps", "600", "--out", str(tmp_path)]
    done = run_with_broken_games("sweep", *arguments, *tiny)
    assert done.returncode == FAILED, done.stderr
    assert "runs/idql-tolb/paper/num_users=4/seed-0 failed: RuntimeError: server 3 caught fire" in done.stderr
    assert "1 of 2 runs are unfinished" in done.stderr
    assert [row["num_users"] for row in table_without_times(tmp_path)] == ["3", "3"]


@pytest.mark.parametrize(
    ("algorithm", "runners"), [("idql-tolb", "0"), ("idql-tolb", "2"), ("rllib-dqn", "0"), ("rllib-dqn", "1")]
)
def test_a_game_that_raises_in_a_training(tmp_path: Path, algorithm: str, runners: str) -> None:
    """It fails immediately, also where RLlib would restart the env runner, and resumes once the game is fixed."""
    tiny = [
        "env.num_users=4",
        "env.max_cycles=10",
        "hidden=(8,)",
        "num_envs_per_env_runner=16",
        "num_steps_sampled_before_learning_starts=40",
        "train_batch_size_per_learner=4",
    ]
    arguments = ["train", algorithm, "--env-steps", "4000", "--checkpoint-every", "0", "--env-runners", runners]
    arguments += [*(word for assignment in tiny for word in ("--set", assignment)), "--out", str(tmp_path)]
    broken = run_with_broken_games(*arguments)
    assert broken.returncode == FAILED, broken.stderr
    last = int(checkpoints(tmp_path)[-1].name)
    message = broken.stderr.splitlines()[-1]
    assert f"error: Training failed: RuntimeError: server 3 caught fire; in {tmp_path} " in message
    assert f" the last checkpoint is at {last:,} env steps. " in message
    assert message.endswith("Fix the cause and re-run the command to resume.")
    assert 'raise RuntimeError("server 3 caught fire")' in broken.stderr  # the traceback
    done = run_here(*arguments)
    assert done.returncode == 0, done.stderr
    assert f"{last:,} done" in done.stderr


def test_a_loss_that_overflows(tmp_path: Path) -> None:
    """Tasks take years, and delays are weighted and scaled until their squares overflow single precision."""
    search, out = tmp_path / "search.yaml", tmp_path / "sweep"
    search.write_text("reward_scale: [1.0, 1.0e6]\n")
    arguments = ["--algorithms", "dtomalb", "idql-tolb", "--env-steps", "600", "--search", str(search)]
    arguments += ["--out", str(out), "--set", "env.delay_weight=1e6", "--set", "env.device_hz=(1e6,1e6)"]
    done = run("sweep", *arguments, "--set", "env.task_cycles=(1e16,1e16)", "--set", "huber=False", *TINY_DQN)
    assert done.returncode == FAILED, done.stderr
    assert "2 of 4 runs are unfinished" in done.stderr
    trained = {row["run"] for row in table_without_times(out)}
    assert trained == {f"runs/{algorithm}/paper/reward_scale=1.0/seed-0" for algorithm in ("dtomalb", "idql-tolb")}
    for algorithm in ("dtomalb", "idql-tolb"):
        name = f"runs/{algorithm}/paper/reward_scale=1000000.0/seed-0"
        (told,) = [line for line in done.stderr.splitlines() if line.startswith(f"{name} failed: the loss of ")]
        batch_file = out / name / "nan-batch.npz"
        assert f" is inf after 0 env steps; the batch is in {batch_file}; there is no checkpoint" in told
        with np.load(batch_file, allow_pickle=False) as batch:
            assert batch["rewards"].shape == (4, 3)
            assert np.abs(batch["rewards"]).max() > 1e15
        assert not (out / name / "summary.json").exists()
