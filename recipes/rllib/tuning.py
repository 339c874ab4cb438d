"""Runs of a sweep on Ray Tune: on the cores of this machine, or on the nodes of a cluster."""

import contextlib
import logging
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import ray
from ray import tune
from ray.tune.experiment import Trial

from recipes.checkpoints import CHECKPOINT_INTERVAL_S
from recipes.errors import RunError
from recipes.rllib.sweep_report import SweepReport, run_name
from recipes.rllib.trial import RunTrial, needs_gpu, trial_config
from recipes.runs import RunFolder
from recipes.sweep import PlannedRun

_MAX_RESTARTS = 3


def train_runs(
    runs: Sequence[PlannedRun],
    out: Path,
    *,
    max_concurrent: int | None = None,
    gpu_share: float = 1.0,
    checkpoint_s: float = CHECKPOINT_INTERVAL_S,
    finished: Callable[[PlannedRun], None] = lambda run: None,
) -> dict[str, str]:
    """Train runs to their end, as many at a time as there are cores. Needs a running Ray.

    Args:
        runs: unfinished runs.
        out: the sweep's folder, which all nodes must see.
        max_concurrent: most trials at a time.
        gpu_share: fraction of a GPU for each trial with ``device=cuda``.
        checkpoint_s: seconds between checkpoints of a run.
        finished: called with each run whose summary has been written.

    Returns:
        Error messages of the failed runs, by name.

    Raises:
        RunError: runs with ``device=cuda``, and Ray finds no GPU.
    """
    _require_gpu(runs, gpu_share)
    _silence_tune()
    storage = out / ".tune"
    marker = storage / f"marker-{secrets.token_hex(8)}"
    storage.mkdir(parents=True, exist_ok=True)
    marker.touch()
    report = SweepReport(runs, {run.name: _env_steps_done(out / run.folder) for run in runs}, finished)
    configs = [trial_config(run, out, marker, gpu_share, checkpoint_s) for run in runs]
    tuner = tune.Tuner(
        RunTrial,
        param_space={"run": tune.grid_search(configs)},
        tune_config=tune.TuneConfig(
            max_concurrent_trials=max_concurrent,
            reuse_actors=True,
            trial_name_creator=run_name,
            trial_dirname_creator=_trial_folder,
        ),
        run_config=tune.RunConfig(
            name=time.strftime("%Y%m%d-%H%M%S"),
            storage_path=str(storage.resolve()),
            verbose=0,
            callbacks=[report],
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=_MAX_RESTARTS),
        ),
    )
    with _sigterm_as_sigint(), contextlib.closing(report):
        tuner.fit()
    marker.unlink()
    if not report.errors:
        shutil.rmtree(storage)
    return report.errors


def _require_gpu(runs: Sequence[PlannedRun], gpu_share: float) -> None:
    available = ray.cluster_resources().get("GPU", 0.0)
    if available < gpu_share and any(needs_gpu(run.settings.to_json()) for run in runs):
        raise RunError(f"device 'cuda' needs {gpu_share:g} of a GPU, and Ray finds {available:g}")


def _silence_tune() -> None:
    """Turn off Tune's own loggers and tables; :class:`.SweepReport` and the run folders replace them."""
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the new output prints tables at verbose=0 too
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)


def _env_steps_done(folder: Path) -> int:
    try:
        last = RunFolder(folder).last_checkpoint()
    except RunError:  # the run's trial will report it
        return 0
    return 0 if last is None else last[1].env_steps


def _trial_folder(trial: Trial) -> str:
    return run_name(trial).replace("/", "_")


@contextlib.contextmanager
def _sigterm_as_sigint() -> Iterator[None]:
    """Handle SIGTERM as SIGINT, the only signal at which Tune saves its trials."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
