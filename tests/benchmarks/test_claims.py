"""Verdicts on rows with a known answer."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.analysis.claims import claims, full_table, properties, short_table
from benchmarks.analysis.effects import (
    MARGIN,
    SLOTS,
    ends_of_score,
    margin,
    mean_difference,
    steps_to_reach,
    steps_to_stay,
    thresholds,
    utility_over_users,
)
from benchmarks.analysis.learning_tables import best_and_last, convergence
from benchmarks.study.provenance import DRAWS
from benchmarks.study.store import Results
from edgeoffload_env import evaluate
from edgeoffload_env.evaluation.score import score_baselines
from edgeoffload_env.scenarios import configure
from tests.benchmarks.tables import MadeUp, curve_rows, final_rows


def verdict(results: Results, start: str, slot: str = "0.15 s") -> str:
    (claim,) = (claim for claim in claims(results) if claim.claim.startswith(start))
    return claim.verdict(slot)


def test_without_rows_nothing_is_claimed() -> None:
    assert {claim.verdict(slot) for claim in claims(MadeUp()) for slot in SLOTS} == {"not measured"}
    assert full_table(MadeUp()).empty
    assert properties(MadeUp()).empty
    made = short_table(MadeUp())
    assert set(made[[f"slots of {slot}" for slot in SLOTS]].to_numpy().ravel()) == {"not measured"}


@pytest.mark.parametrize(("ours", "found"), [(-11.0, "holds"), (-13.0, "contradicted")])
def test_the_highest_utility(ours: float, found: str) -> None:
    noise = np.linspace(-0.1, 0.1, 10)
    rows = []
    for scenario in ("paper", "paper-load-only"):
        rows += final_rows("dtomalb", scenario, ours + noise)
        rows += final_rows("dqn-tolb", scenario, -12.0 + noise) + final_rows("idql-tolb", scenario, -12.5 + noise)
    assert verdict(MadeUp(final=rows), "DTOMALB reaches the highest utility") == found
    everywhere = rows + [row | {"num_users": 20} for row in rows if row["scenario"] == "paper"]
    assert verdict(MadeUp(final=everywhere), "DTOMALB has the highest utility with any") == found


@pytest.mark.parametrize("claim", ["DTOMALB has the highest utility with any number", "DTOMALB has the lower delay"])
def test_one_number_of_users_says_nothing_of_any_number(claim: str) -> None:
    noise, names = np.linspace(-0.1, 0.1, 10), ("dtomalb", "dqn-tolb", "idql-tolb")
    rows = [row for place, name in enumerate(names) for row in final_rows(name, "paper", noise - place)]
    other = [row for place, name in enumerate(names) for row in final_rows(name, "paper-load-only", noise - place)]
    assert verdict(MadeUp(final=rows), claim) == "not measured"
    assert verdict(MadeUp(final=rows + other), claim) == "not measured"
    alone = final_rows("dtomalb", "paper", noise, num_users=20)  # no rival has runs there
    assert verdict(MadeUp(final=rows + alone), claim) == "not measured"
    more = [row | {"num_users": 20} for row in rows]
    assert verdict(MadeUp(final=rows + more), claim) != "not measured"


def test_the_highest_is_above_every_rival() -> None:
    noise = np.linspace(-0.1, 0.1, 10)
    rows = final_rows("dtomalb", "paper", -12.0 + noise)
    rows += final_rows("dqn-tolb", "paper", -12.5 + noise) + final_rows("idql-tolb", "paper", -11.5 + noise)
    assert verdict(MadeUp(final=rows), "DTOMALB reaches the highest utility") == "contradicted"


def test_each_slot_length_has_a_verdict() -> None:
    noise = np.linspace(-0.1, 0.1, 5)
    rows = [
        row
        for name, utilities in (
            ("dtomalb", (-12.0, -11.0)),
            ("dqn-tolb", (-11.5, -11.5)),
            ("idql-tolb", (-13.0, -12.0)),
        )
        for utility, variant in zip(utilities, SLOTS.values(), strict=True)
        for row in final_rows(name, "paper", utility + noise, variant=variant)
    ]
    results = MadeUp(final=rows)
    found = [verdict(results, "DTOMALB reaches the highest utility", slot) for slot in SLOTS]
    assert found == ["contradicted", "holds"]
    effects = full_table(results)
    assert set(effects["slots"]) == set(SLOTS)
    assert not effects["effect"].str.contains("slot").any()
    short = short_table(results).set_index("the paper's claim").loc["DTOMALB reaches the highest utility"]
    assert short[[f"slots of {slot}" for slot in SLOTS]].tolist() == ["**contradicted** (1 of 1)", "**holds** (1 of 1)"]
    assert "dqn-tolb's by -0.5 [" in short["effect"].iloc[0]


def test_a_difference_below_the_margin_is_equivalent() -> None:
    apart = margin("paper", 10)
    utilities = -12.0 + apart * np.linspace(-0.2, 0.2, 10)
    rows = final_rows("dtomalb", "paper", utilities)
    for name in ("dqn-tolb", "idql-tolb"):
        rows += final_rows(name, "paper", utilities + 0.01 * apart)
    assert verdict(MadeUp(final=rows), "DTOMALB reaches the highest utility") == "equivalent"


def test_margins_are_shares_of_the_score() -> None:
    baselines = score_baselines(configure("paper"))
    assert baselines is not None
    apart = margin("paper", 10)
    assert baselines.score(-12.0 + apart) - baselines.score(-12.0) == pytest.approx(MARGIN)
    assert margin("paper", 10, "mean_delay_s") == pytest.approx(apart / configure("paper").max_cycles)
    assert math.isnan(margin("paper", 10, "imbalance"))
    floor, reference = ends_of_score("paper", 10, "slot 1 s")
    greedy, *floors = (
        evaluate(name, "paper", 320, 1, slot_s=1.0).utility.mean() for name in ("greedy", "random", "local")
    )
    assert (floor, reference) == (max(floors), greedy)


def test_convergence_needs_curves_that_stay_above() -> None:
    """A curve that touches the mark and falls again has not converged."""
    touched, stayed = [[-60, -12, -60, -12]] * 5, [[-60, -60, -12, -12]] * 5
    rows = curve_rows("dtomalb", "paper", stayed) + curve_rows("dtoma", "paper", touched)
    assert verdict(MadeUp(curves=rows), "the balancing term speeds up") == "holds in part"


def test_one_game_alone_is_in_part() -> None:
    noise = np.linspace(-0.1, 0.1, 5)
    rows = final_rows("dtomalb", "paper", -11.0 + noise) + final_rows("dtoma", "paper", -12.0 + noise)
    rows += final_rows("dtomalb", "paper-load-only", -15.0 + noise)
    rows += final_rows("dtoma", "paper-load-only", -14.0 + noise)
    assert verdict(MadeUp(final=rows), "the balancing term raises the utility") == "holds in part"


@pytest.mark.parametrize(("ours", "found"), [(0.2, "holds"), (0.4, "contradicted")])
def test_less_of_a_cost_is_better(ours: float, found: str) -> None:
    noise = np.linspace(-0.01, 0.01, 5)
    rows = []
    for scenario in ("paper", "paper-load-only"):
        rows += final_rows("dtomalb", scenario, ours + noise)
        for other in ("dtoma", "dqn-tolb", "idql-tolb"):
            rows += final_rows(other, scenario, 0.3 + noise)
    rows += [row | {"num_users": 20} for row in rows if row["scenario"] == "paper"]
    for claim in ("the balancing term lowers var(LD)", "DTOMALB has the lower delay"):
        assert verdict(MadeUp(final=rows), claim) == found


def test_few_seeds_prove_nothing() -> None:
    rows = final_rows("dtomalb", "paper", [-11.0]) + final_rows("dtoma", "paper", [-12.0])
    assert verdict(MadeUp(final=rows), "the balancing term raises the utility") == "not measured"
    curves = curve_rows("dtomalb", "paper", [[-12, -12]] * 4) + curve_rows("dtoma", "paper", [[-60, -12]] * 4)
    assert verdict(MadeUp(curves=curves), "the balancing term speeds up") == "not measured"
    rows = final_rows("dtomalb", "paper", [-11.0, -11.1, -11.2]) + final_rows("dtoma", "paper", [-60.0, -61.0, -62.0])
    assert verdict(MadeUp(final=rows), "the balancing term raises the utility") == "inconclusive"
    never = [[-60, -60]] * 5
    curves = curve_rows("dtomalb", "paper", never) + curve_rows("dtoma", "paper", never)
    assert verdict(MadeUp(curves=curves), "the balancing term speeds up") == "inconclusive"  # ties, not NaN


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
    assert verdict(MadeUp(curves=curves), "the balancing term speeds up") == "inconclusive"


def test_instability_is_deviation_within_runs() -> None:
    steady = [[-12 + size * (-1) ** i for i in range(20)] for size in np.linspace(0.01, 0.012, 5)]
    wandering = [[-12 + size * (-1) ** i for i in range(20)] for size in np.linspace(1.0, 1.2, 5)]
    rows = curve_rows("dtomalb", "paper", steady) + curve_rows("idql-tolb", "paper", wandering)
    assert verdict(MadeUp(curves=rows), "IDQL-TOLB is unstable") == "holds"
    rows = curve_rows("dtomalb", "paper", wandering) + curve_rows("idql-tolb", "paper", steady)
    assert verdict(MadeUp(curves=rows), "IDQL-TOLB is unstable") == "contradicted"


def test_falling_with_users() -> None:
    rows = [
        r
        for n, u in ((5, -7.0), (10, -12.0), (20, -90.0))
        for r in final_rows("dtomalb", "paper", u + np.linspace(-0.1, 0.1, 5), num_users=n)
    ]
    assert verdict(MadeUp(final=rows), "the utility falls") == "holds"
    assert verdict(MadeUp(final=rows[:10]), "the utility falls") == "holds"
    assert verdict(MadeUp(final=rows[:5]), "the utility falls") == "not measured"


def servers_of(shares: list[float], loads: list[float], algorithm: str = "dtomalb") -> list[dict[str, Any]]:
    key = {"algorithm": algorithm, "scenario": "paper", "num_users": 10, "variant": ""}
    return [
        key | {"seed": seed, "server": m + 1, "server_hz": hz, "load_factor_s": loads[m], "task_share": shares[m]}
        for seed in range(8)
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
    assert verdict(unfair, "faster servers get more") == "contradicted"
    assert verdict(unfair, "load factors even out") == "contradicted"


def test_complexity_and_failure() -> None:
    costs = {"outputs": 60, "parameters": 1_000, "update_s": 0.01}
    rows = [{"algorithm": "dtomalb", "num_users": n} | costs for n in (5, 10)] + [
        {"algorithm": "dqn-tolb (joint head)", "num_users": 5} | {name: 10 * value for name, value in costs.items()},
        {"algorithm": "dqn-tolb", "num_users": 10} | {name: 0.1 * value for name, value in costs.items()},
    ]
    lost = [
        row | {"game": "component failure"}
        for row in final_rows("dtomalb", "paper", [-30, -31]) + final_rows("dqn-tolb", "paper", [-128, -128])
    ]
    made = properties(MadeUp(complexity=rows, generalization=lost)).to_numpy().tolist()
    assert [row[-1] for row in made] == [*["yes"] * 3, *["no"] * 3, "yes", "yes"]
    assert made[0][1:4] == ["outputs, against dqn-tolb (joint head) at N = 5", "60", "600"]
    assert made[-1][2:4] == ["-30.5", "-128"]
    assert {claim.verdict("0.15 s") for claim in claims(MadeUp(complexity=rows))} == {"not measured"}


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


def test_rows_of_other_random_streams_are_not_compared() -> None:
    ours = [row | {"draws": DRAWS} for row in final_rows("dtomalb", "paper", [-11.0, -11.1, -11.2])]
    theirs = final_rows("dtoma", "paper", [-12.0, -12.1, -12.2])
    pair = ("paper", None, ("dtomalb", ""), ("dtoma", ""))
    assert not [*mean_difference(MadeUp(final=ours + theirs).last(), *pair)]
    alike = MadeUp(final=[row | {"draws": 1} for row in ours] + theirs)
    (effect,) = mean_difference(alike.last(), *pair)
    assert effect.found.value == pytest.approx(1.0)
    five = final_rows("dtomalb", "paper", [-6.0, -6.1], num_users=5)
    assert not [*utility_over_users(MadeUp(final=ours + five).last())]
