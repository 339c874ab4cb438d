"""Run folders: their files, written so that a crash at any moment leaves a folder that can be resumed.

=====================  ==============================================================================================
``config.json``        the run's settings; a run is resumed only with the same settings
``progress.csv``       a row for each 1 % of the run: training episodes, and the greedy policy's evaluation (``eval_``)
``checkpoints/``       the last two, each ``checkpoints/<env steps>/``; see :mod:`recipes.checkpoints`
``best/``              the networks with the best evaluation, and ``state.json``
``events.out.*``       the same metrics for TensorBoard, with the learner's
``nan-batch.npz``      only after a NaN or infinite loss: the batch that it was computed on
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

from recipes.checkpoints import Checkpoints, Progress
from recipes.errors import RunError
from recipes.files import finite_or_none, temporary_path, write_json, write_text
from recipes.settings import RunSettings


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: Any = None

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open an existing run for reading.

        Raises:
            RunError: the folder is not a run.
        """
        folder = cls(path)
        if not folder._config_file.is_file():
            raise RunError(f"{path} is not a run: it has no {folder._config_file.name}")
        return folder

    @classmethod
    def begin(cls, path: Path, settings: RunSettings, *, wait_s: float = 0.0) -> "RunFolder":
        """Create a run, or resume an unfinished one, and lock it until :meth:`release`.

        Args:
            path: the run's folder.
            settings: the run's settings.
            wait_s: how long to wait for another process that holds the lock.

        Raises:
            RunError: the folder holds a finished run, a run with other settings, files that are not a run, or a run
                that another process is training.
        """
        from filelock import FileLock, Timeout  # comes with Ray, which reading a run does not need

        folder = cls(path)
        is_run = folder._config_file.is_file()
        leftovers = (".lock", temporary_path(folder._config_file).name)  # of a process killed before config.json
        if not is_run and path.exists() and (not path.is_dir() or any(p.name not in leftovers for p in path.iterdir())):
            raise RunError(f"{path} exists and is not a run; choose another folder with --out")
        folder.check_settings(settings)
        if folder.finished:
            raise RunError(
                f"{path} holds a finished run, which is never overwritten; evaluate it with "
                f"`python -m recipes evaluate {path}`, or choose another folder with --out"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{path} cannot be made: {error.strerror}; choose another folder with --out") from None
        folder._lock = FileLock(path / ".lock")
        try:
            folder._lock.acquire(timeout=wait_s)
        except Timeout:
            raise RunError(f"another process is training {path}; wait for it, or choose another --out") from None
        if folder._config_file.is_file() != is_run or folder.finished:  # the other process changed it before the lock
            folder.release()
            return cls.begin(path, settings, wait_s=wait_s)
        if not is_run:
            write_json(folder._config_file, settings.to_json())
        return folder

    def release(self) -> None:
        """Unlock the run."""
        self._lock.release()

    @property
    def finished(self) -> bool:
        """Whether the run has its summary."""
        return self._summary_file.is_file()

    @property
    def settings(self) -> RunSettings:
        """The run's settings.

        Raises:
            RunError: ``config.json`` was not written by this version.
        """
        try:
            return RunSettings.from_json(json.loads(self._config_file.read_text()))
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self._config_file} was not written by this version: {error}") from None

    @property
    def summary(self) -> dict[str, Any] | None:
        """The content of ``summary.json``; None for an unfinished run."""
        return json.loads(self._summary_file.read_text()) if self.finished else None

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the summary, which marks the run as finished."""
        write_json(self._summary_file, summary)

    def save_checkpoint(self, progress: Progress, write: Callable[[Path], object]) -> Path:
        """Write a checkpoint; arguments as in :meth:`.Checkpoints.save`."""
        return self._checkpoints.save(progress, write, self.best_folder)

    def last_checkpoint(self) -> tuple[Path, Progress] | None:
        """Return the latest intact checkpoint and its progress; None if there are no checkpoints.

        Raises:
            RunError: all checkpoints are corrupt.
        """
        return self._checkpoints.latest()

    def roll_back_to(self, checkpoint: Path | None) -> None:
        """Discard everything newer than a checkpoint: rows, best networks, corrupt checkpoints. None discards all."""
        self._checkpoints.delete_after(checkpoint)
        env_steps = -1 if checkpoint is None else int(checkpoint.name)
        shutil.rmtree(self.best_folder, ignore_errors=True)
        if checkpoint is not None and (checkpoint / "best").is_dir():
            shutil.copytree(checkpoint / "best", self.best_folder)
        rows = self.rows()
        kept = [row for row in rows if int(row["env_steps"]) <= env_steps]
        if kept and len(kept) < len(rows):
            self._write_rows(kept)
        elif rows and not kept:
            self._progress_file.unlink()

    @property
    def best_folder(self) -> Path:
        """Folder of the best networks so far."""
        return self.path / "best"

    def save_best(self, env_steps: int, utility: float, networks: Path) -> None:
        """Make networks the best so far; every later checkpoint contains a copy.

        Args:
            env_steps: the run's env steps at their evaluation.
            utility: their utility.
            networks: the folder that holds them, which is moved.
        """
        write_json(networks / "state.json", {"env_steps": env_steps, "utility": utility})
        shutil.rmtree(self.best_folder, ignore_errors=True)
        networks.rename(self.best_folder)

    def best_so_far(self) -> tuple[int, float] | None:
        """Return the env steps and the utility of the best networks; None if there are none."""
        file = self.best_folder / "state.json"
        if not file.is_file():
            return None
        state = json.loads(file.read_text())
        return state["env_steps"], state["utility"]

    def rows(self) -> list[dict[str, str]]:
        """Return the rows of ``progress.csv``, as text."""
        if not self._progress_file.exists():
            return []
        with self._progress_file.open(newline="") as file:
            return list(csv.DictReader(file))

    def add_row(self, row: dict[str, Any]) -> None:
        """Append a row to ``progress.csv``, with an empty cell for NaN; all rows have the same columns."""
        self._write_rows([*self.rows(), finite_or_none(row)])  # the csv module writes None as an empty cell

    def _write_rows(self, rows: Sequence[dict[str, Any]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        write_text(self._progress_file, text.getvalue())

    def check_settings(self, settings: RunSettings) -> None:
        """Check that the folder holds no run, or one with the same settings.

        Raises:
            RunError: it holds a run with other settings; the message lists the differences.
        """
        if not self._config_file.is_file():
            return
        present = _flatten(self.settings.to_json())
        requested = _flatten(settings.to_json())
        differences = "; ".join(
            f"{name}: {present.get(name)!r} in the run, {requested.get(name)!r} requested"
            for name in present | requested
            if present.get(name) != requested.get(name)
        )
        if differences:
            raise RunError(
                f"{self.path} holds a run with other settings; choose another folder with --out ({differences})"
            )

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


def _flatten(values: dict[str, Any]) -> dict[str, Any]:
    """Flatten nested settings to the names that ``--set`` uses."""
    flat = {name: value for name, value in values.items() if not isinstance(value, dict)}
    flat |= values["hyperparameters"]
    return flat | {f"env.{name}": value for name, value in values["env"].items()}
