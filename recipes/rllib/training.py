"""Training of one run: restore, train, evaluate, log, save checkpoints."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

from edgeoffload_env import Evaluation
from recipes import protocol, registry
from recipes.checkpoints import Progress
from recipes.errors import TrainingError
from recipes.rllib.build import build_algorithm
from recipes.rllib.nan_guard import NotFiniteError
from recipes.rllib.training_log import TrainingLog
from recipes.runs import RunFolder
from recipes.settings import RunSettings

RESUME_HINT = "Fix the cause and re-run the command to resume."


class Training:
    """A training session of a run, which starts from the run's last checkpoint. Needs a running Ray.

    Attributes:
        progress: the run's progress.
    """

    def __init__(self, folder: RunFolder, settings: RunSettings, checkpoint_s: float, env_runners: int = 0) -> None:
        """Start or resume a run.

        Args:
            folder: the run's folder.
            settings: the run's settings.
            checkpoint_s: seconds between checkpoints.
            env_runners: env runner processes, as in :func:`.build_algorithm`.
        """
        self._folder, self._settings, self._checkpoint_s = folder, settings, checkpoint_s
        self._env_runners = env_runners
        last = folder.last_checkpoint()
        self.progress = Progress() if last is None else last[1]
        self._saved = self.progress
        self._algorithm: Any = None
        if self.finished:
            return
        folder.roll_back_to(None if last is None else last[0])
        self._algorithm = build_algorithm(settings, self.progress.env_steps, env_runners)
        if last is not None:
            self._algorithm.restore_from_path(str(last[0].resolve()))
        self._log = TrainingLog(folder, settings, self.progress)
        self._began = self._saved_at = time.monotonic()
        self._earlier_s = self.progress.wall_s

    @property
    def finished(self) -> bool:
        """Whether all env steps are done."""
        return self.progress.env_steps >= self._settings.env_steps

    def advance(self, stop_requested: Callable[[], bool] = lambda: False) -> dict[str, Any] | None:
        """Train until the next evaluation, evaluate, and save a checkpoint if one is due.

        Args:
            stop_requested: called after each iteration; if it returns True, training stops before the evaluation.

        Returns:
            The row added to ``progress.csv``; None if stopped before the evaluation.

        Raises:
            TrainingError: a loss or a weight is not finite, or a file cannot be written.
        """
        target = self.progress.env_steps + protocol.steps_between_evaluations(self._settings.env_steps)
        with self._known_errors_reported():
            while True:
                result = self._algorithm.train()
                now = time.monotonic()
                env_steps = int(result["num_env_steps_sampled_lifetime"])
                runners = max(self.progress.env_runners, self._env_runners)
                self.progress = Progress(env_steps, self._earlier_s + now - self._began, runners)
                self._log.add_result(result)
                if env_steps >= target or self.finished:
                    break
                if stop_requested():
                    return None
            row = self._log.write_row(self.progress, result, self._evaluate())
        if now - self._saved_at >= self._checkpoint_s:
            self.save()
        return row

    def _evaluate(self) -> Evaluation:
        """Evaluate the current greedy policy, and keep its networks if they are the best so far."""
        candidate = self._folder.path.resolve() / "candidate.unfinished"  # RLlib takes a relative path for a URI
        shutil.rmtree(candidate, ignore_errors=True)
        networks = candidate / "learner_group" / "learner" / "rl_module"  # the path within a checkpoint
        self._algorithm.learner_group.foreach_learner(lambda learner: learner.module.save_to_path(str(networks)))
        policy = registry.get(self._settings.algorithm).load().load_policy(self._settings, candidate)
        result = protocol.evaluate_in_training(policy, self._settings)
        utility, best = float(result.utility.mean()), self._folder.best_so_far()
        if best is None or utility > best[1]:
            self._folder.save_best(self.progress.env_steps, utility, candidate)
        shutil.rmtree(candidate, ignore_errors=True)
        return result

    def save(self) -> None:
        """Save a checkpoint, unless there is one of the current env steps.

        Raises:
            TrainingError: the checkpoint cannot be written.
        """
        if self.progress == self._saved:
            return
        with self._known_errors_reported():
            self._folder.save_checkpoint(self.progress, lambda path: self._algorithm.save_to_path(str(path.resolve())))
        self._saved, self._saved_at = self.progress, time.monotonic()

    @contextlib.contextmanager
    def _known_errors_reported(self) -> Iterator[None]:
        """Re-raise NaN or infinite losses and failed writes as TrainingError with recovery instructions."""
        path = self._folder.path
        last = last_checkpoint_text(self._saved if self._saved.env_steps else None)
        try:
            yield
        except NotFiniteError as error:
            batch = path / "nan-batch.npz"
            error.save(batch)
            raise TrainingError(
                f"Training failed: {error} after {self.progress.env_steps:,} env steps; the batch is in {batch}; {last}"
            ) from error
        except (ConnectionError, TimeoutError):  # from Ray: OSErrors that do not concern a file
            raise
        except OSError as error:
            env_steps = self.progress.env_steps
            raise TrainingError(
                f"Training failed: cannot write to {path} after {env_steps:,} env steps: {error.strerror or error}; "
                f"{last}. {RESUME_HINT}"
            ) from error

    def close(self) -> None:
        """Stop the algorithm without saving."""
        if self._algorithm is not None:
            self._algorithm.stop()
            self._log.close()
            self._algorithm = None


def last_checkpoint_text(progress: Progress | None) -> str:
    """Describe the checkpoint that training will resume from."""
    return (
        "there is no checkpoint" if progress is None else f"the last checkpoint is at {progress.env_steps:,} env steps"
    )
