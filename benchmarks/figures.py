"""The figures, from the rows alone."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rows import Results, Row, label
from benchmarks.servers import server_use
from benchmarks.statistics import curve, estimate
from edgeoffload_env import evaluate, policies, scenarios
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

# Okabe and Ito's colours, which can be told apart with any colour vision; markers repeat the distinction
_STYLES = {
    "dtomalb": ("#0072B2", "o"),
    "dtoma": ("#56B4E9", "s"),
    "dtomalb-exact": ("#009E73", "^"),
    "idql-tolb": ("#E69F00", "v"),
    "dqn-tolb": ("#D55E00", "D"),
    "rllib-ppo": ("#CC79A7", "P"),
}
_OTHERS = ("#000000", "X")
_REFERENCES = ("random", "proportional", "greedy")
_SERVER_REFERENCES = ("greedy", "least-loaded")
_SEED = 0


def draw(figure: str, results: Results, *, quick: bool = False) -> list[Path]:
    """Draw a figure as SVG and PNG.

    Args:
        figure: a name from ``FIGURES``.
        results: the rows, and where to draw: ``figures/`` in their folder.
        quick: say on it that it is a quick one.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {
        "svg.hashsalt": "edgeoffload",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    drawn = _FIGURES[figure](results)
    if quick:
        drawn.text(0.01, 0.01, "quick: 2 seeds, a tenth of the steps; not a result", color="#D55E00")
    folder = results.folder / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"figure-{figure}.{ending}" for ending in ("svg", "png")]
    for path in paths:
        drawn.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def _convergence(results: Results) -> Any:
    """Figure 5: the greedy policy's utility over training."""
    rows = results.curves()
    trained = {(row["scenario"], row["num_users"]) for row in rows}
    games = [game for game in (("paper", 10), ("paper-load-only", 10), ("sparse", 5)) if game in trained]
    figure, axes = _axes(max(1, len(games)))
    for axis, (scenario, num_users) in zip(axes, games, strict=False):  # one empty pair of axes where there is none
        here = [row for row in rows if (row["scenario"], row["num_users"]) == (scenario, num_users)]
        names = sorted({(row["algorithm"], row["variant"]) for row in here if not row["variant"].startswith("w2")})
        for algorithm, variant in names:
            if algorithm == "dtoma":
                continue
            steps, values = _by_seed([r for r in here if (r["algorithm"], r["variant"]) == (algorithm, variant)])
            middle, low, high = curve(values, np.random.default_rng(_SEED))
            colour, _ = _STYLES[algorithm] if not variant else _OTHERS
            axis.plot(steps, middle, color=colour, label=f"{label(algorithm, variant)}, {len(values)} seeds")
            axis.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
        _reference_lines(axis, scenario, num_users)
        axis.set(title=scenario, xlabel="env steps", ylabel="system utility, greedy execution")
        axis.set_ylim(*_limits(scenario, num_users))
        axis.legend(fontsize=7, loc="lower right")
    return figure


def _balancing(results: Results) -> Any:
    """Figure 6: with and without the load balancing term, under one utility."""
    rows = [row for row in results.final() if row["checkpoint"] == "last"]
    figure, axes = _axes(3)
    metrics = {"utility": "system utility", "mean_delay_s": "mean delay / s", "imbalance": "var(LD) / s$^2$"}
    for axis, (metric, text) in zip(axes, metrics.items(), strict=True):
        places: list[int] = []
        names: list[str] = []
        for scenario in ("paper", "paper-load-only"):
            for algorithm, variant in (
                ("dtoma", ""),
                ("dtomalb", "w2 = 0"),
                ("dtomalb", ""),
                ("dtomalb", "w2 = 10"),
                ("dtomalb", "w2 = 100"),
            ):
                values = _finals(rows, algorithm, scenario, 10, variant, metric)
                if len(values):
                    _point(axis, len(places), values, _STYLES[algorithm])
                    places.append(len(places))
                    names.append(f"{label(algorithm, variant)}\n{scenario}, {len(values)} seeds")
        axis.set_xticks(places, names, rotation=60, ha="right", fontsize=6)
        axis.set(ylabel=text)
    return figure


def _users(results: Results) -> Any:
    """Figure 7: utility and share of tasks offloaded over the number of users."""
    rows = [row for row in results.final() if row["checkpoint"] == "last" and row["scenario"] == "paper"]
    rows = [row for row in rows if not row["variant"]]
    figure, axes = _axes(2)
    counts = sorted({row["num_users"] for row in rows})
    for axis, metric, text in zip(
        axes, ("utility", "offload_fraction"), ("system utility", "share offloaded"), strict=True
    ):
        for algorithm in _STYLES:
            points = [(n, _finals(rows, algorithm, "paper", n, "", metric)) for n in counts]
            points = [(n, values) for n, values in points if len(values)]
            if points:
                _line(axis, points, algorithm)
        for policy, dashes in zip(("greedy", "drift-plus-penalty"), ("--", ":"), strict=True):
            means = [getattr(_evaluated(policy, "paper", n), metric).mean() for n in counts]
            axis.plot(counts, means, color="#555555", linestyle=dashes, label=policy)
        axis.set(xlabel="users", ylabel=text)
        axis.set_xticks(counts)
    axes[0].set_yscale("symlog")
    axes[0].legend(fontsize=7)
    return figure


def _servers(results: Results) -> Any:
    """Figure 8: load factor and share of the tasks of each server, beside two shipped policies."""
    rows = [row for row in results.servers() if (row["algorithm"], row["scenario"]) == ("dtomalb", "paper")]
    rows = [row for row in rows if row["num_users"] == 10 and not row["variant"]]
    figure, axes = _axes(2)
    config = scenarios.configure("paper")
    ghz = np.asarray(config.server_hz) / 1e9
    metrics = {"load_factor_s": "load factor / s", "task_share": "share of the tasks"}
    uses = {name: server_use(policies.make(name), config, FINAL_EPISODES, FINAL_SEED) for name in _SERVER_REFERENCES}
    for axis, (metric, text) in zip(axes, metrics.items(), strict=True):
        values = np.asarray([[row[metric] for row in rows if row["server"] == m + 1] for m in range(len(ghz))])
        if values.size:
            found = [estimate(v[:, None], np.random.default_rng(_SEED)) for v in values]
            colour, marker = _STYLES["dtomalb"]
            text_of = f"dtomalb, {values.shape[1]} seeds"
            axis.plot(ghz, [e.value for e in found], color=colour, marker=marker, label=text_of)
            axis.fill_between(ghz, [e.low for e in found], [e.high for e in found], color=colour, alpha=0.2)
        for name, dashes in zip(uses, ("--", ":"), strict=True):
            axis.plot(ghz, getattr(uses[name], metric), color="#555555", linestyle=dashes, label=name)
        axis.set(xlabel="server's speed / GHz", ylabel=text, ylim=(0, None))
    axes[0].legend(fontsize=7)
    return figure


def _crowded(results: Results) -> Any:
    """Selfish against team reward where tasks outrun servers: curves beside the shipped policies."""
    rows = results.curves()
    figure, axes = _axes(2)
    for axis, scenario in zip(axes, ("crowded", "crowded-team"), strict=True):
        here = [row for row in rows if row["scenario"] == scenario]
        for algorithm, variant in sorted({(row["algorithm"], row["variant"]) for row in here}):
            steps, values = _by_seed([r for r in here if (r["algorithm"], r["variant"]) == (algorithm, variant)])
            middle, low, high = curve(values, np.random.default_rng(_SEED))
            colour = _STYLES[algorithm][0]
            axis.plot(steps, middle, color=colour, label=f"{label(algorithm, variant)}, {len(values)} seeds")
            axis.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
        for policy, dashes in zip(("local", "greedy", "drift-plus-penalty"), ("-.", "--", ":"), strict=True):
            utility = _evaluated(policy, scenario, None).utility.mean()
            axis.axhline(utility, color="#555555", linestyle=dashes, linewidth=1, label=policy)
        axis.set(title=scenario, xlabel="env steps", ylabel="system utility, greedy execution", ylim=(-200, -40))
        axis.legend(fontsize=7, loc="lower right")
    return figure


_FIGURES: dict[str, Callable[[Results], Any]] = {
    "5": _convergence,
    "6": _balancing,
    "7": _users,
    "8": _servers,
    "crowded": _crowded,
}


def _axes(count: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * count, 3.8), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]


def _by_seed(rows: Sequence[Row]) -> tuple[Any, Any]:
    """Env steps, and utilities ``[seeds, evaluations]``; only seeds that were trained to the end of the longest."""
    seeds: dict[int, list[Row]] = {}
    for row in rows:
        seeds.setdefault(row["seed"], []).append(row)
    longest = max(len(values) for values in seeds.values())
    whole = [values for values in seeds.values() if len(values) == longest]
    return [row["env_steps"] for row in whole[0]], np.asarray([[row["utility"] for row in rows] for rows in whole])


def _finals(rows: Sequence[Row], algorithm: str, scenario: str, num_users: int, variant: str, metric: str) -> Any:
    key = (algorithm, scenario, num_users, variant)
    names = ("algorithm", "scenario", "num_users", "variant")
    return np.asarray([row[metric] for row in rows if tuple(row[name] for name in names) == key])


def _point(axis: Any, place: int, values: Any, style: tuple[str, str]) -> None:
    value, low, high = estimate(values[:, None], np.random.default_rng(_SEED))
    colour, marker = style
    axis.plot([place] * len(values), values, ".", color=colour, alpha=0.35, markersize=4)
    axis.plot(place, value, marker, color=colour)
    if not math.isnan(low):
        axis.vlines(place, low, high, color=colour)


def _line(axis: Any, points: Sequence[tuple[int, Any]], algorithm: str) -> None:
    colour, marker = _STYLES[algorithm]
    estimates = [estimate(values[:, None], np.random.default_rng(_SEED)) for _, values in points]
    counts = [n for n, _ in points]
    axis.plot(counts, [e.value for e in estimates], color=colour, marker=marker, markersize=4, label=algorithm)
    axis.fill_between(counts, [e.low for e in estimates], [e.high for e in estimates], color=colour, alpha=0.2)


def _reference_lines(axis: Any, scenario: str, num_users: int) -> None:
    for policy, dashes in zip(_REFERENCES, ("-.", ":", "--"), strict=True):
        utility = _evaluated(policy, scenario, num_users).utility.mean()
        axis.axhline(utility, color="#555555", linestyle=dashes, linewidth=1, label=policy)


def _limits(scenario: str, num_users: int) -> tuple[float, float]:
    best = _evaluated("greedy", scenario, num_users).utility.mean()
    worst = _evaluated("random", scenario, num_users).utility.mean()
    return worst - 0.15 * (best - worst), best + 0.05 * (best - worst)


def _evaluated(policy: str, scenario: str, num_users: int | None) -> Any:
    own = num_users is None or scenarios.configure(scenario).num_users == num_users
    overrides: dict[str, Any] = {} if own else {"num_users": num_users}
    return evaluate(policy, scenario, FINAL_EPISODES, FINAL_SEED, **overrides)
