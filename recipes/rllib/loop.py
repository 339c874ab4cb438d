"""Training loop of ``python -m recipes train``: progress report, stop signals, recovery instructions."""

import contextlib
import traceback
from collections.abc import Iterator

from recipes.checkpoints import Progress
from recipes.errors import RunError, StoppedError, TrainingError, UnexpectedError
from recipes.progress import ProgressReport, format_metrics
from recipes.rllib.fault_reporting import RunnerError
from recipes.rllib.training import RESUME_HINT, Training, last_checkpoint_text
from recipes.runs import RunFolder
from recipes.settings import RunSettings
from recipes.stop_signals import StopSignals


def train_to_end(
    folder: RunFolder, settings: RunSettings, stop: StopSignals, checkpoint_s: float, env_runners: int = 0
) -> Progress:
    """Train the rest of a run, with progress on standard error. Needs a running Ray.

    Args:
        folder: the run's folder.
        settings: the run's settings.
        stop: checked between iterations.
        checkpoint_s: seconds between checkpoints.
        env_runners: env runner processes, as in :func:`.build_algorithm`.

    Returns:
        The run's progress at its end.

    Raises:
        StoppedError: a signal arrived before the end; a checkpoint was written.
        TrainingError: training failed.
    """
    with (
        _unexpected_errors_reported(folder),
        contextlib.closing(Training(folder, settings, checkpoint_s, env_runners)) as training,
    ):
        if training.finished:
            return training.progress
        title = f"{settings.algorithm} on {settings.trained_on}, seed {settings.seed}"
        with contextlib.closing(ProgressReport(title, settings.env_steps, training.progress.env_steps)) as report:
            while not training.finished and not stop.requested:
                row = training.advance(lambda: stop.requested)
                if row is None:
                    break
                report.update(row["env_steps"], format_metrics(row["eval_utility"], row["eval_score"]))
        training.save()
        if not training.finished:
            done = training.progress.env_steps
            raise StoppedError(f"stopped after {done:,} of {settings.env_steps:,} env steps")
        return training.progress


@contextlib.contextmanager
def _unexpected_errors_reported(folder: RunFolder) -> Iterator[None]:
    """Re-raise unexpected errors with recovery instructions."""
    try:
        yield
    except (RunError, StoppedError, TrainingError, ImportError):
        raise
    except Exception as error:
        last = folder.last_checkpoint()
        root = _root_cause(error)
        message = str(root) if isinstance(root, RunnerError) else traceback.format_exception_only(root)[-1]
        raise UnexpectedError(
            f"Training failed: {message.splitlines()[0]}; in {folder.path} "
            f"{last_checkpoint_text(None if last is None else last[1])}. {RESUME_HINT}"
        ) from error


def _root_cause(error: BaseException) -> BaseException:
    return error if error.__cause__ is None else _root_cause(error.__cause__)
