"""Results that need no training, measured again."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.analysis import leaderboard
from benchmarks.study import measurements, policies, price_of_anarchy, store
from benchmarks.study.store import Results, Row
from edgeoffload_env import evaluate, scenarios, stored
from edgeoffload_env.evaluation.score import score_baselines
from edgeoffload_env.policies import make
from recipes.protocol import FINAL_SEED


def test_the_leaderboard_is_judged_again_but_for_runs_and_lost_modules(tmp_path: Path) -> None:
    results = Results(tmp_path)
    row = leaderboard.judge("local", "sparse", episodes=4)
    run = row | {"policy": "a run", "command": "python -m recipes train x --out RUN && python -m benchmarks judge RUN"}
    lost = row | {"policy": "lost", "command": "python -m benchmarks judge no_module:make --scenario sparse"}
    stale = [row | {"utility": 0.0} for row in (row, run, lost)]
    leaderboard.add(results, stale)
    policies._judge_again(results)
    found = results.table("leaderboard").set_index("policy")["utility"]
    assert found.to_dict() == {"local": row["utility"], "a run": 0.0, "lost": 0.0}


def test_the_price_of_anarchy_is_measured_once_and_again_if_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_of_anarchy, "QUICK_USERS", (2, 3))
    results = Results(tmp_path)
    measurements.measure_price_of_anarchy(results, True)
    first = results.table("price_of_anarchy")
    assert first["num_users"].tolist() == [2, 3]
    results.write("price_of_anarchy", first.assign(load=7.0))
    measurements.measure_price_of_anarchy(results, True)
    assert set(results.table("price_of_anarchy")["load"]) == {7.0}
    monkeypatch.setattr(price_of_anarchy, "USERS", (2,))
    monkeypatch.setattr(price_of_anarchy, "EPISODES", 2)
    policies._STEPS["price-of-anarchy"](results)
    assert results.table("price_of_anarchy").equals(first[:1])


def test_what_the_leaderboard_lacks_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = Results(tmp_path)
    there = leaderboard.judge("local", "sparse", episodes=2)
    leaderboard.add(results, [there | {"utility": 0.0}])
    monkeypatch.setattr(policies.policies, "names", lambda: ["local", "nearest", "optimum"])
    monkeypatch.setattr(policies.scenarios, "names", lambda: ["sparse", "stadium"])
    monkeypatch.setattr(policies, "ProcessPoolExecutor", InThisProcess)
    judged: list[tuple[str, str]] = []

    def judge(policy: str, scenario: str) -> Row:
        judged.append((policy, scenario))
        return there | {"policy": policy, "scenario": scenario}

    monkeypatch.setattr(leaderboard, "judge", judge)
    policies._judge_missing(results)
    # `optimum` cannot play `stadium`
    assert judged == [("local", "stadium"), ("nearest", "sparse"), ("nearest", "stadium"), ("optimum", "sparse")]
    assert len(results.table("leaderboard")) == 5
    assert leaderboard.utility_of(results, "local", "sparse") == 0.0
    policies._judge_missing(results)
    assert len(judged) == 4


def test_scores_follow_from_utilities(tmp_path: Path) -> None:
    results = Results(tmp_path)
    rows = [leaderboard.judge(name, "sparse", episodes=2) for name in ("local", "greedy")]
    leaderboard.add(results, [row | {"score": 7.0, "gain_over_fixed": 7.0} for row in rows])
    policies._score_again(results)
    scored = results.table("leaderboard").set_index("policy")
    for row in rows:
        for score in ("score", "gain_over_fixed"):
            assert scored.loc[row["policy"], score] == pytest.approx(row[score], rel=1e-12)


def test_scores_are_those_of_the_game_played() -> None:
    rows = pd.DataFrame(
        [
            {"scenario": "paper", "num_users": 10, "game": "held-out-light", "utility": -10.0, "score": 0.0},
            {"scenario": "paper", "num_users": 10, "game": "component failure", "utility": -10.0, "score": 0.0},
            {"scenario": "paper", "num_users": 7, "game": "component failure", "utility": -10.0, "score": math.nan},
        ]
    )
    found = store.scored(rows)["score"].tolist()
    expected = [score_baselines(scenarios.configure(name)) for name in ("held-out-light", "paper")]
    assert found[:2] == [baselines.score(-10.0) for baselines in expected if baselines]
    assert math.isnan(found[2])
    # 20 users on `paper` play the game of `crowded`
    crowded = pd.DataFrame([{"scenario": "paper", "num_users": 20, "utility": -100.0, "score": 0.0}])
    baselines = score_baselines(scenarios.configure("crowded"))
    assert baselines is not None
    assert store.scored(crowded)["score"].tolist() == [baselines.score(-100.0)]


def test_policies_are_compared_on_the_same_games_with_their_searched_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurements, "ProcessPoolExecutor", InThisProcess)
    monkeypatch.setattr(measurements.scenarios, "names", lambda: ["paper", "failures"])
    monkeypatch.setattr(measurements.plan, "EFFECTS_POLICIES", ["fixed", "greedy", "drift-plus-penalty"])
    results = Results(tmp_path)
    measurements.compare_on_effects(results, True)
    rows = results.table("effects").set_index("policy")
    assert set(rows["scenario"]) == {"failures"}  # paper has no effects
    entry = stored.entry_of(scenarios.configure("failures"))
    assert entry is not None
    for name in ("fixed", "drift-plus-penalty"):
        tuned = entry["tuned"][name]["parameters"]
        assert json.loads(rows.loc[name, "tuned"]) == tuned
        result = evaluate(make(name, **tuned), "failures", 4, FINAL_SEED)
        assert rows.loc[name, "utility"] == pytest.approx(result.utility.mean(), rel=1e-12)
        above = result.utility - evaluate("greedy", "failures", 4, FINAL_SEED).utility
        assert rows.loc[name, "above_greedy"] == pytest.approx(above.mean(), rel=1e-9)
    assert rows.loc["greedy", "above_greedy"] == 0.0
    assert rows.loc["greedy", "utilisation"] > 0.0
    assert math.isnan(rows.loc["greedy", "miss_fraction"])
    results.write("effects", results.table("effects").assign(episodes=7))
    measurements.compare_on_effects(results, True)
    assert set(results.table("effects")["episodes"]) == {7}


class InThisProcess:
    """A pool of processes that is none."""

    def __enter__(self) -> "InThisProcess":
        return self

    def __exit__(self, *_: object) -> None: ...

    @staticmethod
    def map(function: Any, *arguments: Any) -> Any:
        return map(function, *arguments)
