"""A run's folder: what lies in it, and how it is written so that a crash at any moment leaves it usable.

=====================  ==============================================================================================
``config.json``        what defines the run; a run is resumed only with the same
``progress.csv``       a row for each 1 % of the run: training episodes, and the greedy policy's evaluation (``eval_``)
``checkpoints/``       the last two, each ``checkpoints/<env steps>/``; see :mod:`recipes.checkpoints`
``best/``              the networks that did best in an evaluation, and ``state.json``
``events.out.*``       the same figures for TensorBoard, with the learner's
``nan-batch.npz``      only where a loss was not finite: what it was computed on
``summary.json``       written last: a run that has it is finished
=====================  ==============================================================================================
"""

import csv
import io
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from recipes.checkpoints import Checkpoints, DamagedError, Progress
from recipes.files import finite, temporary_path, write_json, write_text
from recipes.settings import RunSettings


class RunError(Exception):
    """A folder that cannot be used as asked; the message says why and what to do."""


class StoppedError(Exception):
    """Training was stopped by a signal; a checkpoint holds where it stood."""


class TrainingError(Exception):
    """Training cannot go on; the message says why, and what is left."""


class BrokenError(TrainingError):
    """Something raised that nobody foresaw, in the game or in this package; the cause has the traceback."""


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: Any = None

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing run, for reading.

        Raises:
            RunError: there is no run.
        """
        folder = cls(path)
        if not folder._config_file.is_file():
            raise RunError(f"{path} is not a run: it has no {folder._config_file.name}")
        return folder

    @classmethod
    def begin(cls, path: Path, settings: RunSettings, *, wait_s: float = 0.0) -> "RunFolder":
        """Start a run, or take up an unfinished one, and keep other processes out until :meth:`release`.

        Args:
            path: the run's folder.
            settings: the run's.
            wait_s: how long to wait for another process that is training it.

        Raises:
            RunError: the folder holds a finished run, a run with other settings, files that are no run, or a run that
                another process is training.
        """
        from filelock import FileLock, Timeout  # comes with Ray, which reading a run does not need

        folder = cls(path)
        is_run = folder._config_file.is_file()
        ours = (".lock", temporary_path(folder._config_file).name)  # of a run that was killed before it was one
        if not is_run and path.exists() and (not path.is_dir() or any(p.name not in ours for p in path.iterdir())):
            raise RunError(f"{path} holds something that is not a run; choose another folder with --out")
        folder.check_same(settings)
        if folder.finished:
            raise RunError(
                f"{path} holds a finished run, which is never overwritten; look at it with "
                f"`python -m recipes evaluate {path}`, or choose another folder with --out"
            )
        path.mkdir(parents=True, exist_ok=True)
        folder._lock = FileLock(path / ".lock")
        try:
            folder._lock.acquire(timeout=wait_s)
        except Timeout:
            raise RunError(f"another process is training {path}; wait for it, or choose another --out") from None
        if folder._config_file.is_file() != is_run or folder.finished:  # by that other process, a moment ago
            folder.release()
            return cls.begin(path, settings, wait_s=wait_s)
        if not is_run:
            write_json(folder._config_file, settings.to_json())
        return folder

    def release(self) -> None:
        """Let other processes train the run again."""
        self._lock.release()

    @property
    def finished(self) -> bool:
        """Whether the run has its summary."""
        return self._summary_file.is_file()

    @property
    def settings(self) -> RunSettings:
        """What defines the run.

        Raises:
            RunError: the file is not one that this version writes.
        """
        try:
            return RunSettings.from_json(json.loads(self._config_file.read_text()))
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self._config_file} is not one that this version writes: {error}") from error

    @property
    def summary(self) -> dict[str, Any] | None:
        """What a finished run came to; None for an unfinished one."""
        return json.loads(self._summary_file.read_text()) if self.finished else None

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the summary, which makes the run a finished one."""
        write_json(self._summary_file, summary)

    def save_checkpoint(self, progress: Progress, write: Callable[[Path], object]) -> Path:
        """Write a checkpoint; arguments as in :meth:`.Checkpoints.save`."""
        return self._checkpoints.save(progress, write, self.best)

    def keep_best(self, env_steps: int, utility: float, networks: Path) -> None:
        """Make networks the best so far; every checkpoint takes a copy along.

        Args:
            env_steps: when.
            utility: what they got.
            networks: the folder that holds them, which is moved.
        """
        write_json(networks / "state.json", {"env_steps": env_steps, "utility": utility})
        shutil.rmtree(self.best, ignore_errors=True)
        networks.rename(self.best)

    def best_so_far(self) -> tuple[int, float] | None:
        """When the best networks were found, and the utility they got; None where there are none."""
        file = self.best / "state.json"
        if not file.is_file():
            return None
        state = json.loads(file.read_text())
        return state["env_steps"], state["utility"]

    def return_to(self, checkpoint: Path | None) -> None:
        """Forget what no checkpoint kept: rows, and networks that did better later; and later, damaged checkpoints."""
        self._checkpoints.return_to(checkpoint)
        env_steps = -1 if checkpoint is None else int(checkpoint.name)
        shutil.rmtree(self.best, ignore_errors=True)
        if checkpoint is not None and (checkpoint / "best").is_dir():
            shutil.copytree(checkpoint / "best", self.best)
        rows = self.rows()
        kept = [row for row in rows if int(row["env_steps"]) <= env_steps]
        if kept and len(kept) < len(rows):
            self._write_rows(kept)
        elif rows and not kept:
            self._progress_file.unlink()

    @property
    def best(self) -> Path:
        """Where the best networks are."""
        return self.path / "best"

    def last_checkpoint(self) -> tuple[Path, Progress] | None:
        """The latest checkpoint that is whole, and how far the run had come; None where there is none yet.

        Raises:
            RunError: all checkpoints are damaged.
        """
        try:
            return self._checkpoints.last_whole()
        except DamagedError as error:
            raise RunError(
                f"{error}\nnone is left to go on from; to start {self.path} anew, remove its folder checkpoints"
            ) from error

    def add_row(self, row: dict[str, Any]) -> None:
        """Append a row to the progress file, NaN as an empty cell; all rows have the same columns."""
        self._write_rows([*self.rows(), finite(row)])  # the csv module writes None as nothing

    def _write_rows(self, rows: Sequence[dict[str, Any]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        write_text(self._progress_file, text.getvalue())

    def rows(self) -> list[dict[str, str]]:
        """The progress file's rows, as text."""
        if not self._progress_file.exists():
            return []
        with self._progress_file.open(newline="") as file:
            return list(csv.DictReader(file))

    def check_same(self, settings: RunSettings) -> None:
        """Compare a run's settings with others.

        Raises:
            RunError: there is a run, and it has other settings; the message says which.
        """
        if not self._config_file.is_file():
            return
        here = _flat(self.settings.to_json())
        asked = _flat(settings.to_json())
        names = [name for name in here | asked if here.get(name) != asked.get(name)]
        if names:
            lines = "".join(f"\n  {name}: {here.get(name)!r} there, {asked.get(name)!r} asked for" for name in names)
            raise RunError(f"{self.path} holds a run with other settings; choose another folder with --out{lines}")

    @property
    def _config_file(self) -> Path:
        return self.path / "config.json"

    @property
    def _summary_file(self) -> Path:
        return self.path / "summary.json"

    @property
    def _progress_file(self) -> Path:
        return self.path / "progress.csv"

    @property
    def _checkpoints(self) -> Checkpoints:
        return Checkpoints(self.path / "checkpoints")


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """Nested settings with dotted names, as ``--set`` calls them."""
    flat = {name: value for name, value in values.items() if not isinstance(value, dict)}
    flat |= values["hyperparameters"]
    return flat | {f"env.{name}": value for name, value in values["env"].items()}
