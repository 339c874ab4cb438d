"""Tables of training: final results, time to thresholds, number of users, generalization, cost."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.analysis.effects import steps_to_reach, steps_to_stay, thresholds
from benchmarks.analysis.figures import style
from benchmarks.analysis.formatting import bootstrapped, extremes, iqm
from benchmarks.analysis.leaderboard import utility_of
from benchmarks.analysis.statistics import Floats, probability_of_improvement, rng
from benchmarks.study.plan import SMALLER_REWARDS, is_ablation
from benchmarks.study.provenance import DRAWS
from benchmarks.study.store import Results, game_name, label, rows_of, select, values
from edgeoffload_env import scenarios

EARLIER = " †"
"""Marks rows of trained algorithms from earlier versions of the random streams."""
MYOPIC = ("greedy", "optimum", "best-response")
"""Shipped policies that look at the current slot alone."""
_GAMES = ("paper", "paper-load-only", "sparse")


def draws_note(results: Results) -> str:
    """Return a sentence on rows from episodes of earlier random streams, for pages that show them."""
    earlier = sorted({int(draws) for draws in results.table("final")["draws"]} - {DRAWS})
    if not earlier:
        return f"All results are from episodes of the current random streams (version {DRAWS}).\n"
    versions = ", ".join(map(str, earlier))
    return (
        f"Results of trained algorithms (marked †) are from episodes of the earlier random streams (version "
        f"{versions}); the environment now uses version {DRAWS}. They stand until these algorithms are trained again.\n"
    )


def with_names(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Add columns ``name`` of algorithm and variant, and ``mark`` of results from earlier random streams."""
    key, final = ["algorithm", "scenario", "num_users", "variant"], results.table("final")
    earlier = set(final[final["draws"] < DRAWS][key].itertuples(index=False, name=None))
    keys = list(rows[key].itertuples(index=False, name=None))
    names = [label(algorithm, variant) for algorithm, *_, variant in keys]
    return rows.assign(name=names, mark=[EARLIER * (who in earlier) for who in keys])


def as_published(rows: pd.DataFrame, *, any_users: bool = False) -> pd.DataFrame:
    """Return the rows without ablations and, unless ``any_users``, with each scenario's own number of users."""
    own = {name: scenarios.configure(name).num_users for name in set(rows["scenario"])}
    kept = [
        not is_ablation(variant) and (any_users or own[scenario] == users)
        for scenario, users, variant in zip(rows["scenario"], rows["num_users"], rows["variant"], strict=True)
    ]
    return rows[kept] if kept else rows


def _compared(rows: pd.DataFrame, game: str) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield algorithm, variant and rows of all algorithms on a scenario, those with a style of their own first."""
    here = select(rows, scenario=game, num_users=scenarios.configure(game).num_users)
    known = [who for who in style.groups(here) if who[1] in ("", "joint head")]
    order = style.ordered(algorithm for algorithm, _ in known)
    for algorithm, variant in sorted(known, key=lambda who: (order.index(who[0]), who[1])):
        yield algorithm, variant, select(here, algorithm=algorithm, variant=variant)


def learned(results: Results, *, everything: bool = False) -> pd.DataFrame:
    """Last checkpoints of trained algorithms; without ``everything`` neither ablations nor other numbers of users."""
    rows, body = results.last(), []
    rows = with_names(results, rows if everything else as_published(rows))
    for (scenario, num_users, name), group in rows.groupby(["scenario", "num_users", "name"]):
        utilities, score = group["utility"].to_numpy(dtype=float), group["score"].mean(skipna=False)
        body.append(
            [
                f"`{scenario}`",
                num_users,
                name + group["mark"].iloc[0],
                f"{group['env_steps'].iloc[0]:,}",
                len(group),
                f"{utilities.mean():.2f}",
                bootstrapped(iqm(utilities), len(group)),
                extremes(utilities),
                "" if np.isnan(score) else f"{score:.3f}",
            ]
        )
    head = ["scenario", "users", "algorithm", "env steps", "seeds", "mean utility", "IQM", "worst to best", "score"]
    return pd.DataFrame(body, columns=head)


def cost(results: Results) -> pd.DataFrame:
    """Wall-clock time of whole runs, evaluations included, on machines with other load."""
    rows, body = as_published(results.last(), any_users=True), []
    rows = rows.assign(
        name=list(map(label, rows["algorithm"], rows["variant"])),
        game=list(map(game_name, rows["scenario"], rows["num_users"])),
    )
    for (name, game), group in rows.groupby(["name", "game"]):
        rate = (group["env_steps"] / group["wall_s"]).median()
        body.append([name, f"`{game}`", len(group), f"{group['wall_s'].median():.0f}", f"{rate:,.0f}"])
    return pd.DataFrame(body, columns=["algorithm", "game", "runs", "median wall-clock / s", "env steps / s"])


def convergence(results: Results) -> pd.DataFrame:
    """Env steps at which curves first reach each threshold of the claims, and from which they stay above it."""
    curves, body = results.table("curves"), []
    for game in _GAMES:
        for algorithm, variant, rows in _compared(curves, game):
            for threshold, utility in thresholds(game).items():
                steps = [measure(rows, utility) for measure in (steps_to_reach, steps_to_stay)]
                name = label(algorithm, variant)
                body.append([f"`{game}`", name, threshold, len(steps[0]), *map(_steps, steps)])
    head = ["scenario", "algorithm", "threshold", "seeds", "first reached", "stays above from"]
    return pd.DataFrame(body, columns=head)


def _steps(steps: Floats) -> str:
    reached, median = np.isfinite(steps), float(np.median(steps))
    shown = f"{median:,.0f}" if np.isfinite(median) else "never"
    return shown if reached.all() else f"{shown} ({int(reached.sum())} of {len(steps)} do)"


def best_and_last(results: Results) -> pd.DataFrame:
    """Utilities of the last and of the best checkpoint, on episodes that chose neither."""
    body = []
    for game in _GAMES:
        for algorithm, variant, rows in _compared(results.table("final"), game):
            pairs = rows.pivot(index="seed", columns="checkpoint", values=["utility", "env_steps"]).dropna()
            if {"last", "best"} <= set(rows["checkpoint"]) and len(pairs):
                last, best = (pairs["utility", kind].mean() for kind in ("last", "best"))
                steps = pairs["env_steps", "best"]
                shown = f"{steps.median():,.0f} ({steps.min():,.0f} to {steps.max():,.0f})"
                means = (f"{last:.2f}", f"{best:.2f}", f"{best - last:.2f}")
                body.append([f"`{game}`", label(algorithm, variant), len(pairs), *means, shown])
    head = ["scenario", "algorithm", "seeds", "last", "best", "lost", "best at env steps, median (range)"]
    return pd.DataFrame(body, columns=head)


def improvement(results: Results) -> pd.DataFrame:
    """Probability that a run of the row's algorithm ends above one of the column's, and runs above ``greedy``."""
    rows, body = results.last(), []
    games = {game: select(rows, scenario=game, variant="") for game in _GAMES[:2]}
    columns = style.ordered(name for here in games.values() for name in here["algorithm"])
    for game, here in games.items():
        found = {name: values(here, name, game) for name in columns}
        greedy = utility_of(results, "greedy", game)
        for ours, utilities in found.items():
            if not len(utilities):
                continue
            cells = [
                bootstrapped(probability_of_improvement(utilities, other, rng()), min(len(utilities), len(other)))
                if len(other) and theirs != ours
                else "-"
                for theirs, other in found.items()
            ]
            above = "-" if np.isnan(greedy) else f"{int(np.sum(utilities > greedy))} of {len(utilities)}"
            body.append([f"`{game}`", ours, *cells, above])
    return pd.DataFrame(body, columns=["scenario", "P(above)", *columns, "runs above `greedy`"])


def balance_weight(results: Results) -> pd.DataFrame:
    """DTOMALB trained with each weight of the variance of the load factors, evaluated with a weight of 1."""
    rows, body = results.last(), []
    weights = {"0": ("dtoma", "")} | {f"0, {variant}": ("dtoma", variant) for variant in SMALLER_REWARDS}
    weights |= {"1": ("dtomalb", "")} | {f"1, {variant}": ("dtomalb", variant) for variant in SMALLER_REWARDS}
    for weight in ("10", "100"):
        weights |= {f"{weight}{more}": ("dtomalb", f"w2 = {weight}{more}") for more in ("", f", rewards / {weight}")}
    digits = {"utility": 2, "mean_delay_s": 4, "imbalance": 5}
    for game in _GAMES[:2]:
        for weight, (algorithm, variant) in weights.items():
            if len(found := rows_of(rows, algorithm, game, variant=variant)):
                cells = [f"{found[metric].mean():.{places}f}" for metric, places in digits.items()]
                body.append([f"`{game}`", weight, len(found), *cells])
    head = ["scenario", "w2 in training", "seeds", "mean utility", "mean delay / s", "var(LD) / s²"]
    return pd.DataFrame(body, columns=head)


def users(results: Results) -> pd.DataFrame:
    """Utilities over the number of users on ``paper``: means of last checkpoints, and shipped policies."""
    rows, body = select(results.last(), scenario="paper", variant=""), []
    counts = sorted(set(rows["num_users"]))
    for algorithm in style.ordered(rows["algorithm"]):
        found = [values(rows, algorithm, "paper", n) for n in counts]
        if sum(len(utilities) > 0 for utilities in found) > 1:
            body.append([algorithm, *(f"{np.mean(v):.1f} ({len(v)} seeds)" if len(v) else "-" for v in found)])
    for policy, shipped in results.table("users").groupby("policy", sort=False):
        utilities = shipped.set_index("num_users")["utility"]
        body.append([f"`{policy}`", *(f"{utilities[n]:.1f}" if n in utilities else "-" for n in counts)])
    return pd.DataFrame(body, columns=["", *(f"N = {n}" for n in counts)])


def crowded(results: Results) -> pd.DataFrame:
    """Trained algorithms and shipped policies where looking beyond the slot pays."""
    rows, body = results.last(), []
    for game in ("crowded", "crowded-team"):
        shipped = {name: utility_of(results, name, game) for name in (*MYOPIC, "drift-plus-penalty")}
        body += [[f"`{game}`", f"`{name}`", "-", f"{utility:.2f}", "-", "-"] for name, utility in shipped.items()]
        best = max(shipped[name] for name in MYOPIC)
        here = select(rows, scenario=game, num_users=scenarios.configure(game).num_users)
        for algorithm, variant in style.groups(here):
            found = values(here, algorithm, game, variant=variant)
            above = f"{int((found > best).sum())} of {len(found)}"
            name, mean = label(algorithm, variant), f"{found.mean():.2f}"
            body.append([f"`{game}`", name, str(len(found)), mean, extremes(found), above])
    head = ["scenario", "policy", "seeds", "mean utility", "worst to best", "above every myopic policy"]
    return pd.DataFrame(body, columns=head)


def held_out(results: Results) -> pd.DataFrame:
    """Interquartile means on games that nothing was trained on."""
    rows, body = results.table("generalization"), []
    for algorithm in style.ordered(rows["algorithm"]):
        for game in dict.fromkeys(rows["game"]):
            if len(here := select(rows, algorithm=algorithm, game=game)):
                cells = [bootstrapped(iqm(here[metric]), len(here)) for metric in ("utility", "score")]
                body.append([algorithm, game, len(here), *cells])
    return pd.DataFrame(body, columns=["trained on `paper`", "played on", "seeds", "utility", "score"])
