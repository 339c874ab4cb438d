"""Verdicts by rule, and the error rates of the rule on simulated runs."""

import math

import numpy as np
import pytest

from benchmarks.analysis.statistics import Evidence, compare, compare_to, holm, rng
from benchmarks.analysis.verdicts import ALPHA, VERDICTS, outcomes, verdict
from benchmarks.study.store import RESULTS, Results
from benchmarks.study.verdict_rates import CASES, CLAIMS, SEEDS, simulate

ABOVE, BELOW = Evidence(0.001, 1.0, 1.0, 1e-5), Evidence(1.0, 0.001, 1.0, 1e-5)
AROUND, EQUAL = Evidence(0.4, 0.6, 0.3, 1e-5), Evidence(0.4, 0.6, 0.001, 1e-5)
FEW = Evidence(0.05, 1.0, math.nan, 0.05)


@pytest.mark.parametrize(
    ("statements", "found", "judged"),
    [
        ([[ABOVE], [ABOVE]], ["holds", "holds"], "holds"),
        ([[ABOVE], [AROUND]], ["holds", "inconclusive"], "holds in part"),
        ([[ABOVE], [BELOW]], ["holds", "contradicted"], "holds in part"),
        ([[ABOVE, AROUND]], ["inconclusive"], "inconclusive"),  # ahead of one rival of two
        ([[ABOVE, BELOW]], ["contradicted"], "contradicted"),
        ([[BELOW], [AROUND]], ["contradicted", "inconclusive"], "contradicted"),
        ([[EQUAL, EQUAL]], ["equivalent"], "equivalent"),
        ([[EQUAL, ABOVE]], ["inconclusive"], "inconclusive"),
        ([[EQUAL], [AROUND]], ["equivalent", "inconclusive"], "inconclusive"),
        ([[FEW], [FEW]], ["inconclusive", "inconclusive"], "inconclusive"),
        ([], [], "not measured"),
    ],
)
def test_a_verdict_follows_from_p_values(statements: list[list[Evidence]], found: list[str], judged: str) -> None:
    assert outcomes(statements) == found
    assert verdict(found) == judged


def test_holms_correction() -> None:
    least = [1e-6] * 4
    assert holm([0.01, 0.02, 0.012, 0.9], least, 0.05) == [True, True, True, False]
    assert holm([0.02, 0.02, 0.02, 0.02], least, 0.05) == [False] * 4
    assert holm([0.02, 0.02, 0.02, 0.02], [1e-6, 0.3, 0.3, 0.3], 0.05) == [True, False, False, False]
    assert holm([], [], 0.05) == []


def test_twenty_five_pairs_that_go_one_way_are_shown() -> None:
    """Where the spread of one side hides the difference from Welch's test."""
    theirs = [-95.2, -96.1, -97.5, -98.9, -101.2]
    ours = [-114.8, -121.0, -127.4, -134.0, -376.9]
    found = compare(ours, theirs, rng())
    assert found.below == pytest.approx(found.least) == pytest.approx(1 / math.comb(10, 5))
    assert outcomes([[found]]) == ["contradicted"]


def test_ties_and_infinities_are_ranked() -> None:
    never = [math.inf] * 5
    found = compare(never, never, rng())
    assert found[:2] == (1.0, 1.0)
    soon = compare(np.negative([1.0, 1, 2, 2, 3]), np.negative([5.0, 5, 6, math.inf, math.inf]), rng())
    assert soon.above == pytest.approx(1 / math.comb(10, 5))
    again = compare(np.negative([1.0, 1, 2, 2, 3]), np.negative([5.0, 5, 6, math.inf, math.inf]), rng())
    assert soon.above == again.above


def test_many_comparisons_at_once_are_those_one_by_one() -> None:
    draw = np.random.default_rng(3)
    ours, theirs = draw.normal(0.0, 1.0, (4, 6)), draw.normal(0.5, 2.0, (4, 7))
    together = compare(ours, theirs, rng(), 0.3)
    for place in range(4):
        alone = compare(ours[place], theirs[place], rng(), 0.3)
        np.testing.assert_allclose(
            [alone.above, alone.below, alone.equal], [p[place] for p in together[:3]], rtol=1e-12
        )


def test_one_sample_against_a_number() -> None:
    values = np.linspace(1.1, 1.5, 6)
    assert compare_to(values, 1.0)[:2] == pytest.approx((0.5**6, 1.0))
    assert compare_to(values, 2.0)[:2] == pytest.approx((1.0, 0.5**6))
    assert compare_to([1.0] * 6, 1.0)[:2] == (1.0, 1.0)


def test_error_rates_and_power_are_the_published_ones() -> None:
    stored = Results(RESULTS).table("verdict_rates")
    assert stored.to_dict("records") == simulate()
    assert [*stored["truth"].unique()] == [*CASES]
    np.testing.assert_allclose(stored[[*VERDICTS]].sum(axis=1), 1.0)
    room = 2.6 * math.sqrt(ALPHA * (1.0 - ALPHA) / CLAIMS)  # of a simulated rate, one-sided 99.5 %
    nothing = stored[stored["truth"].str.startswith("no difference")]
    assert (nothing[["holds", "holds in part", "contradicted"]].sum(axis=1) <= ALPHA + room).all()
    ahead = stored[stored["truth"].str.startswith("ahead")]
    assert (ahead["contradicted"] <= ALPHA / 2 + room).all()
    assert (ahead["equivalent"] <= ALPHA + room).all()
    for _, rows in ahead.groupby("truth"):
        assert rows["seeds"].tolist() == [*SEEDS]
        assert rows["holds"].is_monotonic_increasing
        assert rows["holds"].iloc[-1] > 0.9
