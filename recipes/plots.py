"""Training curves of runs: the mean over those that differ by their seed alone, with its 95 % interval."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from edgeoffload_env import evaluate
from edgeoffload_env._files import atomic_write
from edgeoffload_env.evaluation.statistics import mean_interval
from recipes.protocol import EVALUATION_EPISODES, EVALUATION_SEED
from recipes.runs import RunError, RunFolder

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
_REFERENCES = (("greedy", "--"), ("random", ":"))


def curves(runs: Iterable[RunFolder]) -> dict[str, tuple[list[int], Any]]:
    """Evaluations over training, by what the runs have in common.

    Returns:
        For each group's name the env steps, and utilities ``[runs, evaluations]``, as far as all of its runs have come.

    Raises:
        RunError: a run that was not evaluated yet.
    """
    groups: dict[tuple[str, int], list[list[tuple[int, float]]]] = {}
    for run in runs:
        rows = [(int(row["env_steps"]), float(row["eval_utility"])) for row in run.rows()]
        if not rows:
            raise RunError(f"{run.path} has no evaluations yet; train it first")
        groups.setdefault((group_name(run), run.settings.env_steps), []).append(rows)
    found = {}
    for (name, env_steps), members in groups.items():
        if len({steps for other, steps in groups if other == name}) > 1:  # evaluations lie elsewhere then
            name = f"{name}, {env_steps:,} env steps"
        count = min(map(len, members))
        steps = [step for step, _ in members[0][:count]]
        found[name] = (steps, np.asarray([[utility for _, utility in rows[:count]] for rows in members]))
    return found


def draw(runs: list[RunFolder], path: Path) -> None:
    """Write the curves as a figure, with shipped policies where all runs play the same game.

    Args:
        runs: any.
        path: where to; its ending says as what.

    Raises:
        RunError: a run that was not evaluated yet.
        ImportError: matplotlib is not installed; the message says how to get it.
        ValueError: an ending that matplotlib does not know.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'edgeoffload-env[plot]'") from error
    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    axis = figure.subplots()
    levels = []
    for number, (name, (steps, utilities)) in enumerate(curves(runs).items()):
        colour = _COLOURS[number % len(_COLOURS)]
        intervals = [mean_interval(values) for values in utilities.T]
        axis.plot(steps, [i.mean for i in intervals], color=colour, label=f"{name}, runs: {len(utilities)}")
        axis.fill_between(steps, [i.low for i in intervals], [i.high for i in intervals], color=colour, alpha=0.2)
        levels.append(intervals[-1].mean)
    games = {(run.settings.scenario, tuple(sorted(run.settings.env.items()))) for run in runs}
    if len(games) == 1:
        settings = runs[0].settings
        for policy, dashes in _REFERENCES:
            result = evaluate(policy, settings.scenario, EVALUATION_EPISODES, EVALUATION_SEED, **settings.env)
            axis.axhline(result.utility.mean(), color="#555555", linestyle=dashes, linewidth=1, label=policy)
            levels.append(result.utility.mean())
        room = max(levels) - min(levels)
        axis.set_ylim(min(levels) - 0.3 * room, max(levels) + 0.1 * room)
    axis.set(xlabel="env steps", ylabel="system utility, greedy execution")
    axis.legend(fontsize=8)
    with atomic_write(path) as unfinished:
        figure.savefig(unfinished, dpi=130, format=path.suffix[1:] or None)


def group_name(run: RunFolder) -> str:
    """What the run is, but for its seed and its length."""
    settings = run.settings
    defaults = {name: default for name, default, _ in type(settings.hyperparameters).described()}
    chosen = {name: value for name, value in vars(settings.hyperparameters).items() if value != defaults[name]}
    chosen |= {f"env.{name}": value for name, value in settings.env.items()}
    words = [settings.algorithm, f"on {settings.scenario}", *(f"{name}={value}" for name, value in chosen.items())]
    return " ".join(words)
