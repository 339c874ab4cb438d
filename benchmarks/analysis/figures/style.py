"""Styles and elements that all figures share: colours, axes, points with intervals, reference lines."""

import functools
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.analysis.statistics import curve, estimate, rng
from benchmarks.study.store import label, rows_of
from edgeoffload_env import Evaluation, evaluate, scenarios
from recipes.protocol import EVALUATION_EPISODES, EVALUATION_SEED, FINAL_EPISODES, FINAL_SEED

Style = tuple[str, str]
"""Colour and marker."""

# Okabe and Ito's colours and Tol's indigo: told apart with any colour vision; markers repeat the distinction
STYLES: dict[str, Style] = {
    "dtomalb": ("#0072B2", "o"),
    "dtoma": ("#56B4E9", "s"),
    "dtomalb-exact": ("#009E73", "^"),
    "idql-tolb": ("#E69F00", "v"),
    "dqn-tolb": ("#D55E00", "D"),
    "rllib-ppo": ("#CC79A7", "P"),
    "rllib-dqn": ("#332288", "*"),
}
FALLBACKS: tuple[Style, ...] = tuple(
    (colour, marker) for marker in "<>ph" for colour in ("#999933", "#882255", "#44AA99", "#AA4499", "#661100")
)
"""Styles of algorithms without one in :data:`STYLES`."""
JOINT_HEAD: Style = ("#000000", "X")
GREY = "#555555"
DASHES: dict[str, Any] = {
    "random": "-.",
    "local": (0, (5, 1, 1, 1, 1, 1)),
    "proportional": ":",
    "round-robin": (0, (3, 1, 1, 1)),
    "least-loaded": (0, (1, 3)),
    "greedy": "--",
    "drift-plus-penalty": (0, (6, 3)),
    "optimum": "-",
}
"""Line styles of the shipped policies, the same in every figure."""


def of(algorithm: str, variant: str = "") -> Style:
    """Return the style of any algorithm; an unknown one always gets the same fallback."""
    if variant == "joint head":
        return JOINT_HEAD
    return STYLES.get(algorithm) or FALLBACKS[zlib.crc32(algorithm.encode()) % len(FALLBACKS)]


def ordered(algorithms: Iterable[str]) -> list[str]:
    """Return distinct algorithms, those with a style of their own first, others by name."""
    present = set(algorithms)
    return [*(name for name in STYLES if name in present), *sorted(present - STYLES.keys())]


def groups(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the distinct pairs of algorithm and variant, by name."""
    return sorted(set(zip(frame["algorithm"], frame["variant"], strict=True)))


def axes(count: int, *, rows: int = 1, width: float = 4.2, height: float = 3.8) -> tuple[Any, Any]:
    """Create a figure with ``count`` axes in each row; return it with its axes in reading order."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height * rows), layout="constrained")
    return figure, figure.subplots(rows, count, squeeze=False).ravel()


def by_seed(rows: pd.DataFrame) -> tuple[Any, Any]:
    """Return env steps, and utilities ``[seeds, evaluations]`` of the seeds that were trained the longest."""
    counts = rows.groupby("seed")["seed"].transform("size")
    longest = int(counts.max())
    whole = rows[counts == longest]
    return whole["env_steps"].to_numpy()[:longest], whole["utility"].to_numpy(dtype=float).reshape(-1, longest)


def deviations(curves: pd.DataFrame, game: str, algorithm: str, variant: str = "") -> Any:
    """Return for each seed the standard deviation of utility over the last fifth of the evaluations."""
    rows = rows_of(curves, algorithm, game, variant=variant)
    if rows.empty:
        return np.empty(0)
    _, utilities = by_seed(rows)
    end = utilities[:, -(utilities.shape[1] // 5) :]
    return np.where(np.ptp(end, axis=1) == 0.0, 0.0, end.std(axis=1))  # exact where rounding of the mean is not


def learning_curve(axis: Any, rows: pd.DataFrame, algorithm: str, variant: str = "") -> None:
    """Draw the interquartile mean over seeds along the training, with a shaded interval."""
    steps, utilities = by_seed(rows)
    middle, low, high = curve(utilities, rng())
    colour, dashes = of(algorithm, variant)[0], "--" if variant == "selfish" else "-"
    axis.plot(steps, middle, color=colour, linestyle=dashes, label=f"{label(algorithm, variant)}, {seeds(utilities)}")
    axis.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)


def point(axis: Any, place: float, values: Any, style: Style, label: str | None = None) -> None:
    """Draw the values of all seeds, their interquartile mean and its interval."""
    value, low, high = estimate(values, rng())
    colour, marker = style
    axis.plot([place] * len(values), values, ".", color=colour, alpha=0.35, markersize=4)
    axis.plot(place, value, marker, color=colour, label=label)
    if not math.isnan(low):
        axis.vlines(place, low, high, color=colour)


def line(axis: Any, points: Sequence[tuple[float, Any]], style: Style, label: str, dashes: str = "-") -> None:
    """Draw interquartile means over an axis with a shaded interval."""
    colour, marker = style
    means, lows, highs = zip(*(estimate(values, rng()) for _, values in points), strict=True)
    places = [place for place, _ in points]
    axis.plot(places, means, color=colour, marker=marker, markersize=4, linestyle=dashes, label=label)
    axis.fill_between(places, lows, highs, color=colour, alpha=0.2)


def legend(axis: Any, **options: Any) -> None:
    """Add a legend if anything is drawn with a label."""
    if axis.get_legend_handles_labels()[0]:
        axis.legend(**options)


def reference_lines(axis: Any, policies: Sequence[str], scenario: str, num_users: int) -> None:
    """Draw the utilities of shipped policies on the evaluation episodes of the curves."""
    for policy in policies:
        utility = evaluated(policy, scenario, num_users, training=True).utility.mean()
        axis.axhline(utility, color=GREY, linestyle=DASHES[policy], linewidth=1, label=policy)


def limits(scenario: str, num_users: int) -> tuple[float, float]:
    """Return limits of a utility axis: from below ``random`` to above ``greedy``."""
    best, worst = (evaluated(policy, scenario, num_users).utility.mean() for policy in ("greedy", "random"))
    return worst - 0.15 * (best - worst), best + 0.05 * (best - worst)


def seeds(values: Any) -> str:
    """Return the number of seeds in words."""
    return f"{len(values)} seed{'s' if len(values) > 1 else ''}"


@functools.cache
def evaluated(
    policy: str, scenario: str, num_users: int | None = None, *, training: bool = False, **overrides: Any
) -> Evaluation:
    """Evaluate a shipped policy on the episodes of final results, or on those of the evaluations in training."""
    episodes, seed = (EVALUATION_EPISODES, EVALUATION_SEED) if training else (FINAL_EPISODES, FINAL_SEED)
    own = num_users is None or scenarios.configure(scenario).num_users == num_users
    overrides = overrides if own else {"num_users": num_users, **overrides}
    return evaluate(policy, scenario, episodes, seed, **overrides)
