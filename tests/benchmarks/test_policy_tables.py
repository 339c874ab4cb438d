"""Tables of shipped policies, from made-up rows."""

from typing import Any

import pytest

from benchmarks.analysis.formatting import TABLES, gains
from benchmarks.analysis.policy_tables import who_wins
from edgeoffload_env import policies
from edgeoffload_env.evaluation.score import score_baselines
from edgeoffload_env.scenarios import configure
from tests.benchmarks.tables import MadeUp, final_rows


def test_who_wins_shows_a_scenario_in_a_row() -> None:
    def row(policy: str, utility: float, missed: float | None, scenario: str = "urban") -> dict[str, Any]:
        above = {"above_greedy": utility + 10.0, "above_greedy_low": utility + 9.0, "above_greedy_high": utility + 11.0}
        return {"scenario": scenario, "policy": policy, "utility": utility, "miss_fraction": missed, **above}

    rows = [row("fixed", -170.0, 0.4), row("greedy", -10.0, 0.043), row("lookahead", -8.0, 0.0251)]
    rows += [
        row(name, utility, None, "cloud") for name, utility in (("fixed", -22.8), ("greedy", -21), ("lookahead", -17))
    ]
    table = who_wins(MadeUp(effects=rows))
    assert table.columns.tolist()[:4] == ["scenario", "`fixed`", "`greedy`", "`lookahead`"]
    first, second = table.to_numpy().tolist()
    assert first == ["`urban`", "-170.0", "-10.0", "-8.0", "2.00 [1.00, 3.00]", "4.3 %", "2.5 %"]
    assert second == ["`cloud`", "-22.8", "-21.0", "-17.0", "-7.00 [-8.00, -6.00]", "-", "-"]


def test_effects_that_move_the_ranking_are_told_by_who_passes_greedy() -> None:
    def row(scenario: str, policy: str, utility: float, low: float, high: float) -> dict[str, Any]:
        above = {"above_greedy": (low + high) / 2, "above_greedy_low": low, "above_greedy_high": high}
        return {"scenario": scenario, "policy": policy, "utility": utility, **above}

    rows = [row("bursty", "greedy", -35.0, 0.0, 0.0), row("bursty", "best-response", -36.0, -1.2, -0.8)]
    rows += [row("continuous", "greedy", -35.8, 0.0, 0.0), row("continuous", "best-response", -34.0, 1.0, 2.6)]
    rows += [row("urban", "greedy", -10.0, 0.0, 0.0), row("urban", "herd", -14.0, -5.0, -3.0)]
    rows += [row("split", "greedy", -9.0, 0.0, 0.0), row("split", "herd", -9.1, -0.3, 0.1)]
    rows += [row("vehicles", "greedy", -11.0, 0.0, 0.0), row("vehicles", "herd", -15.0, -5.0, -3.0)]
    orders = {"best": "greedy > best-response", "now": "best-response > greedy", "herd": "greedy > herd"}
    assert TABLES["ranking"](MadeUp(effects=rows)).to_numpy().tolist() == [
        [
            "`continuous`",
            "`bursty`",
            "`queue_clock`",
            orders["now"],
            orders["best"],
            "`best-response` (below, now above)",
        ],
        ["`split`", "`urban`", "`levels`", orders["herd"], orders["herd"], "none"],
        ["`vehicles`", "`urban`", "`channel`, `mobility`", orders["herd"], orders["herd"], "none"],
    ]


def board(policy: str, scenario: str, utility: float) -> dict[str, Any]:
    return {"policy": policy, "scenario": scenario, "utility": utility, "score": 0.25}


def test_the_leaderboard_describes_shipped_policies_as_they_are_now() -> None:
    """Rows of other days have other descriptions; one that was given stays."""
    old = board("greedy", "paper", -11.0) | {"about": "As it was.", "command": "python -m benchmarks judge greedy"}
    priced = board("drift-plus-penalty:price=5", "paper", -12.0) | {"about": "Mine.", "command": "judge --about Mine."}
    other = board("benchmarks.submissions.mine:make", "paper", -13.0) | {"about": "Another.", "command": "judge"}
    text = TABLES["leaders"](MadeUp(leaderboard=[old, priced, other]))
    assert policies.describe("greedy").replace("``", "") in text
    assert "As it was." not in text
    assert "`drift-plus-penalty:price=5`<br><small>Mine.</small> |" in text
    assert "| mine:make<br><small>Another.</small> |" in text


def test_trained_algorithms_stand_below_the_best_constant_assignment() -> None:
    rows = final_rows("dtomalb", "paper", [-12.0, -13.0]) + final_rows("dtomalb", "paper", [-60.0], num_users=15)
    results = MadeUp(final=rows, leaderboard=[board("fixed", "paper", -11.5), board("fixed", "sparse", -7.0)])
    table = TABLES["all-learned"](results)
    fixed, own, other = table.to_numpy().tolist()
    assert fixed[2:4] == ["`fixed`", "-"]
    assert fixed[5] == "-11.50"
    assert fixed[-1] == f"{gains('paper', -11.5):.3f}"
    assert own[-1] == f"{gains('paper', -12.5):.3f}"
    assert other[1] == 15
    assert len(table) == 3


def test_a_gain_is_that_of_the_stored_baselines() -> None:
    baselines = score_baselines(configure("paper"))
    assert baselines is not None
    assert gains("paper", baselines.fixed.utility) == 0.0
    assert gains("paper", baselines.reference.utility) == pytest.approx(1.0)


def test_held_out_games_begin_with_the_best_constant_assignment() -> None:
    trained = [
        {"algorithm": "dtomalb", "scenario": "paper", "num_users": 10, "variant": "", "seed": seed}
        | {"game": game, "utility": -12.0, "score": 0.9}
        for seed in range(2)
        for game in ("held-out-light", "component failure")
    ]
    results = MadeUp(generalization=trained, leaderboard=[board("fixed", "held-out-light", -9.5)])
    first, *others = TABLES["held-out"](results).to_numpy().tolist()
    assert first == ["`fixed`", "held-out-light", "-", "-9.50", "0.25"]
    assert [row[0] for row in others] == ["dtomalb", "dtomalb"]
