"""Training a run to its end, or to an interrupt, from wherever it stands; then its evaluation and summary."""

from collections.abc import Callable
from typing import Any

from edgeoffload_env import Evaluation
from edgeoffload_env.policies import Policy
from recipes import protocol, registry
from recipes.checkpoints import Progress
from recipes.runs import RunError, RunFolder
from recipes.settings import RunSettings
from recipes.stopping import StopSignals
from recipes.versions import code, versions

CHECKPOINT_S = 60.0
"""Seconds from one checkpoint to the next: what is lost at most where a process is killed."""


def train(
    folder: RunFolder,
    settings: RunSettings,
    stop: StopSignals,
    *,
    checkpoint_s: float = CHECKPOINT_S,
    address: str | None = None,
    env_runners: int = 0,
) -> Evaluation:
    """Train what is left of a run, then :func:`finish` it.

    Args:
        folder: the run's.
        settings: the run's.
        stop: asked before and while it trains, and while it is judged.
        checkpoint_s: seconds from one checkpoint to the next.
        address: of a Ray cluster to use; by default a Ray of its own.
        env_runners: processes that play for the learner, a core each; 0 for the learner itself.

    Raises:
        StoppedError: by a signal, after a checkpoint was written.
        TrainingError: it cannot go on.
    """
    from recipes.rllib.session import cluster, local_ray

    with local_ray(1 + env_runners) if address is None else cluster(address):
        stop.renew()
        stop.check()
        from recipes.rllib.loop import train_to_end

        progress = train_to_end(folder, settings, stop, checkpoint_s, env_runners)
    done = f"after all {progress.env_steps:,} env steps, before they were judged"
    return finish(folder, settings, progress, lambda: stop.check(done))


def check_device(settings: RunSettings) -> None:
    """Whether the device that a run asks for is here, before anything is written.

    Raises:
        RunError: a GPU is asked for, and torch finds none.
        ImportError: a GPU is asked for, and torch is not installed.
    """
    if getattr(settings.hyperparameters, "device", "cpu") == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise RunError(
            "device = 'cuda' is not allowed here: torch finds no GPU; allowed: cpu, or cuda where there is one"
        )


def finish(
    folder: RunFolder, settings: RunSettings, progress: Progress, check: Callable[[], None] = lambda: None
) -> Evaluation:
    """Judge a run that was trained to its end, its last and its best networks, and write its summary.

    Args:
        folder: the run's.
        settings: the run's.
        progress: where it ended, and whether env runners played for its learner; written down where there were any.
        check: called after every few slots of the evaluations; what it raises ends them, and the run stays unfinished.

    Returns:
        The last networks' evaluation on the games of the training's own evaluations.

    Raises:
        What ``check`` raises.
    """

    def between(_: int) -> None:
        check()

    policy = policy_of(folder)
    result = protocol.evaluated(policy, settings, between)
    last = protocol.final(policy, settings, between)
    final = {"last": protocol.as_json(last) | {"at_env_steps": progress.env_steps}}
    best = folder.best_so_far()
    if best is not None:
        chosen = registry.get(settings.algorithm).load().load_policy(settings, folder.best)
        final["best"] = protocol.as_json(protocol.final(chosen, settings, between)) | {"at_env_steps": best[0]}
    played = {"env_runners": progress.env_runners} if progress.env_runners else {}
    folder.finish(summary_of(settings, progress, result) | played | {"final": final})
    return result


def policy_of(folder: RunFolder) -> Policy:
    """What a run has learned so far: the greedy policy of its last checkpoint.

    Raises:
        RunError: there is no checkpoint yet.
        ImportError: what its networks need is not installed; the message names the extra.
    """
    last = folder.last_checkpoint()
    if last is None:
        raise RunError(f"{folder.path} has no checkpoint yet; train it first")
    settings = folder.settings
    try:
        return registry.get(settings.algorithm).load().load_policy(settings, last[0])
    except ImportError as error:
        extra = "torch" if error.name == "torch" else "rllib"
        need = f"a policy of {settings.algorithm} needs `pip install 'edgeoffload-env[{extra}]'`"
        raise ImportError(f"{error}; {need}", name=error.name) from error


def summary_of(settings: RunSettings, progress: Progress, result: Evaluation) -> dict[str, Any]:
    """What ``summary.json`` holds: the run's settings, what was done, with what, and how good it is."""
    return {
        **settings.to_json(),
        "env_steps": progress.env_steps,
        "wall_s": round(progress.wall_s, 1),
        "versions": versions(),
        "code": code(),
        "evaluation": protocol.as_json(result),
    }
