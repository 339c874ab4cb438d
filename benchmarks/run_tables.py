"""Tables of how runs went: when they got where, and what their last networks lost against their best."""

import statistics
from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.effects import marks, steps_to_reach, steps_to_stay
from benchmarks.figures import style
from benchmarks.leaderboard import utility_of
from benchmarks.rows import Results, Row, label
from benchmarks.statistics import Floats
from benchmarks.studies import SMALLER_REWARDS
from edgeoffload_env import scenarios
from recipes import registry

Table = tuple[Iterable[str], Iterable[Iterable[str]]]
_GAMES = ("paper", "paper-load-only", "sparse")


def _who(rows: Sequence[Row], game: str) -> list[tuple[str, str]]:
    """Algorithms and variants on a scenario as it is, the ones with colours of their own first."""
    users = scenarios.configure(game).num_users
    found = {(r["algorithm"], r["variant"]) for r in rows if (r["scenario"], r["num_users"]) == (game, users)}
    order = [*style.STYLES, *registry.RECIPES]
    known = [who for who in found if who[1] in ("", "joint head")]
    return sorted(known, key=lambda who: (order.index(who[0]), who[1]))


def convergence(results: Results) -> Table:
    """Env steps at which curves first reach the marks of the claims, and from which on they stay above."""
    curves, body = results.curves(), []
    for game in _GAMES:
        for who in _who(curves, game):
            rows = style.curves_of(curves, game, *who)
            for mark, utility in marks(game).items():
                first, stays = steps_to_reach(rows, utility), steps_to_stay(rows, utility)
                body.append([f"`{game}`", label(*who), mark, str(len(first)), _steps(first), _steps(stays)])
    return ("scenario", "algorithm", "mark", "seeds", "first reached", "stays above from"), body


def _steps(values: Floats) -> str:
    reached = np.isfinite(values)
    middle = float(np.median(values))
    shown = f"{middle:,.0f}" if np.isfinite(middle) else "never"
    return shown if reached.all() else f"{shown} ({int(reached.sum())} of {len(values)} do)"


def users(results: Results) -> Table:
    """Utilities over the number of users on ``paper``: means of last checkpoints, and shipped policies."""
    rows = [row for row in style.last(results.final()) if row["scenario"] == "paper" and not row["variant"]]
    counts = sorted({row["num_users"] for row in rows})
    body = []
    for algorithm in style.STYLES:
        found = [style.finals(rows, algorithm, "paper", n, "", "utility") for n in counts]
        if sum(len(values) > 0 for values in found) > 1:
            body.append([algorithm, *(f"{np.mean(v):.1f} ({len(v)} seeds)" if len(v) else "-" for v in found)])
    shipped = {(row["policy"], row["num_users"]): row["utility"] for row in results.users()}
    for policy in dict.fromkeys(name for name, _ in shipped):
        cells = [f"{shipped[policy, n]:.1f}" if (policy, n) in shipped else "-" for n in counts]
        body.append([f"`{policy}`", *cells])
    return ["", *(f"N = {n}" for n in counts)], body


def best_and_last(results: Results) -> Table:
    """What the last networks reach, and those that did best in an evaluation, on games that chose neither."""
    rows, body = results.final(), []
    for game in _GAMES:
        users = scenarios.configure(game).num_users
        for who in _who(rows, game):
            here = [
                r for r in rows if (r["scenario"], r["num_users"], r["algorithm"], r["variant"]) == (game, users, *who)
            ]
            last, best = ({row["seed"]: row for row in here if row["checkpoint"] == kind} for kind in ("last", "best"))
            seeds = sorted(last.keys() & best.keys())
            if not seeds:
                continue
            means = [statistics.fmean(rows_of[seed]["utility"] for seed in seeds) for rows_of in (last, best)]
            steps = [best[seed]["env_steps"] for seed in seeds]
            body.append(
                [
                    f"`{game}`",
                    label(*who),
                    str(len(seeds)),
                    *(f"{mean:.2f}" for mean in means),
                    f"{means[1] - means[0]:.2f}",
                    f"{statistics.median(steps):,.0f} ({min(steps):,} to {max(steps):,})",
                ]
            )
    return ("scenario", "algorithm", "seeds", "last", "best", "lost", "best at env steps, median (range)"), body


def balance_weight(results: Results) -> Table:
    """DTOMALB trained with each weight of the variance of the load factors, judged with a weight of 1."""
    rows, body = style.last(results.final()), []
    weights = {"0": ("dtoma", "")}
    weights |= {f"0, {variant}": ("dtoma", variant) for variant in SMALLER_REWARDS}
    weights |= {"1": ("dtomalb", "")}
    weights |= {f"1, {variant}": ("dtomalb", variant) for variant in SMALLER_REWARDS}
    for weight in ("10", "100"):
        weights |= {f"{weight}{more}": ("dtomalb", f"w2 = {weight}{more}") for more in ("", f", rewards / {weight}")}
    for game in ("paper", "paper-load-only"):
        users = scenarios.configure(game).num_users
        for weight, (algorithm, variant) in weights.items():
            found = {
                metric: style.finals(rows, algorithm, game, users, variant, metric)
                for metric in ("utility", "mean_delay_s", "imbalance")
            }
            if len(found["utility"]):
                cells = [f"{found[metric].mean():.{digits}f}" for metric, digits in _DIGITS.items()]
                body.append([f"`{game}`", weight, str(len(found["utility"])), *cells])
    return ("scenario", "w2 in training", "seeds", "mean utility", "mean delay / s", "var(LD) / s²"), body


_DIGITS = {"utility": 2, "mean_delay_s": 4, "imbalance": 5}
MYOPIC = ("greedy", "optimum", "best-response")
"""Policies that look at the slot alone."""


def crowded(results: Results) -> Table:
    """Learners beside shipped policies where looking beyond the slot pays."""
    rows, body = style.last(results.final()), []
    for game in ("crowded", "crowded-team"):
        users = scenarios.configure(game).num_users
        shown = {name: utility_of(results.folder, name, game) for name in (*MYOPIC, "drift-plus-penalty")}
        for name, utility in shown.items():
            body.append([f"`{game}`", f"`{name}`", "-", f"{utility:.2f}", "-", "-"])
        bar = max(shown[name] for name in MYOPIC)
        here = [row for row in rows if (row["scenario"], row["num_users"]) == (game, users)]
        for algorithm, variant in sorted({(row["algorithm"], row["variant"]) for row in here}):
            values = style.finals(here, algorithm, game, users, variant, "utility")
            beat = f"{int((values > bar).sum())} of {len(values)}"
            spread = f"{values.min():.2f} to {values.max():.2f}"
            body.append(
                [f"`{game}`", label(algorithm, variant), str(len(values)), f"{values.mean():.2f}", spread, beat]
            )
    return ("scenario", "who", "seeds", "mean utility", "worst to best", "above every myopic policy"), body
