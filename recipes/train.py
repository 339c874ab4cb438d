"""Training a run to its end, or to an interrupt, from wherever it stands; then its evaluation and summary."""

import platform
from importlib import metadata
from typing import Any

from edgeoffload_env import Evaluation, evaluate
from edgeoffload_env.policies import Policy
from recipes import registry
from recipes.runs import Progress, RunError, RunFolder
from recipes.settings import RunSettings

EVALUATION_EPISODES = 32
EVALUATION_SEED = 0

_PACKAGES = ("edgeoffload-env", "gymnasium", "numpy", "pettingzoo", "ray", "torch")


def train(folder: RunFolder, settings: RunSettings) -> Evaluation:
    """Train what is left of a run, evaluate it greedily on games it has not seen, and write its summary.

    Raises:
        StoppedError: by SIGINT or SIGTERM, after a checkpoint was written.
    """
    from recipes.rllib.session import local_ray

    with local_ray():
        from recipes.rllib.loop import train_to_end

        progress = train_to_end(folder, settings)
    policy = policy_of(folder)
    result = evaluate(policy, settings.scenario, EVALUATION_EPISODES, EVALUATION_SEED, **settings.env)
    folder.finish(summary_of(settings, progress, result))
    return result


def policy_of(folder: RunFolder) -> Policy:
    """What a run has learned so far: the greedy policy of its last checkpoint.

    Raises:
        RunError: there is no checkpoint yet.
    """
    last = folder.last_checkpoint()
    if last is None:
        raise RunError(f"{folder.path} has no checkpoint yet; train it first")
    settings = folder.settings
    return registry.get(settings.algorithm).load().load_policy(settings, last[0])


def summary_of(settings: RunSettings, progress: Progress, result: Evaluation) -> dict[str, Any]:
    """What ``summary.json`` holds: the run's settings, what was done, with what, and how good it is."""
    metrics = {name: interval._asdict() for name, interval in result.summary().items()}
    evaluation = {"scenario": result.scenario, "episodes": result.episodes, "seed": result.seed, **metrics}
    return {
        **settings.to_json(),
        "env_steps": progress.env_steps,
        "wall_s": round(progress.wall_s, 1),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
        "evaluation": evaluation,
    }


def _version(package: str) -> str | None:
    """A package's version; the environment's own comes with its code, which may not be installed."""
    if package == "edgeoffload-env":
        from edgeoffload_env import __version__

        return __version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
