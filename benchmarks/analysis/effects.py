"""Effects behind the claims: differences and probabilities with 95 % confidence intervals."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.analysis.figures import style
from benchmarks.analysis.statistics import Estimate, difference, estimate, probability_of_improvement, ratio, rng
from benchmarks.speed.complexity import joint_outputs
from benchmarks.study.generalization import FAILURE
from benchmarks.study.server_use import server_use
from benchmarks.study.store import game_name, label, rows_of, select, values
from edgeoffload_env import policies, scenarios
from edgeoffload_env.evaluation.score import score_baselines
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

LEAST_SEEDS = 5
"""Least number of seeds on each side of a bootstrapped probability."""
REACHED, HIGH_SCORE = "`proportional`'s utility", 0.9
CONVERGED = f"score {HIGH_SCORE:g}"
JOINT_HEAD = "dqn-tolb (joint head)"
Name = tuple[str, str]
"""An algorithm and its variant."""
_METRICS = {"utility": "more utility", "mean_delay_s": "less mean delay in s", "imbalance": "less var(LD)"}


@dataclass(frozen=True)
class Effect:
    """A measured effect; the claim wants it above ``neutral``.

    Effects of one ``group`` form one statement, such as being ahead of every rival in one game. By default an effect is
    a statement by itself.
    """

    text: str
    found: Estimate
    neutral: float
    group: str = ""
    once: bool = False
    """Whether it was measured once and has no interval."""

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
        return f"{shown}, contradicted" if self.contradicted else shown


def steps_to_reach(rows: pd.DataFrame, utility: float) -> Any:
    """Return for each seed the env steps at which a curve first reaches a utility, infinity if it never does."""
    steps, utilities = style.by_seed(rows)
    reached = utilities >= utility
    return np.where(reached.any(axis=1), steps[reached.argmax(axis=1)], math.inf)


def steps_to_stay(rows: pd.DataFrame, utility: float) -> Any:
    """Return for each seed the env steps from which a curve stays at or above a utility, infinity if it ends below."""
    steps, utilities = style.by_seed(rows)
    below = utilities < utility
    place = np.where(below.any(axis=1), below.shape[1] - below[:, ::-1].argmax(axis=1), 0)
    return np.append(steps.astype(float), np.inf)[place]


def thresholds(game: str) -> dict[str, float]:
    """Return the utilities of ``proportional``, which ignores the state, and of the score :data:`HIGH_SCORE`."""
    scored = score_baselines(scenarios.configure(game))
    assert scored is not None
    floor, reference = scored.floor.utility, scored.reference.utility
    reached = style.evaluated("proportional", game, training=True).utility.mean()
    return {REACHED: reached, CONVERGED: floor + HIGH_SCORE * (reference - floor)}


def time_to_threshold(curves: pd.DataFrame, game: str, ours: Name, theirs: Name) -> Iterator[Effect]:
    """Yield the probabilities that a run of ours is faster than one of theirs to each of the :func:`thresholds`.

    The first threshold counts when it is first reached, the second when the curve stays above it.
    """
    mine, other = (rows_of(curves, algorithm, game, variant=variant) for algorithm, variant in (ours, theirs))
    if mine.empty or other.empty:
        return
    utilities = thresholds(game)
    for threshold, verb, measure in ((REACHED, "reaches", steps_to_reach), (CONVERGED, "stays above", steps_to_stay)):
        steps = [measure(rows, utilities[threshold]) for rows in (mine, other)]
        if min(map(len, steps)) < LEAST_SEEDS:
            return
        found = probability_of_improvement(-steps[0], -steps[1], rng())
        medians = [f"{np.median(s):,.0f}" if np.isfinite(np.median(s)) else "never" for s in steps]
        text = f"`{game}`: {label(*ours)} {verb} {threshold} at {medians[0]} env steps, {label(*theirs)} at "
        text += f"{medians[1]} (medians of {_seeds(*steps)}); probability of being faster"
        yield Effect(text, found, 0.5, f"{game}: {threshold}")


def mean_difference(
    rows: pd.DataFrame, game: str, ours: Name, theirs: Name, metric: str = "utility", num_users: int | None = None
) -> Iterator[Effect]:
    """Yield the difference of means over seeds, positive if ours is better."""
    users = scenarios.configure(game).num_users if num_users is None else num_users
    found = [values(rows, who[0], game, users, who[1], metric=metric) for who in (ours, theirs)]
    if min(map(len, found)) > 1:
        sign, where = 1.0 if metric == "utility" else -1.0, f"`{game_name(game, users)}`"
        text = f"{where}: {label(*ours)} has {_METRICS[metric]} than {label(*theirs)} ({_seeds(*found)}), by"
        yield Effect(text, difference(sign * found[0], sign * found[1]), 0.0, where)


def instability(curves: pd.DataFrame, game: str, theirs: str, ours: str) -> Iterator[Effect]:
    """Yield the ratio of deviations of utility within runs over the last fifth of their evaluations."""
    spreads = [style.deviations(curves, game, algorithm) for algorithm in (theirs, ours)]
    if min(map(len, spreads)) > 1:
        text = f"`{game}`: {theirs}'s deviation within a run over its last fifth, as a multiple of {ours}'s"
        yield Effect(f"{text} ({_seeds(*spreads)})", ratio(*spreads), 1.0)


def utility_over_users(rows: pd.DataFrame) -> Iterator[Effect]:
    """Yield the loss of utility from each number of users to the next."""
    counts = sorted(set(select(rows, algorithm="dtomalb", scenario="paper")["num_users"]))
    for fewer, more in itertools.pairwise(counts):
        found = [values(rows, "dtomalb", "paper", n) for n in (fewer, more)]
        if min(map(len, found)) > 1:
            yield Effect(f"utility lost from N = {fewer} to {more} ({_seeds(*found)})", difference(*found), 0.0)


def _by_server(rows: pd.DataFrame, algorithm: str, column: str) -> Any:
    """Return ``[seeds, servers]`` of an algorithm on ``paper``."""
    here = rows_of(rows, algorithm, "paper")
    return here.pivot(index="seed", columns="server", values=column).to_numpy(dtype=float)


def task_share_by_speed(rows: pd.DataFrame) -> Iterator[Effect]:
    """Yield the correlation of speed and share of the tasks over the servers."""
    shares, speeds = (_by_server(rows, "dtomalb", column) for column in ("task_share", "server_hz"))
    if len(shares):
        correlations = [stats.pearsonr(*pair).statistic for pair in zip(speeds, shares, strict=True)]
        text = f"correlation of a server's speed and its share of the tasks ({_seeds(shares)})"
        yield Effect(text, estimate(correlations, rng()), 0.0)


def load_evenness(rows: pd.DataFrame) -> Iterator[Effect]:
    """Yield largest over smallest mean load factor of other policies and algorithms, as a multiple of DTOMALB's."""

    def spread(loads: Any) -> Any:
        return loads.max(axis=-1) / loads.min(axis=-1) if len(loads) else loads

    ours = spread(_by_server(rows, "dtomalb", "load_factor_s"))
    if not len(ours):
        return
    for name in ("least-loaded", "greedy", "proportional"):
        use = server_use(policies.make(name), scenarios.configure("paper"), FINAL_EPISODES, FINAL_SEED)
        policy = float(spread(use.load_factor_s))
        text = f"largest over smallest mean load factor {stats.trim_mean(ours, 0.25):.2f} ({_seeds(ours)}), "
        text += f"{policy:.2f} with `{name}`; ratio of the two"
        yield Effect(text, estimate(policy / ours, rng()), 1.0)
    for name in ("dtoma", "idql-tolb", "dqn-tolb"):
        theirs = spread(_by_server(rows, name, "load_factor_s"))
        if len(theirs) > 1:
            text = f"the same under {name} as a multiple of dtomalb's ({_seeds(theirs, ours)})"
            yield Effect(text, ratio(theirs, ours), 1.0)


def lower_complexity(rows: pd.DataFrame) -> Iterator[Effect]:
    """Yield the costs of both heads of the centralised DQN as multiples of DTOMALB's, each measured once.

    The joint head with the fewest users and with the most that can be built, and its outputs alone with 10 users; the
    branching head with 10 users.
    """
    costs = {(row.algorithm, row.num_users): row for row in rows.itertuples()}
    joint = [users for name, users in costs if name == JOINT_HEAD]
    measures = {"outputs": "outputs", "parameters": "parameters", "update_s": "time of an update"}

    def effect(text: str, name: str, users: int, theirs: float, ours: float) -> Effect:
        name = name if "(" in name else f"{name} (branching head)"
        found = Estimate(*(theirs / ours,) * 3)
        return Effect(f"{text} of {name} over dtomalb's at N = {users}", found, 1.0, once=True)

    for other, users in [*((JOINT_HEAD, users) for users in sorted({*joint[:1], *joint[-1:]})), ("dqn-tolb", 10)]:
        if {(other, users), ("dtomalb", users)} <= costs.keys():
            pair = costs[other, users], costs["dtomalb", users]
            for column, text in measures.items():
                yield effect(text, other, users, *(getattr(row, column) for row in pair))
    if joint and ("dtomalb", 10) in costs:
        yield effect("outputs", JOINT_HEAD, 10, joint_outputs(10), costs["dtomalb", 10].outputs)


def fault_tolerance(rows: pd.DataFrame) -> Iterator[Effect]:
    """Yield the utility with a failed actor above that of the centralised DQN with a failed controller.

    By construction users without a controller compute on their devices.
    """
    rows = select(rows, game=FAILURE)
    failed = [values(rows, name, "paper") for name in ("dtomalb", "dqn-tolb")]
    if min(map(len, failed)) > 1:
        means = " against ".join(f"{np.mean(utilities):.1f}" for utilities in failed)
        text = f"utility with one user's failed actor {means} of dqn-tolb with its failed controller, which "
        text += f"by construction leaves all to the devices ({_seeds(*failed)}), by"
        yield Effect(text, difference(*failed), 0.0)


def _seeds(*groups: Any) -> str:
    """Return the number of seeds on each side."""
    return " and ".join(dict.fromkeys(str(len(group)) for group in groups)) + " seeds"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
