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

    def __str__(self) -> str:
        value, low, high = (f"{x:,.0f}" if abs(x) >= 1_000 else f"{x:.3g}" for x in self.found)
        shown = f"{self.text} {value}" if self.once else f"{self.text} {value} [{low}, {high}]"
        return f"{shown}, contradicted" if self.found.high < self.neutral else shown


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


def user_counts(rows: pd.DataFrame) -> list[int]:
    """Return the numbers of users on ``paper`` that DTOMALB was trained with."""
    return sorted(set(select(rows, algorithm="dtomalb", scenario="paper")["num_users"]))


def time_to_threshold(
    curves: pd.DataFrame, game: str, num_users: int | None, ours: Name, theirs: Name
) -> Iterator[Effect]:
    """Yield the probabilities that a run of ours is faster than one of theirs to each of the :func:`thresholds`.

    The first threshold counts when it is first reached, the second when the curve stays above it.
    """
    found = [rows_of(curves, algorithm, game, num_users, variant) for algorithm, variant in (ours, theirs)]
    if any(rows.empty for rows in found):
        return
    utilities = thresholds(game)
    for threshold, verb, measure in ((REACHED, "reaches", steps_to_reach), (CONVERGED, "stays above", steps_to_stay)):
        steps = [measure(rows, utilities[threshold]) for rows in found]
        if min(map(len, steps)) < LEAST_SEEDS:
            return
        medians = [f"{np.median(s):,.0f}" if np.isfinite(np.median(s)) else "never" for s in steps]
        text = f"`{game}`: {label(*ours)} {verb} {threshold} at {medians[0]} env steps, {label(*theirs)} at "
        text += f"{medians[1]} (medians of {_seeds(*steps)}); probability of being faster"
        faster = probability_of_improvement(-steps[0], -steps[1], rng())
        yield Effect(text, faster, 0.5, f"{game}: {threshold}")


def mean_difference(
    rows: pd.DataFrame, game: str, num_users: int | None, ours: Name, theirs: Name, metric: str = "utility"
) -> Iterator[Effect]:
    """Yield the difference of means over seeds, positive if ours is better."""
    users = num_users or scenarios.configure(game).num_users
    found = [values(rows, algorithm, game, users, variant, metric=metric) for algorithm, variant in (ours, theirs)]
    if min(map(len, found)) > 1:
        sign, where = 1.0 if metric == "utility" else -1.0, f"`{game_name(game, users)}`"
        text = f"{where}: {label(*ours)} has {_METRICS[metric]} than {label(*theirs)} ({_seeds(*found)}), by"
        yield Effect(text, difference(sign * found[0], sign * found[1]), 0.0, where)


def instability(curves: pd.DataFrame, game: str, _: int | None, ours: Name, theirs: Name) -> Iterator[Effect]:
    """Yield the ratio of deviations of utility within runs over the last fifth of their evaluations."""
    spreads = [style.deviations(curves, game, *name) for name in (theirs, ours)]
    if min(map(len, spreads)) > 1:
        text = f"`{game}`: {label(*theirs)}'s deviation within a run over its last fifth, as a multiple of "
        yield Effect(f"{text}{label(*ours)}'s ({_seeds(*spreads)})", ratio(*spreads), 1.0)


def utility_over_users(rows: pd.DataFrame) -> Iterator[Effect]:
    """Yield the loss of utility from each number of users to the next."""
    for fewer, more in itertools.pairwise(user_counts(rows)):
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
        text = f"correlation of a server's speed and its share of the tasks ({_seeds(shares)})"
        yield Effect(text, estimate(list(map(_correlation, speeds, shares)), rng()), 0.0)


def _correlation(x: Any, y: Any) -> float:
    return float(stats.pearsonr(x, y).statistic)


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
        yield Effect(f"{text}{policy:.2f} with `{name}`; ratio of the two", estimate(policy / ours, rng()), 1.0)
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
    costs = rows.set_index(["algorithm", "num_users"])[["outputs", "parameters", "update_s"]].astype(float)
    joint = costs.loc[costs.index.isin([JOINT_HEAD], level=0)]
    ends = sorted(joint.index.get_level_values(1))
    pairs = [(JOINT_HEAD, users) for users in dict.fromkeys([*ends[:1], *ends[-1:]])]
    measured = [
        (*who, column, costs.loc[who, column])
        for who in [*pairs, ("dqn-tolb", 10)]
        if who in costs.index
        for column in costs
    ]
    if ends:
        measured.append((JOINT_HEAD, 10, "outputs", float(joint_outputs(10))))
    for name, users, column, theirs in measured:
        if ("dtomalb", users) in costs.index:
            found = Estimate(*(theirs / costs.loc[("dtomalb", users), column],) * 3)
            who = name if name == JOINT_HEAD else f"{name} (branching head)"
            text = f"{column.replace('update_s', 'time of an update')} of {who} over dtomalb's at N = {users}"
            yield Effect(text, found, 1.0, once=True)


def fault_tolerance(rows: pd.DataFrame) -> Iterator[Effect]:
    """Yield the utility with a failed actor above that of the centralised DQN with a failed controller.

    By construction users without a controller compute on their devices.
    """
    rows = select(rows, game=FAILURE)
    failed = [values(rows, name, "paper") for name in ("dtomalb", "dqn-tolb")]
    if min(map(len, failed)) > 1:
        text = "utility with one user's failed actor {:.1f} against {:.1f}".format(*map(np.mean, failed))
        text += " of dqn-tolb with its failed controller, which by construction leaves all to the devices"
        yield Effect(f"{text} ({_seeds(*failed)}), by", difference(*failed), 0.0)


def _seeds(*groups: Any) -> str:
    """Return the number of seeds on each side."""
    return " and ".join(dict.fromkeys(str(len(group)) for group in groups)) + " seeds"
