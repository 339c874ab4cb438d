"""The paper's Figures 5 to 8, and what the recipes do beyond one slot, from the rows alone."""

from typing import Any

import numpy as np

from benchmarks.figures import style
from benchmarks.rows import Results, label
from benchmarks.servers import server_use
from benchmarks.statistics import curve, estimate
from edgeoffload_env import policies, scenarios
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

_SERVER_REFERENCES = ("greedy", "least-loaded")


def convergence(results: Results) -> Any:
    """Figure 5: the greedy policy's utility over training."""
    rows = results.curves()
    trained = {(row["scenario"], row["num_users"]) for row in rows}
    games = [game for game in (("paper", 10), ("paper-load-only", 10), ("sparse", 5)) if game in trained]
    figure, axes = style.axes(max(1, len(games)))
    for axis, (scenario, num_users) in zip(axes, games, strict=False):  # one empty pair of axes where there is none
        here = [row for row in rows if (row["scenario"], row["num_users"]) == (scenario, num_users)]
        names = sorted({(row["algorithm"], row["variant"]) for row in here})
        for algorithm, variant in names:
            if algorithm == "dtoma" or algorithm not in style.STYLES or variant not in ("", "joint head"):
                continue
            _curve(axis, [r for r in here if (r["algorithm"], r["variant"]) == (algorithm, variant)])
        style.reference_lines(axis, ("random", "proportional", "greedy"), scenario, num_users)
        axis.set(title=scenario, xlabel="env steps", ylabel="system utility, greedy execution")
        axis.set_ylim(*style.limits(scenario, num_users))
        axis.legend(fontsize=7, loc="lower right")
    return figure


def balancing(results: Results) -> Any:
    """Figure 6: with and without the load balancing term, under one utility; ``dtoma`` is w2 = 0."""
    rows = style.last(results.final())
    figure, axes = style.axes(3)
    metrics = {"utility": "system utility", "mean_delay_s": "mean delay / s", "imbalance": "var(LD) / s$^2$"}
    shown = (("dtoma", ""), ("dtomalb", ""), ("dtomalb", "w2 = 10"), ("dtomalb", "w2 = 100"))
    for axis, (metric, text) in zip(axes, metrics.items(), strict=True):
        names: list[str] = []
        for scenario in ("paper", "paper-load-only"):
            first = len(names)
            for algorithm, variant in shown:
                values = style.finals(rows, algorithm, scenario, 10, variant, metric)
                if len(values):
                    style.point(axis, len(names), values, style.of(algorithm))
                    names.append(f"{label(algorithm, variant)}\n{scenario}, {len(values)} seeds")
            for policy in ("proportional", "least-loaded", "greedy"):
                value, shown_as = getattr(style.evaluated(policy, scenario, 10), metric).mean(), style.DASHES[policy]
                ends = first - 0.4, max(first, len(names) - 1) + 0.4
                name = "" if first else policy
                axis.hlines(value, *ends, color=style.GREY, linestyle=shown_as, linewidth=1, label=name)
        axis.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=6)
        axis.set(ylabel=text)
    axes[0].legend(fontsize=7)
    return figure


def users(results: Results) -> Any:
    """Figure 7: utility and share of tasks offloaded over the number of users."""
    rows = [row for row in style.last(results.final()) if row["scenario"] == "paper" and not row["variant"]]
    shipped = results.users()
    figure, axes = style.axes(2, height=4.6)
    counts = sorted({row["num_users"] for row in rows})
    for axis, (metric, text) in zip(
        axes, (("utility", "system utility"), ("offload_fraction", "share offloaded")), strict=True
    ):
        for algorithm in style.STYLES:
            points = [(n, style.finals(rows, algorithm, "paper", n, "", metric)) for n in counts]
            points = [(n, values) for n, values in points if len(values)]
            if len(points) > 1:
                style.line(axis, points, style.of(algorithm), algorithm)
        for policy in dict.fromkeys(row["policy"] for row in shipped):
            pairs = [(row["num_users"], row[metric]) for row in shipped if row["policy"] == policy]
            places, means = zip(*pairs, strict=True)
            axis.plot(places, means, color=style.GREY, linestyle=style.DASHES[policy], linewidth=1, label=policy)
        axis.set(xlabel="users", ylabel=text)
        axis.set_xticks(counts)
    axes[0].set_yscale("symlog")
    if rows:
        axes[0].set_ylim(top=0.8 * max(row["utility"] for row in rows))
    axes[1].legend(fontsize=7, loc=(0.02, 0.04))
    return figure


def servers(results: Results) -> Any:
    """Figure 8: load factor and share of the tasks of each server, beside two shipped policies."""
    rows = [row for row in results.servers() if (row["algorithm"], row["scenario"]) == ("dtomalb", "paper")]
    rows = [row for row in rows if row["num_users"] == 10 and not row["variant"]]
    figure, axes = style.axes(2)
    config = scenarios.configure("paper")
    assert config.server_hz is not None
    ghz = np.asarray(config.server_hz) / 1e9
    metrics = {"load_factor_s": "load factor / s", "task_share": "share of the tasks"}
    uses = {name: server_use(policies.make(name), config, FINAL_EPISODES, FINAL_SEED) for name in _SERVER_REFERENCES}
    for axis, (metric, text) in zip(axes, metrics.items(), strict=True):
        values = np.asarray([[row[metric] for row in rows if row["server"] == m + 1] for m in range(len(ghz))])
        if values.size:
            found = [estimate(v[:, None], style.rng()) for v in values]
            colour, marker = style.STYLES["dtomalb"]
            text_of = f"dtomalb, {values.shape[1]} seeds"
            axis.plot(ghz, [e.value for e in found], color=colour, marker=marker, label=text_of)
            axis.fill_between(ghz, [e.low for e in found], [e.high for e in found], color=colour, alpha=0.2)
        for name in uses:
            axis.plot(ghz, getattr(uses[name], metric), color=style.GREY, linestyle=style.DASHES[name], label=name)
        axis.set(xlabel="server's speed / GHz", ylabel=text, ylim=(0, None))
    axes[0].legend(fontsize=7)
    return figure


def crowded(results: Results) -> Any:
    """Selfish against team reward where tasks outrun servers: curves beside the shipped policies."""
    rows = results.curves()
    figure, axes = style.axes(2)
    for axis, scenario in zip(axes, ("crowded", "crowded-team"), strict=True):
        here = [row for row in rows if row["scenario"] == scenario]
        for algorithm, variant in sorted({(row["algorithm"], row["variant"]) for row in here}):
            _curve(axis, [r for r in here if (r["algorithm"], r["variant"]) == (algorithm, variant)])
        style.reference_lines(axis, ("local", "greedy", "drift-plus-penalty"), scenario, 20)
        axis.set(title=scenario, xlabel="env steps", ylabel="system utility, greedy execution", ylim=(-200, -40))
        axis.legend(fontsize=7, loc="lower right")
    return figure


def _curve(axis: Any, rows: Any) -> None:
    """Of one algorithm or variant: the interquartile mean over seeds, its interval shaded."""
    algorithm, variant = rows[0]["algorithm"], rows[0]["variant"]
    steps, values = style.by_seed(rows)
    middle, low, high = curve(values, style.rng())
    colour, _ = style.VARIANT if variant == "joint head" else style.of(algorithm)
    dashes = "--" if variant == "selfish" else "-"
    name = f"{label(algorithm, variant)}, {len(values)} seeds"
    axis.plot(steps, middle, color=colour, linestyle=dashes, label=name)
    axis.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
