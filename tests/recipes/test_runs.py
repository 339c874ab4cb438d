import json
import math
from hashlib import sha256
from pathlib import Path

import pytest

from recipes.checkpoints import SUMS, Progress
from recipes.errors import RunError
from recipes.files import write_json
from recipes.runs import RunFolder
from tests.recipes.test_settings import settings


def begun(path: Path) -> RunFolder:
    folder = RunFolder.begin(path, settings())
    folder.release()
    return folder


def checkpoint(folder: RunFolder, env_steps: int) -> Path:
    progress = Progress(env_steps, wall_s=env_steps / 10)
    return folder.save_checkpoint(progress, lambda path: (path / "weights").write_text(str(env_steps)))


def write_digests(checkpoint: Path) -> None:
    """Write the digests of a checkpoint's current files."""
    files = [path for path in checkpoint.rglob("*") if path.is_file() and path.name != SUMS]
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(checkpoint).as_posix()}" for path in files]
    (checkpoint / SUMS).write_text("\n".join(lines) + "\n")


def test_a_run_is_resumed_only_with_the_same_settings(tmp_path: Path) -> None:
    path = tmp_path / "some" / "run"
    assert begun(path).settings == settings()
    assert begun(path).settings == settings()
    other = settings(env_steps=200, env={"num_users": 3})
    with pytest.raises(RunError) as refusal:
        RunFolder.begin(path, other)
    assert "env_steps: 100 in the run, 200 requested" in str(refusal.value)
    assert "env.num_users: None in the run, 3 requested" in str(refusal.value)
    assert "seed" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_finished_run_is_never_overwritten(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    assert folder.summary is None
    folder.finish({"score": math.nan, "parts": [1.0, math.inf]})
    assert folder.summary == {"score": None, "parts": [1.0, None]}
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RunError, match="finished run, which is never overwritten"):
        RunFolder.begin(tmp_path, settings())
    assert sorted(tmp_path.iterdir()) == before


def test_folders_that_are_not_runs_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(RunError, match="is not a run"):
        RunFolder.begin(tmp_path, settings())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(RunError, match="is not a run"):
        RunFolder.begin(tmp_path / "thesis.txt", settings())
    with pytest.raises(RunError, match="is not a run"):
        RunFolder.open(tmp_path)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = RunFolder.begin(tmp_path, settings())
    with pytest.raises(RunError, match="another process is training"):
        RunFolder.begin(tmp_path, settings())
    first.release()
    RunFolder.begin(tmp_path, settings()).release()


def test_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    assert folder.last_checkpoint() is None
    for env_steps in (900, 1_000, 20_000):
        checkpoint(folder, env_steps)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["000000001000", "000000020000"]
    last = folder.last_checkpoint()
    assert last is not None
    assert last[1] == Progress(20_000, 2_000.0)
    assert (last[0] / "weights").read_text() == "20000"


def test_a_checkpoint_has_the_number_of_env_runners(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    last = folder.save_checkpoint(Progress(500, 1.0, env_runners=2), lambda path: None)
    assert folder.last_checkpoint() == (last, Progress(500, 1.0, 2))


def test_the_number_of_env_runners_defaults_to_0(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    last = checkpoint(folder, 500)
    (last / "state.json").write_text('{"env_steps": 500, "wall_s": 2.5}')
    write_digests(last)
    assert folder.last_checkpoint() == (last, Progress(500, 2.5, env_runners=0))


def test_a_crash_while_writing_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    before = checkpoint(folder, 500)

    def crash(path: Path) -> None:
        (path / "weights").write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        folder.save_checkpoint(Progress(600, 1.0), crash)
    last = folder.last_checkpoint()
    assert last is not None
    assert last[0] == before
    assert checkpoint(folder, 700).is_dir()  # replaces the files of the crash
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["000000000500", "000000000700"]


def test_a_run_killed_before_its_config_was_written_can_begin(tmp_path: Path) -> None:
    (tmp_path / "config.unfinished.json").write_text("{")
    (tmp_path / ".lock").touch()
    assert not begun(tmp_path).finished


def save_best(folder: RunFolder, env_steps: int, utility: float) -> None:
    """Save the best networks so far, as training does."""
    networks = folder.path / "candidate"
    networks.mkdir()
    (networks / "weights").write_text(str(utility))
    folder.save_best(env_steps, utility, networks)


def test_rolling_back_discards_what_is_newer_than_the_checkpoint(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    assert folder.best_so_far() is None
    for env_steps in (100, 200, 300):
        folder.add_row({"env_steps": env_steps, "utility": -env_steps / 7})
        save_best(folder, env_steps, env_steps / 7)
        if env_steps == 200:
            kept = checkpoint(folder, 200)
    assert folder.best_so_far() == (300, 300 / 7)
    folder.roll_back_to(kept)
    assert folder.best_so_far() == (200, 200 / 7)
    assert (folder.best_folder / "weights").read_text() == str(200 / 7)
    folder.add_row({"env_steps": 250, "utility": math.nan})
    assert [row["env_steps"] for row in folder.rows()] == ["100", "200", "250"]
    assert float(folder.rows()[0]["utility"]) == -100 / 7
    assert folder.rows()[-1]["utility"] == ""
    folder.roll_back_to(None)
    assert folder.rows() == []
    assert folder.best_so_far() is None


def test_settings_of_another_version_are_refused_by_name(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["hyperparameters"]["momentum"] = 0.5
    write_json(tmp_path / "config.json", config)
    with pytest.raises(RunError, match="unknown hyper-parameter 'momentum'"):
        _ = folder.settings
