"""Corrupt checkpoints, malicious weights, and full disks."""

import json
import os
import pickle
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes import load_policy, registry
from recipes.checkpoints import SUMS, Progress
from recipes.errors import RunError, StoppedError, TrainingError
from recipes.files import atomic_write, write_text
from recipes.runs import RunFolder
from recipes.settings import RunSettings, parse_assignments
from recipes.summary import finish_run
from recipes.sweep import plan
from recipes.weights import load_weights
from tests.recipes.noise import RAY_NOISE
from tests.recipes.runs import TINY_DQN, checkpoints, rows_without_times, unfinished_files
from tests.recipes.test_runs import begun, write_digests

pytestmark = RAY_NOISE


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a flipped bit": (lambda path: flip(path / "weights"), "the digest of weights does not match SHA256SUMS"),
    "a file cut off": (lambda path: cut_off(path / "weights"), "the digest of weights does not match SHA256SUMS"),
    "a file lost": (lambda path: (path / "weights").unlink(), "weights is missing"),
    "a file too many": (lambda path: (path / "other").touch(), "SHA256SUMS does not list other"),
    "digests lost": (lambda path: (path / SUMS).unlink(), "SHA256SUMS is missing"),
    "digests cut off": (lambda path: cut_off(path / SUMS), ""),
    "digests flipped": (lambda path: flip(path / SUMS), ""),
    "digests not text": (lambda path: (path / SUMS).write_bytes(b"\xff\xfe\x00"), ""),
    "progress lost": (lambda path: (path / "state.json").unlink(), "state.json is missing"),
    "progress flipped": (lambda path: flip(path / "state.json"), "state.json"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_corrupt_checkpoint_is_refused_and_the_previous_one_is_used(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = begun(tmp_path)
    for env_steps in (500, 1_000):
        folder.save_checkpoint(Progress(env_steps, 1.0), lambda path: (path / "weights").write_text("0123456789"))
    first, second = checkpoints(tmp_path)
    damage, message = DAMAGE[kind]
    assert folder.last_checkpoint() == (second, Progress(1_000, 1.0))
    damage(second)
    assert folder.last_checkpoint() == (first, Progress(500, 1.0))
    (record,) = caplog.records
    text = record.getMessage()
    assert text.startswith(f"checkpoint {second} is corrupt: ")
    assert message in text
    assert text.endswith("using the previous one, of 500 env steps")
    folder.roll_back_to(first)
    assert checkpoints(tmp_path) == [first]
    damage(first)
    with pytest.raises(
        RunError, match=r"^all checkpoints are corrupt; remove .*checkpoints to train again .*000500 is corrupt"
    ):
        folder.last_checkpoint()


def test_digests_are_those_of_sha256sum(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    folder.save_checkpoint(Progress(5, 1.0), lambda path: (path / "weights").write_text("abc"))
    sums = (checkpoints(tmp_path)[0] / SUMS).read_text().splitlines()
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  weights" in sums  # from FIPS 180-2


def test_a_failed_write_leaves_the_file_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    write_text(file, "before\r\n")
    with files_of_at_most(5), pytest.raises(OSError, match="too large"):
        write_text(file, "afterwards")
    with pytest.raises(UnicodeError), atomic_write(file) as unfinished:
        unfinished.write_text("half \ud800", "utf-8")
    assert file.read_bytes() == b"before\r\n"
    assert list(tmp_path.iterdir()) == [file]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Make writes beyond a size fail in this process, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def tiny() -> RunSettings:
    return plan(["idql-tolb"], ["paper"], [0], env_steps=2_000, assigned=parse_assignments(TINY_DQN[1::2]))[0].settings


def trained(folder: RunFolder, stop_after: int = 9, checkpoint_s: float = 0.0) -> None:
    """Train a run in this process, to its end or for a number of iterations."""
    from recipes.rllib.training import Training

    with closing(Training(folder, tiny(), checkpoint_s)) as training:
        while not training.finished and stop_after:
            training.advance()
            stop_after -= 1
        training.save()


@pytest.fixture(scope="module")
def whole(local_session: None, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of 4 iterations without a fault."""
    folder = RunFolder.begin(tmp_path_factory.mktemp("whole"), tiny())
    trained(folder)
    return folder


def test_after_a_full_disk_and_corruption_a_run_ends_in_the_same_numbers(whole: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder.begin(tmp_path, tiny())
    trained(folder, stop_after=2)
    first, second = checkpoints(tmp_path)
    with files_of_at_most(20_000), pytest.raises(TrainingError) as failure:
        trained(folder)
    assert f"Training failed: cannot write to {tmp_path} after 1,500 env steps: " in str(failure.value)
    assert "File too large; the last checkpoint is at 1,000 env steps. " in str(failure.value)
    assert str(failure.value).endswith("Fix the cause and re-run the command to resume.")
    assert checkpoints(tmp_path) == [first, second]
    assert not unfinished_files(tmp_path)
    flip(second / "algorithm_state.pkl")
    trained(folder)
    assert rows_without_times(tmp_path) == rows_without_times(whole.path)
    assert folder.best_so_far() == whole.best_so_far()


def test_a_stopped_final_evaluation_leaves_the_run_unfinished(whole: RunFolder) -> None:
    last = whole.last_checkpoint()
    assert last is not None
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise StoppedError("stopped")

    stop_at = 0
    finish_run(whole, tiny(), last[1], check)
    (whole.path / "summary.json").unlink()
    slots, calls = calls, 0
    assert slots >= 3 * 10  # of the fixed episodes, and of the final ones for the last and the best networks
    for stop_at in (1, slots // 2, slots):
        calls = 0
        with pytest.raises(StoppedError):
            finish_run(whole, tiny(), last[1], check)
        assert calls == stop_at
        assert not whole.finished


class Bomb:
    """Malicious pickle: loading it creates a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return os.mknod, (str(self.file),)


@pytest.mark.parametrize("where", ["", "default_policy"])
@pytest.mark.parametrize("name", ["module_state.pkl", "class_and_ctor_args.pkl"])
def test_load_policy_runs_no_pickle(whole: RunFolder, tmp_path: Path, where: str, name: str) -> None:
    shutil.copytree(whole.path, tmp_path / "run")
    last = checkpoints(tmp_path / "run")[-1]
    bomb, file = tmp_path / "bomb", last / "learner_group/learner/rl_module" / where / name
    file.write_bytes(pickle.dumps({"acting.weight_0": Bomb(bomb)}))
    write_digests(last)  # as an attacker does
    if (where, name) == ("default_policy", "module_state.pkl"):
        with pytest.raises(RunError, match=r"module_state.pkl cannot be loaded as weights: .*mknod is not allowed"):
            load_policy(tmp_path / "run")
    else:
        load_policy(tmp_path / "run")  # does not read that file
    assert not bomb.exists()
    pickle.loads(file.read_bytes())
    assert bomb.exists()  # the pickle is malicious indeed


@pytest.mark.parametrize("algorithm", ["rllib-dqn", "rllib-ppo"])
def test_load_policy_runs_no_pickle_of_rllibs_algorithms(local_session: None, tmp_path: Path, algorithm: str) -> None:
    from tests.recipes.test_policy import build

    algorithm_, settings, _ = build(algorithm, tmp_path / "checkpoint")
    algorithm_.stop()
    bomb = tmp_path / "bomb"
    module = registry.get(algorithm).load()
    modules = tmp_path / "checkpoint/learner_group/learner/rl_module"
    for file in modules.rglob("class_and_ctor_args.pkl"):
        file.write_bytes(pickle.dumps(Bomb(bomb)))
    module.load_policy(settings, tmp_path / "checkpoint")
    for file in modules.rglob("module_state.pkl"):
        file.write_bytes(pickle.dumps({"weight": Bomb(bomb)}))
    with pytest.raises(RunError, match="cannot be loaded as weights"):
        module.load_policy(settings, tmp_path / "checkpoint")
    assert not bomb.exists()


@pytest.mark.parametrize(
    "state", [[1], {"weight": "text"}, {1: np.zeros(2)}, {"weight": np.array([None])}, {"weight": print}]
)
def test_weights_are_named_arrays(tmp_path: Path, state: Any) -> None:
    (tmp_path / "module_state.pkl").write_bytes(pickle.dumps(state))
    with pytest.raises(RunError, match="cannot be loaded as weights"):
        load_weights(tmp_path)
    (tmp_path / "module_state.pkl").write_bytes(b"\x80\x05nothing")
    with pytest.raises(RunError, match="cannot be loaded as weights"):
        load_weights(tmp_path)


def test_weights_of_other_networks_are_refused(whole: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(whole.path, tmp_path / "run")
    config = json.loads((tmp_path / "run/config.json").read_text())
    config["hyperparameters"]["hidden"] = [9]
    write_text(tmp_path / "run/config.json", json.dumps(config))
    with pytest.raises(RunError, match="do not fit the run's networks"):
        load_policy(tmp_path / "run")
