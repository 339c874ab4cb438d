"""Checkpoints of a run: written atomically, and verified against their digests before they are loaded.

Each checkpoint is a folder named by its env steps. It holds RLlib's state, ``best/`` (the best networks so far),
``state.json`` (a :class:`Progress`) and ``SHA256SUMS``, which ``sha256sum -c`` verifies too. The digests detect damage
by a disk or a copy; they do not authenticate the author of a checkpoint.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from recipes.errors import RunError
from recipes.files import UNFINISHED, sync, write_json, write_text

CHECKPOINT_INTERVAL_S = 60.0
"""Default seconds between checkpoints: the most training that a killed process loses."""
SUMS = "SHA256SUMS"
_KEPT = 2  # the second serves if the last one is corrupt
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """Progress of a run at a checkpoint."""

    env_steps: int = 0
    wall_s: float = 0.0
    """Wall time spent in training, over all sessions that led to the checkpoint."""
    env_runners: int = 0
    """Most env runner processes used in any of these sessions; 0 if the learner sampled all episodes itself."""


class Checkpoints:
    """The last two checkpoints of a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, progress: Progress, write: Callable[[Path], object], best: Path) -> Path:
        """Write a checkpoint, then delete all but the last two. If writing fails, the earlier ones are unchanged.

        Args:
            progress: the run's progress.
            write: called with an empty folder to write RLlib's state into.
            best: folder of the best networks so far, which is copied into the checkpoint; may be missing.

        Returns:
            The checkpoint's folder.
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
            sums = "".join(f"{_digest(unfinished / name)}  {name}\n" for name in _file_names(unfinished))
            write_text(unfinished / SUMS, sums)
            for path in unfinished.rglob("*"):
                sync(path)
            final = self._folder / f"{progress.env_steps:012d}"
            shutil.rmtree(final, ignore_errors=True)
            unfinished.rename(final)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)  # on a full disk the next checkpoint needs the space
            raise
        sync(self._folder)
        for old in self.paths()[:-_KEPT]:
            shutil.rmtree(old)
        return final

    def latest(self) -> tuple[Path, Progress] | None:
        """Return the latest intact checkpoint, or None if there are no checkpoints. Corrupt ones are logged.

        Raises:
            RunError: all checkpoints are corrupt.
        """
        problems: list[str] = []
        for path in reversed(self.paths()):
            try:
                progress = _verify(path)
            except (OSError, ValueError, TypeError) as error:
                problems.append(f"checkpoint {path} is corrupt: {error}")
                continue
            for problem in problems:
                _LOG.warning("%s; using the previous one, of %s env steps", problem, f"{progress.env_steps:,}")
            return path, progress
        if problems:
            raise RunError(
                f"all checkpoints are corrupt; remove {self._folder} to train again from the start "
                f"({'; '.join(problems)})"
            )
        return None

    def delete_after(self, checkpoint: Path | None) -> None:
        """Delete all checkpoints that are later than the given one; with None, all."""
        for path in self.paths():
            if checkpoint is None or path.name > checkpoint.name:
                shutil.rmtree(path)

    def paths(self) -> list[Path]:
        """List all checkpoints, intact or corrupt, in order."""
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if path.name.isdigit())


def _verify(checkpoint: Path) -> Progress:
    """Verify all digests and return the progress.

    Raises:
        OSError, ValueError, TypeError: the checkpoint is corrupt; the message names the file.
    """
    if not (checkpoint / SUMS).is_file():
        raise ValueError(f"{SUMS} is missing")
    lines = (checkpoint / SUMS).read_text(encoding="utf-8").splitlines()
    digests = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    present = _file_names(checkpoint)
    for name in sorted(digests.keys() | set(present)):
        if name not in present:
            raise ValueError(f"{name} is missing")
        if name not in digests:
            raise ValueError(f"{SUMS} does not list {name}")
        if _digest(checkpoint / name) != digests[name]:
            raise ValueError(f"the digest of {name} does not match {SUMS}")
    return Progress(**json.loads((checkpoint / "state.json").read_text(encoding="utf-8")))


def _file_names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != SUMS)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
