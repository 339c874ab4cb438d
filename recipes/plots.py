"""Learning curves: the mean over runs that differ only in their seed, with its 95 % confidence interval."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from edgeoffload_env import evaluate
from edgeoffload_env._files import atomic_write
from edgeoffload_env.evaluation.statistics import mean_interval
from recipes.errors import RunError
from recipes.protocol import EVALUATION_EPISODES, EVALUATION_SEED
from recipes.runs import RunFolder
from recipes.settings import ALSO

_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
_BASELINES = (("greedy", "--"), ("random", ":"))


def learning_curves(runs: Iterable[RunFolder]) -> dict[str, tuple[list[int], Any]]:
    """Group runs that differ only in their seed, and collect their evaluations during training.

    Returns:
        For each group's name the env steps, and the utilities ``[runs, evaluations]`` up to the shortest run's end.

    Raises:
        RunError: a run has no evaluations yet.
    """
    groups: dict[tuple[str, int], list[list[tuple[int, float]]]] = {}
    for run in runs:
        rows = [(int(row["env_steps"]), float(row["eval_utility"])) for row in run.rows()]
        if not rows:
            raise RunError(f"{run.path} has no evaluations yet; train it first")
        groups.setdefault((group_name(run), run.settings.env_steps), []).append(rows)
    found = {}
    for (name, env_steps), members in groups.items():
        if len({steps for other, steps in groups if other == name}) > 1:  # their evaluations are at different steps
            name = f"{name}, {env_steps:,} env steps"
        count = min(map(len, members))
        steps = [step for step, _ in members[0][:count]]
        found[name] = (steps, np.asarray([[utility for _, utility in rows[:count]] for rows in members]))
    return found


def plot_learning_curves(runs: list[RunFolder], path: Path) -> None:
    """Write a figure of the learning curves, with shipped policies as baselines if all runs are of one game.

    Args:
        runs: the runs' folders.
        path: the file to write; its extension determines the format.

    Raises:
        RunError: a run has no evaluations yet.
        ImportError: matplotlib is not installed; the message names the extra.
        ValueError: matplotlib does not support the extension.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install -c constraints.txt -e '.[plot]'") from error
    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    axis = figure.subplots()
    levels = []
    for number, (name, (steps, utilities)) in enumerate(learning_curves(runs).items()):
        color = _COLORS[number % len(_COLORS)]
        intervals = [mean_interval(values) for values in utilities.T]
        axis.plot(steps, [i.mean for i in intervals], color=color, label=f"{name}, runs: {len(utilities)}")
        axis.fill_between(steps, [i.low for i in intervals], [i.high for i in intervals], color=color, alpha=0.2)
        levels.append(intervals[-1].mean)
    games = {run.settings.env_config for run in runs}
    if len(games) == 1:
        (game,) = games
        for policy, dashes in _BASELINES:
            result = evaluate(policy, game, EVALUATION_EPISODES, EVALUATION_SEED)
            axis.axhline(result.utility.mean(), color="#555555", linestyle=dashes, linewidth=1, label=policy)
            levels.append(result.utility.mean())
        spread = max(levels) - min(levels)
        axis.set_ylim(min(levels) - 0.3 * spread, max(levels) + 0.1 * spread)
    axis.set(xlabel="env steps", ylabel="system utility, greedy execution")
    axis.legend(fontsize=8)
    with atomic_write(path) as unfinished:
        figure.savefig(unfinished, dpi=130, format=path.suffix[1:] or None)


def group_name(run: RunFolder) -> str:
    """Return the algorithm, scenarios and non-default settings of a run, without its seed and length."""
    settings = run.settings
    defaults = {name: default for name, default, _ in type(settings.hyperparameters).described()}
    changed = {name: value for name, value in vars(settings.hyperparameters).items() if value != defaults[name]}
    changed.pop(ALSO, None)
    changed |= {f"env.{name}": value for name, value in settings.env.items()}
    words = [settings.algorithm, f"on {settings.trained_on}", *(f"{name}={value}" for name, value in changed.items())]
    return " ".join(words)
