"""Figures beyond the paper: profiles, held-out scenarios, the gap to the optimum, anarchy, complexity, sensitivity."""

from typing import Any

import numpy as np

from benchmarks.complexity import joint_outputs
from benchmarks.figures import style
from benchmarks.leaderboard import utility_of
from benchmarks.rows import Results, Row, label
from benchmarks.statistics import performance_profile
from benchmarks.studies import CAUSES, LONGER, OWN, SENSITIVITY, SMALLER_REWARDS, SMALLEST, STEADINESS, is_variation
from edgeoffload_env import scenarios

_TASKS = (("paper", 10), ("paper-load-only", 10))
"""What a profile is over: the games that every algorithm was trained on."""


def scores_of(rows: list[Row], algorithm: str) -> Any:
    """Scores of last checkpoints ``[seeds, tasks]`` on the games of profiles; seeds that not every game has are out."""
    found = [style.finals(rows, algorithm, scenario, users, "", "score") for scenario, users in _TASKS]
    seeds = min(map(len, found))
    return np.stack([np.asarray(scores[:seeds], dtype=float) for scores in found], axis=1)


def profile(results: Results) -> Any:
    """How often runs get at least a score, over the games and seeds."""
    rows = style.last(results.final())
    figure, axes = style.axes(1, width=5.5)
    thresholds = np.linspace(0.5, 1.0, 101)
    for algorithm, (colour, _) in style.STYLES.items():
        scores = scores_of(rows, algorithm)
        if len(scores):
            share, low, high = performance_profile(scores, thresholds, style.rng())
            axes[0].plot(thresholds, share, color=colour, label=f"{algorithm}, {len(scores)} seeds")
            axes[0].fill_between(thresholds, low, high, color=colour, alpha=0.15, linewidth=0)
    axes[0].set(xlabel="score", ylabel="share of runs above it", title=" and ".join(name for name, _ in _TASKS))
    axes[0].legend(fontsize=7, loc="lower left")
    return figure


def held_out(results: Results) -> Any:
    """Scores on ``paper`` and on the held-out scenarios that policies for 10 users and 5 servers can play."""
    rows = results.elsewhere()
    games = ["paper", *(name for name in scenarios.names(held_out=True) if any(r["game"] == name for r in rows))]
    figure, (axis,) = style.axes(1, width=9.0)
    for place, (algorithm, marks) in enumerate(style.STYLES.items()):
        shown: str | None = algorithm
        for number, game in enumerate(games):
            values = _scores_in(results, rows, algorithm, game)
            if len(values):
                name = None if shown is None else f"{shown}, {style.seeds(values)}"
                style.point(axis, number + 0.12 * (place - 3), values, marks, name)
                shown = None
    for number, game in enumerate(games):
        greedy = style.evaluated("greedy", game, scenarios.configure(game).num_users).score.mean()
        axis.hlines(greedy, number - 0.45, number + 0.45, color=style.GREY, linestyle="--", linewidth=1)
    axis.set_xticks(range(len(games)), games)
    axis.set(ylabel="score (dashed: greedy)")
    axis.legend(fontsize=7, loc="lower left")
    return figure


GAP_GAMES = ("sparse", "paper", "paper-load-only", "crowded", "crowded-team")
GAP_POLICIES = ("optimum", "greedy", "drift-plus-penalty")
"""What the figure of the gap needs on the leaderboard: the first is what others are compared with."""


def optimum_gap(results: Results) -> Any:
    """Utility below that of ``optimum``, the best joint choice for each slot, on the same games."""
    rows = style.last(results.final())
    figure, axes = style.axes(len(GAP_GAMES), width=2.6, height=4.2)
    for axis, scenario in zip(axes, GAP_GAMES, strict=True):
        users = scenarios.configure(scenario).num_users
        best = utility_of(results.folder, "optimum", scenario)
        here = [row for row in rows if (row["scenario"], row["num_users"]) == (scenario, users)]
        names: list[str] = []
        for algorithm, variant in sorted({(row["algorithm"], row["variant"]) for row in here}):
            if is_variation(variant):
                continue
            values = best - style.finals(here, algorithm, scenario, users, variant, "utility")
            style.point(axis, len(names), values, style.of(algorithm, variant))
            names.append(f"{label(algorithm, variant)}, {style.seeds(values)}")
        for policy in GAP_POLICIES[1:]:
            gap = best - utility_of(results.folder, policy, scenario)
            axis.plot(len(names), gap, "_", color=style.GREY, markersize=14)
            names.append(policy)
        axis.axhline(0.0, color=style.GREY, linewidth=0.8)
        axis.set_xticks(range(len(names)), names, rotation=75, ha="right", fontsize=6)
        axis.set(title=scenario)
        axis.title.set_fontsize(8)
    axes[0].set(ylabel="utility of optimum minus the policy's")
    return figure


def anarchy(results: Results) -> Any:
    """The price of anarchy within a slot, and what myopia costs over an episode."""
    rows = results.anarchy()
    figure, axes = style.axes(2)
    load = [row["load"] for row in rows]
    for name, dashes in (("price_mean", "-"), ("price_p95", "--"), ("price_max", ":")):
        axes[0].plot(load, [row[name] for row in rows], color="#0072B2", linestyle=dashes, label=name.split("_")[1])
    axes[0].set(xlabel="load (work that arrives / what servers clear)", ylabel="delay at equilibrium / least delay")
    for (policy, colour), marker in zip(
        (("best-response", "#E69F00"), ("optimum", "#0072B2"), ("drift-plus-penalty", "#009E73")), "vos", strict=True
    ):
        axes[1].plot(load, [row[f"{policy}_utility"] for row in rows], color=colour, marker=marker, label=policy)
    axes[1].set(xlabel="load (work that arrives / what servers clear)", ylabel="system utility")
    for axis in axes:
        axis.legend(fontsize=7)
    return figure


def joint_head(results: Results) -> Any:
    """Outputs, and the time of an update, as users are added."""
    rows = results.complexity()
    figure, axes = style.axes(2)
    kinds = {
        "dtomalb": style.STYLES["dtomalb"],
        "idql-tolb": style.STYLES["idql-tolb"],
        "dqn-tolb": style.STYLES["dqn-tolb"],
        "dqn-tolb (joint head)": style.VARIANT,
    }
    for axis, column in zip(axes, ("outputs", "update_s"), strict=True):
        for (name, (colour, marker)), dashes in zip(kinds.items(), ("-", "--", ":", "-"), strict=True):
            here = [row for row in rows if row["algorithm"] == name]
            axis.plot(
                [row["num_users"] for row in here],
                [row[column] for row in here],
                color=colour,
                marker=marker,
                linestyle=dashes,
                label=name,
            )
    users = range(2, 31)
    axes[0].plot(users, list(map(joint_outputs, users)), color=style.GREY, linestyle=":", label="(M + 1)^N")
    axes[0].set(xlabel="users", ylabel="outputs that choose", yscale="log")
    axes[1].set(xlabel="users", ylabel="CPU seconds of an update", yscale="log")
    axes[0].legend(fontsize=7)
    return figure


def sensitivity(results: Results) -> Any:
    """What results depend on.

    Utility as a share of ``greedy``'s where what is open is chosen otherwise; utility with other settings and rewards;
    how much runs wander without what may keep them steady.
    """
    rows = style.last(results.final())
    algorithms = ("dtomalb", "dqn-tolb", "idql-tolb")
    figure, axes = style.axes(1, rows=3, width=8.5, height=3.3)
    names = []
    for number, variant in enumerate(["", *SENSITIVITY]):
        changed = {name.removeprefix("env."): value for name, value in SENSITIVITY.get(variant, {}).items()}
        greedy = style.evaluated("greedy", "paper", None, **changed).utility.mean()
        counts = []
        for place, algorithm in enumerate(algorithms):
            values = style.finals(rows, algorithm, "paper", 10, variant, "utility")
            if len(values):
                name = algorithm if not number else None
                style.point(axes[0], number + 0.2 * (place - 1), values / greedy, style.of(algorithm), name)
                counts.append(style.seeds(values))
        names.append("\n".join([variant or "as it is", *dict.fromkeys(counts)]))
    axes[0].axhline(1.0, color=style.GREY, linestyle="--", linewidth=1)
    axes[0].set_xticks(range(len(names)), names, fontsize=7)
    axes[0].set(ylabel="utility / greedy's (both negative; less is better)")
    axes[0].legend(fontsize=7)
    _with_other_settings(axes[1], rows)
    _steadiness(axes[2], results.curves())
    return figure


def _with_other_settings(axis: Any, rows: list[Row]) -> None:
    """DTOMALB with each, and all algorithms with the rewards that did most for it."""
    names: list[str] = []
    for variant in ("", *LONGER, *CAUSES, *SMALLER_REWARDS):
        shown = [(name, style.finals(rows, name, "paper", 10, variant, "utility")) for name in OWN]
        shown = [(name, values) for name, values in shown if len(values)]
        if variant not in ("", SMALLEST):
            shown = [(name, values) for name, values in shown if name == "dtomalb"]
        for number, (name, values) in enumerate(shown):
            place = len(names) + 0.14 * (number - (len(shown) - 1) / 2)
            style.point(axis, place, values, style.of(name), None if variant else name)
        if shown:
            counts = dict.fromkeys(style.seeds(values) for _, values in shown)
            names.append("\n".join([variant or "as it is", *counts]))
    best = style.evaluated("greedy", "paper").utility.mean()
    axis.axhline(best, color=style.GREY, linestyle=style.DASHES["greedy"], linewidth=1, label="greedy")
    axis.set_xticks(range(len(names)), names, fontsize=7)
    axis.set(ylabel="system utility on paper")
    axis.legend(fontsize=7, loc="lower left")


def _steadiness(axis: Any, curves: list[Row]) -> None:
    """Deviations within runs over their last fifth."""
    names: list[str] = []
    for variant in ("", *STEADINESS):
        counts = []
        for side, algorithm in ((-0.1, "dtomalb"), (0.1, "idql-tolb")):
            deviations = style.wandering(curves, "paper", algorithm, variant)
            if len(deviations):
                style.point(axis, len(names) + side, deviations, style.of(algorithm), None if variant else algorithm)
                counts.append(style.seeds(deviations))
        if counts:
            names.append("\n".join([variant or "as it is", *dict.fromkeys(counts)]))
    axis.set_xticks(range(len(names)), names, fontsize=7)
    axis.set_yscale("symlog", linthresh=0.1)  # a run that does not move is at 0
    axis.set_yticks([0.0, 0.1, 0.3, 1.0, 3.0], ["0", "0.1", "0.3", "1", "3"])
    axis.set(ylabel="deviation of utility within a run, last fifth", ylim=(-0.01, 3.5))
    if axis.lines:
        axis.legend(fontsize=7)


def _scores_in(results: Results, rows: list[Row], algorithm: str, game: str) -> Any:
    if game == "paper":
        return style.finals(style.last(results.final()), algorithm, game, 10, "", "score")
    return style.finals([row for row in rows if row["game"] == game], algorithm, "paper", 10, "", "score")
