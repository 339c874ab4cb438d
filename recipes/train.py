"""Training of one run from its last checkpoint to its summary."""

from edgeoffload_env import Evaluation
from edgeoffload_env.views.backends import check_gpu
from recipes.checkpoints import CHECKPOINT_INTERVAL_S
from recipes.errors import RunError
from recipes.runs import RunFolder
from recipes.settings import RunSettings
from recipes.stop_signals import StopSignals
from recipes.summary import finish_run


def train(
    folder: RunFolder,
    settings: RunSettings,
    stop: StopSignals,
    *,
    checkpoint_s: float = CHECKPOINT_INTERVAL_S,
    address: str | None = None,
    env_runners: int = 0,
) -> Evaluation:
    """Train the rest of a run, then evaluate it and write its summary.

    Args:
        folder: the run's folder.
        settings: the run's settings.
        stop: checked before and during training, and during the final evaluation.
        checkpoint_s: seconds between checkpoints.
        address: address of a running Ray cluster; by default a local Ray is started.
        env_runners: env runner processes, one core each; 0 to sample in the learner's process.

    Raises:
        StoppedError: a signal arrived; a checkpoint was written.
        TrainingError: training failed.
    """
    from recipes.rllib.session import cluster, local_ray

    with local_ray(1 + env_runners) if address is None else cluster(address):
        stop.reinstall()
        stop.check()
        from recipes.rllib.loop import train_to_end

        progress = train_to_end(folder, settings, stop, checkpoint_s, env_runners)
    trained = f"after all {progress.env_steps:,} env steps, before the final evaluation"
    return finish_run(folder, settings, progress, lambda: stop.check(trained))


def check_device(settings: RunSettings) -> None:
    """Check that the device that a run requests is available.

    Raises:
        RunError: a GPU is requested, and torch finds none.
        ImportError: a GPU is requested, and torch is not installed.
    """
    device = getattr(settings.hyperparameters, "device", "cpu")
    if device == "cpu":
        return
    try:
        check_gpu(device)
    except ValueError as error:
        raise RunError(str(error)) from None
