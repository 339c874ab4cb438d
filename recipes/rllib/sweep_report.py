"""Progress and errors of a sweep's trials, as a callback of Ray Tune."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ray.tune.callback import Callback
from ray.tune.experiment import Trial

from recipes.progress import ProgressReport, format_metrics
from recipes.sweep import PlannedRun


def run_name(trial: Trial) -> str:
    """Return the name of a trial's run."""
    return str(trial.config["run"]["name"])


class SweepReport(Callback):  # type: ignore[misc]  # Ray carries no types
    """Reports progress on standard error, and collects errors by run: Tune's results of failed trials lack a name.

    Attributes:
        errors: error messages by the name of the run.
    """

    def __init__(
        self, runs: Sequence[PlannedRun], done: dict[str, int], finished: Callable[[PlannedRun], None]
    ) -> None:
        """Start the report.

        Args:
            runs: all runs of the sweep.
            done: env steps of earlier sessions, by name.
            finished: called with each finished run.
        """
        self._on_finished = finished
        self._runs = {run.name: run for run in runs}
        self._steps = {name: min(steps, self._runs[name].settings.env_steps) for name, steps in done.items()}
        self._finished: set[str] = set()
        self.errors: dict[str, str] = {}
        total = sum(run.settings.env_steps for run in runs)
        self._report = ProgressReport(f"{len(runs)} runs", total, sum(self._steps.values()))

    def __reduce__(self) -> Any:
        return Callback, ()  # Tune pickles its callbacks for its own resume, which sweeps do not use

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **_: Any
    ) -> None:
        """Report an iteration of a trial."""
        run = self._runs[run_name(trial)]
        if "error" in result:
            self.errors[run.name] = result["error"]
            self._report.print_line(f"{run.name}: failed")
            return
        self._steps[run.name] = min(result["env_steps"], run.settings.env_steps)
        if result["done"]:
            self._finished.add(run.name)
            self._on_finished(run)
            score = math.nan if result["score"] is None else result["score"]
            self._report.print_line(f"{run.name}: {format_metrics(result['utility'], score)}")
        running = sum(other.status == Trial.RUNNING for other in trials)
        status = f"{len(self._finished)} of {len(self._runs)} runs done, {running} running"
        self._report.update(sum(self._steps.values()), status)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Report a trial that failed more often than Tune restarts it."""
        name = run_name(trial)
        # The local file is complete; Tune copies it to the storage folder every ten seconds.
        local, kept = trial.error_file, trial.storage.trial_fs_path
        error = Path(local).read_text(encoding="utf-8") if local and Path(local).is_file() else ""
        self.errors[name] = error or "its process died while it started this run"
        self._report.print_line(f"{name}: failed" + (f"; traceback in {kept}/error.txt" if error else ""))

    def close(self) -> None:
        """Close the progress report."""
        self._report.close()
