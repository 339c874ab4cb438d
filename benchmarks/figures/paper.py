"""The paper's Figures 5 to 8, and what the recipes do beyond one slot, from the rows alone."""

from typing import Any

import numpy as np

from benchmarks.figures import style
from benchmarks.rows import Results, label
from benchmarks.servers import server_use
from benchmarks.statistics import curve, estimate
from benchmarks.studies import SMALLER_REWARDS
from edgeoffload_env import policies, scenarios
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

_SERVER_REFERENCES = ("greedy", "least-loaded")


def convergence(results: Results) -> Any:
    """Figure 5: the greedy policy's utility over training."""
    rows = results.curves()
    trained = {(row["scenario"], row["num_users"]) for row in rows}
    games = [game for game in (("paper", 10), ("paper-load-only", 10), ("sparse", 5)) if game in trained]
    figure, axes = style.axes(max(1, len(games)), height=5.2)
    for axis, (scenario, num_users) in zip(axes, games, strict=False):  # one empty pair of axes where there is none
        here = [row for row in rows if (row["scenario"], row["num_users"]) == (scenario, num_users)]
        names = sorted({(row["algorithm"], row["variant"]) for row in here})
        for algorithm, variant in names:
            if algorithm == "dtoma" or algorithm not in style.STYLES or variant not in ("", "joint head"):
                continue
            _curve(axis, [r for r in here if (r["algorithm"], r["variant"]) == (algorithm, variant)])
        without_state = (
            ("random", "proportional", "round-robin") if scenario == "sparse" else ("random", "proportional")
        )
        style.reference_lines(axis, (*without_state, "greedy"), scenario, num_users)
        axis.set(title=scenario, xlabel="env steps", ylabel="system utility, greedy execution")
        axis.set_ylim(*style.limits(scenario, num_users))
        axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    return figure


def balancing(results: Results) -> Any:
    """Figure 6: with and without the load balancing term, under one utility; curves, the size of ``w2``, the end."""
    figure, axes = style.axes(3, rows=2)
    for axis, scenario in zip(axes, _BALANCED, strict=False):
        _with_and_without(axis, results, scenario)
    _weights(axes[2], style.last(results.final()))
    metrics = {"utility": "system utility", "mean_delay_s": "mean delay / s", "imbalance": "var(LD) / s$^2$"}
    for axis, (metric, text) in zip(axes[3:], metrics.items(), strict=True):
        _in_the_end(axis, style.last(results.final()), metric)
        axis.set(ylabel=text)
    axes[3].legend(fontsize=7)
    return figure


_BALANCED = ("paper", "paper-load-only")


def _with_and_without(axis: Any, results: Results, scenario: str) -> None:
    """Curves of ``dtomalb`` and of ``dtoma``."""
    for algorithm in ("dtoma", "dtomalb"):
        key = (algorithm, scenario, 10, "")
        names = ("algorithm", "scenario", "num_users", "variant")
        rows = [row for row in results.curves() if tuple(row[name] for name in names) == key]
        if rows:
            _curve(axis, rows)
    style.reference_lines(axis, ("proportional", "greedy"), scenario, 10)
    axis.legend(fontsize=7, loc="lower right")
    axis.set(title=scenario, xlabel="env steps", ylabel="system utility, greedy execution")
    axis.set_ylim(*style.limits(scenario, 10))


def _weights(axis: Any, rows: Any) -> None:
    """Utility over ``w2`` in training, its rewards as they come and divided by ``w2``."""
    named = {"0": ("dtoma", ""), "1": ("dtomalb", ""), "10": ("dtomalb", "w2 = 10"), "100": ("dtomalb", "w2 = 100")}
    divided = named | {w: ("dtomalb", f"w2 = {w}, rewards / {w}") for w in ("10", "100")}
    for scenario, marks in zip(_BALANCED, (style.STYLES["dtomalb"], style.STYLES["dqn-tolb"]), strict=True):
        for kind, dashes, about in ((named, "-", ""), (divided, "--", ", rewards / w2")):
            values = [style.finals(rows, name, scenario, 10, variant, "utility") for name, variant in kind.values()]
            points = [(place, found) for place, found in enumerate(values) if len(found)]
            if len(points) > 1:
                style.line(axis, points, marks, f"{scenario}{about}", dashes)
    for weight, algorithm in enumerate(("dtoma", "dtomalb")):
        for more, variant in zip((0.1, 0.2), SMALLER_REWARDS, strict=True):
            values = style.finals(rows, algorithm, "paper", 10, variant, "utility")
            if len(values):
                marks = style.STYLES["rllib-ppo" if more < 0.15 else "dtomalb-exact"]
                style.point(axis, weight + more, values, marks, None if weight else f"paper, {variant}")
    axis.set_xticks(range(len(named)), named)
    axis.set(xlabel="w2 in training", ylabel="system utility (at w2 = 1)")
    if axis.lines:
        axis.legend(fontsize=7, loc="lower left")


def _in_the_end(axis: Any, rows: Any, metric: str) -> None:
    """Last checkpoints of both on both scenarios, beside shipped policies."""
    names: list[str] = []
    for scenario in _BALANCED:
        first = len(names)
        for algorithm in ("dtoma", "dtomalb"):
            values = style.finals(rows, algorithm, scenario, 10, "", metric)
            if len(values):
                style.point(axis, len(names), values, style.of(algorithm))
                names.append(f"{algorithm}\n{scenario}, {style.seeds(values)}")
        for policy in ("proportional", "least-loaded", "greedy"):
            value, shown_as = getattr(style.evaluated(policy, scenario, 10), metric).mean(), style.DASHES[policy]
            ends = first - 0.4, max(first, len(names) - 1) + 0.4
            name = "" if first else policy
            axis.hlines(value, *ends, color=style.GREY, linestyle=shown_as, linewidth=1, label=name)
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=7)


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
                fewest, most = (pick(len(values) for _, values in points) for pick in (min, max))
                count = f"{fewest} to {most} seeds" if most > fewest else f"{fewest} seeds"
                style.line(axis, points, style.of(algorithm), f"{algorithm}, {count}")
        for policy in dict.fromkeys(row["policy"] for row in shipped):
            pairs = [(row["num_users"], row[metric]) for row in shipped if row["policy"] == policy]
            places, means = zip(*pairs, strict=True)
            axis.plot(places, means, color=style.GREY, linestyle=style.DASHES[policy], linewidth=1, label=policy)
        axis.set(xlabel="users", ylabel=text)
        axis.set_xticks(counts)
    axes[0].set_yscale("symlog")
    axes[0].set_yticks(_UTILITY_TICKS, [str(tick) for tick in _UTILITY_TICKS])
    if rows:
        axes[0].set_ylim(top=0.8 * max(row["utility"] for row in rows))
    axes[1].legend(fontsize=7, loc=(0.02, 0.04))
    return figure


_UTILITY_TICKS = (-400, -200, -100, -50, -20, -10, -7)


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
    figure, axes = style.axes(2, height=4.6)
    for axis, scenario in zip(axes, ("crowded", "crowded-team"), strict=True):
        here = [row for row in rows if row["scenario"] == scenario]
        for algorithm, variant in sorted({(row["algorithm"], row["variant"]) for row in here}):
            _curve(axis, [r for r in here if (r["algorithm"], r["variant"]) == (algorithm, variant)])
        style.reference_lines(axis, ("local", "greedy", "drift-plus-penalty"), scenario, 20)
        axis.set(title=scenario, xlabel="env steps", ylabel="system utility, greedy execution", ylim=(-200, -40))
        axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
    return figure


def _curve(axis: Any, rows: Any) -> None:
    """Of one algorithm or variant: the interquartile mean over seeds, its interval shaded."""
    algorithm, variant = rows[0]["algorithm"], rows[0]["variant"]
    steps, values = style.by_seed(rows)
    middle, low, high = curve(values, style.rng())
    colour, _ = style.of(algorithm, variant)
    dashes = "--" if variant == "selfish" else "-"
    name = f"{label(algorithm, variant)}, {len(values)} seeds"
    axis.plot(steps, middle, color=colour, linestyle=dashes, label=name)
    axis.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
