"""A run of a sweep as a trial of Ray Tune.

Tune schedules trials and restarts those whose process died. It does not checkpoint them: a restarted trial resumes from
the run's own last checkpoint, as ``python -m recipes train`` would.
"""

import contextlib
import platform
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.execution.placement_groups import PlacementGroupFactory

from recipes.errors import RunError, TrainingError
from recipes.rllib.session import quiet_process, temporary_ray_results
from recipes.rllib.training import Training
from recipes.runs import RunFolder
from recipes.settings import RunSettings
from recipes.summary import finish_run
from recipes.sweep import PlannedRun

_LOCK_WAIT_S = 60.0  # a trial's process may hold the lock for a moment after its driver was killed


def trial_config(run: PlannedRun, out: Path, marker: Path, gpu_share: float, checkpoint_s: float) -> dict[str, Any]:
    """Return the configuration of a run's trial.

    Args:
        run: the run.
        out: the sweep's folder.
        marker: a file in it, by which the trial checks that its node sees the folder.
        gpu_share: fraction of a GPU for a run with ``device=cuda``.
        checkpoint_s: seconds between checkpoints.
    """
    return {
        "name": run.name,
        "settings": run.settings.to_json(),
        "folder": str((out / run.folder).resolve()),
        "marker": str(marker.resolve()),
        "gpu_share": gpu_share,
        "checkpoint_s": checkpoint_s,
    }


def needs_gpu(settings: dict[str, Any]) -> bool:
    """Return whether the JSON settings of a run request a GPU."""
    return bool(settings["hyperparameters"].get("device") == "cuda")


class RunTrial(tune.Trainable):  # type: ignore[misc]  # Ray carries no types
    """Trial of one run; ``config["run"]`` is a :func:`trial_config`.

    Tune reuses the process of a finished trial for the next one, whose imports would take longer than some short runs.
    """

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> PlacementGroupFactory:
        """Request a core, and with ``device=cuda`` a fraction of a GPU."""
        gpu = {"GPU": config["run"]["gpu_share"]} if needs_gpu(config["run"]["settings"]) else {}
        return PlacementGroupFactory([{"CPU": 1} | gpu])

    def setup(self, config: dict[str, Any]) -> None:
        """Store the configuration; the first :meth:`step` starts the run.

        Tune retries a trial that fails in ``step``, but not one that fails in ``reset_config``.
        """
        quiet_process()
        self._resources = contextlib.ExitStack()
        self._training: Training | None = None
        self._next_run: dict[str, Any] | None = config["run"]
        self._can_save = False

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Store the configuration of the next trial in this process."""
        self._next_run = new_config["run"]
        return True

    def step(self) -> dict[str, Any]:
        """Train until the next evaluation; at the run's end write its summary.

        A TrainingError would recur, so it ends the trial with an ``error`` in the result instead of an exception, after
        which Tune would restart the trial.
        """
        if self._next_run is not None:
            self._begin(self._next_run)
            self._next_run = None
        training, row = self._training, {}
        if training is not None:
            self._can_save = False
            try:
                if not training.finished:
                    row = training.advance() or {}
                if not training.finished:
                    self._can_save = True
                    return row | {"done": False}
                training.save()
            except TrainingError as error:
                with contextlib.suppress(Exception):  # closing may fail for the same reason, such as a full disk
                    self._end()
                return {"error": str(error), "done": True}
            finish_run(self._folder, self._settings, training.progress)
            self._end()
        summary = self._folder.summary
        assert summary is not None
        final = {name: summary["evaluation"][name]["mean"] for name in ("utility", "score")}
        return row | final | {"env_steps": summary["env_steps"], "done": True}

    def cleanup(self) -> None:
        """Save a checkpoint, unless the last iteration raised."""
        with self._resources:
            if self._training is not None and self._can_save:
                self._training.save()

    def _begin(self, run: dict[str, Any]) -> None:
        """Start or resume a run."""
        if not Path(run["marker"]).is_file():
            raise RunError(
                f"node {platform.node()} cannot see {run['marker']}; "
                "on a cluster --out must be a folder that all nodes share"
            )
        self._settings, self._folder = RunSettings.from_json(run["settings"]), RunFolder(Path(run["folder"]))
        if self._folder.finished:  # the process died between the summary and its result
            return
        self._resources.enter_context(temporary_ray_results())
        self._folder = RunFolder.begin(self._folder.path, self._settings, wait_s=_LOCK_WAIT_S)
        self._resources.callback(self._folder.release)
        training = Training(self._folder, self._settings, run["checkpoint_s"])
        self._training = self._resources.enter_context(contextlib.closing(training))
        self._can_save = True

    def _end(self) -> None:
        """Close the run."""
        self._training = None
        self._resources.close()
