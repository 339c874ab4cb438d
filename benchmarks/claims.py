"""Does the paper hold? Each claim as a measurement with an interval, and a verdict by rule.

A claim is put as effects, each with a 95 % interval and the value that says "no effect". It holds where every interval
lies on the claimed side of that value, holds in part where some do, and does not hold where none does.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.elsewhere import LOST
from benchmarks.figures import style
from benchmarks.rows import Results, Row, label
from benchmarks.servers import server_use
from benchmarks.statistics import Estimate, estimate, probability_of_improvement
from edgeoffload_env import policies, scenarios
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

_GAMES = ("paper", "paper-load-only")
_MARK = "proportional"
"""The policy whose utility a run must reach to count as having got going: the best that looks at no state."""
_LEAST_SEEDS = 5
"""On each side of a probability, whose bootstrap says nothing of fewer."""


@dataclass(frozen=True)
class Effect:
    """A measured effect; the claim wants it above ``neutral``."""

    text: str
    found: Estimate
    neutral: float

    @property
    def holds(self) -> bool:
        """Whether the whole interval is on the claimed side."""
        return self.found.low > self.neutral

    def __str__(self) -> str:
        value, low, high = map(_number, self.found)
        return f"{self.text} {value}" if low == high else f"{self.text} {value} [{low}, {high}]"


@dataclass(frozen=True)
class Claim:
    """One of the paper's, with what was measured."""

    claim: str
    figure: str
    effects: Sequence[Effect]

    @property
    def verdict(self) -> str:
        """By the rule of this module."""
        if not self.effects:
            return "not measured"
        held = [effect.holds for effect in self.effects]
        return "holds" if all(held) else "holds in part" if any(held) else "does not hold"


def claims(results: Results) -> list[Claim]:
    """All of the paper's claims."""
    rows, curves = style.last(results.final()), results.curves()
    others = ("dqn-tolb", "idql-tolb")
    pairs = list(itertools.product(_GAMES, others))
    joint = ("dqn-tolb", "joint head")
    return [
        Claim(
            "DTOMALB converges fastest",
            "5",
            [*_flat(_sooner(curves, game, ("dtomalb", ""), (other, "")) for game, other in pairs)],
        ),
        Claim(
            "DTOMALB reaches the highest utility",
            "5",
            [*_flat(_better(rows, game, ("dtomalb", ""), (other, "")) for game, other in pairs)],
        ),
        Claim(
            "DQN-TOLB (the paper's joint head, `sparse`) is slow",
            "5",
            [*_sooner(curves, "sparse", ("dtomalb", ""), joint), *_sooner(curves, "sparse", ("idql-tolb", ""), joint)],
        ),
        Claim(
            "DQN-TOLB (the same) gets stuck below the others",
            "5",
            [*_better(rows, "sparse", ("dtomalb", ""), joint), *_better(rows, "sparse", ("idql-tolb", ""), joint)],
        ),
        Claim(
            "IDQL-TOLB is unstable",
            "5",
            [*_flat(_unsteady(curves, game, "idql-tolb", "dtomalb") for game in _GAMES)],
        ),
        Claim(
            "the balancing term speeds up convergence",
            "6",
            [*_flat(_sooner(curves, game, ("dtomalb", ""), ("dtoma", "")) for game in _GAMES)],
        ),
        Claim(
            "the balancing term raises the utility",
            "6",
            [*_flat(_better(rows, game, ("dtomalb", ""), ("dtoma", "")) for game in _GAMES)],
        ),
        Claim(
            "the balancing term lowers var(LD)",
            "6",
            [*_flat(_better(rows, game, ("dtomalb", ""), ("dtoma", ""), "imbalance") for game in _GAMES)],
        ),
        Claim("the utility falls with the number of users", "7", [*_falling(rows)]),
        Claim("faster servers get more tasks", "8", [*_faster_get_more(results.servers())]),
        Claim("load factors even out over the servers", "8", [*_even(results.servers())]),
        Claim(
            "DTOMALB has the lower delay",
            "7",
            [*_flat(_better(rows, game, ("dtomalb", ""), (other, ""), "mean_delay_s") for game, other in pairs)],
        ),
        Claim("DTOMALB is less complex than a centralised DQN", "joint-head", [*_cheaper(results.complexity())]),
        Claim("there is no single point of failure", "", [*_survives(results.elsewhere())]),
    ]


def table(results: Results) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of all claims."""
    body = [
        [claim.claim, claim.figure, "; ".join(map(str, claim.effects)) or "-", f"**{claim.verdict}**"]
        for claim in claims(results)
    ]
    return ["the paper's claim", "figure", "measured, with its 95 % interval", "verdict"], body


def steps_to_reach(rows: Sequence[Row], utility: float) -> Any:
    """For each seed the env steps at which a curve first reaches a utility; infinite where it never does."""
    steps, values = style.by_seed(rows)
    reached = values >= utility
    first = np.where(reached.any(axis=1), np.asarray(steps)[reached.argmax(axis=1)], math.inf)
    return first.astype(float)


_Name = tuple[str, str]


def _sooner(curves: Sequence[Row], game: str, ours: _Name, theirs: _Name) -> Iterator[Effect]:
    """How probably a run of ours gets going before one of theirs."""
    mine, other = (
        [r for r in curves if (r["scenario"], r["algorithm"], r["variant"]) == (game, *who)] for who in (ours, theirs)
    )
    users = scenarios.configure(game).num_users
    mine, other = ([row for row in rows if row["num_users"] == users] for rows in (mine, other))
    if not mine or not other:
        return
    mark = style.evaluated(_MARK, game, users, training=True).utility.mean()
    steps = [steps_to_reach(rows, mark) for rows in (mine, other)]
    if min(map(len, steps)) < _LEAST_SEEDS:
        return
    found = probability_of_improvement(-steps[0][:, None], -steps[1][:, None], style.rng())
    medians = [f"{np.median(s):,.0f}" if np.isfinite(np.median(s)) else "never" for s in steps]
    text = f"`{game}`: {label(*ours)} reaches `{_MARK}`'s utility at {medians[0]} env steps, {label(*theirs)} at "
    text += f"{medians[1]} (medians of {_seeds(*steps)}); probability to be sooner"
    yield Effect(text, found, 0.5)


def _curves_of(curves: Sequence[Row], game: str, algorithm: str, variant: str) -> list[Row]:
    key = (game, scenarios.configure(game).num_users, algorithm, variant)
    names = ("scenario", "num_users", "algorithm", "variant")
    return [row for row in curves if tuple(row[name] for name in names) == key]


def _better(rows: Sequence[Row], game: str, ours: _Name, theirs: _Name, metric: str = "utility") -> Iterator[Effect]:
    """The difference of interquartile means in the claimed direction."""
    users = scenarios.configure(game).num_users
    values = [style.finals(rows, who[0], game, users, who[1], metric) for who in (ours, theirs)]
    if min(map(len, values)) < 2:
        return
    sign = 1.0 if metric == "utility" else -1.0
    found = _difference(sign * values[0], sign * values[1])
    what = {"utility": "utility", "mean_delay_s": "mean delay in s", "imbalance": "var(LD)"}[metric]
    more = "more" if metric == "utility" else "less"
    text = f"`{game}`: {label(*ours)} has {more} {what} than {label(*theirs)} ({_seeds(*values)}), by"
    yield Effect(text, found, 0.0)


def _unsteady(curves: Sequence[Row], game: str, theirs: str, ours: str) -> Iterator[Effect]:
    """How much more a run's utility wanders over the last fifth of its evaluations, as a ratio of deviations."""
    spreads = []
    for algorithm in (theirs, ours):
        rows = _curves_of(curves, game, algorithm, "")
        if not rows:
            return
        _, values = style.by_seed(rows)
        spreads.append(np.log(values[:, -(values.shape[1] // 5) :].std(axis=1)))
    if min(map(len, spreads)) < 2:
        return
    found = Estimate(*(math.exp(value) for value in _difference(*spreads)))
    text = f"`{game}`: {theirs}'s deviation within a run over its last fifth, as a multiple of {ours}'s"
    yield Effect(f"{text} ({_seeds(*spreads)})", found, 1.0)


def _falling(rows: Sequence[Row]) -> Iterator[Effect]:
    """The loss of utility from each number of users to the next."""
    counts = sorted({row["num_users"] for row in rows if (row["algorithm"], row["scenario"]) == ("dtomalb", "paper")})
    for fewer, more in itertools.pairwise(counts):
        values = [style.finals(rows, "dtomalb", "paper", n, "", "utility") for n in (fewer, more)]
        if min(map(len, values)) > 1:
            text = f"utility lost from N = {fewer} to {more} ({_seeds(*values)})"
            yield Effect(text, _difference(*values), 0.0)


def _shares(rows: Sequence[Row], column: str) -> Any:
    """``[seeds, servers]`` under DTOMALB on ``paper``."""
    here = [r for r in rows if (r["algorithm"], r["scenario"], r["variant"]) == ("dtomalb", "paper", "")]
    here = [row for row in here if row["num_users"] == 10]
    seeds = sorted({row["seed"] for row in here})
    return np.asarray([[row[column] for row in here if row["seed"] == seed] for seed in seeds])


def _faster_get_more(rows: Sequence[Row]) -> Iterator[Effect]:
    shares, speeds = _shares(rows, "task_share"), _shares(rows, "server_hz")
    if len(shares):
        correlations = [stats.pearsonr(*pair).statistic for pair in zip(speeds, shares, strict=True)]
        found = estimate(np.asarray(correlations)[:, None], style.rng())
        text = f"correlation of a server's speed and its share of the tasks ({_seeds(shares)})"
        yield Effect(text, found, 0.0)


def _even(rows: Sequence[Row]) -> Iterator[Effect]:
    """Whether mean load factors are more even than under ``round-robin``, which gives each server equally many."""
    loads = _shares(rows, "load_factor_s")
    if len(loads):
        spread = loads.max(axis=1) / loads.min(axis=1)
        equal = server_use(policies.make("round-robin"), scenarios.configure("paper"), FINAL_EPISODES, FINAL_SEED)
        there = equal.load_factor_s.max() / equal.load_factor_s.min()
        found = estimate((there / spread)[:, None], style.rng())
        text = f"largest over smallest mean load factor {stats.trim_mean(spread, 0.25):.2f} ({_seeds(loads)}), "
        yield Effect(f"{text}{there:.2f} with `round-robin`; ratio of the two", found, 1.0)


def _cheaper(rows: Sequence[Row]) -> Iterator[Effect]:
    """Against the paper's joint head, at the largest size that can be built; one measurement each, no interval."""
    other, users = "dqn-tolb (joint head)", 5
    for column, what in (("outputs", "outputs"), ("parameters", "parameters"), ("update_s", "time of an update")):
        pair = [
            [row[column] for row in rows if (row["algorithm"], row["num_users"]) == (name, users)]
            for name in (other, "dtomalb")
        ]
        if all(pair):
            ratio = pair[0][0] / pair[1][0]
            yield Effect(f"{what} of {other} over dtomalb's at N = {users}", Estimate(ratio, ratio, ratio), 1.0)


def _survives(rows: Sequence[Row]) -> Iterator[Effect]:
    """What is left with one part lost, above what is left of the centralised DQN without its controller."""
    lost = [
        style.finals([r for r in rows if r["game"] == LOST], name, "paper", 10, "", "utility")
        for name in ("dtomalb", "dqn-tolb")
    ]
    if min(map(len, lost)) > 1:
        means = " against ".join(f"{np.mean(values):.1f}" for values in lost)
        text = f"utility with one user's actor lost {means} of dqn-tolb with its controller lost ({_seeds(*lost)}), by"
        yield Effect(text, _difference(*lost), 0.0)


def _difference(ours: Any, theirs: Any) -> Estimate:
    """Of means, with Welch's interval: a bootstrap of three to ten seeds is too narrow."""
    value = float(np.mean(ours) - np.mean(theirs))
    parts = np.asarray([np.var(values, ddof=1) / len(values) for values in (ours, theirs)])
    if not parts.any():  # seeds that all came to the same
        return Estimate(value, value, value)
    freedom = parts.sum() ** 2 / np.sum(parts**2 / (np.asarray([len(ours), len(theirs)]) - 1))
    half = float(stats.t.ppf(0.975, freedom) * np.sqrt(parts.sum()))
    return Estimate(value, value - half, value + half)


def _seeds(*groups: Any) -> str:
    """How many seeds each side has."""
    return " and ".join(dict.fromkeys(str(len(values)) for values in groups)) + " seeds"


def _flat(parts: Any) -> Iterator[Effect]:
    return itertools.chain.from_iterable(parts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
