"""The training loop that all recipes share: build, restore, train, report, keep checkpoints, stop when told to."""

import contextlib
import math
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

from edgeoffload_env.evaluation.score import marks_for
from recipes import registry
from recipes.progress import ProgressReport
from recipes.rllib.metrics import EPISODE_KEYS, EpisodeMetrics
from recipes.runs import Progress, RunFolder, StoppedError
from recipes.settings import RunSettings

_STEPS_PER_REPORT = 1_000
_SECONDS_PER_CHECKPOINT = 60.0


class StopSignals:
    """Turns the first SIGINT or SIGTERM into a request to stop; a second one stops at once."""

    def __init__(self) -> None:
        self.asked = False

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals within the block."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, *_: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def train_to_end(folder: RunFolder, settings: RunSettings) -> Progress:
    """Train what is left of a run. Needs a running Ray.

    Returns:
        How far the run has come: its end.

    Raises:
        StoppedError: a signal came before the end; what was trained is in a checkpoint.
    """
    last = folder.last_checkpoint()
    progress = Progress() if last is None else last[1]
    folder.drop_rows_after(progress.env_steps)
    if progress.env_steps >= settings.env_steps:
        return progress
    stop = StopSignals()
    with contextlib.ExitStack() as stack:
        stack.enter_context(stop.caught())
        algorithm = build(settings, progress.env_steps)
        stack.callback(algorithm.stop)
        if last is not None:
            algorithm.restore_from_path(str(last[0].resolve()))
        log = stack.enter_context(_Log(folder, settings, progress))
        saved_at, began, earlier_s = time.monotonic(), time.monotonic(), progress.wall_s
        while progress.env_steps < settings.env_steps and not stop.asked:
            result = algorithm.train()
            now = time.monotonic()
            progress = Progress(int(result["num_env_steps_sampled_lifetime"]), earlier_s + now - began)
            log.add(progress, result)
            over = progress.env_steps >= settings.env_steps or stop.asked
            if over or now - saved_at >= _SECONDS_PER_CHECKPOINT:
                folder.save_checkpoint(progress, lambda path: algorithm.save_to_path(str(path.resolve())))
                saved_at = time.monotonic()
    if progress.env_steps < settings.env_steps:
        raise StoppedError(f"stopped after {progress.env_steps:,} of {settings.env_steps:,} env steps")
    return progress


def build(settings: RunSettings, env_steps_done: int) -> Any:
    """The run's algorithm, quiet and with the report's rhythm, for a session that starts after so many env steps."""
    config = registry.get(settings.algorithm).load().algorithm_config(settings)
    config.debugging(seed=session_seed(settings.seed, env_steps_done), log_level="ERROR")
    config.callbacks(EpisodeMetrics)
    config.reporting(
        min_time_s_per_iteration=0,
        min_sample_timesteps_per_iteration=min(_STEPS_PER_REPORT, settings.env_steps),
    )
    return config.build_algo()


def session_seed(seed: int, env_steps_done: int) -> int:
    """RLlib's seed for a session of a run: its streams start anew on a resume, and must not play the same games again.

    Spread over 31 bits, because RLlib counts up from it for the games side by side.
    """
    return int(np.random.SeedSequence((seed, env_steps_done)).generate_state(1)[0]) // 2


class _Log:
    """Where a result goes: the progress file, TensorBoard, and whoever watches."""

    def __init__(self, folder: RunFolder, settings: RunSettings, progress: Progress) -> None:
        self._folder, self._before = folder, progress
        self._marks = marks_for(settings.env_config)
        title = f"{settings.algorithm} on {settings.scenario}, seed {settings.seed}"
        self._report = ProgressReport(title, settings.env_steps, progress.env_steps)
        self._board = SummaryWriter(str(folder.path), purge_step=progress.env_steps + 1, write_to_disk=True)

    def __enter__(self) -> "_Log":
        return self

    def __exit__(self, *_: Any) -> None:
        self._report.close()
        self._board.close()

    def add(self, progress: Progress, result: dict[str, Any]) -> None:
        """One iteration's result."""
        episodes = {key: result["env_runners"].get(key, []) for key in EPISODE_KEYS}
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
        }
        self._folder.add_row(row)
        self._report.update(progress.env_steps, means["utility"], score)
        for name, value in (row | _learner_means(result)).items():
            if math.isfinite(value):
                self._board.add_scalar(name, value, progress.env_steps)


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
