"""The paper's Figures 5 to 8, and selfish against team reward."""

from typing import Any

import pandas as pd

from benchmarks.analysis import style
from benchmarks.study.plan import SMALLER_REWARDS
from benchmarks.study.server_use import server_use
from benchmarks.study.store import Results, rows_of, select, values
from edgeoffload_env import policies, scenarios
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

_BALANCED = ("paper", "paper-load-only")
_BALANCED_METRICS = {"utility": "system utility", "mean_delay_s": "mean delay / s", "imbalance": "var(LD) / s$^2$"}
_SMALLER_STYLES = (style.STYLES["rllib-ppo"], style.STYLES["dtomalb-exact"])
_FAINT = ("random", "proportional", "least-loaded", "drift-plus-penalty")
"""Policies in the background of figure 7."""
_UTILITY_TICKS = (-400, -200, -100, -50, -20, -10, -7)


def convergence(results: Results) -> Any:
    """Figure 5: the greedy policy's utility over training."""
    curves = results.table("curves")
    users = {game: scenarios.configure(game).num_users for game in (*_BALANCED, "sparse")}
    games = {game: rows for game, n in users.items() if len(rows := select(curves, scenario=game, num_users=n))}
    figure, axes = style.axes(max(1, len(games)), height=4.8)
    for axis, (scenario, rows) in zip(axes, games.items(), strict=False):
        shown = [who for who in style.groups(rows) if who[0] != "dtoma" and who[1] in ("", "joint head")]
        style.learning_curves(axis, rows, scenario, shown)
        stateless = ("random", "proportional", *(("round-robin",) if scenario == "sparse" else ()))
        style.reference_lines(axis, (*stateless, "greedy"), scenario)
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14), "ncols": 2}
        style.finish(axis, below, ylim=style.limits(scenario))
    return figure


def balancing(results: Results) -> Any:
    """Figure 6: training with and without the balancing term; curves, the weight ``w2``, final results."""
    figure, axes = style.axes(6)
    for axis, scenario in zip(axes, _BALANCED, strict=False):
        style.learning_curves(axis, results.table("curves"), scenario, [("dtoma", ""), ("dtomalb", "")])
        style.reference_lines(axis, ("proportional", "greedy"), scenario)
        style.finish(axis, {"loc": "lower right"}, ylim=style.limits(scenario))
    _weights(axes[2], results.last())
    for axis, (metric, text) in zip(axes[3:], _BALANCED_METRICS.items(), strict=True):
        _final_results(axis, results.last(), metric)
        style.finish(axis, {"loc": "center left"} if metric == "utility" else None, ylabel=text)
    return figure


def _weights(axis: Any, rows: pd.DataFrame) -> None:
    """Utility over ``w2`` in training, with rewards as they are and divided by ``w2``."""
    named = {"0": ("dtoma", ""), "1": ("dtomalb", ""), "10": ("dtomalb", "w2 = 10"), "100": ("dtomalb", "w2 = 100")}
    divided = named | {w: ("dtomalb", f"w2 = {w}, rewards / {w}") for w in ("10", "100")}
    for scenario, marks in zip(_BALANCED, (style.STYLES["dtomalb"], style.STYLES["dqn-tolb"]), strict=True):
        for kind, dashes, about in ((named, "-", ""), (divided, "--", ", rewards / w2")):
            found = [values(rows, name, scenario, variant=variant) for name, variant in kind.values()]
            style.line(axis, enumerate(found), marks, f"{scenario}{about}", dashes)
    for weight, algorithm in enumerate(("dtoma", "dtomalb")):
        for variant, place, marks in zip(SMALLER_REWARDS, (0.1, 0.2), _SMALLER_STYLES, strict=True):
            found = values(rows, algorithm, "paper", variant=variant)
            style.point(axis, weight + place, found, marks, None if weight else f"paper, {variant}")
    axis.set_xticks(range(len(named)), named)
    style.finish(axis, {"loc": "lower left"}, xlabel="w2 in training", ylabel="system utility (at w2 = 1)")


def _final_results(axis: Any, rows: pd.DataFrame, metric: str) -> None:
    """Last checkpoints of both algorithms on both scenarios, beside shipped policies."""
    names: list[str] = []
    for scenario in _BALANCED:
        first = len(names)
        for algorithm in ("dtoma", "dtomalb"):
            if len(found := values(rows, algorithm, scenario, metric=metric)):
                style.point(axis, len(names), found, style.of(algorithm))
                names.append(f"{algorithm}\n{scenario}, {style.seeds(found)}")
        for policy in ("proportional", "least-loaded", "greedy"):
            value = getattr(style.evaluated(policy, scenario), metric).mean()
            ends, name = (first - 0.4, max(first, len(names) - 1) + 0.4), "" if first else policy
            axis.hlines(value, *ends, color=style.GREY, linestyle=style.DASHES[policy], linewidth=1, label=name)
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=7)


def users(results: Results) -> Any:
    """Figure 7: utility and share of tasks offloaded over the number of users."""
    rows, shipped = select(results.last(), scenario="paper", variant=""), results.table("users")
    counts = sorted(set(rows["num_users"]))
    figure, axes = style.axes(2, width=4.4, height=4.8)
    texts = {"utility": "system utility", "offload_fraction": "share offloaded"}
    ends: list[list[tuple[float, float, str, str]]] = []
    for axis, (metric, text) in zip(axes, texts.items(), strict=True):
        ends.append([])
        for algorithm in style.ordered(rows["algorithm"]):
            points = [(n, values(rows, algorithm, "paper", n, metric=metric)) for n in counts]
            seeds = {len(found) for _, found in points if len(found)}
            count = " to ".join(map(str, sorted({f(seeds, default=0) for f in (min, max)})))
            style.line(axis, points, style.of(algorithm), f"{algorithm}, {count} seeds")
        for policy, found in shipped.groupby("policy", sort=False):
            faint = policy in _FAINT
            colour, width = (style.FAINT_GREY, 0.8) if faint else (style.GREY, 1.2)
            look = {"color": colour, "linewidth": width, "linestyle": style.DASHES[str(policy)], "zorder": 1}
            end = found.iloc[-1]
            named = end["num_users"] == shipped["num_users"].max()  # at the end of its line, the others in the legend
            if named:
                ends[-1].append((end["num_users"], end[metric], str(policy), colour))
            axis.plot(found["num_users"], found[metric], label=None if named else policy, **look)
        axis.set(xlabel="users", ylabel=text, xticks=counts)
    axes[0].set_yscale("symlog")
    axes[0].set_yticks(_UTILITY_TICKS, [str(tick) for tick in _UTILITY_TICKS])
    if len(rows):
        axes[0].set_ylim(top=0.8 * rows["utility"].max())
    for axis, names in zip(axes, ends, strict=True):
        style.end_labels(axis, names)
    if axes[0].get_legend_handles_labels()[0]:
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=7, frameon=False
        )
    return figure


def servers(results: Results) -> Any:
    """Figure 8: load factor and share of the tasks of each server, beside two shipped policies."""
    rows, config = rows_of(results.table("servers"), "dtomalb", "paper"), scenarios.configure("paper")
    assert config.server_hz is not None
    ghz, names = [hz / 1e9 for hz in config.server_hz], ("greedy", "least-loaded")
    uses = {name: server_use(policies.make(name), config, FINAL_EPISODES, FINAL_SEED) for name in names}
    figure, axes = style.axes(2)
    texts = {"load_factor_s": "load factor / s", "task_share": "share of the tasks"}
    for axis, (metric, text) in zip(axes, texts.items(), strict=True):
        points = [(hz / 1e9, found[metric].to_numpy()) for hz, found in rows.groupby("server_hz")]
        style.line(axis, points, style.of("dtomalb"), f"dtomalb, {style.seeds(rows['seed'].unique())}")
        for name, use in uses.items():
            dashes = style.DASHES[name]
            axis.plot(ghz, getattr(use, metric), color=style.GREY, linestyle=dashes, label=name)
        style.finish(axis, xlabel="server's speed / GHz", ylabel=text, ylim=(0, None))
    style.finish(axes[0], {})
    return figure


def crowded(results: Results) -> Any:
    """Learning curves with selfish and with team reward where tasks outrun servers."""
    figure, axes = style.axes(2, height=4.6)
    for axis, scenario in zip(axes, ("crowded", "crowded-team"), strict=True):
        rows = select(results.table("curves"), scenario=scenario)
        style.learning_curves(axis, rows, scenario, style.groups(rows))
        style.reference_lines(axis, ("local", "greedy", "drift-plus-penalty"), scenario)
        style.finish(axis, {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "ncols": 2}, ylim=(-200, -40))
    return figure
