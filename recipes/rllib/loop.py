"""The training loop that all recipes share: build, restore, train, report, keep checkpoints, stop when told to."""

import contextlib
import math
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

from edgeoffload_env import Evaluation
from edgeoffload_env.evaluation.score import score_baselines
from recipes import protocol, registry
from recipes.checkpoints import Progress
from recipes.progress import ProgressReport, latest
from recipes.rllib.finite import NotFiniteError
from recipes.rllib.metrics import EPISODE_KEYS, EpisodeMetrics
from recipes.rllib.outspoken import PROBE_TIMEOUT_S, RunnerError, outspoken
from recipes.runs import BrokenError, RunError, RunFolder, StoppedError, TrainingError
from recipes.settings import RunSettings
from recipes.stopping import StopSignals

_MOST_STEPS_PER_ITERATION = 5_000  # some seconds: between iterations a run can be stopped


def train_to_end(
    folder: RunFolder, settings: RunSettings, stop: StopSignals, checkpoint_s: float, env_runners: int = 0
) -> Progress:
    """Train what is left of a run, watched by a person. Needs a running Ray.

    Args:
        folder: the run's.
        settings: the run's.
        stop: asked between iterations.
        checkpoint_s: seconds from one checkpoint to the next.
        env_runners: processes that play, as in :func:`build`.

    Returns:
        How far the run has come: its end.

    Raises:
        StoppedError: a signal came before the end; what was trained is in a checkpoint.
        TrainingError: it cannot go on.
    """
    with _told(folder), contextlib.closing(Training(folder, settings, checkpoint_s, env_runners)) as training:
        if training.over:
            return training.progress
        title = f"{settings.algorithm} on {settings.scenario}, seed {settings.seed}"
        with contextlib.closing(ProgressReport(title, settings.env_steps, training.progress.env_steps)) as report:
            while not training.over and not stop.asked:
                row = training.advance(lambda: stop.asked)
                if row is None:
                    break
                report.update(row["env_steps"], latest(row["eval_utility"], row["eval_score"]))
        training.save()
        if not training.over:
            done = training.progress.env_steps
            raise StoppedError(f"stopped after {done:,} of {settings.env_steps:,} env steps")
        return training.progress


@contextlib.contextmanager
def _told(folder: RunFolder) -> Iterator[None]:
    """Says of what nobody foresaw what a person can do: nothing that was kept is lost."""
    try:
        yield
    except (RunError, StoppedError, TrainingError, ImportError):
        raise
    except Exception as error:
        last = folder.last_checkpoint()
        left = "no checkpoint is" if last is None else f"its checkpoint of {last[1].env_steps:,} env steps is"
        root = _root(error)
        what = str(root) if isinstance(root, RunnerError) else traceback.format_exception_only(root)[-1]
        raise BrokenError(
            f"training {folder.path} broke: {what.splitlines()[0]}; {left} there; "
            "once that is put right, the same command goes on"
        ) from error


def _root(error: BaseException) -> BaseException:
    """What an error came from."""
    return error if error.__cause__ is None else _root(error.__cause__)


class Training:
    """A run at work: goes on from its last checkpoint, and writes checkpoints. Needs a running Ray.

    Attributes:
        progress: how far the run has come.
    """

    def __init__(self, folder: RunFolder, settings: RunSettings, checkpoint_s: float, env_runners: int = 0) -> None:
        """Take up a run.

        Args:
            folder: the run's.
            settings: the run's.
            checkpoint_s: seconds from one checkpoint to the next.
            env_runners: processes that play, as in :func:`build`.
        """
        self._folder, self._settings, self._checkpoint_s = folder, settings, checkpoint_s
        self._env_runners = env_runners
        last = folder.last_checkpoint()
        self.progress = Progress() if last is None else last[1]
        self._saved = self.progress
        self._algorithm: Any = None
        if self.over:
            return
        folder.return_to(None if last is None else last[0])
        self._algorithm = build(settings, self.progress.env_steps, env_runners)
        if last is not None:
            self._algorithm.restore_from_path(str(last[0].resolve()))
        self._log = _Log(folder, settings, self.progress)
        self._began = self._saved_at = time.monotonic()
        self._earlier_s = self.progress.wall_s

    @property
    def over(self) -> bool:
        """Whether all env steps have been played."""
        return self.progress.env_steps >= self._settings.env_steps

    def advance(self, stopped: Callable[[], bool] = lambda: False) -> dict[str, Any] | None:
        """Train until the next evaluation.

        Args:
            stopped: asked every now and then whether to leave it at that; then nothing is evaluated.

        Returns:
            The row that was added to the progress file; None if stopped before.

        Raises:
            TrainingError: a loss is not finite, or a file cannot be written.
        """
        target = self.progress.env_steps + protocol.steps_between_evaluations(self._settings.env_steps)
        with self._explained():
            while True:
                result = self._algorithm.train()
                now = time.monotonic()
                env_steps = int(result["num_env_steps_sampled_lifetime"])
                runners = max(self.progress.env_runners, self._env_runners)
                self.progress = Progress(env_steps, self._earlier_s + now - self._began, runners)
                self._log.gather(result)
                if env_steps >= target or self.over:
                    break
                if stopped():
                    return None
            row = self._log.add(self.progress, result, self._evaluate())
        if now - self._saved_at >= self._checkpoint_s:
            self.save()
        return row

    def _evaluate(self) -> Evaluation:
        """The greedy policy as it is now, on the protocol's games; the best one's networks are kept."""
        candidate = self._folder.path.resolve() / "candidate.unfinished"  # RLlib takes a relative path for a URI
        shutil.rmtree(candidate, ignore_errors=True)
        networks = candidate / "learner_group" / "learner" / "rl_module"  # where a whole checkpoint has them
        self._algorithm.learner_group.foreach_learner(lambda learner: learner.module.save_to_path(str(networks)))
        policy = registry.get(self._settings.algorithm).load().load_policy(self._settings, candidate)
        result = protocol.evaluated(policy, self._settings)
        utility, best = float(result.utility.mean()), self._folder.best_so_far()
        if best is None or utility > best[1]:
            self._folder.keep_best(self.progress.env_steps, utility, candidate)
        shutil.rmtree(candidate, ignore_errors=True)
        return result

    def save(self) -> None:
        """Write a checkpoint, unless there is one of this moment.

        Raises:
            TrainingError: it cannot be written.
        """
        if self.progress == self._saved:
            return
        with self._explained():
            self._folder.save_checkpoint(self.progress, lambda path: self._algorithm.save_to_path(str(path.resolve())))
        self._saved, self._saved_at = self.progress, time.monotonic()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Says of what a person can do something about what it is, and what is left."""
        saved = self._saved.env_steps
        left = f"its checkpoint of {saved:,} env steps is" if saved else "no checkpoint is"
        path = self._folder.path
        try:
            yield
        except NotFiniteError as error:
            batch = path / "nan-batch.npz"
            error.save(batch)
            about = f"after {self.progress.env_steps:,} env steps {error}; the batch is in {batch}, and {left} there"
            raise TrainingError(about) from error
        except (ConnectionError, TimeoutError):  # Ray's, which are OSErrors and about no file
            raise
        except OSError as error:
            done = f"{self.progress.env_steps:,} env steps"
            raise TrainingError(
                f"{path} cannot be written after {done}: {error.strerror or error}; {left} there; "
                "once that is put right, the same command goes on"
            ) from error

    def close(self) -> None:
        """Stop the algorithm; what was trained since the last checkpoint is lost."""
        if self._algorithm is not None:
            self._algorithm.stop()
            self._log.close()
            self._algorithm = None


def build(settings: RunSettings, env_steps_done: int, env_runners: int = 0) -> Any:
    """The run's algorithm, quiet and with the report's rhythm.

    Args:
        settings: the run's.
        env_steps_done: those that were played before this session.
        env_runners: processes of their own that play, anywhere in the cluster; 0 for the learner's. With others' the
            numbers depend on who answers first, and are not the same twice.
    """
    config = registry.get(settings.algorithm).load().algorithm_config(settings)
    config.debugging(seed=session_seed(settings.seed, env_steps_done), log_level="ERROR")
    config.callbacks(EpisodeMetrics)
    if env_runners:
        config.env_runners(num_env_runners=env_runners, env_runner_cls=outspoken(config.env_runner_cls))
        config.fault_tolerance(env_runner_health_probe_timeout_s=PROBE_TIMEOUT_S)
    config.reporting(
        min_time_s_per_iteration=0,
        min_sample_timesteps_per_iteration=min(
            protocol.steps_between_evaluations(settings.env_steps), _MOST_STEPS_PER_ITERATION
        ),
    )
    return config.build_algo()


def session_seed(seed: int, env_steps_done: int) -> int:
    """RLlib's seed for a session of a run: its streams start anew on a resume, and must not play the same games again.

    Spread over 31 bits, because RLlib counts up from it for the games side by side.
    """
    return int(np.random.SeedSequence((seed, env_steps_done)).generate_state(1)[0]) // 2


class _Log:
    """Where a result goes: the progress file and TensorBoard."""

    def __init__(self, folder: RunFolder, settings: RunSettings, progress: Progress) -> None:
        self._folder, self._before = folder, progress
        self._marks = score_baselines(settings.env_config)
        self._board = SummaryWriter(str(folder.path), purge_step=progress.env_steps + 1, write_to_disk=True)
        self._episodes: dict[str, list[float]] = {key: [] for key in EPISODE_KEYS}

    def close(self) -> None:
        self._board.close()

    def gather(self, result: dict[str, Any]) -> None:
        """The episodes of one iteration, for the next row."""
        for key, values in self._episodes.items():
            values.extend(result["env_runners"].get(key, []))

    def add(self, progress: Progress, result: dict[str, Any], evaluation: Evaluation) -> dict[str, Any]:
        """An evaluation after so many episodes, with the last iteration's result; returns its row."""
        episodes, self._episodes = self._episodes, {key: [] for key in EPISODE_KEYS}
        means = {key: float(np.mean(values)) if len(values) else math.nan for key, values in episodes.items()}
        score = math.nan
        if self._marks is not None:
            floor, reference = self._marks.floor.utility, self._marks.reference.utility
            score = (means["utility"] - floor) / (reference - floor)
        steps, seconds = progress.env_steps - self._before.env_steps, progress.wall_s - self._before.wall_s
        self._before = progress
        row = {
            "env_steps": progress.env_steps,
            "wall_s": round(progress.wall_s, 3),
            "env_steps_per_s": round(steps / seconds, 1),
            "episodes": len(episodes["utility"]),
            **means,
            "score": score,
            **{f"eval_{name}": interval.mean for name, interval in evaluation.summary().items()},
        }
        self._folder.add_row(row)
        for name, value in (row | _learner_means(result)).items():
            if math.isfinite(value):
                self._board.add_scalar(name, value, progress.env_steps)
        return row


def _learner_means(result: dict[str, Any]) -> dict[str, float]:
    """Each figure of the learner, averaged over the modules that have it."""
    values: dict[str, list[float]] = {}
    for module, figures in result.get("learners", {}).items():
        if module.startswith("__"):
            continue
        for name, value in figures.items():
            if isinstance(value, int | float | np.number):
                values.setdefault(f"learner/{name}", []).append(float(value))
    return {name: float(np.mean(numbers)) for name, numbers in values.items()}
