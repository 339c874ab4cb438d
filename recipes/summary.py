"""The end of a run: final evaluations and ``summary.json``."""

from collections.abc import Callable
from typing import Any

from edgeoffload_env import Evaluation
from recipes import protocol, registry
from recipes.checkpoints import Progress
from recipes.runs import RunFolder
from recipes.settings import RunSettings
from recipes.trained_policy import load_trained_policy
from recipes.versions import source_digest, versions


def finish_run(
    folder: RunFolder, settings: RunSettings, progress: Progress, check: Callable[[], None] = lambda: None
) -> Evaluation:
    """Evaluate the last and the best networks of a fully trained run, and write its summary.

    Args:
        folder: the run's folder.
        settings: the run's settings.
        progress: the run's progress at its end.
        check: called every few slots of the evaluations; if it raises, the run stays unfinished.

    Returns:
        The evaluation of the last networks on the fixed episodes of the evaluations during training.

    Raises:
        Exception: any exception that ``check`` raises.
    """

    def after_slots(_: int) -> None:
        check()

    policy = load_trained_policy(folder)
    result = protocol.evaluate_in_training(policy, settings, after_slots)
    last = protocol.evaluate_final(policy, settings, after_slots)
    final = {"last": protocol.evaluation_to_json(last) | {"at_env_steps": progress.env_steps}}
    best = folder.best_so_far()
    if best is not None:
        best_policy = registry.get(settings.algorithm).load().load_policy(settings, folder.best_folder)
        evaluation = protocol.evaluate_final(best_policy, settings, after_slots)
        final["best"] = protocol.evaluation_to_json(evaluation) | {"at_env_steps": best[0]}
    others = {
        name: protocol.evaluation_to_json(protocol.evaluate_elsewhere(policy, name, after_slots))
        for name in settings.scenarios[1:]
    }
    also = {"also": others} if others else {}
    env_runners = {"env_runners": progress.env_runners} if progress.env_runners else {}
    folder.finish(run_summary(settings, progress, result) | env_runners | {"final": final} | also)
    return result


def run_summary(settings: RunSettings, progress: Progress, result: Evaluation) -> dict[str, Any]:
    """Return the settings, progress, software versions and evaluation that ``summary.json`` holds."""
    return {
        **settings.to_json(),
        "env_steps": progress.env_steps,
        "wall_s": round(progress.wall_s, 1),
        "versions": versions(),
        "code": source_digest(),
        "evaluation": protocol.evaluation_to_json(result),
    }
