"""A sweep's runs as trials of Ray Tune: over the cores of this machine, or the nodes of a cluster.

Each trial trains one run's folder, exactly as ``train`` does: what a trial leaves behind is a run like any other, with
its checkpoints and TensorBoard files, and whatever dies, the run's own last checkpoint is where it goes on. Tune places
the trials, watches over them, and starts those anew that died.
"""

import contextlib
import logging
import math
import os
import platform
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.callback import Callback
from ray.tune.execution.placement_groups import PlacementGroupFactory
from ray.tune.experiment import Trial

from recipes.progress import ProgressReport, latest
from recipes.rllib.loop import Training
from recipes.rllib.session import no_results_at_home, quiet_process
from recipes.runs import RunError, RunFolder, TrainingError
from recipes.settings import RunSettings
from recipes.sweep import PlannedRun
from recipes.train import CHECKPOINT_S, finish

_FAILURES = 3
_LOCK_WAIT_S = 30.0  # for the process of a trial whose driver was killed a moment ago


class RunTrial(tune.Trainable):  # type: ignore[misc]  # Ray carries no types
    """One run. ``config["run"]`` is what :func:`_trial` gives."""

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> PlacementGroupFactory:
        """A core; with ``device=cuda`` also a share of a GPU."""
        share = {"GPU": config["run"]["gpu_share"]} if _on_gpu(config["run"]["settings"]) else {}
        return PlacementGroupFactory([{"CPU": 1} | share])

    def setup(self, config: dict[str, Any]) -> None:
        """Only keep what to do: a run is taken up by the first :meth:`step`.

        What fails there Tune tries again, as it does not with what fails in a process's change to another run.
        """
        quiet_process()
        self._open = contextlib.ExitStack()
        self._training: Training | None = None
        self._run: dict[str, Any] | None = config["run"]
        self._sound = False

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take up another run in this process, whose imports took longer than some short runs."""
        self._run = new_config["run"]
        return True

    def step(self) -> dict[str, Any]:
        """Train until the next evaluation; after the last one judge the run, and write its summary.

        What would fail again in the same way ends the trial with an ``error``, since Tune starts anew what raises.
        """
        if self._run is not None:
            self._begin(self._run)
            self._run = None
        training, row = self._training, {}
        if training is not None:
            self._sound = False
            try:
                if not training.over:
                    row = training.advance() or {}
                if not training.over:
                    self._sound = True
                    return row | {"done": False}
                training.save()
            except TrainingError as error:
                with contextlib.suppress(Exception):  # of the same cause, such as a disk that is full
                    self._end()
                return {"error": str(error), "done": True}
            finish(self._folder, self._settings, training.progress)
            self._end()
        summary = self._folder.summary
        assert summary is not None
        final = {name: summary["evaluation"][name]["mean"] for name in ("utility", "score")}
        return row | final | {"env_steps": summary["env_steps"], "done": True}

    def cleanup(self) -> None:
        """Keep what was trained, unless training broke in the middle of an iteration."""
        with self._open:
            if self._training is not None and self._sound:
                self._training.save()

    def _begin(self, run: dict[str, Any]) -> None:
        """Take up the run where it stands."""
        if not Path(run["sign"]).is_file():
            raise RunError(
                f"node {platform.node()} does not see {run['sign']}, which the sweep put there; "
                "on a cluster --out must be a folder that all nodes share"
            )
        self._settings, self._folder = RunSettings.from_json(run["settings"]), RunFolder(Path(run["folder"]))
        if self._folder.finished:  # and the process died before it could say so
            return
        self._open.enter_context(no_results_at_home())
        self._folder = RunFolder.begin(self._folder.path, self._settings, wait_s=_LOCK_WAIT_S)
        self._open.callback(self._folder.release)
        training = Training(self._folder, self._settings, run["checkpoint_s"])
        self._training = self._open.enter_context(contextlib.closing(training))
        self._sound = True

    def _end(self) -> None:
        """Let the run go, whose process may take up another one."""
        self._training = None
        self._open.close()


class _Watch(Callback):  # type: ignore[misc]
    """Tells a person how far the trials are, and keeps what went wrong: a Result without a report names no trial."""

    def __init__(
        self, runs: Sequence[PlannedRun], done: dict[str, int], finished: Callable[[PlannedRun], None]
    ) -> None:
        """Start to watch.

        Args:
            runs: all of the sweep's.
            done: env steps of those that were trained before, by name.
            finished: called with each run that has come to its end.
        """
        self._call = finished
        self._runs = {run.name: run for run in runs}
        self._steps = {name: min(steps, self._runs[name].settings.env_steps) for name, steps in done.items()}
        self._finished: set[str] = set()
        self.errors: dict[str, str] = {}
        total = sum(run.settings.env_steps for run in runs)
        self._report = ProgressReport(f"{len(runs)} runs", total, sum(self._steps.values()))

    def __reduce__(self) -> Any:
        return Callback, ()  # Tune keeps a pickle of its callbacks, for a way to resume that is not ours

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **_: Any
    ) -> None:
        """An iteration of a trial."""
        run = self._runs[_name_of(trial)]
        if "error" in result:
            self.errors[run.name] = result["error"]
            self._report.say(f"{run.name}: failed")
            return
        self._steps[run.name] = min(result["env_steps"], run.settings.env_steps)
        if result["done"]:
            self._finished.add(run.name)
            self._call(run)
            score = math.nan if result["score"] is None else result["score"]
            self._report.say(f"{run.name}: {latest(result['utility'], score)}")
        running = sum(other.status == Trial.RUNNING for other in trials)
        state = f"{len(self._finished)} of {len(self._runs)} runs done, {running} running"
        self._report.update(sum(self._steps.values()), state)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """A trial died more often than it may."""
        name = _name_of(trial)
        own, kept = trial.error_file, trial.storage.trial_fs_path  # the other is a copy, made every ten seconds
        error = Path(own).read_text(encoding="utf-8") if own and Path(own).is_file() else ""
        self.errors[name] = error or "its process died as it took up this run"
        self._report.say(f"{name}: failed" + (f"; its error is kept in {kept}/error.txt" if error else ""))

    def close(self) -> None:
        """End the report."""
        self._report.close()


def train_runs(
    runs: Sequence[PlannedRun],
    out: Path,
    *,
    max_concurrent: int | None = None,
    gpu_share: float = 1.0,
    checkpoint_s: float = CHECKPOINT_S,
    finished: Callable[[PlannedRun], None] = lambda run: None,
) -> dict[str, str]:
    """Train runs to their end, as many at a time as there are cores. Needs a running Ray.

    Args:
        runs: unfinished ones.
        out: the sweep's folder; every node must see it.
        max_concurrent: the most trials at a time.
        gpu_share: of a GPU, what a trial with ``device=cuda`` gets.
        checkpoint_s: seconds from one checkpoint of a run to the next.
        finished: called with each run when its summary is written.

    Returns:
        What went wrong, by the name of the run.

    Raises:
        RunError: runs with ``device=cuda`` where there is no GPU.
    """
    gpus = ray.cluster_resources().get("GPU", 0.0)
    if gpus < gpu_share and any(_on_gpu(run.settings.to_json()) for run in runs):
        raise RunError(f"device = 'cuda' needs {gpu_share:g} of a GPU, and Ray finds {gpus:g} here")
    done = {}
    for run in runs:
        folder = RunFolder(out / run.folder)
        try:
            last = folder.last_checkpoint()
        except RunError:  # which its trial will tell
            last = None
        done[run.name] = 0 if last is None else last[1].env_steps
    watch = _Watch(runs, done, finished)
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # a run's folder has its own tables and events
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the new one prints tables even when told to be quiet
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # errors are told in one line, and kept in files
    storage = out / ".tune"
    sign = storage / f"sign-{secrets.token_hex(8)}"
    storage.mkdir(parents=True, exist_ok=True)
    sign.touch()
    trials = [_trial(run, out, sign, gpu_share, checkpoint_s) for run in runs]
    tuner = tune.Tuner(
        RunTrial,
        param_space={"run": tune.grid_search(trials)},
        tune_config=tune.TuneConfig(
            max_concurrent_trials=max_concurrent,
            reuse_actors=True,
            trial_name_creator=_name_of,
            trial_dirname_creator=_folder_of,
        ),
        run_config=tune.RunConfig(
            name=time.strftime("%Y%m%d-%H%M%S"),
            storage_path=str(storage.resolve()),
            verbose=0,
            callbacks=[watch],
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=_FAILURES),
        ),
    )
    with _sigterm_as_sigint(), contextlib.closing(watch):
        tuner.fit()
    sign.unlink()
    if not watch.errors:
        shutil.rmtree(storage)
    return watch.errors


def _trial(run: PlannedRun, out: Path, sign: Path, gpu_share: float, checkpoint_s: float) -> dict[str, Any]:
    """What a trial needs to know; ``sign`` is a file that tells it whether its node sees the sweep's folder."""
    return {
        "name": run.name,
        "settings": run.settings.to_json(),
        "folder": str((out / run.folder).resolve()),
        "sign": str(sign.resolve()),
        "gpu_share": gpu_share,
        "checkpoint_s": checkpoint_s,
    }


def _on_gpu(settings: dict[str, Any]) -> bool:
    return bool(settings["hyperparameters"].get("device") == "cuda")


def _name_of(trial: Trial) -> str:
    return str(trial.config["run"]["name"])


def _folder_of(trial: Trial) -> str:
    return _name_of(trial).replace("/", "_")


@contextlib.contextmanager
def _sigterm_as_sigint() -> Iterator[None]:
    """Tune ends gracefully on SIGINT alone."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
