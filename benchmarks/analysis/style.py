"""Styles and elements that all figures share: colours, axes, points with intervals, reference lines."""

import functools
import itertools
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import config
from benchmarks.analysis.statistics import curve, estimate, rng
from benchmarks.study.store import label, rows_of
from edgeoffload_env import Evaluation, evaluate, scenarios
from recipes.protocol import EVALUATION_EPISODES, EVALUATION_SEED, FINAL_EPISODES, FINAL_SEED

Style = Sequence[str]
"""Colour and marker."""

_READ = config.read("styles.yaml")
STYLES: dict[str, Style] = _READ["algorithms"]
FALLBACKS: list[Style] = [
    (colour, marker) for marker, colour in itertools.product(*(_READ["fallbacks"][n] for n in ("markers", "colours")))
]
"""Styles of algorithms without one in :data:`STYLES`."""
JOINT_HEAD: Style = _READ["joint head"]
GREY, FAINT_GREY = "#555555", "#999999"
DASHES: dict[str, Any] = {n: d if isinstance(d, str) else (0, tuple(d)) for n, d in _READ["policies"].items()}
"""Line styles of the shipped policies."""
_LABEL_GAP = 0.042
"""Least distance of labels at the ends of lines, in heights of the axes."""


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


def axes(count: int, *, columns: int = 2, width: float = 4.2, height: float = 3.8) -> tuple[Any, Any]:
    """Create a figure with ``count`` axes in rows of ``columns``; return it with its axes in reading order.

    Pages show figures about 740 pixels wide, so that text is legible in figures of up to 9 inches.
    """
    from matplotlib.figure import Figure

    columns = min(count, columns)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    created = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in created[count:]:
        unused.remove()
    return figure, created[:count]


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


def band(axis: Any, places: Any, found: Any, colour: str, shade: dict[str, Any], **options: Any) -> None:
    """Draw values over places, with options, and their intervals, shaded; ``found`` is values, lower and upper ends."""
    middle, low, high = found
    axis.plot(places, middle, color=colour, **options)
    axis.fill_between(places, low, high, color=colour, **shade)


_DASHES = {"selfish": "--", "overload": ":"}
"""Line styles of variants that are drawn beside others of the same algorithm, in its colour."""


def learning_curves(axis: Any, rows: pd.DataFrame, scenario: str, names: Iterable[tuple[str, str]]) -> None:
    """Draw the interquartile means over seeds along the training of algorithms and variants, where there are rows."""
    for algorithm, variant in names:
        if len(found := rows_of(rows, algorithm, scenario, variant=variant)):
            steps, utilities = by_seed(found)
            dashes, text = _DASHES.get(variant, "-"), f"{label(algorithm, variant)}, {seeds(utilities)}"
            colour, shade = of(algorithm, variant)[0], {"alpha": 0.2, "linewidth": 0}
            band(axis, steps, curve(utilities, rng()), colour, shade, linestyle=dashes, label=text)
    axis.set(title=scenario, xlabel="env steps", ylabel="system utility, greedy execution")
    axis.locator_params(axis="x", nbins=5)  # labels of six digits stay apart


def point(axis: Any, place: float, values: Any, style: Style, label: str | None = None) -> None:
    """Draw the values of all seeds, if there are any, their interquartile mean and its interval."""
    if not len(values):
        return
    value, low, high = estimate(values, rng())
    colour, marker = style
    axis.plot([place] * len(values), values, ".", color=colour, alpha=0.35, markersize=4)
    axis.plot(place, value, marker, color=colour, label=label)
    if not math.isnan(low):
        axis.vlines(place, low, high, color=colour)


def line(axis: Any, points: Iterable[tuple[float, Any]], style: Style, label: str, dashes: str = "-") -> None:
    """Draw interquartile means over an axis, of two places or more with values, with a shaded interval."""
    points = [(place, found) for place, found in points if len(found)]
    if len(points) > 1:
        places, found = zip(*((place, estimate(values, rng())) for place, values in points), strict=True)
        colour, marker = style
        marks = {"marker": marker, "markersize": 4, "linestyle": dashes, "label": label}
        band(axis, places, zip(*found, strict=True), colour, {"alpha": 0.2}, **marks)


def finish(axis: Any, legend: dict[str, Any] | None = None, **options: Any) -> None:
    """Set labels and limits; add a legend with these options, if they are given and anything is drawn with a label."""
    axis.set(**options)
    if legend is not None and axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7, **legend)


def end_labels(axis: Any, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write names beside the ends of lines, right of the axes, apart from each other; limits and scales must be set.

    Args:
        axis: the axes.
        ends: x and y of the end, the name and its colour.
    """
    from scipy.optimize import isotonic_regression

    if not ends:
        return
    places = axis.transAxes.inverted().transform(axis.transData.transform([end[:2] for end in ends]))
    order = np.argsort(places[:, 1], kind="stable")
    steps = _LABEL_GAP * np.arange(len(ends))
    heights = isotonic_regression(places[order, 1] - steps).x + steps
    for (x, y), height, (*_, name, colour) in zip(places[order], heights, [ends[i] for i in order], strict=True):
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 1}
        axis.annotate(
            name,
            (x, y),
            (1.04, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            arrowprops=line,
            color=colour,
            fontsize=7,
            va="center",
        )


def reference_lines(axis: Any, policies: Sequence[str], scenario: str, num_users: int | None = None) -> None:
    """Draw the utilities of shipped policies on the evaluation episodes of the curves."""
    for policy in policies:
        utility = evaluated(policy, scenario, num_users, training=True).utility.mean()
        axis.axhline(utility, color=GREY, linestyle=DASHES[policy], linewidth=1, label=policy)


def limits(scenario: str) -> tuple[float, float]:
    """Return limits of a utility axis: from below ``random`` to above ``greedy``."""
    best, worst = (evaluated(policy, scenario).utility.mean() for policy in ("greedy", "random"))
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
