"""The suite as one number, on made rows with a known answer."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.analysis.findings import findings
from benchmarks.analysis.formatting import gains
from benchmarks.analysis.suite import (
    SUITES,
    THRESHOLDS,
    aggregate,
    aggregates,
    by_game,
    suite,
    suite_caption,
    suite_games,
)
from benchmarks.study.provenance import DRAWS
from tests.benchmarks.tables import MadeUp, final_rows


def test_an_aggregate_of_known_scores() -> None:
    scores = np.array([[0.6, 0.8], [0.7, 0.9], [0.7, 0.9], [0.8, 0.8]])
    found = aggregate(scores, scores - 0.5, scores - 0.3)
    assert found.runs == 4
    assert found.score.value == pytest.approx(np.mean([0.7, 0.8, 0.8, 0.8]))  # the middle half
    assert found.gain.value == pytest.approx(found.score.value - 0.5)
    assert found.improvement == (1.0, 1.0, 1.0)
    share, low, high = found.profile
    assert share[0] == 1.0
    assert share[THRESHOLDS > 0.75][0] == pytest.approx(5 / 8)
    assert share[-1] == 0.0
    assert np.all((low <= share) & (share <= high))
    assert found.score.low < found.score.value < found.score.high


def test_games_are_resampled_apart() -> None:
    """The interval of many games is narrower than that of one: their errors average out."""
    draw = np.random.default_rng(0)
    one = draw.normal(0.8, 0.1, (10, 1))
    many = np.concatenate([one, draw.normal(0.8, 0.1, (10, 15))], axis=1)
    widths = [aggregate(s, s, s).score.high - aggregate(s, s, s).score.low for s in (one, many)]
    assert widths[1] < 0.5 * widths[0]


def test_only_seeds_that_played_every_game_count() -> None:
    rows = pd.DataFrame({"seed": [0, 0, 1, 2, 2], "game": list("abaab"), "score": [0.1, 0.2, 0.3, 0.5, 0.6]})
    np.testing.assert_array_equal(by_game(rows, "score"), [[0.1, 0.2], [0.5, 0.6]])


def rows_of(algorithm: str, utilities: Any, games: tuple[str, ...] = ("paper", "paper-load-only")) -> list[Any]:
    return [
        row | {"score": 1.0 + row["utility"] / 100} for game in games for row in final_rows(algorithm, game, utilities)
    ]


def test_algorithms_without_a_game_are_left_out() -> None:
    rows = rows_of("dtomalb", [-12.0] * 5) + rows_of("idql-tolb", [-13.0] * 5)
    rows += rows_of("dqn-tolb", [-13.0] * 5, ("paper",))
    (found,) = aggregates(MadeUp(final=rows)).values()
    assert [*found] == ["dtomalb", "idql-tolb"]
    assert found["dtomalb"].score.value == pytest.approx(0.88)
    middle = np.mean([gains(game, -12.0) for game in ("paper", "paper-load-only")])
    assert found["dtomalb"].gain.value == pytest.approx(middle)
    assert found["idql-tolb"].improvement.value == 0.0
    table = suite(MadeUp(final=rows))
    assert table["games"].tolist() == ["the paper's games (2 of 2)"] * 2
    assert table["P(above dtomalb)"].tolist() == ["-", "0.00 [0.00, 0.00]"]
    assert aggregates(MadeUp()) == {}


def held_out_rows(algorithm: str, scores: dict[str, float]) -> list[Any]:
    rows = final_rows(algorithm, "paper", [-12.0] * 5)
    return [row | {"game": game, "score": score} for game, score in scores.items() for row in rows]


HELD_OUT = held_out_rows("dtomalb", {"held-out-light": 0.8, "held-out-heavy": 0.6}) + held_out_rows(
    "dtomalb-equivariant", {"held-out-light": 0.9, "held-out-heavy": 0.9, "held-out-urban": 0.3}
)


def test_the_number_of_games_is_told() -> None:
    """All are compared on the baseline's games; an algorithm that has played more has a row over these, too."""
    results = MadeUp(generalization=HELD_OUT)
    total = len(SUITES["held-out games"])
    rows = suite(results).set_index(["games", "algorithm"])["IQM of the score"]
    assert rows[f"held-out games (2 of {total})", "dtomalb"].startswith("0.70 [")
    assert rows[f"held-out games (2 of {total})", "dtomalb-equivariant"] == "0.90 [0.90, 0.90]"
    assert rows[f"held-out games (3 of {total})", "dtomalb-equivariant"].startswith("0.77 [")  # the middle half
    assert len(rows) == 3
    (line,) = (line for line in findings(results).splitlines() if "best score" in line)
    assert f"dtomalb-equivariant has the best score on held-out games (2 of {total}): 0.90 [0.90, 0.90]" in line
    assert line.endswith("Over all 3 that dtomalb-equivariant has played, its score is 0.77.")
    assert f"(2 of {total}): `held-out-heavy`, `held-out-light`." in suite_games(results)
    assert f"held-out games (2 of {total})" in suite_caption(results)


MORE_TRIALS = "Settings of `dtomalb`, `dtoma` and `dtomalb-equivariant` are from more trials than those of the others."


def test_findings_follow_from_the_rows() -> None:
    noise = np.linspace(-0.1, 0.1, 5)
    rows = rows_of("dtomalb", -11.0 + noise) + rows_of("dqn-tolb", -12.0 + noise) + rows_of("idql-tolb", -13.0 + noise)
    board = [{"policy": "greedy", "scenario": "paper", "utility": -11.5}]
    lines = findings(MadeUp(final=rows, leaderboard=board)).splitlines()
    assert [line[:2] for line in lines[:4]] == ["1.", "2.", "3.", "4."]  # nothing of urban
    assert "with slots of 0.15 s" in lines[0]
    assert "is 1 [" in lines[1]
    assert "minus that of its best rival in the paper, dqn-tolb" in lines[1]
    assert "dtomalb † has the best score on the paper's games (2 of 2): 0.89 [" in lines[2]
    assert lines[3].startswith("4. 5 of 15 runs")
    assert findings(MadeUp()).splitlines()[1:] == ["", MORE_TRIALS]
    urban = [row | {"scenario": "urban", "num_users": 30} for row in rows if row["algorithm"] != "idql-tolb"]
    few = [row | {"scenario": "urban", "num_users": 30} for row in rows if row["algorithm"] == "idql-tolb"][:4]
    text = findings(MadeUp(final=rows + urban + few, leaderboard=[*board, {**board[0], "scenario": "urban"}]))
    assert (
        "On `urban`, the game to start with, utilities are -11.0 (dtomalb †), -12.0 (dqn-tolb †) and -11.5 (`greedy`)."
        in text
    )


def test_findings_tell_of_unequal_searches_until_all_are_searched_alike() -> None:
    assert MORE_TRIALS in findings(MadeUp(final=rows_of("dtomalb", [-12.0] * 5)))
    searched = [{"algorithm": "dtomalb", "round": 0}]
    assert MORE_TRIALS not in findings(MadeUp(final=rows_of("dtomalb", [-12.0] * 5), tuning_rounds=searched))


def test_findings_have_one_interval_each() -> None:
    noise = np.linspace(-0.1, 0.1, 5)
    rows = rows_of("dtomalb", -11.0 + noise) + rows_of("dqn-tolb", -12.0 + noise) + rows_of("idql-tolb", -13.0 + noise)
    text = findings(MadeUp(final=rows, generalization=HELD_OUT))
    assert all(line.count("[") <= 1 for line in text.splitlines())


def test_findings_tell_of_rows_from_earlier_random_streams() -> None:
    """By a mark and a note, which are gone once the algorithms are trained again."""
    rows = rows_of("dtomalb", [-12.0] * 5) + rows_of("idql-tolb", [-11.0] * 5)
    text = findings(MadeUp(final=rows))
    assert "dtomalb †" in text
    assert "Those of `dtomalb` are also with critics" in text
    half = [row | ({"draws": DRAWS} if row["algorithm"] == "dtomalb" else {}) for row in rows]
    text = findings(MadeUp(final=half))
    assert "idql-tolb †" in text
    assert "dtomalb †" not in text
    assert "critics" not in text
    assert "†" not in findings(MadeUp(final=[row | {"draws": DRAWS} for row in rows]))
