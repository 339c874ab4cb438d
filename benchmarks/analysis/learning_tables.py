"""Tables of training: final results, time to thresholds, number of users, generalization, cost."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.analysis import style
from benchmarks.analysis.effects import steps_to_reach, steps_to_stay, thresholds
from benchmarks.analysis.formatting import TABLES, Rows, bootstrapped, extremes, gains, iqm, listed, named, table
from benchmarks.analysis.leaderboard import utility_of
from benchmarks.analysis.statistics import Floats, probability_of_improvement, rng
from benchmarks.study.plan import ABLATIONS, SMALLER_REWARDS
from benchmarks.study.provenance import DRAWS
from benchmarks.study.store import Results, label, rows_of, select, values
from edgeoffload_env import scenarios

EARLIER = " †"
"""Marks rows of trained algorithms from earlier versions of the random streams."""
_EARLIER_CRITICS = ("dtomalb", "dtoma", "dtomalb-exact")
"""Algorithms whose critics have changed since the rows of earlier random streams."""
MYOPIC = ("greedy", "optimum", "best-response")
"""Shipped policies that look at the current slot alone."""
_GAMES = ("paper", "paper-load-only", "sparse")


def draws_note(results: Results) -> str:
    """Return a sentence on rows from episodes of earlier random streams, for pages that show them."""
    final = results.table("final")
    if (final["draws"] == DRAWS).all():
        return f"All results are from episodes of the current random streams (version {DRAWS}).\n"
    versions = ", ".join(map(str, sorted({int(draws) for draws in final["draws"]} - {DRAWS})))
    text = f"Results marked{EARLIER} are of runs on earlier random streams (version {versions}, now {DRAWS})"
    return f"{text}, until these are trained again. {_earlier_critics(final)}".rstrip() + "\n"


def _earlier_critics(final: pd.DataFrame) -> str:
    """Return a sentence on the algorithms whose rows of earlier random streams are also of an earlier critic."""
    names = [f"`{name}`" for name in _EARLIER_CRITICS if len(select(final[final["draws"] < DRAWS], algorithm=name))]
    about = "are also with critics that read the own action as an input (`critic=separate`)"
    return f"Those of {listed(names)} {about}." if names else ""


TABLES["draws"] = draws_note


def are_earlier(results: Results, rows: pd.DataFrame) -> Any:
    """Tell for each row whether its runs' results are from earlier random streams, ``[rows]``."""
    key, final = ["algorithm", "scenario", "num_users", "variant"], results.table("final")
    return pd.MultiIndex.from_frame(rows[key]).isin(pd.MultiIndex.from_frame(final[final["draws"] < DRAWS][key]))


def marked(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Mark the names of algorithm and variant, in a column ``marked``, if results are from earlier random streams."""
    rows = named(rows)
    return rows.assign(marked=rows["name"].astype(str) + np.where(are_earlier(results, rows), EARLIER, ""))


def as_published(rows: pd.DataFrame, *, any_users: bool = False) -> pd.DataFrame:
    """Return the rows without ablations and, unless ``any_users``, with each scenario's own number of users."""
    own = rows["scenario"].map(lambda name: scenarios.configure(name).num_users)
    return rows[~rows["variant"].isin(ABLATIONS) & (any_users | (rows["num_users"] == own))]


def _compared(rows: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield scenario, name and rows of all algorithms, those with a style of their own first."""
    for game in _GAMES:
        here = select(rows, scenario=game, num_users=scenarios.configure(game).num_users)
        known = [who for who in style.groups(here) if who[1] in ("", "joint head")]
        order = style.ordered(algorithm for algorithm, _ in known)
        for algorithm, variant in sorted(known, key=lambda who: (order.index(who[0]), who[1])):
            yield game, label(algorithm, variant), select(here, algorithm=algorithm, variant=variant)


@table(
    "scenario | users | algorithm | env steps | seeds | mean utility | IQM | worst to best | score | gain over fixed"
)
def learned(results: Results, *, everything: bool = False) -> Rows:
    """Last checkpoints of trained algorithms; without ``everything`` neither ablations nor other numbers of users.

    Each scenario begins with the best constant assignment.
    """
    rows, begun = results.last() if everything else as_published(results.last()), set[str]()
    for (scenario, num_users, _), group in marked(results, rows).groupby(["scenario", "num_users", "name"]):
        own = num_users == scenarios.configure(scenario).num_users
        if own and scenario not in begun and not np.isnan(fixed := utility_of(results, "fixed", scenario)):
            begun.add(scenario)
            gain = f"{gains(scenario, fixed):.3f}"
            yield f"`{scenario}`", num_users, "`fixed`", "-", "-", f"{fixed:.2f}", "-", "-", "", gain
        utilities, score, first = group["utility"], group["score"].mean(skipna=False), group.iloc[0]
        found = f"{utilities.mean():.2f}", bootstrapped(iqm(utilities), len(group)), extremes(utilities)
        shown = ("", "") if np.isnan(score) else (f"{score:.3f}", f"{gains(scenario, utilities.mean()):.3f}")
        yield f"`{scenario}`", num_users, first["marked"], f"{first['env_steps']:,}", len(group), *found, *shown


TABLES["all-learned"] = functools.partial(learned, everything=True)


@table("algorithm | game | runs | median wall-clock / s | env steps / s")
def cost(results: Results) -> Rows:
    """Wall-clock time of whole runs, evaluations included, on machines with other load."""
    rows = named(as_published(results.last(), any_users=True))
    for (name, game), group in rows.groupby(["name", "game"]):
        rate = (group["env_steps"] / group["wall_s"]).median()
        yield name, f"`{game}`", len(group), f"{group['wall_s'].median():.0f}", f"{rate:,.0f}"


@table("scenario | algorithm | threshold | seeds | first reached | stays above from")
def convergence(results: Results) -> Rows:
    """Env steps at which curves first reach each threshold of the claims, and from which they stay above it."""
    for game, name, rows in _compared(results.table("curves")):
        for threshold, utility in thresholds(game).items():
            steps = [measure(rows, utility) for measure in (steps_to_reach, steps_to_stay)]
            yield f"`{game}`", name, threshold, len(steps[0]), *map(_steps, steps)


def _steps(steps: Floats) -> str:
    reached, median = np.isfinite(steps), float(np.median(steps))
    shown = f"{median:,.0f}" if np.isfinite(median) else "never"
    return shown if reached.all() else f"{shown} ({int(reached.sum())} of {len(steps)} do)"


@table("scenario | algorithm | seeds | last | best | lost | best at env steps, median (range)")
def best_and_last(results: Results) -> Rows:
    """Utilities of the last and of the best checkpoint, on episodes that chose neither."""
    for game, name, rows in _compared(results.table("final")):
        pairs = rows.pivot(index="seed", columns="checkpoint", values=["utility", "env_steps"]).dropna()
        if {"last", "best"} <= set(rows["checkpoint"]) and len(pairs):
            last, best = (pairs["utility", kind].mean() for kind in ("last", "best"))
            steps = pairs["env_steps", "best"]
            shown = f"{steps.median():,.0f} ({steps.min():,.0f} to {steps.max():,.0f})"
            yield f"`{game}`", name, len(pairs), f"{last:.2f}", f"{best:.2f}", f"{best - last:.2f}", shown


@table()
def improvement(results: Results) -> Rows:
    """Probability that a run of the row's algorithm ends above one of the column's, and runs above ``greedy``."""
    rows = select(results.last(), variant="")
    columns = style.ordered(rows[rows["scenario"].isin(_GAMES[:2])]["algorithm"])
    yield "scenario", "P(above)", *columns, "runs above `greedy`", "runs above `fixed`"
    for game in _GAMES[:2]:
        found = {name: values(rows, name, game) for name in columns}
        shipped = [utility_of(results, name, game) for name in ("greedy", "fixed")]
        for ours, utilities in found.items():
            if len(utilities):
                cells = ("-" if name == ours else _above(utilities, other) for name, other in found.items())
                runs = ("-" if np.isnan(u) else f"{int(np.sum(utilities > u))} of {len(utilities)}" for u in shipped)
                yield f"`{game}`", ours, *cells, *runs


def _above(ours: Floats, theirs: Floats) -> str:
    if not len(theirs):
        return "-"
    return bootstrapped(probability_of_improvement(ours, theirs, rng()), min(len(ours), len(theirs)))


@table("scenario | w2 in training | seeds | mean utility | mean delay / s | var(LD) / s²")
def balance_weight(results: Results) -> Rows:
    """DTOMALB trained with each weight of the variance of the load factors, evaluated with a weight of 1."""
    rows, weights = results.last(), dict[str, tuple[str, str]]()
    for weight, algorithm in (("0", "dtoma"), ("1", "dtomalb")):
        weights |= {", ".join(filter(None, (weight, name))): (algorithm, name) for name in ("", *SMALLER_REWARDS)}
    for weight in ("10", "100"):
        weights |= {f"{weight}{more}": ("dtomalb", f"w2 = {weight}{more}") for more in ("", f", rewards / {weight}")}
    for game in _GAMES[:2]:
        for weight, (algorithm, variant) in weights.items():
            if len(found := rows_of(rows, algorithm, game, variant=variant)):
                means = found[["utility", "mean_delay_s", "imbalance"]].mean()
                yield f"`{game}`", weight, len(found), *map("{:.{}f}".format, means, (2, 4, 5))


@table()
def users(results: Results) -> Rows:
    """Utilities over the number of users on ``paper``: means of last checkpoints, and shipped policies."""
    rows = select(results.last(), scenario="paper", variant="")
    counts = sorted(set(rows["num_users"]))
    yield "", *(f"N = {n}" for n in counts)
    for algorithm in style.ordered(rows["algorithm"]):
        found = [values(rows, algorithm, "paper", n) for n in counts]
        if sum(len(utilities) > 0 for utilities in found) > 1:
            yield algorithm, *(f"{np.mean(v):.1f} ({len(v)} seeds)" if len(v) else "-" for v in found)
    for policy, shipped in results.table("users").groupby("policy", sort=False):
        utilities = shipped.set_index("num_users")["utility"]
        yield f"`{policy}`", *(f"{utilities[n]:.1f}" if n in utilities else "-" for n in counts)


@table("scenario | policy | env steps | seeds | mean utility | worst to best | above every myopic policy")
def crowded(results: Results) -> Rows:
    """Trained algorithms and shipped policies where looking beyond the slot pays."""
    rows = results.last()
    for game in ("crowded", "crowded-team"):
        names = ("fixed", *MYOPIC, "drift-plus-penalty", "lookahead")
        shipped = {name: utility_of(results, name, game) for name in names}
        yield from (
            (f"`{game}`", f"`{name}`", "-", "-", f"{utility:.2f}", "-", "-") for name, utility in shipped.items()
        )
        best = max(shipped[name] for name in MYOPIC)
        here = select(rows, scenario=game, num_users=scenarios.configure(game).num_users)
        for (_, _, name), group in named(here).groupby(["algorithm", "variant", "name"]):
            found, above = group["utility"], f"{int((group['utility'] > best).sum())} of {len(group)}"
            steps = f"{group['env_steps'].max():,}"
            yield f"`{game}`", name, steps, str(len(found)), f"{found.mean():.2f}", extremes(found), above


@table("trained on `paper` | played on | seeds | utility | score")
def held_out(results: Results) -> Rows:
    """Interquartile means on games that nothing was trained on, below the best constant assignment of each."""
    rows = select(results.table("generalization"), variant="")
    boards = select(results.table("leaderboard"), policy="fixed").set_index("scenario")
    for game in dict.fromkeys(rows["game"]):
        if game in boards.index:
            yield "`fixed`", game, "-", f"{boards.loc[game, 'utility']:.2f}", f"{boards.loc[game, 'score']:.2f}"
    for algorithm in style.ordered(rows["algorithm"]):
        for game, here in select(rows, algorithm=algorithm).groupby("game", sort=False):
            yield algorithm, game, len(here), *(bootstrapped(iqm(here[m]), len(here)) for m in ("utility", "score"))
