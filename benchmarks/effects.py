"""What is measured of a claim: differences and probabilities with 95 % intervals, from the rows of results."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.complexity import joint_outputs
from benchmarks.elsewhere import LOST
from benchmarks.figures import style
from benchmarks.rows import Row, game_name, label
from benchmarks.servers import server_use
from benchmarks.statistics import Estimate, estimate, probability_of_improvement
from edgeoffload_env import policies, scenarios
from edgeoffload_env.evaluation.score import score_baselines
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

LEAST_SEEDS = 5
"""On each side of a probability, whose bootstrap says nothing of fewer."""
HIGH_SCORE = 0.9
"""What counts as having converged: nine tenths of the way from the worst to the best shipped policy."""
JOINT_HEAD = "dqn-tolb (joint head)"
Name = tuple[str, str]
"""An algorithm and its variant."""


@dataclass(frozen=True)
class Effect:
    """A measured effect; the claim wants it above ``neutral``.

    Effects of one ``group`` are the parts of one statement, such as being ahead of every rival in one game. By default
    an effect is a statement of its own.
    """

    text: str
    found: Estimate
    neutral: float
    group: str = ""
    once: bool = False
    """Measured once: there is no interval."""

    @property
    def holds(self) -> bool:
        """Whether the whole interval is on the claimed side."""
        return self.found.low > self.neutral

    @property
    def contradicted(self) -> bool:
        """Whether the whole interval is on the other side."""
        return self.found.high < self.neutral

    def __str__(self) -> str:
        value, low, high = map(_number, self.found)
        shown = f"{self.text} {value}" if self.once else f"{self.text} {value} [{low}, {high}]"
        return f"{shown}, the opposite" if self.contradicted else shown


def steps_to_reach(rows: Sequence[Row], utility: float) -> Any:
    """For each seed the env steps at which a curve first reaches a utility; infinite where it never does."""
    steps, values = style.by_seed(rows)
    reached = values >= utility
    first = np.where(reached.any(axis=1), np.asarray(steps)[reached.argmax(axis=1)], math.inf)
    return first.astype(float)


def steps_to_stay(rows: Sequence[Row], utility: float) -> Any:
    """For each seed the env steps from which on a curve stays at a utility or above; infinite if it ends below."""
    steps, values = style.by_seed(rows)
    below = values < utility
    place = np.where(below.any(axis=1), below.shape[1] - below[:, ::-1].argmax(axis=1), 0)
    return np.append(np.asarray(steps, dtype=float), np.inf)[place]


GOING, CONVERGED = "`proportional`'s utility", f"score {HIGH_SCORE:g}"


def marks(game: str) -> dict[str, float]:
    """Utilities by name: of having got going, and of having converged.

    The first is that of ``proportional``, which draws a server by speed and looks at no state; the second that of
    :data:`HIGH_SCORE`.
    """
    scored = score_baselines(scenarios.configure(game))
    assert scored is not None
    floor, reference = scored.floor.utility, scored.reference.utility
    going = style.evaluated("proportional", game, training=True).utility.mean()
    return {GOING: going, CONVERGED: floor + HIGH_SCORE * (reference - floor)}


def sooner(curves: Sequence[Row], game: str, ours: Name, theirs: Name) -> Iterator[Effect]:
    """How probably a run of ours gets going before one of theirs, and converges before it.

    It gets going where it first reaches the first of the :func:`marks`, and has converged where it stays above the
    second from then on.
    """
    mine, other = (style.curves_of(curves, game, *who) for who in (ours, theirs))
    if not mine or not other:
        return
    utilities = marks(game)
    for mark, verb, measure in ((GOING, "reaches", steps_to_reach), (CONVERGED, "stays above", steps_to_stay)):
        steps = [measure(rows, utilities[mark]) for rows in (mine, other)]
        if min(map(len, steps)) < LEAST_SEEDS:
            return
        found = probability_of_improvement(-steps[0][:, None], -steps[1][:, None], style.rng())
        medians = [f"{np.median(s):,.0f}" if np.isfinite(np.median(s)) else "never" for s in steps]
        text = f"`{game}`: {label(*ours)} {verb} {mark} at {medians[0]} env steps, {label(*theirs)} at "
        text += f"{medians[1]} (medians of {_seeds(*steps)}); probability to be sooner"
        yield Effect(text, found, 0.5, f"{game}: {mark}")


def better(
    rows: Sequence[Row], game: str, ours: Name, theirs: Name, metric: str = "utility", num_users: int | None = None
) -> Iterator[Effect]:
    """The difference of means over seeds in the claimed direction, with the game's own number of users or another."""
    users = scenarios.configure(game).num_users if num_users is None else num_users
    values = [style.finals(rows, who[0], game, users, who[1], metric) for who in (ours, theirs)]
    if min(map(len, values)) < 2:
        return
    sign = 1.0 if metric == "utility" else -1.0
    found = difference(sign * values[0], sign * values[1])
    what = {"utility": "utility", "mean_delay_s": "mean delay in s", "imbalance": "var(LD)"}[metric]
    more = "more" if metric == "utility" else "less"
    where = f"`{game_name(game, users)}`"
    text = f"{where}: {label(*ours)} has {more} {what} than {label(*theirs)} ({_seeds(*values)}), by"
    yield Effect(text, found, 0.0, where)


def ratio(ours: Any, theirs: Any) -> Estimate:
    """Of geometric means over seeds; NaN where a value is 0."""
    if not np.all(ours) or not np.all(theirs):
        return Estimate(math.nan, math.nan, math.nan)
    return Estimate(*(math.exp(value) for value in difference(np.log(ours), np.log(theirs))))


def unsteady(curves: Sequence[Row], game: str, theirs: str, ours: str) -> Iterator[Effect]:
    """How much more a run's utility wanders over the last fifth of its evaluations, as a ratio of deviations."""
    spreads = [style.wandering(curves, game, algorithm) for algorithm in (theirs, ours)]
    if min(map(len, spreads)) < 2:
        return
    text = f"`{game}`: {theirs}'s deviation within a run over its last fifth, as a multiple of {ours}'s"
    yield Effect(f"{text} ({_seeds(*spreads)})", ratio(*spreads), 1.0)


def falling(rows: Sequence[Row]) -> Iterator[Effect]:
    """The loss of utility from each number of users to the next."""
    counts = sorted({row["num_users"] for row in rows if (row["algorithm"], row["scenario"]) == ("dtomalb", "paper")})
    for fewer, more in itertools.pairwise(counts):
        values = [style.finals(rows, "dtomalb", "paper", n, "", "utility") for n in (fewer, more)]
        if min(map(len, values)) > 1:
            text = f"utility lost from N = {fewer} to {more} ({_seeds(*values)})"
            yield Effect(text, difference(*values), 0.0)


def _shares(rows: Sequence[Row], algorithm: str, column: str) -> Any:
    """``[seeds, servers]`` under an algorithm on ``paper``."""
    here = [r for r in rows if (r["algorithm"], r["scenario"], r["variant"]) == (algorithm, "paper", "")]
    here = [row for row in here if row["num_users"] == 10]
    seeds = sorted({row["seed"] for row in here})
    return np.asarray([[row[column] for row in here if row["seed"] == seed] for seed in seeds])


def faster_get_more(rows: Sequence[Row]) -> Iterator[Effect]:
    """The correlation of speed and share of the tasks over the servers."""
    shares, speeds = (_shares(rows, "dtomalb", column) for column in ("task_share", "server_hz"))
    if len(shares):
        correlations = [stats.pearsonr(*pair).statistic for pair in zip(speeds, shares, strict=True)]
        found = estimate(np.asarray(correlations)[:, None], style.rng())
        text = f"correlation of a server's speed and its share of the tasks ({_seeds(shares)})"
        yield Effect(text, found, 0.0)


def even(rows: Sequence[Row]) -> Iterator[Effect]:
    """Largest over smallest mean load factor under other algorithms and policies, as a multiple of DTOMALB's."""
    spreads = {name: _spread(_shares(rows, name, "load_factor_s")) for name in ("dtomalb", *_LEARNERS)}
    ours = spreads.pop("dtomalb")
    if not len(ours):
        return
    text = "largest over smallest mean load factor"
    for name in ("least-loaded", "greedy", "proportional"):
        use = server_use(policies.make(name), scenarios.configure("paper"), FINAL_EPISODES, FINAL_SEED)
        there = float(_spread(use.load_factor_s))
        found = estimate((there / ours)[:, None], style.rng())
        about = f"{stats.trim_mean(ours, 0.25):.2f} ({_seeds(ours)}), {there:.2f} with `{name}`"
        yield Effect(f"{text} {about}; ratio of the two", found, 1.0)
    for name, theirs in spreads.items():
        if len(theirs) > 1:
            text = f"the same under {name} as a multiple of dtomalb's ({_seeds(theirs, ours)})"
            yield Effect(text, ratio(theirs, ours), 1.0)


_LEARNERS = ("dtoma", "idql-tolb", "dqn-tolb")


def _spread(loads: Any) -> Any:
    """Over the last axis, the servers."""
    return loads.max(axis=-1) / loads.min(axis=-1) if len(loads) else loads


def cheaper(rows: Sequence[Row]) -> Iterator[Effect]:
    """Against both heads of the centralised DQN; one measurement each, no interval.

    The joint head with the fewest users and with the most that can be built, and its outputs alone at ``paper``'s
    number; the branching head at that number.
    """
    measures = {"outputs": "outputs", "parameters": "parameters", "update_s": "time of an update"}
    of = {(row["algorithm"], row["num_users"]): row for row in rows}
    joint = [users for name, users in of if name == JOINT_HEAD]
    compared = [(JOINT_HEAD, users, measures) for users in sorted({*joint[:1], *joint[-1:]})]
    compared += [("dqn-tolb", 10, measures)]
    for other, users, wanted in compared:
        if {(other, users), ("dtomalb", users)} <= of.keys():
            for column, what in wanted.items():
                yield _cost_ratio(
                    f"{what} of {_head(other)}", users, of[other, users][column], of["dtomalb", users][column]
                )
    if joint and ("dtomalb", 10) in of:
        yield _cost_ratio(f"outputs of {_head(JOINT_HEAD)}", 10, joint_outputs(10), of["dtomalb", 10]["outputs"])


def _cost_ratio(what: str, users: int, theirs: float, ours: float) -> Effect:
    ratio = theirs / ours
    return Effect(f"{what} over dtomalb's at N = {users}", Estimate(ratio, ratio, ratio), 1.0, once=True)


def _head(name: str) -> str:
    return name if "(" in name else f"{name} (branching head)"


def survives(rows: Sequence[Row]) -> Iterator[Effect]:
    """What is left with one part lost, above what is left of the centralised DQN without its controller.

    The latter is so by construction: without a controller nobody tells users where to go, and all compute on devices.
    """
    lost = [
        style.finals([r for r in rows if r["game"] == LOST], name, "paper", 10, "", "utility")
        for name in ("dtomalb", "dqn-tolb")
    ]
    if min(map(len, lost)) > 1:
        means = " against ".join(f"{np.mean(values):.1f}" for values in lost)
        text = f"utility with one user's actor lost {means} of dqn-tolb with its controller lost, which "
        text += f"by construction leaves all to the devices ({_seeds(*lost)}), by"
        yield Effect(text, difference(*lost), 0.0)


def difference(ours: Any, theirs: Any) -> Estimate:
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


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
