"""The stored scores come out again."""

import pytest

from edgeoffload_env import scenarios
from edgeoffload_env.evaluation import references, score

# Scenarios whose reference is `optimum` with ten users: 256 games of it take most of a minute. Every other reference is
# measured again, and on `paper` such a one; here the search is repeated, which plays 64 games of `optimum`.
ONLY_SEARCHED = ("paper-load-only", "random-servers", "held-out-light", "held-out-mixed", "held-out-wide-cell")


def assert_regenerated(scenario, measured=("floor", "reference")):
    ((name, content),) = references.build([scenario], "a test")
    stored, made = score.stored()["scenarios"][scenario], content["scenarios"][scenario]
    assert name == scenario
    for kind in ("floor", "reference", "selected", "runner_up"):
        assert made[kind]["policy"] == stored[kind]["policy"]
        assert made[kind]["parameters"] == stored[kind]["parameters"]
    for kind in measured:
        assert made[kind]["episodes"] == stored[kind]["episodes"]
        for number in ("utility", "low", "high"):
            assert made[kind][number] == pytest.approx(stored[kind][number], rel=1e-9)
    for kind in ("selected", "runner_up"):
        assert made[kind]["utility"] == pytest.approx(stored[kind]["utility"], rel=1e-9)
    assert made["game"] == stored["game"]


def test_a_scenario_comes_out_again():
    assert_regenerated("crowded")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [name for name in scenarios.names() if name not in ("crowded", *ONLY_SEARCHED)])
def test_every_scenario_comes_out_again(scenario):
    assert_regenerated(scenario)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ONLY_SEARCHED)
def test_the_search_of_every_other_scenario_comes_out_again(scenario, monkeypatch):
    monkeypatch.setattr(references, "MEASUREMENT_OPTIMUM", references.MEASUREMENT_OPTIMUM._replace(episodes=1))
    assert score.stored()["scenarios"][scenario]["reference"]["policy"] == "optimum"
    assert_regenerated(scenario, measured=["floor"])


def test_references_were_measured_on_the_selected_policies():
    """The mean over the measured games is about that over the games of the search."""
    assert set(score.stored()["scenarios"]) == set(scenarios.names())
    for stored in score.stored()["scenarios"].values():
        selected, reference = stored["selected"], stored["reference"]
        assert (selected["policy"], selected["parameters"]) == (reference["policy"], reference["parameters"])
        error = (reference["high"] - reference["low"]) / 2 / 1.96
        of_difference = error * (1 + reference["episodes"] / references.SELECTION.episodes) ** 0.5
        assert abs(selected["utility"] - reference["utility"]) < 4 * of_difference
        assert reference["low"] < reference["utility"] < reference["high"]
        assert selected["utility"] > stored["runner_up"]["utility"]


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
