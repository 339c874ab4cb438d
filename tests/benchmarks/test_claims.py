"""Verdicts on rows with a known answer."""

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.analysis.claims import Claim, claims, full_table, short_table
from benchmarks.analysis.effects import Effect, steps_to_reach, steps_to_stay, thresholds
from benchmarks.analysis.learning_tables import best_and_last, convergence
from benchmarks.analysis.statistics import Estimate, difference
from benchmarks.study.store import Results
from edgeoffload_env import evaluate
from tests.benchmarks.tables import MadeUp, curve_rows, final_rows


def verdict(results: Results, start: str) -> str:
    (claim,) = (claim for claim in claims(results) if claim.claim.startswith(start))
    return claim.verdict


def test_the_verdict_follows_from_the_intervals() -> None:
    above, below, around = (
        Effect("e", Estimate(v, low, high), 0.0) for v, low, high in ((2, 1, 3), (-2, -3, -1), (0.5, -1, 2))
    )
    assert Claim("c", "5", [above, above]).verdict == "holds"
    assert Claim("c", "5", [above, around]).verdict == "holds in part"
    assert Claim("c", "5", [above, below]).verdict == "holds in part"
    first, second = (dataclasses.replace(effect, group="game") for effect in (above, around))
    assert Claim("c", "5", [first, second]).verdict == "does not hold"  # ahead of one rival of two
    assert Claim("c", "5", [first, second, above]).verdict == "holds in part"
    assert Claim("c", "5", [first, second, above]).statements == [False, True]
    assert Claim("c", "5", [first, first]).verdict == "holds"
    assert str(below) == "e -2 [-3, -1], contradicted"
    assert str(around) == "e 0.5 [-1, 2]"
    assert str(dataclasses.replace(above, once=True)) == "e 2"
    assert Claim("c", "5", [around]).verdict == "does not hold"
    assert Claim("c", "5", []).verdict == "not measured"


def test_without_rows_nothing_is_claimed() -> None:
    assert {claim.verdict for claim in claims(MadeUp())} == {"not measured"}
    for made in (full_table(MadeUp()), short_table(MadeUp())):
        assert set(made["verdict"]) == {"**not measured**"}


@pytest.mark.parametrize(("ours", "found"), [(-11.0, "holds"), (-13.0, "does not hold")])
def test_the_highest_utility(ours: float, found: str) -> None:
    noise = np.linspace(-0.1, 0.1, 10)
    rows = []
    for scenario in ("paper", "paper-load-only"):
        rows += final_rows("dtomalb", scenario, ours + noise)
        rows += final_rows("dqn-tolb", scenario, -12.0 + noise) + final_rows("idql-tolb", scenario, -12.5 + noise)
    assert verdict(MadeUp(final=rows), "DTOMALB reaches the highest utility") == found
    assert verdict(MadeUp(final=rows), "DTOMALB has the highest utility with any") == found


def test_the_highest_is_above_every_rival() -> None:
    noise = np.linspace(-0.1, 0.1, 10)
    rows = final_rows("dtomalb", "paper", -12.0 + noise)
    rows += final_rows("dqn-tolb", "paper", -12.5 + noise) + final_rows("idql-tolb", "paper", -11.5 + noise)
    assert verdict(MadeUp(final=rows), "DTOMALB reaches the highest utility") == "does not hold"


def test_convergence_needs_curves_that_stay_above() -> None:
    """A curve that touches the mark and falls again has not converged."""
    touched, stayed = [[-60, -12, -60, -12]] * 5, [[-60, -60, -12, -12]] * 5
    rows = curve_rows("dtomalb", "paper", stayed) + curve_rows("dtoma", "paper", touched)
    assert verdict(MadeUp(curves=rows), "the balancing term speeds up") == "holds in part"


def test_one_game_alone_is_in_part() -> None:
    noise = np.linspace(-0.1, 0.1, 5)
    rows = final_rows("dtomalb", "paper", -11.0 + noise) + final_rows("dtoma", "paper", -12.0 + noise)
    rows += final_rows("dtomalb", "paper-load-only", -15.0 + noise) + final_rows(
        "dtoma", "paper-load-only", -14.0 + noise
    )
    assert verdict(MadeUp(final=rows), "the balancing term raises the utility") == "holds in part"


@pytest.mark.parametrize(("ours", "found"), [(0.2, "holds"), (0.4, "does not hold")])
def test_less_of_a_cost_is_better(ours: float, found: str) -> None:
    noise = np.linspace(-0.01, 0.01, 5)
    rows = []
    for scenario in ("paper", "paper-load-only"):
        rows += final_rows("dtomalb", scenario, ours + noise)
        for other in ("dtoma", "dqn-tolb", "idql-tolb"):
            rows += final_rows(other, scenario, 0.3 + noise)
    for claim in ("the balancing term lowers var(LD)", "DTOMALB has the lower delay"):
        assert verdict(MadeUp(final=rows), claim) == found


def test_differences_have_welchs_interval() -> None:
    ours, theirs = np.array([1.0, 2.0, 4.0, 3.5]), np.array([0.5, 0.7, 0.1])
    found = difference(ours, theirs)
    there = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    assert found == pytest.approx((ours.mean() - theirs.mean(), there.low, there.high))


def test_few_seeds_prove_nothing() -> None:
    rows = final_rows("dtomalb", "paper", [-11.0]) + final_rows("dtoma", "paper", [-12.0])
    assert verdict(MadeUp(final=rows), "the balancing term raises the utility") == "not measured"
    curves = curve_rows("dtomalb", "paper", [[-12, -12]] * 4) + curve_rows("dtoma", "paper", [[-60, -12]] * 4)
    assert verdict(MadeUp(curves=curves), "the balancing term speeds up") == "not measured"
    never = [[-60, -60]] * 5
    curves = curve_rows("dtomalb", "paper", never) + curve_rows("dtoma", "paper", never)
    assert verdict(MadeUp(curves=curves), "the balancing term speeds up") == "does not hold"  # ties, not NaN


def test_steps_to_reach_a_utility() -> None:
    rows = curve_rows("dtomalb", "paper", [[-30, -12, -20], [-30, -20, -19], [-10, -9, -8]])
    np.testing.assert_array_equal(steps_to_reach(pd.DataFrame(rows), -15.0), [200, math.inf, 100])


def test_steps_to_stay_at_a_utility() -> None:
    rows = curve_rows("dtomalb", "paper", [[-30, -12, -20, -12], [-30, -12, -12, -12], [-10] * 4, [-10, -10, -10, -16]])
    np.testing.assert_array_equal(steps_to_stay(pd.DataFrame(rows), -15.0), [400, 200, 100, math.inf])


def test_the_thresholds_are_in_order() -> None:
    reached, converged = thresholds("paper").values()
    random, greedy = (evaluate(policy, "paper", 32, 0).utility.mean() for policy in ("random", "greedy"))
    assert random < reached < converged < greedy
    between, above = (reached + converged) / 2, converged + 0.1
    soon_reached = curve_rows("dtomalb", "paper", [[between, between, above]] * 5)
    soon_converged = curve_rows("dtoma", "paper", [[-60, above, above]] * 5)
    assert verdict(MadeUp(curves=soon_reached + soon_converged), "the balancing term speeds up") == "holds in part"


def test_faster_convergence() -> None:
    quick, slow = [[-60, -12, -12]] * 5, [[-60, -60, -12]] * 5
    curves = curve_rows("dtomalb", "paper", quick) + curve_rows("dtoma", "paper", slow)
    assert verdict(MadeUp(curves=curves), "the balancing term speeds up") == "holds"
    curves = curve_rows("dtomalb", "paper", slow) + curve_rows("dtoma", "paper", slow)
    assert verdict(MadeUp(curves=curves), "the balancing term speeds up") == "does not hold"


def test_instability_is_deviation_within_runs() -> None:
    steady = [[-12 + size * (-1) ** i for i in range(20)] for size in (0.01, 0.011, 0.012)]
    wandering = [[-12 + size * (-1) ** i for i in range(20)] for size in (1.0, 1.1, 1.2)]
    rows = curve_rows("dtomalb", "paper", steady) + curve_rows("idql-tolb", "paper", wandering)
    assert verdict(MadeUp(curves=rows), "IDQL-TOLB is unstable") == "holds"
    rows = curve_rows("dtomalb", "paper", wandering) + curve_rows("idql-tolb", "paper", steady)
    assert verdict(MadeUp(curves=rows), "IDQL-TOLB is unstable") == "does not hold"


def test_falling_with_users() -> None:
    rows = [
        r
        for n, u in ((5, -7.0), (10, -12.0), (20, -90.0))
        for r in final_rows("dtomalb", "paper", [u, u - 0.1, u + 0.1], num_users=n)
    ]
    assert verdict(MadeUp(final=rows), "the utility falls") == "holds"
    assert verdict(MadeUp(final=rows[:6]), "the utility falls") == "holds"
    assert verdict(MadeUp(final=rows[:3]), "the utility falls") == "not measured"


def servers_of(shares: list[float], loads: list[float], algorithm: str = "dtomalb") -> list[dict[str, Any]]:
    key = {"algorithm": algorithm, "scenario": "paper", "num_users": 10, "variant": ""}
    return [
        key | {"seed": seed, "server": m + 1, "server_hz": hz, "load_factor_s": loads[m], "task_share": shares[m]}
        for seed in range(3)
        for m, hz in enumerate((12e9, 16e9, 20e9))
    ]


def test_servers() -> None:
    fair = MadeUp(servers=servers_of([0.25, 0.33, 0.42], [0.1, 0.1, 0.1]))
    assert verdict(fair, "faster servers get more") == "holds"
    assert verdict(fair, "load factors even out") == "holds"
    evener = servers_of([0.25, 0.33, 0.42], [0.1, 0.1, 0.1], "idql-tolb")
    uneven = servers_of([0.25, 0.33, 0.42], [0.1, 0.1, 0.12])
    assert verdict(MadeUp(servers=uneven), "load factors even out") == "holds"
    assert verdict(MadeUp(servers=uneven + evener), "load factors even out") == "holds in part"
    unfair = MadeUp(servers=servers_of([0.42, 0.33, 0.25], [1.0, 0.5, 0.1]))
    assert verdict(unfair, "faster servers get more") == "does not hold"
    assert verdict(unfair, "load factors even out") == "does not hold"


def test_complexity_and_failure() -> None:
    costs = {"outputs": 60, "parameters": 1_000, "update_s": 0.01}
    rows = [{"algorithm": "dtomalb", "num_users": n} | costs for n in (5, 10)] + [
        {"algorithm": "dqn-tolb (joint head)", "num_users": 5} | {name: 10 * value for name, value in costs.items()},
        {"algorithm": "dqn-tolb", "num_users": 10} | {name: 0.1 * value for name, value in costs.items()},
    ]
    cheaper, dearer = rows[:3], [*rows[:2], rows[3]]
    assert verdict(MadeUp(complexity=cheaper), "DTOMALB is less complex") == "holds"
    assert verdict(MadeUp(complexity=dearer), "DTOMALB is less complex") == "does not hold"
    assert verdict(MadeUp(complexity=rows), "DTOMALB is less complex") == "holds in part"
    lost = [
        row | {"game": "component failure"}
        for row in final_rows("dtomalb", "paper", [-30, -31]) + final_rows("dqn-tolb", "paper", [-128, -128])
    ]
    assert verdict(MadeUp(generalization=lost), "there is no single point") == "holds"


def test_best_and_last_checkpoints() -> None:
    last, best = final_rows("dtomalb", "paper", [-12.0, -14.0]), final_rows("dtomalb", "paper", [-11.0, -13.0, -9.0])
    rows = last + [row | {"checkpoint": "best"} for row in best]  # the third seed has no last networks
    assert best_and_last(MadeUp(final=rows)).to_numpy().tolist() == [
        ["`paper`", "dtomalb", 2, "-13.00", "-12.00", "1.00", "100 (100 to 100)"]
    ]


def test_time_to_thresholds() -> None:
    curves = curve_rows("dtomalb", "paper", [[-60, -12, -16], [-60, -12, -12]])
    body = convergence(MadeUp(curves=curves)).to_numpy().tolist()
    assert [row[-2:] for row in body] == [["200", "200"], ["200", "never (1 of 2 do)"]]
