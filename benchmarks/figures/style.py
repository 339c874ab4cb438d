"""What all figures share: colours that anyone can tell apart, axes, points with intervals, reference lines."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.rows import Row
from benchmarks.statistics import estimate
from edgeoffload_env import Evaluation, evaluate, scenarios
from recipes.protocol import EVALUATION_EPISODES, EVALUATION_SEED, FINAL_EPISODES, FINAL_SEED

# Okabe and Ito's colours and Tol's indigo: told apart with any colour vision; markers repeat the distinction
STYLES = {
    "dtomalb": ("#0072B2", "o"),
    "dtoma": ("#56B4E9", "s"),
    "dtomalb-exact": ("#009E73", "^"),
    "idql-tolb": ("#E69F00", "v"),
    "dqn-tolb": ("#D55E00", "D"),
    "rllib-ppo": ("#CC79A7", "P"),
    "rllib-dqn": ("#332288", "*"),
}
VARIANT = ("#000000", "X")
"""Of the joint head."""
GREY = "#555555"
SEED = 0
"""Of the bootstraps."""


def axes(count: int, *, rows: int = 1, width: float = 4.2, height: float = 3.8) -> tuple[Any, Any]:
    """A figure with so many axes in each row, and all axes in a row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height * rows), layout="constrained")
    return figure, figure.subplots(rows, count, squeeze=False).ravel()


def rng() -> np.random.Generator:
    """A bootstrap's generator: the same for every estimate, so that a figure comes out the same again."""
    return np.random.default_rng(SEED)


def last(rows: Sequence[Row]) -> list[Row]:
    """The rows of last checkpoints."""
    return [row for row in rows if row["checkpoint"] == "last"]


def finals(rows: Sequence[Row], algorithm: str, scenario: str, num_users: int, variant: str, metric: str) -> Any:
    """A metric's values by seed."""
    key = (algorithm, scenario, num_users, variant)
    names = ("algorithm", "scenario", "num_users", "variant")
    return np.asarray([row[metric] for row in rows if tuple(row[name] for name in names) == key])


def by_seed(rows: Sequence[Row]) -> tuple[Any, Any]:
    """Env steps, and utilities ``[seeds, evaluations]``; only seeds that were trained to the end of the longest."""
    seeds: dict[int, list[Row]] = {}
    for row in rows:
        seeds.setdefault(row["seed"], []).append(row)
    longest = max(len(values) for values in seeds.values())
    whole = [values for values in seeds.values() if len(values) == longest]
    return [row["env_steps"] for row in whole[0]], np.asarray([[row["utility"] for row in rows] for rows in whole])


def curves_of(curves: Sequence[Row], game: str, algorithm: str, variant: str) -> list[Row]:
    """The rows of one algorithm on a scenario as it is."""
    key = (game, scenarios.configure(game).num_users, algorithm, variant)
    names = ("scenario", "num_users", "algorithm", "variant")
    return [row for row in curves if tuple(row[name] for name in names) == key]


def wandering(curves: Sequence[Row], game: str, algorithm: str, variant: str = "") -> Any:
    """For each seed the standard deviation of a run's utility over the last fifth of its evaluations."""
    rows = curves_of(curves, game, algorithm, variant)
    if not rows:
        return np.empty(0)
    _, values = by_seed(rows)
    end = values[:, -(values.shape[1] // 5) :]
    return np.where(np.ptp(end, axis=1) == 0.0, 0.0, end.std(axis=1))  # the mean of like values is not always the value


def point(axis: Any, place: float, values: Any, style: tuple[str, str], label: str | None = None) -> None:
    """All seeds, their interquartile mean, and its interval."""
    value, low, high = estimate(values[:, None], rng())
    colour, marker = style
    axis.plot([place] * len(values), values, ".", color=colour, alpha=0.35, markersize=4)
    axis.plot(place, value, marker, color=colour, label=label)
    if not math.isnan(low):
        axis.vlines(place, low, high, color=colour)


def line(axis: Any, points: Sequence[tuple[float, Any]], style: tuple[str, str], label: str, dashes: str = "-") -> None:
    """Interquartile means over an axis, with a shaded interval."""
    colour, marker = style
    estimates = [estimate(values[:, None], rng()) for _, values in points]
    places = [place for place, _ in points]
    shown = {"color": colour, "marker": marker, "markersize": 4, "linestyle": dashes, "label": label}
    axis.plot(places, [e.value for e in estimates], **shown)
    axis.fill_between(places, [e.low for e in estimates], [e.high for e in estimates], color=colour, alpha=0.2)


DASHES = {
    "random": "-.",
    "local": (0, (5, 1, 1, 1, 1, 1)),
    "proportional": ":",
    "round-robin": (0, (3, 1, 1, 1)),
    "least-loaded": (0, (1, 3)),
    "greedy": "--",
    "drift-plus-penalty": (0, (6, 3)),
    "optimum": "-",
}
"""Of the grey lines of shipped policies, the same in every figure."""


def reference_lines(axis: Any, policies: Sequence[str], scenario: str, num_users: int) -> None:
    """Utilities of shipped policies as grey lines, on the games of the curves."""
    for policy in policies:
        utility = evaluated(policy, scenario, num_users, training=True).utility.mean()
        axis.axhline(utility, color=GREY, linestyle=DASHES[policy], linewidth=1, label=policy)


def limits(scenario: str, num_users: int) -> tuple[float, float]:
    """Of an axis of utilities: from below ``random`` to above ``greedy``."""
    best = evaluated("greedy", scenario, num_users).utility.mean()
    worst = evaluated("random", scenario, num_users).utility.mean()
    return worst - 0.15 * (best - worst), best + 0.05 * (best - worst)


def of(algorithm: str, variant: str = "") -> tuple[str, str]:
    """An algorithm's colour and marker; the joint head has its own."""
    return VARIANT if variant == "joint head" else STYLES[algorithm]


def seeds(values: Any) -> str:
    """How many there are, for a legend or a place on an axis."""
    return f"{len(values)} seed{'s' if len(values) > 1 else ''}"


@functools.cache
def evaluated(
    policy: str, scenario: str, num_users: int | None = None, *, training: bool = False, **overrides: Any
) -> Evaluation:
    """A shipped policy on the games of the final results, or on those of the evaluations in training."""
    episodes, seed = (EVALUATION_EPISODES, EVALUATION_SEED) if training else (FINAL_EPISODES, FINAL_SEED)
    own = num_users is None or scenarios.configure(scenario).num_users == num_users
    overrides = overrides if own else {"num_users": num_users, **overrides}
    return evaluate(policy, scenario, episodes, seed, **overrides)
