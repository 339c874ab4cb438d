"""Checkpoints of a run: written whole or not at all, and loaded only if they are what was written.

Each lies in a folder named by its env steps, with what RLlib saved, ``best/``, ``state.json`` and ``SHA256SUMS``, which
``sha256sum -c`` checks too. The digests find what a disk or a copy damaged; they do not say who wrote a checkpoint.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from recipes.files import UNFINISHED, sync, write_json, write_text

SUMS = "SHA256SUMS"
_KEPT = 2
_LOG = logging.getLogger(__name__)


class DamagedError(Exception):
    """No checkpoint is left that is what was written; the message says what is wrong with each."""


@dataclass(frozen=True)
class Progress:
    """How far a run had come at a checkpoint."""

    env_steps: int = 0
    wall_s: float = 0.0
    """Wall time spent in training, over all sessions that led to the checkpoint."""
    env_runners: int = 0
    """The most processes that played for the learner in any of these sessions; 0 if it always played itself."""


class Checkpoints:
    """The last two checkpoints of a run: the one before is there for when the last is damaged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, progress: Progress, write: Callable[[Path], object], best: Path) -> Path:
        """Write a checkpoint beside the others, then name it in one move and drop all but the last two.

        If anything fails, the others stay as they are.

        Args:
            progress: how far the run has come.
            write: gets an empty folder to write into.
            best: the best networks so far, of which the checkpoint takes a copy; may be missing.
        """
        self._folder.mkdir(exist_ok=True)
        unfinished = self._folder / UNFINISHED
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            write(unfinished)
            if best.is_dir():
                shutil.copytree(best, unfinished / "best")
            write_json(unfinished / "state.json", asdict(progress))
            sums = "".join(f"{_digest(unfinished / name)}  {name}\n" for name in _files(unfinished))
            write_text(unfinished / SUMS, sums)
            for path in unfinished.rglob("*"):
                sync(path)
            final = self._folder / f"{progress.env_steps:012d}"
            shutil.rmtree(final, ignore_errors=True)
            unfinished.rename(final)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)  # on a full disk the next one needs the room
            raise
        sync(self._folder)
        for old in self.named()[:-_KEPT]:
            shutil.rmtree(old)
        return final

    def last_whole(self) -> tuple[Path, Progress] | None:
        """The latest checkpoint that is what was written; None where there is none at all. Damaged ones are logged.

        Raises:
            DamagedError: there are checkpoints, and all are damaged.
        """
        damage: list[str] = []
        for path in reversed(self.named()):
            try:
                progress = _checked(path)
            except (OSError, ValueError, TypeError) as error:
                damage.append(f"the checkpoint {path} is damaged: {error}")
                continue
            for line in damage:
                _LOG.warning("%s; using the one before it, of %s env steps", line, f"{progress.env_steps:,}")
            return path, progress
        if damage:
            raise DamagedError("\n".join(damage))
        return None

    def return_to(self, checkpoint: Path | None) -> None:
        """Remove all that are later, which are damaged."""
        for path in self.named():
            if checkpoint is None or path.name > checkpoint.name:
                shutil.rmtree(path)

    def named(self) -> list[Path]:
        """All, damaged or not, in order."""
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if path.name.isdigit())


def _checked(checkpoint: Path) -> Progress:
    """How far the run had come.

    Raises:
        OSError, ValueError, TypeError: it is not what was written; the message says what is wrong.
    """
    if not (checkpoint / SUMS).is_file():
        raise ValueError(f"{SUMS} is missing")
    lines = (checkpoint / SUMS).read_text(encoding="utf-8").splitlines()
    digests = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    there = _files(checkpoint)
    for name in sorted(digests.keys() | set(there)):
        if name not in there:
            raise ValueError(f"{name} is missing")
        if name not in digests:
            raise ValueError(f"{SUMS} does not list {name}")
        if _digest(checkpoint / name) != digests[name]:
            raise ValueError(f"the content of {name} is not what was written")
    return Progress(**json.loads((checkpoint / "state.json").read_text(encoding="utf-8")))


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != SUMS)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
