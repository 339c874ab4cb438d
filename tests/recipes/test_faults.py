"""Faults for real, in processes of their own: kills, full disks, damaged files, games that break, losses that explode.

After each, the same command goes on, and the numbers are those of a run that nothing happened to.
"""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recipes.cli import FAILED, REFUSED, main
from recipes.runs import RunFolder
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import (
    TINY_TRAIN,
    checkpoints,
    ended,
    interrupt,
    leftovers,
    outcome,
    start,
    survivors,
    wait_for,
)
from tests.recipes.test_checkpoints import cut_off, flip
from tests.recipes.test_sweep import TINY_SWEEP, children_of, without_clock
from tests.recipes.test_training import CHECKOUT, run

pytestmark = [*RAY_NOISE, pytest.mark.slow]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = run(*TINY_TRAIN, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def ends_like(folder: Path, whole: Path) -> str:
    """Go on with a run to its end, and compare; returns what it wrote to its standard error."""
    done = run(*TINY_TRAIN, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    assert outcome(folder) == outcome(whole)
    assert not leftovers(folder)
    return done.stderr


@pytest.mark.parametrize("moment", ["training", "a checkpoint is written", "its networks are judged"])
def test_a_driver_that_is_killed(whole: Path, tmp_path: Path, moment: str) -> None:
    sign = {
        "training": tmp_path / "run/progress.csv",
        "a checkpoint is written": tmp_path / "run/checkpoints/.unfinished/state.json",
        "its networks are judged": tmp_path / "run/candidate.unfinished",
    }[moment]
    process = start(*TINY_TRAIN, "--out", str(tmp_path / "run"))
    wait_for(lambda: checkpoints(tmp_path / "run"), process)
    wait_for(sign.exists, process, pause_s=0.001)
    below = children_of(process.pid)
    process.kill()
    ended(process)
    assert below
    assert not survivors(below)
    ends_like(tmp_path / "run", whole)


def test_a_disk_that_fills(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    process = start(*TINY_TRAIN, "--out", str(folder))
    wait_for(lambda: checkpoints(folder), process)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))  # of that process alone
    text = ended(process)
    assert process.returncode == FAILED, text
    assert "Traceback" not in text
    assert f"{folder} cannot be written after" in text
    assert "File too large; its checkpoint of" in text
    assert "the same command goes on" in text
    assert not leftovers(folder)
    assert checkpoints(folder)
    assert main(["evaluate", str(folder), "--episodes", "2"]) == 0
    assert "idql-tolb" in capsys.readouterr().out
    assert "env steps, 0 done" not in ends_like(folder, whole)


def test_a_file_system_that_is_full(whole: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a file system takes root")
    try:
        folder = disk / "run"
        failed = run(*TINY_TRAIN, "--out", str(folder))
        assert failed.returncode == FAILED, failed.stderr
        assert "No space left on device; its checkpoint of" in failed.stderr
        assert checkpoints(folder)
        assert not leftovers(folder)
        subprocess.run(["mount", "-o", "remount,size=30m", str(disk)], check=True)
        assert "env steps, 0 done" not in ends_like(folder, whole)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("damage", [flip, cut_off])
def test_a_damaged_checkpoint(
    whole: Path, tmp_path: Path, damage: "type[flip]", capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    process = start(*TINY_TRAIN, "--out", str(folder))
    wait_for(lambda: len(checkpoints(folder)) == 2, process)
    interrupt(process)
    ended(process)
    first, second = checkpoints(folder)
    damage(second / "algorithm_state.pkl")
    text = ends_like(folder, whole)
    assert f"the checkpoint {second} is damaged: the content of algorithm_state.pkl is not what was written" in text
    assert f"using the one before it, of {int(first.name):,} env steps" in text
    assert f"{int(first.name):,} done" in text
    for checkpoint in checkpoints(folder):
        damage(checkpoint / "algorithm_state.pkl")
    assert main(["evaluate", str(folder)]) == REFUSED
    assert "none is left to go on from" in capsys.readouterr().err


def test_a_runner_that_is_killed(tmp_path: Path) -> None:
    arguments = ["train", "dtomalb", "--env-runners", "2", "--env-steps", "20000", *TINY_SWEEP]
    process = start(*arguments, "--out", str(tmp_path))

    def runners() -> set[int]:
        return {pid for pid, name in children_of(process.pid) if name.startswith("ray::JointEnvRunner")}

    wait_for(lambda: RunFolder(tmp_path).rows(), process)
    first = runners()
    assert len(first) == 2
    killed = first.pop()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: len(runners() - {killed}) == 2, process, pause_s=0.2)  # the other, and one anew
    assert runners() >= first
    text = ended(process)
    assert process.returncode == 0, text
    assert "Traceback" not in text
    summary = RunFolder(tmp_path).summary
    assert summary is not None
    assert summary["env_runners"] == 2
    assert summary["env_steps"] >= 20_000
    steps = [int(row["env_steps"]) for row in RunFolder(tmp_path).rows()]
    assert steps == sorted(set(steps))
    assert steps[-1] == summary["env_steps"]
    assert 20 <= len(steps) <= 40  # runners' batches may end anywhere beyond what an evaluation waits for


def test_a_ray_that_does_not_start(tmp_path: Path) -> None:
    """Its node manager is held, as on a machine that is busy with much else."""
    process = start(*TINY_TRAIN, "--out", str(tmp_path / "run"))

    def managers() -> list[int]:
        """Without ps, which takes its time and may cut long paths off."""
        lists = Path(f"/proc/{process.pid}/task").glob("*/children")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # of a thread that ended
            children = [pid for file in lists for pid in file.read_text().split()]
            return [int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() == "raylet\n"]
        return []

    wait_for(managers, process, pause_s=0.001)
    (held,) = managers()
    os.kill(held, signal.SIGSTOP)
    below = children_of(process.pid)
    try:
        text = ended(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(held, signal.SIGCONT)
    assert process.returncode == REFUSED, text
    assert text.startswith("python -m recipes: error: Ray does not start, here and now: The current node timed out")
    assert not survivors(below)
    run_folder = RunFolder.open(tmp_path / "run")
    RunFolder.begin(run_folder.path, run_folder.settings).release()  # as the same command takes it up


def test_two_trainings_of_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = start(*TINY_TRAIN, "--out", str(tmp_path / "run"))
    wait_for((tmp_path / "run/progress.csv").exists, process)
    assert main([*TINY_TRAIN, "--out", str(tmp_path / "run")]) == REFUSED
    assert f"another process is training {tmp_path / 'run'}" in capsys.readouterr().err
    text = ended(process)
    assert process.returncode == 0, text  # untouched


def test_a_trial_that_is_killed_ends_in_the_same_numbers(tmp_path: Path) -> None:
    arguments = ["sweep", "--algorithms", "idql-tolb", "--env-steps", "4000", "--checkpoint-every", "0", *TINY_SWEEP]
    process = start(*arguments, "--out", str(tmp_path / "hurt"))
    folder = tmp_path / "hurt/runs/idql-tolb/paper/seed-0"
    wait_for(lambda: len(RunFolder(folder).rows()) >= 3, process)
    (trial,) = [pid for pid, name in children_of(process.pid) if name.startswith("ray::RunTrial")]
    os.kill(trial, signal.SIGKILL)
    text = ended(process)
    assert process.returncode == 0, text
    done = run(*arguments, "--out", str(tmp_path / "whole"))
    assert done.returncode == 0, done.stderr
    assert without_clock(tmp_path / "hurt") == without_clock(tmp_path / "whole")
    assert outcome(folder) == outcome(tmp_path / "whole/runs/idql-tolb/paper/seed-0")


def test_a_game_that_raises(tmp_path: Path) -> None:
    tiny = TINY_SWEEP[2:]  # without the number of users
    arguments = ["--algorithms", "idql-tolb", "--num-users", "3", "4", "--env-steps", "600", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.recipes.broken_games", "sweep", *arguments, *tiny],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},  # Ray's processes break the games before they know the path
        check=False,
    )
    assert done.returncode == FAILED, done.stderr
    assert "runs/idql-tolb/paper/num_users=4/seed-0 failed: RuntimeError: server 3 caught fire" in done.stderr
    assert "1 of 2 runs are unfinished" in done.stderr
    assert [row["num_users"] for row in without_clock(tmp_path)] == ["3", "3"]


@pytest.mark.parametrize(
    ("algorithm", "runners"), [("idql-tolb", "0"), ("idql-tolb", "2"), ("rllib-dqn", "0"), ("rllib-dqn", "1")]
)
def test_a_game_that_raises_in_a_training(tmp_path: Path, algorithm: str, runners: str) -> None:
    """At once, also where RLlib would start its runner anew a thousand times; and it goes on once that is put right."""
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
    broken = subprocess.run(
        [sys.executable, "-m", "tests.recipes.broken_games", *arguments],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        check=False,
        timeout=300,
    )
    assert broken.returncode == FAILED, broken.stderr
    last = int(checkpoints(tmp_path)[-1].name)
    message = broken.stderr.splitlines()[-1]
    assert f"error: training {tmp_path} broke: RuntimeError: server 3 caught fire; " in message
    assert f"; its checkpoint of {last:,} env steps is there; " in message
    assert message.endswith("the same command goes on")
    assert 'raise RuntimeError("server 3 caught fire")' in broken.stderr  # the traceback, for who can mend it
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert f"{last:,} done" in done.stderr


@pytest.mark.parametrize("algorithm", ["dtomalb", "idql-tolb"])
def test_a_loss_that_explodes(tmp_path: Path, algorithm: str) -> None:
    """Tasks of years, with delays weighed and scaled until their squares leave single precision."""
    search, out = tmp_path / "search.yaml", tmp_path / "sweep"
    search.write_text("reward_scale: [1.0, 1.0e6]\n")
    arguments = ["--algorithms", algorithm, "--env-steps", "600", "--search", str(search), "--out", str(out)]
    arguments += ["--set", "env.delay_weight=1e6", "--set", "env.device_hz=(1e6,1e6)"]
    done = run("sweep", *arguments, "--set", "env.task_cycles=(1e16,1e16)", *TINY_SWEEP)
    assert done.returncode == FAILED, done.stderr
    name = f"runs/{algorithm}/paper/reward_scale=1000000.0/seed-0"
    assert f"{name} failed: after 0 env steps the loss of " in done.stderr
    assert f" is inf; the batch is in {out / name}/nan-batch.npz, and no checkpoint is there" in done.stderr
    assert "1 of 2 runs are unfinished" in done.stderr
    assert {row["run"] for row in without_clock(out)} == {f"runs/{algorithm}/paper/reward_scale=1.0/seed-0"}
    with np.load(out / name / "nan-batch.npz", allow_pickle=False) as batch:
        assert batch["rewards"].shape == (4, 3)
        assert np.abs(batch["rewards"]).max() > 1e15
    assert not (out / name / "summary.json").exists()
