"""Files that a full disk or a crash leaves as they were."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeoffload_env._files import atomic_write
from edgeoffload_env.rendering import inspect
from edgeoffload_env.rendering.play import play
from edgeoffload_env.scenarios import configure

GAME = configure("paper", num_users=2, max_cycles=3)


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    file.write_text("before")
    with pytest.raises(UnicodeError), atomic_write(file) as unfinished:
        unfinished.write_text("half \ud800", encoding="utf-8")
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]
    with atomic_write(file) as unfinished:
        assert unfinished.suffix == ".csv"
        unfinished.write_text("after")
    assert file.read_text() == "after"
    assert list(tmp_path.iterdir()) == [file]


def test_links_are_followed_and_devices_written_themselves(tmp_path: Path) -> None:
    file, link = tmp_path / "results.csv", tmp_path / "link.csv"
    link.symlink_to(file)
    with atomic_write(link) as unfinished:
        unfinished.write_text("text")
    assert link.is_symlink()
    assert file.read_text() == "text"
    with atomic_write(Path(os.devnull)) as unfinished:
        unfinished.write_text("text")
    assert not Path(os.devnull).is_file()


WRITERS: dict[str, Callable[[Path], Any]] = {
    "figure.png": lambda path: inspect.draw(inspect.episode_of("greedy", GAME, 0), "an episode", path),
    "film.gif": lambda path: play(["greedy"], GAME, record=path),
    "page.html": lambda path: play(["greedy"], GAME, record=path),
    "film.mp4": lambda path: play(["greedy"], GAME, record=path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_figures_and_films_are_moved_into_place(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("before")
    before = file.stat().st_ino
    WRITERS[name](file)
    assert file.stat().st_ino != before
    assert file.stat().st_size > 1_000
    assert list(tmp_path.iterdir()) == [file]


def test_a_table_that_does_not_fit_leaves_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    file.write_text("before")
    command = ["evaluate", "--policies", "greedy", "--episodes", "1", "--csv", str(file)]
    failed = subprocess.run(
        [sys.executable, "-m", "edgeoffload_env", *command],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50)),
    )
    assert failed.returncode == 2, failed.stderr
    assert f"{file} cannot be written: File too large" in failed.stderr
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]
