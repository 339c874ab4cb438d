"""Figures beyond the paper: profiles, held-out scenarios, the optimum, price of anarchy, complexity, sensitivity."""

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.analysis import style
from benchmarks.analysis.leaderboard import utility_of
from benchmarks.analysis.suite import SUITES, THRESHOLDS, aggregates
from benchmarks.speed.complexity import joint_outputs
from benchmarks.study import plan
from benchmarks.study.plan import (
    EQUIVARIANT_PARTS,
    ESTIMATORS,
    HYPERPARAMETERS,
    LONGER,
    OWN,
    SENSITIVITY,
    SMALLER_REWARDS,
    SMALLEST,
    STEADINESS,
)
from benchmarks.study.store import Results, label, select, values
from edgeoffload_env import scenarios

_LOWER_LEFT = {"loc": "lower left"}


def profile(results: Results) -> Any:
    """The suite as one number: scores over the games of each suite, and the shares of runs above each score."""
    from matplotlib.figure import Figure

    found = aggregates(results)
    figure = Figure(figsize=(8.4, 6.6), layout="constrained")
    places = figure.subplot_mosaic([["scores"] * len(SUITES), [*SUITES]], height_ratios=(3, 4))
    axes = [places["scores"], *(places[suite] for suite in SUITES)]
    shown = style.ordered(name for algorithms in found.values() for name in algorithms)
    for place, algorithms in enumerate(found.values()):
        for name, algorithm in algorithms.items():
            (colour, marker), at = style.of(name), shown.index(name) + 0.2 * place
            value, low, high = algorithm.score
            axes[0].plot(value, at, marker, color=colour, fillstyle="none" if place else "full")
            axes[0].hlines(at, low, high, color=colour)
    axes[0].set_yticks(range(len(shown)), shown)
    axes[0].invert_yaxis()
    filled, *others = SUITES
    title = f"interquartile mean; filled: {filled}, open: {', '.join(others)}"
    style.finish(axes[0], xlabel="score", title=title)
    for axis, (suite, algorithms) in zip(axes[1:], found.items(), strict=False):
        for name, algorithm in algorithms.items():
            shade, text = {"alpha": 0.15, "linewidth": 0}, f"{name}, {algorithm.runs} seeds"
            style.band(axis, THRESHOLDS, algorithm.profile, style.of(name)[0], shade, label=text)
        style.finish(axis, _LOWER_LEFT, xlabel="score", ylabel="share of runs above it", title=suite)
    return figure


def held_out(results: Results) -> Any:
    """Scores on ``paper`` and on the held-out scenarios that policies for 10 users and 5 servers can play."""
    rows, last = results.table("generalization"), results.last().assign(game="paper")
    games = ["paper", *filter(_of_papers_size, scenarios.names(held_out=True))]
    games = [name for name in games if name == "paper" or name in set(rows["game"])]
    trained = select(pd.concat([last, rows]) if len(rows) else last, variant="")
    figure, (axis,) = style.axes(1, width=8.4)
    algorithms = style.ordered(trained["algorithm"])
    for place, algorithm in enumerate(algorithms):
        found = [values(select(trained, game=game), algorithm, "paper", metric="score") for game in games]
        first = next((number for number, scores in enumerate(found) if len(scores)), None)
        for number, scores in enumerate(found):
            text = f"{algorithm}, {style.seeds(scores)}" if number == first else None
            at = number + min(0.12, 0.8 / len(algorithms)) * (place - (len(algorithms) - 1) / 2)
            style.point(axis, at, scores, style.of(algorithm), text)
    for number, game in enumerate(games):
        greedy = style.evaluated("greedy", game).score.mean()
        axis.hlines(greedy, number - 0.45, number + 0.45, color=style.GREY, linestyle="--", linewidth=1)
    axis.set_xticks(range(len(games)), games)
    style.finish(axis, _LOWER_LEFT, ylabel="score (dashed: greedy)")
    return figure


def _of_papers_size(scenario: str) -> bool:
    config, papers = scenarios.configure(scenario), scenarios.configure("paper")
    return (config.num_users, config.servers, config.schema.effects) == (papers.num_users, papers.servers, ())


def optimum_gap(results: Results) -> Any:
    """Utility below that of ``optimum``, the best joint action for each slot, on the same episodes."""
    rows = results.last()
    figure, axes = style.axes(len(plan.OPTIMUM_GAMES), columns=3, width=2.8, height=4.0)
    for axis, scenario in zip(axes, plan.OPTIMUM_GAMES, strict=True):
        here = select(rows, scenario=scenario, num_users=scenarios.configure(scenario).num_users)
        best, names = utility_of(results, "optimum", scenario), list[str]()
        for algorithm, variant in style.groups(here):
            if variant not in plan.ABLATIONS:
                gaps = best - values(here, algorithm, scenario, variant=variant)
                style.point(axis, len(names), gaps, style.of(algorithm, variant))
                names.append(f"{label(algorithm, variant)}, {style.seeds(gaps)}")
        for policy in plan.OPTIMUM_POLICIES[1:]:
            axis.plot(len(names), best - utility_of(results, policy, scenario), "_", color=style.GREY, markersize=14)
            names.append(policy)
        axis.axhline(0.0, color=style.GREY, linewidth=0.8)
        axis.set_xticks(range(len(names)), names, rotation=75, ha="right", fontsize=7)
        axis.set_title(scenario, fontsize=9)
    figure.supylabel("utility of optimum minus the policy's", fontsize=9)
    return figure


def price_of_anarchy(results: Results) -> Any:
    """Price of anarchy within a slot, and the cost of myopia over an episode."""
    rows = results.table("price_of_anarchy")
    figure, axes = style.axes(2)
    for name, dashes in (("mean", "-"), ("p95", "--"), ("max", ":")):
        axes[0].plot(rows["load"], rows[f"price_{name}"], color="#0072B2", linestyle=dashes, label=name)
    marks = {"best-response": ("#E69F00", "v"), "optimum": ("#0072B2", "o"), "drift-plus-penalty": ("#009E73", "s")}
    for policy, (colour, marker) in marks.items():
        axes[1].plot(rows["load"], rows[f"{policy}_utility"], color=colour, marker=marker, label=policy)
    for axis, text in zip(axes, ("delay at equilibrium / least delay", "system utility"), strict=True):
        style.finish(axis, {}, xlabel="load (work that arrives / what servers clear)", ylabel=text)
    return figure


def joint_head(results: Results) -> Any:
    """Number of outputs and time of an update over the number of users."""
    rows = results.table("complexity")
    figure, axes = style.axes(2)
    kinds = {
        name: (*style.of(name), dashes) for name, dashes in (("dtomalb", "-"), ("idql-tolb", "--"), ("dqn-tolb", ":"))
    }
    kinds["dqn-tolb (joint head)"] = (*style.JOINT_HEAD, "-")
    texts = {"outputs": "outputs that choose", "update_s": "CPU seconds of an update"}
    for axis, (column, text) in zip(axes, texts.items(), strict=True):
        for name, (colour, marker, dashes) in kinds.items():
            here = select(rows, algorithm=name)
            axis.plot(here["num_users"], here[column], color=colour, marker=marker, linestyle=dashes, label=name)
        axis.set(xlabel="users", ylabel=text, yscale="log")
    users = range(2, 31)
    axes[0].plot(users, list(map(joint_outputs, users)), color=style.GREY, linestyle=":", label="(M + 1)^N")
    style.finish(axes[0], {})
    return figure


def sensitivity(results: Results) -> Any:
    """Sensitivity of results to open parameters, to settings and rewards, and to ablations of steadiness.

    From top to bottom: utility as a multiple of ``greedy``'s with other environment parameters; utility with other
    settings and rewards; deviations within runs.
    """
    rows, curves = results.last(), results.table("curves")
    figure, axes = style.axes(3, columns=1, width=8.4, height=3.3)

    def relative(algorithm: str, variant: str) -> Any:
        changed = {name.removeprefix("env."): value for name, value in SENSITIVITY.get(variant, {}).items()}
        greedy = style.evaluated("greedy", "paper", None, **changed).utility.mean()
        return values(rows, algorithm, "paper", variant=variant) / greedy

    def utility(algorithm: str, variant: str) -> Any:
        shown = algorithm == "dtomalb" or variant in ("", SMALLEST)
        return values(rows, algorithm, "paper", variant=variant) if shown else np.empty(0)

    def deviation(algorithm: str, variant: str) -> Any:
        return style.deviations(curves, "paper", algorithm, variant)

    _compare(axes[0], ("dtomalb", "dqn-tolb", "idql-tolb"), ("", *SENSITIVITY), relative, 0.2, empty=True)
    axes[0].axhline(1.0, color=style.GREY, linestyle="--", linewidth=1)
    style.finish(axes[0], {}, ylabel="utility / greedy's (both negative; less is better)")
    _compare(axes[1], OWN, ("", *LONGER, *HYPERPARAMETERS, *SMALLER_REWARDS), utility, 0.14)
    best = style.evaluated("greedy", "paper").utility.mean()
    axes[1].axhline(best, color=style.GREY, linestyle=style.DASHES["greedy"], linewidth=1, label="greedy")
    style.finish(axes[1], _LOWER_LEFT, ylabel="system utility on paper")
    _compare(axes[2], ("dtomalb", "idql-tolb"), ("", *STEADINESS), deviation, 0.2)
    axes[2].set_yscale("symlog", linthresh=0.1)  # includes the 0 of a run that does not move
    axes[2].set_yticks([0.0, 0.1, 0.3, 1.0, 3.0], ["0", "0.1", "0.3", "1", "3"])
    style.finish(axes[2], {}, ylabel="deviation of utility within a run, last fifth", ylim=(-0.01, 3.5))
    return figure


def estimators(results: Results) -> Any:
    """DTOMALB on ``paper`` with each estimator of its actors' gradient."""
    figure, (axis,) = style.axes(1, width=5.5)
    _ablation(axis, results, ("dtomalb", "dtomalb-exact"), ESTIMATORS)
    style.finish(axis, {}, ylabel="system utility on paper")
    return figure


def equivariant(results: Results) -> Any:
    """The equivariant network on ``paper`` without each of its parts, and on games that it was not trained on."""
    from matplotlib.ticker import LogLocator, NullLocator

    name = "dtomalb-equivariant"
    rows = select(results.table("generalization"), algorithm=name, variant="")
    games = [game for game in dict.fromkeys(rows["game"]) if game in scenarios.names()]
    figure, axes = style.axes(2 if games else 1, columns=1, width=8.4, height=3.4)
    _ablation(axes[0], results, (name,), EQUIVARIANT_PARTS)
    style.finish(axes[0], {}, ylabel="system utility on paper")
    for place, game in enumerate(games):
        greedy = style.evaluated("greedy", game).utility.mean()
        style.point(axes[1], place, select(rows, game=game)["utility"].to_numpy(dtype=float) / greedy, style.of(name))
    if games:
        axes[1].axhline(1.0, color=style.GREY, linestyle=style.DASHES["greedy"], linewidth=1)
        axes[1].set_xticks(range(len(games)), games, rotation=45, ha="right", fontsize=7)
        text = "utility / greedy's (less is better)"
        style.finish(axes[1], ylabel=text, yscale="log", title="trained on paper alone")
        axes[1].yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0)))
        axes[1].yaxis.set_major_formatter("{x:g}")
        axes[1].yaxis.set_minor_locator(NullLocator())
    return figure


def _ablation(axis: Any, results: Results, algorithms: Any, variants: Any) -> None:
    """Draw the utilities of variants on ``paper``, each with its algorithm's style, and a line at ``greedy``'s."""
    rows = results.last()
    _compare(axis, algorithms, variants, lambda name, variant: values(rows, name, "paper", variant=variant), 0.2)
    greedy = style.evaluated("greedy", "paper").utility.mean()
    axis.axhline(greedy, color=style.GREY, linestyle=style.DASHES["greedy"], linewidth=1, label="greedy")


def _compare(axis: Any, algorithms: Any, variants: Any, measure: Any, apart: float, *, empty: bool = False) -> None:
    """Draw algorithms side by side, ``apart`` from each other, with each variant.

    Args:
        axis: where to draw.
        algorithms: names.
        variants: names; "" is the default.
        measure: returns the values of an algorithm and a variant.
        apart: distance between neighbours.
        empty: keep the place of algorithms and variants without results.
    """
    names: list[str] = []
    for variant in variants:
        found = {name: measure(name, variant) for name in algorithms}
        shown = {name: result for name, result in found.items() if len(result)}
        if not (shown or empty):
            continue
        places = list(found if empty else shown)
        for name, result in shown.items():
            place = len(names) + apart * (places.index(name) - (len(places) - 1) / 2)
            style.point(axis, place, result, style.of(name), None if variant else name)
        names.append("\n".join([variant or "default", *dict.fromkeys(map(style.seeds, shown.values()))]))
    axis.set_xticks(range(len(names)), names, fontsize=7)
