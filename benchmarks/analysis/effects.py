"""Effects behind the claims: differences and probabilities with 95 % confidence intervals and rank tests."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.analysis import style
from benchmarks.analysis.statistics import (
    Estimate,
    Evidence,
    compare,
    compare_to,
    difference,
    estimate,
    probability_of_improvement,
    ratio,
    rng,
)
from benchmarks.speed.complexity import joint_outputs
from benchmarks.study.generalization import FAILURE
from benchmarks.study.plan import SENSITIVITY
from benchmarks.study.server_use import server_use
from benchmarks.study.store import are_alike, game_name, label, rows_of, select, values
from edgeoffload_env import policies, scenarios
from edgeoffload_env.evaluation.score import score_baselines
from recipes.protocol import FINAL_EPISODES, FINAL_SEED

LEAST_SEEDS = 5
"""Least number of seeds on each side of a bootstrapped probability."""
MARGIN = 0.02
"""Of equivalence, as a share of the way from the score's floor to its reference."""
REACHED, HIGH_SCORE = "`proportional`'s utility", 0.9
CONVERGED = f"score {HIGH_SCORE:g}"
JOINT_HEAD = "dqn-tolb (joint head)"
SLOTS = {"0.15 s": "", "1 s": "slot 1 s"}
"""Variants of the runs with each slot length that claims are judged with: the paper states none."""
Name = tuple[str, str]
"""An algorithm and its variant."""
_METRICS = {"utility": "{}'s utility above {}'s by", "mean_delay_s": "{}'s mean delay in s below {}'s by"}
_METRICS |= {"imbalance": "{}'s var(LD) in s² below {}'s by"}


@dataclass(frozen=True)
class Effect:
    """A measured effect; the claim wants it above ``neutral``.

    Effects of one ``group`` form one statement, such as being ahead of every rival in one game. By default an effect is
    a statement by itself.
    """

    game: str
    text: str
    seeds: str
    found: Estimate
    evidence: Evidence
    neutral: float = 0.0
    group: str = ""

    @property
    def statement(self) -> str:
        """The statement that it belongs to."""
        return self.group or f"{self.game}: {self.text}"

    @property
    def interval(self) -> str:
        """The value with its interval."""
        value, low, high = (f"{x:,.0f}" if abs(x) >= 1_000 else f"{x:.3g}" for x in self.found)
        return f"{value} [{low}, {high}]"

    def __str__(self) -> str:
        return f"`{self.game}`: {self.text} {self.interval}"


class Property(NamedTuple):
    """A property by construction, or measured once: it has no interval and no verdict."""

    text: str
    ours: float
    theirs: float
    as_claimed: bool


def overrides_of(variant: str) -> dict[str, Any]:
    """Return the environment's parameters in a variant, for :func:`edgeoffload_env.evaluate`."""
    return {name.removeprefix("env."): value for name, value in SENSITIVITY.get(variant, {}).items()}


@functools.cache
def ends_of_score(game: str, users: int, variant: str = "") -> tuple[float, float]:
    """Return the utilities of the score's floor and of its reference.

    They are stored for scenarios. Elsewhere they are measured: the better of ``random`` and ``local``, and ``greedy``.
    """
    stored = score_baselines(scenarios.configure(game, num_users=users))
    if stored is not None and not variant:
        return stored.floor.utility, stored.reference.utility
    played = (style.evaluated(n, game, users, **overrides_of(variant)) for n in ("random", "local", "greedy"))
    *floors, reference = (float(result.utility.mean()) for result in played)
    return max(floors), reference


def margin(game: str, users: int, metric: str = "utility", variant: str = "") -> float:
    """Return the margin of equivalence of utility, of mean delay the change that alone makes it; NaN of others."""
    floor, reference = ends_of_score(game, users, variant)
    slots = {"utility": 1, "mean_delay_s": scenarios.configure(game).max_cycles}.get(metric, math.nan)
    return MARGIN * (reference - floor) / slots


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


def thresholds(game: str, variant: str = "") -> dict[str, float]:
    """Return the utilities of ``proportional``, which ignores the state, and of the score :data:`HIGH_SCORE`."""
    floor, reference = ends_of_score(game, scenarios.configure(game).num_users, variant)
    proportional = style.evaluated("proportional", game, training=True, **overrides_of(variant))
    return {REACHED: proportional.utility.mean(), CONVERGED: floor + HIGH_SCORE * (reference - floor)}


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
    if min(rows["seed"].nunique() for rows in found) < LEAST_SEEDS:
        return
    utilities = thresholds(game, ours[1])
    for threshold, verb, measure in ((REACHED, "reach", steps_to_reach), (CONVERGED, "stay above", steps_to_stay)):
        steps = [-measure(rows, utilities[threshold]) for rows in found]
        text = f"{_called(ours)}'s probability to {verb} {threshold} before {_called(theirs)}"
        yield from _of_two(game, text, steps, probability_of_improvement, 0.5, group=f"{game}: {threshold}")


def mean_difference(
    rows: pd.DataFrame, game: str, num_users: int | None, ours: Name, theirs: Name, metric: str = "utility"
) -> Iterator[Effect]:
    """Yield the difference of interquartile means over seeds, positive if ours is better."""
    users, sign = num_users or scenarios.configure(game).num_users, 1.0 if metric == "utility" else -1.0
    if not are_alike(*(rows_of(rows, name, game, users, variant) for name, variant in (ours, theirs))):
        return
    found = [sign * values(rows, name, game, users, variant, metric=metric) for name, variant in (ours, theirs)]
    where, text = game_name(game, users), _METRICS[metric].format(_called(ours), _called(theirs))
    apart = functools.partial(margin, game, users, metric, ours[1] if overrides_of(ours[1]) else "")
    yield from _of_two(where, text, found, group=where, apart=apart)


def instability(curves: pd.DataFrame, game: str, _: int | None, ours: Name, theirs: Name) -> Iterator[Effect]:
    """Yield the ratio of deviations of utility within runs over the last fifth of their evaluations."""
    spreads = [style.deviations(curves, game, *name) for name in (theirs, ours)]
    text = f"{_called(theirs)}'s deviation within a run, as a multiple of {_called(ours)}'s,"
    yield from _of_two(game, text, spreads, ratio, 1.0)


def utility_over_users(rows: pd.DataFrame, variant: str = "") -> Iterator[Effect]:
    """Yield the loss of utility from each number of users to the next."""
    for counts in itertools.pairwise(user_counts(rows)):
        found = [values(rows, "dtomalb", "paper", n, variant) for n in counts]
        if not are_alike(*(rows_of(rows, "dtomalb", "paper", n, variant) for n in counts)):
            continue
        yield from _of_two("paper", "dtomalb's utility lost from N = {} to {}".format(*counts), found)


def _of_two(
    game: str,
    text: str,
    sides: Sequence[Any],
    measure: Callable[..., Estimate] = difference,
    neutral: float = 0.0,
    *,
    group: str = "",
    apart: Callable[[], float] = lambda: math.nan,
) -> Iterator[Effect]:
    """Yield the effect of two samples of two runs or more; ``apart`` returns the margin of equivalence."""
    if min(map(len, sides)) > 1:
        ours, theirs = sides
        evidence = compare(ours, theirs, rng(), apart())
        yield Effect(game, text, _seeds(ours, theirs), measure(ours, theirs, rng()), evidence, neutral, group)


def _by_server(rows: pd.DataFrame, algorithm: str, column: str, variant: str) -> Any:
    """Return ``[seeds, servers]`` of an algorithm on ``paper``."""
    here = rows_of(rows, algorithm, "paper", variant=variant)
    return here.pivot(index="seed", columns="server", values=column).to_numpy(dtype=float)


def task_share_by_speed(rows: pd.DataFrame, variant: str = "") -> Iterator[Effect]:
    """Yield the correlation of speed and share of the tasks over the servers."""
    shares, speeds = (_by_server(rows, "dtomalb", column, variant) for column in ("task_share", "server_hz"))
    if len(shares) > 1:
        text = "dtomalb's correlation of a server's speed and its share of the tasks"
        found = [float(stats.pearsonr(*pair).statistic) for pair in zip(speeds, shares, strict=True)]
        yield _of_one("paper", text, found)


def _of_one(game: str, text: str, found: Any) -> Effect:
    return Effect(game, text, _seeds(found), estimate(found, rng()), compare_to(found, 0.0))


def load_evenness(rows: pd.DataFrame, variant: str = "") -> Iterator[Effect]:
    """Yield how far DTOMALB's smallest over largest mean load factor is above that of other policies and algorithms."""

    def evenness(loads: Any) -> Any:
        return loads.min(axis=-1) / loads.max(axis=-1) if len(loads) else loads

    text = "dtomalb's smallest over largest mean load factor above {}'s by"
    ours = _by_server(rows, "dtomalb", "load_factor_s", variant)
    if len(ours) < 2:
        return
    config = scenarios.configure("paper", **overrides_of(variant))
    for name in ("least-loaded", "greedy", "proportional"):
        policy = evenness(server_use(policies.make(name), config, FINAL_EPISODES, FINAL_SEED).load_factor_s)
        yield _of_one("paper", text.format(f"`{name}`"), evenness(ours) - policy)
    for name in ("dtoma", "idql-tolb", "dqn-tolb"):
        theirs = _by_server(rows, name, "load_factor_s", variant)
        yield from _of_two("paper", text.format(name), (evenness(ours), evenness(theirs)))


def lower_complexity(rows: pd.DataFrame) -> Iterator[Property]:
    """Yield the costs of both heads of the centralised DQN beside DTOMALB's.

    The joint head with the fewest users and with the most that can be built, and its outputs alone with 10 users; the
    branching head with 10 users.
    """
    costs = rows.set_index(["algorithm", "num_users"])[["outputs", "parameters", "update_s"]].astype(float)
    joint = sorted(costs.index[costs.index.isin([JOINT_HEAD], level=0)].get_level_values(1))
    pairs = [(JOINT_HEAD, users) for users in dict.fromkeys([*joint[:1], *joint[-1:]])]
    kinds = {"outputs": "outputs", "parameters": "parameters", "update_s": "CPU seconds of an update, measured once"}
    known = [who for who in [*pairs, ("dqn-tolb", 10)] if who in costs.index]
    measured = [(*who, kind, costs.loc[who, kind]) for who in known for kind in kinds]
    if joint:
        measured.append((JOINT_HEAD, 10, "outputs", float(joint_outputs(10))))
    for name, users, kind, theirs in measured:
        if ("dtomalb", users) in costs.index:
            ours, who = costs.loc[("dtomalb", users), kind], name if name == JOINT_HEAD else f"{name} (branching head)"
            yield Property(f"{kinds[kind]}, against {who} at N = {users}", ours, theirs, bool(ours < theirs))


def fault_tolerance(rows: pd.DataFrame) -> Iterator[Property]:
    """Yield the utility with a failed actor beside that of the centralised DQN with a failed controller.

    By construction users without a controller compute on their devices.
    """
    failed = [values(select(rows, game=FAILURE), name, "paper") for name in ("dtomalb", "dqn-tolb")]
    if min(map(len, failed)):
        ours, theirs = (estimate(found, rng()).value for found in failed)
        text = "utility with one user's actor failed, against dqn-tolb with its controller failed and all tasks local"
        yield Property(text, ours, theirs, ours > theirs)


def _called(name: Name) -> str:
    """Return the name of algorithm and variant without the slot length."""
    return label(name[0], "" if overrides_of(name[1]) else name[1])


def _seeds(*groups: Any) -> str:
    """Return the number of seeds on each side."""
    return " and ".join(dict.fromkeys(str(len(group)) for group in groups))
