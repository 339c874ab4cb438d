"""Tables of ablations: open environment parameters, budget, hyper-parameters, reward scale; and of other games."""

import math
from collections.abc import Iterable

import pandas as pd
from scipy import stats

from benchmarks.analysis import style
from benchmarks.analysis.formatting import Rows, contrast, extremes, table
from benchmarks.analysis.leaderboard import utility_of
from benchmarks.analysis.learning_tables import as_published
from benchmarks.analysis.statistics import ratio
from benchmarks.study.plan import (
    EQUIVARIANT_PARTS,
    ESTIMATORS,
    HYPERPARAMETERS,
    LONGER,
    OWN,
    SENSITIVITY,
    SEVERAL_SCENARIOS,
    SMALLER_REWARDS,
    SMALLEST,
    STEADINESS,
)
from benchmarks.study.plan import PAPER_ALGORITHMS as PAPERS
from benchmarks.study.store import Results, are_alike, rows_of, select, values
from edgeoffload_env import scenarios

_REFERENCES = ("fixed", "greedy", "drift-plus-penalty")


@table()
def sensitivity(results: Results) -> Rows:
    """DTOMALB and its rivals under other values of the environment's open parameters."""
    rows = results.last()
    yield "", "seeds", *(f"{n}, mean utility" for n in PAPERS), *(f"dtomalb above {n} by" for n in PAPERS[1:])
    for variant in ("", *SENSITIVITY):
        runs = [rows_of(rows, name, "paper", variant=variant) for name in PAPERS]
        found = [values(rows, name, "paper", variant=variant) for name in PAPERS]
        if all(map(len, found)):
            pairs = zip(runs[1:], found[1:], strict=True)
            ahead = [contrast(found[0], theirs) if are_alike(runs[0], run) else "-" for run, theirs in pairs]
            yield variant or "default", len(found[0]), *(f"{utilities.mean():.2f}" for utilities in found), *ahead


@table("`paper` with | DTOMALB | seeds | mean utility | worst to best | difference to default")
def hyperparameters(results: Results) -> Rows:
    """DTOMALB with other budgets and hyper-parameters; ``crowded`` is the game of 20 users."""
    rows, variants = results.last(), (*LONGER, *HYPERPARAMETERS, *SMALLER_REWARDS)
    small = {"default": ("paper", "")} | {name: ("paper", name) for name in variants}
    large = {"default": ("paper", ""), "discount 0.9": ("paper", "discount 0.9"), "100,800 env steps": ("crowded", "")}
    for users, games in ((10, small), (20, large)):
        found = {name: rows_of(rows, "dtomalb", game, users, variant) for name, (game, variant) in games.items()}
        yield from ((f"N = {users}", *row) for row in _beside(found, "default"))


@table(
    f" | default, mean utility | {SMALLEST} | worst to best | difference to default | "
    f"dtomalb ({SMALLEST}) above it by | dtomalb ({SMALLEST}) above its default by"
)
def smaller_rewards(results: Results) -> Rows:
    """Each own algorithm with rewards smaller than any in the tuning."""
    rows = results.last()
    ours = values(rows, "dtomalb", "paper", variant=SMALLEST)
    our_runs = rows_of(rows, "dtomalb", "paper", variant=SMALLEST)
    for name in OWN:
        base, found = (values(rows, name, "paper", variant=variant) for variant in ("", SMALLEST))
        if min(len(found), len(base)) > 1:
            means = [f"{utilities.mean():.2f} ({style.seeds(utilities)})" for utilities in (base, found)]
            runs = [rows_of(rows, name, "paper", variant=variant) for variant in ("", SMALLEST)]
            ahead = ["-" if name == "dtomalb" else contrast(ours, theirs) for theirs in (found, base)]
            if not are_alike(runs[0], our_runs):
                ahead[1] = "-"
            to_default = contrast(found, base) if are_alike(*runs) else "-"
            yield name, *means, extremes(found), to_default, *ahead


@table(
    "`paper` with |  | seeds | deviation | ratio to default | ratio to dtomalb's | mean utility (worst to best) | "
    "difference to default"
)
def steadiness(results: Results) -> Rows:
    """Deviations within runs without each component that may keep independent learners steady."""
    curves, rows = results.table("curves"), results.last()
    for variant in ("", *STEADINESS):
        ours = style.deviations(curves, "paper", "dtomalb", variant)
        for algorithm in ("idql-tolb", "dtomalb"):
            now, base = (style.deviations(curves, "paper", algorithm, v) for v in (variant, ""))
            ends, before = (values(rows, algorithm, "paper", variant=v) for v in (variant, ""))
            if min(map(len, (now, base, ours, ends, before))) > 1:
                alike = are_alike(*(rows_of(rows, algorithm, "paper", variant=v) for v in (variant, "")))
                spread, mean = f"{stats.gmean(now):.2f} ({extremes(now)})", f"{ends.mean():.2f} ({extremes(ends)})"
                to_default = contrast(now, base, ratio) if variant and alike else "-"
                to_ours = contrast(now, ours, ratio) if algorithm != "dtomalb" else "-"
                gain = contrast(ends, before) if variant and alike else "-"
                yield variant or "default", algorithm, len(now), spread, to_default, to_ours, mean, gain


_PARTS = "seeds | mean utility | worst to best | above {} by"


@table("actor gradient of DTOMALB on `paper` | " + _PARTS.format("the separate critic's"))
def estimators(results: Results) -> Rows:
    """DTOMALB with each estimator of its actors' gradient, all else as it is by default."""
    yield from _variants(results, ESTIMATORS, "separate critic")


@table("critic | seeds | env steps | slope points to the best other action | least to most")
def slopes(results: Results) -> Rows:
    """Share of cases in which the slope of (34) ranks the user's other actions as the critic's own values do."""
    for critic, rows in results.table("slopes").groupby("critic", sort=False):
        shares = 100 * rows["agreement"].to_numpy(dtype=float)
        steps = f"{rows['env_steps'].max():,}"
        yield f"`{critic}`", len(rows), steps, f"{shares.mean():.0f} %", f"{shares.min():.0f} % to {shares.max():.0f} %"


@table("`dtomalb-equivariant` on `paper` | " + _PARTS.format("all parts"))
def equivariant_parts(results: Results) -> Rows:
    """The equivariant network without each of its parts."""
    yield from _variants(results, EQUIVARIANT_PARTS, "all parts")


@table(
    "played on | users | servers | seeds | mean utility | worst to best | " + " | ".join(f"`{n}`" for n in _REFERENCES)
)
def equivariant_elsewhere(results: Results) -> Rows:
    """The equivariant network, trained on ``paper`` alone, where it was trained and on games of other sizes."""
    name = "dtomalb-equivariant"
    elsewhere = select(results.table("generalization"), algorithm=name, scenario="paper", num_users=10, variant="")
    found = {"paper": values(results.last(), name, "paper", 10)}
    for game in dict.fromkeys(elsewhere["game"]):
        found[game] = select(elsewhere, game=game)["utility"].to_numpy(dtype=float)
    for game, utilities in found.items():
        if game in scenarios.names() and len(utilities):
            config = scenarios.configure(game)
            known = [utility_of(results, policy, game) for policy in _REFERENCES]
            shipped = ["-" if math.isnan(utility) else f"{utility:.2f}" for utility in known]
            sizes = config.num_users, config.servers, len(utilities)
            yield f"`{game}`", *sizes, f"{utilities.mean():.2f}", extremes(utilities), *shipped


@table(
    "trained and played on | users | servers | seeds | score of one network | worst to best | "
    "best variant for it alone | " + " | ".join(f"`{n}`" for n in _REFERENCES)
)
def one_for_all(results: Results) -> Rows:
    """The equivariant network trained on several scenarios at once, beside those trained on each of them alone."""
    name, last, elsewhere = "dtomalb-equivariant", results.last(), results.table("generalization")
    boards = results.table("leaderboard")
    for variant, values_of in SEVERAL_SCENARIOS.items():
        for game in ("paper", *values_of["also"]):
            rows = select(last.assign(game="paper") if game == "paper" else elsewhere, algorithm=name, variant=variant)
            scores = select(rows, scenario="paper", game=game)["score"].to_numpy(dtype=float)
            if len(scores):
                config, alone = scenarios.configure(game), select(as_published(last), algorithm=name, scenario=game)
                means = alone[~alone["variant"].isin(SEVERAL_SCENARIOS)].groupby("variant")["score"].mean()
                shipped = [select(boards, policy=policy, scenario=game)["score"] for policy in _REFERENCES]
                others = [f"{max(found):.3f}" if len(found) else "-" for found in (means, *shipped)]
                sizes = config.num_users, config.servers, len(scores)
                yield (
                    f"`{game}`",
                    *sizes,
                    f"{scores.mean():.3f}",
                    extremes(scores, 3) if len(scores) > 1 else "-",
                    *others,
                )


def _variants(results: Results, variants: Iterable[str], base: str) -> Rows:
    """Yield rows of variants on ``paper``, whatever their algorithm."""
    on_paper = select(results.last(), scenario="paper", num_users=10)
    names = dict.fromkeys((*variants, base))
    yield from _beside({name: select(on_paper, variant=name) for name in names}, base)


def _beside(found: dict[str, pd.DataFrame], base: str) -> Rows:
    """Yield seeds, utilities and the difference to a base of the same streams, for each name with two seeds or more."""
    for name, rows in found.items():
        utilities, others = (here["utility"].to_numpy(dtype=float) for here in (rows, found[base]))
        if len(utilities) > 1:
            compared = name != base and len(others) and are_alike(rows, found[base])
            above = contrast(utilities, others) if compared else "-"
            yield name, len(utilities), f"{utilities.mean():.2f}", extremes(utilities), above
