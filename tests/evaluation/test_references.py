"""The stored scores come out again."""

import pytest

from edgeoffload_env import scenarios
from edgeoffload_env.evaluation import references, score


def assert_regenerated(scenario):
    ((name, content),) = references.build([scenario], "a test")
    stored, made = score.stored()["scenarios"][scenario], content["scenarios"][scenario]
    assert name == scenario
    for kind in ("floor", "reference"):
        assert made[kind]["policy"] == stored[kind]["policy"]
        assert made[kind]["parameters"] == stored[kind]["parameters"]
        assert made[kind]["episodes"] == stored[kind]["episodes"]
        for number in ("utility", "low", "high"):
            assert made[kind][number] == pytest.approx(stored[kind][number], rel=1e-9)
    assert made["runner_up"]["policy"] == stored["runner_up"]["policy"]
    assert made["game"] == stored["game"]


def test_a_scenario_comes_out_again():
    assert_regenerated("crowded")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [name for name in scenarios.names() if name != "crowded"])
def test_every_scenario_comes_out_again(scenario):
    assert_regenerated(scenario)


def test_the_search_picks_on_some_games_and_measures_on_others(monkeypatch):
    played = []

    def pretend(name, parameters, config, sample, progress):
        played.append((name, parameters, sample))
        return real(name, parameters, config.replace(max_cycles=2), sample._replace(episodes=2), progress)

    real = references._play
    monkeypatch.setattr(references, "_play", pretend)
    marks, candidates = references.find_baselines(scenarios.get("sparse").config)
    assert [candidate.utility for candidate in candidates] == sorted((c.utility for c in candidates), reverse=True)
    assert (marks.reference.policy, marks.reference.parameters) == candidates[0][:2]
    assert {sample for _, _, sample in played[:-2]} == {references.SELECTION}
    assert [(name, sample.seed) for name, _, sample in played[-2:]] == [
        (marks.floor.policy, references.MEASUREMENT.seed),
        (marks.reference.policy, references.MEASUREMENT.seed),
    ]
    prices = [parameters["price"] for name, parameters, _ in played if name == "drift-plus-penalty"]
    assert len(prices) >= len(references.PRICES) + 6
    assert set(references.PRICES) <= set(prices)
    names = {name for name, _, _ in played}
    assert {"greedy", "best-response", "round-robin", "optimum"} <= names
