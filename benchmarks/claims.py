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
from benchmarks.statistics import Estimate, estimate, probability_of_improvement
from edgeoffload_env import scenarios

_GAMES = ("paper", "paper-load-only")
_MARK = "proportional"
"""The policy whose utility a run must reach to count as having got going: the best that looks at no state."""


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
        return f"{self.text} {_number(self.found.value)} [{_number(self.found.low)}, {_number(self.found.high)}]"


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
    mark = style.evaluated(_MARK, game, users).utility.mean()
    steps = [steps_to_reach(rows, mark) for rows in (mine, other)]
    found = probability_of_improvement(-steps[0][:, None], -steps[1][:, None], style.rng())
    medians = " against ".join(f"{np.median(s):,.0f}" if np.isfinite(np.median(s)) else "never" for s in steps)
    text = f"`{game}`: median env steps to `{_MARK}`'s utility {medians} of {label(*theirs)}; probability to be sooner"
    yield Effect(text, found, 0.5)


def _curves_of(curves: Sequence[Row], game: str, algorithm: str, variant: str) -> list[Row]:
    key = (game, scenarios.configure(game).num_users, algorithm, variant)
    names = ("scenario", "num_users", "algorithm", "variant")
    return [row for row in curves if tuple(row[name] for name in names) == key]


def _better(rows: Sequence[Row], game: str, ours: _Name, theirs: _Name, metric: str = "utility") -> Iterator[Effect]:
    """The difference of interquartile means in the claimed direction."""
    users = scenarios.configure(game).num_users
    values = [style.finals(rows, who[0], game, users, who[1], metric) for who in (ours, theirs)]
    if not all(map(len, values)):
        return
    sign = 1.0 if metric == "utility" else -1.0
    found = _difference(sign * values[0], sign * values[1])
    what = {"utility": "utility", "mean_delay_s": "seconds of mean delay", "imbalance": "var(LD)"}[metric]
    more = "more" if metric == "utility" else "less"
    yield Effect(f"`{game}`: {what} {more} than {label(*theirs)}", found, 0.0)


def _unsteady(curves: Sequence[Row], game: str, theirs: str, ours: str) -> Iterator[Effect]:
    """How much more a run's utility wanders over the last fifth of its evaluations, as a ratio of deviations."""
    spreads = []
    for algorithm in (theirs, ours):
        rows = _curves_of(curves, game, algorithm, "")
        if not rows:
            return
        _, values = style.by_seed(rows)
        spreads.append(np.log(values[:, -values.shape[1] // 5 :].std(axis=1)))
    found = Estimate(*(math.exp(value) for value in _difference(*spreads)))
    yield Effect(f"`{game}`: deviation within a run over its last fifth, times {ours}'s", found, 1.0)


def _falling(rows: Sequence[Row]) -> Iterator[Effect]:
    """The loss of utility from each number of users to the next."""
    counts = sorted({row["num_users"] for row in rows if (row["algorithm"], row["scenario"]) == ("dtomalb", "paper")})
    for fewer, more in itertools.pairwise(counts):
        values = [style.finals(rows, "dtomalb", "paper", n, "", "utility") for n in (fewer, more)]
        yield Effect(f"utility lost from N = {fewer} to {more}", _difference(*values), 0.0)


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
        yield Effect("correlation of a server's speed and its share of the tasks", found, 0.0)


def _even(rows: Sequence[Row]) -> Iterator[Effect]:
    """Whether load factors are more even than task counts alone would make them: those of equal shares."""
    loads, speeds = _shares(rows, "load_factor_s"), _shares(rows, "server_hz")
    if len(loads):
        spread = loads.max(axis=1) / loads.min(axis=1)
        equal_shares = speeds.max(axis=1) / speeds.min(axis=1)  # of 1 / f_m
        found = estimate((equal_shares / spread)[:, None], style.rng())
        text = (
            f"largest over smallest mean load factor {stats.trim_mean(spread, 0.25):.2f}; that of equal shares of work "
            f"({equal_shares[0]:.2f}), times it"
        )
        yield Effect(text, found, 1.0)


def _cheaper(rows: Sequence[Row]) -> Iterator[Effect]:
    """One measurement each, so that the interval is the point."""
    for other, users in (("dqn-tolb (joint head)", 5), ("dqn-tolb", 10)):
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
    if all(map(len, lost)):
        means = " against ".join(f"{stats.trim_mean(values, 0.25):.1f}" for values in lost)
        text = f"utility with one user's actor lost {means} of dqn-tolb with its controller lost; difference"
        yield Effect(text, _difference(*lost), 0.0)


def _difference(ours: Any, theirs: Any) -> Estimate:
    """Of interquartile means, both sides' seeds resampled."""
    generator = style.rng()

    def sample(values: Any) -> float:
        return float(stats.trim_mean(values[generator.integers(len(values), size=len(values))], 0.25))

    drawn = [sample(ours) - sample(theirs) for _ in range(2_000)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(float(stats.trim_mean(ours, 0.25) - stats.trim_mean(theirs, 0.25)), float(low), float(high))


def _flat(parts: Any) -> Iterator[Effect]:
    return itertools.chain.from_iterable(parts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
