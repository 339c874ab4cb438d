"""Results that need no training, measured again."""

from pathlib import Path

import pytest

from benchmarks.analysis import leaderboard
from benchmarks.study import measurements, policies, price_of_anarchy
from benchmarks.study.store import Results


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
