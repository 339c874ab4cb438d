"""Metrics of a run in ``progress.csv`` and TensorBoard."""

import math
from typing import Any

import numpy as np
from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

from edgeoffload_env import Evaluation
from edgeoffload_env.evaluation.score import score_baselines
from recipes.checkpoints import Progress
from recipes.rllib.metrics import EPISODE_KEYS
from recipes.runs import RunFolder
from recipes.settings import RunSettings


class TrainingLog:
    """Collects the episodes of RLlib's results, and writes one row per evaluation."""

    def __init__(self, folder: RunFolder, settings: RunSettings, progress: Progress) -> None:
        self._folder, self._last_row = folder, progress
        self._baselines = score_baselines(settings.env_config)
        self._tensorboard = SummaryWriter(str(folder.path), purge_step=progress.env_steps + 1, write_to_disk=True)
        self._episodes: dict[str, list[float]] = {key: [] for key in EPISODE_KEYS}

    def close(self) -> None:
        """Close the TensorBoard file."""
        self._tensorboard.close()

    def add_result(self, result: dict[str, Any]) -> None:
        """Collect the training episodes of one iteration for the next row."""
        for key, values in self._episodes.items():
            values.extend(result["env_runners"].get(key, []))

    def write_row(self, progress: Progress, result: dict[str, Any], evaluation: Evaluation) -> dict[str, Any]:
        """Write the row of an evaluation: the episodes since the last row, the evaluation, the learner's metrics.

        Returns:
            The row.
        """
        episodes, self._episodes = self._episodes, {key: [] for key in EPISODE_KEYS}
        means = {key: float(np.mean(values)) if len(values) else math.nan for key, values in episodes.items()}
        score = math.nan
        if self._baselines is not None:
            score = self._baselines.score(means["utility"])
        steps, seconds = progress.env_steps - self._last_row.env_steps, progress.wall_s - self._last_row.wall_s
        self._last_row = progress
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
                self._tensorboard.add_scalar(name, value, progress.env_steps)
        return row


def _learner_means(result: dict[str, Any]) -> dict[str, float]:
    """Average each learner metric over the modules that report it."""
    values: dict[str, list[float]] = {}
    for module, metrics in result.get("learners", {}).items():
        if module.startswith("__"):
            continue
        for name, value in metrics.items():
            if isinstance(value, int | float | np.number):
                values.setdefault(f"learner/{name}", []).append(float(value))
    return {name: float(np.mean(numbers)) for name, numbers in values.items()}
