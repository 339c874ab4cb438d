"""The stored baselines come out again."""

import pytest

from edgeoffload_env import evaluate, policies, scenarios, stored
from edgeoffload_env.evaluation import references

SEARCHED_AGAIN = ("sparse", "held-out-small", "failures")
"""Small scenarios whose whole search is repeated; with a large one it takes many minutes."""
GAMES = list({str(entry["game"]): name for name, entry in reversed(stored.content()["scenarios"].items())}.values())
"""A scenario for each stored game."""


def replayed(stored_policy, scenario, sample):
    """A stored policy on the games that its utility was measured on."""
    policy = policies.make(stored_policy["policy"], **stored_policy["parameters"])
    return evaluate(policy, scenario, sample.episodes, sample.seed).summary()["utility"]


def assert_measured_again(kind, scenario):
    baseline = stored.content()["scenarios"][scenario][kind]
    sample = references.MEASUREMENT_OF.get(baseline["policy"], references.MEASUREMENT)
    assert baseline["episodes"] == sample.episodes
    for end, number in zip(("utility", "low", "high"), replayed(baseline, scenario, sample), strict=True):
        assert number == pytest.approx(baseline[end], rel=1e-9)


def test_the_file_says_what_was_played():
    content = stored.content()
    assert content["selection"] == references.SELECTION._asdict()
    assert content["measurement"] == references.MEASUREMENT._asdict()
    assert content["measurement_of"] == {name: s._asdict() for name, s in references.MEASUREMENT_OF.items()}
    seeds = {sample.seed for sample in (references.MEASUREMENT, *references.MEASUREMENT_OF.values())}
    assert references.SELECTION.seed not in seeds


def test_one_floor_and_fixed_come_out_again():
    assert_measured_again("floor", "sparse")
    assert_measured_again("fixed", "sparse")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", GAMES)
@pytest.mark.parametrize("kind", ["floor", "fixed"])
def test_every_floor_and_fixed_come_out_again(kind, scenario):
    assert_measured_again(kind, scenario)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", GAMES)
def test_every_selected_policy_comes_out_again(scenario):
    """On the games of the search, fewer than the reference was measured on."""
    selected = stored.content()["scenarios"][scenario]["selected"]
    mean, _, _ = replayed(selected, scenario, references.SELECTION)
    assert mean == pytest.approx(selected["utility"], rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SEARCHED_AGAIN)
def test_a_search_comes_out_again(scenario):
    ((name, content),) = references.build({scenario: scenarios.get(scenario).config}, "a test")
    expected, made = stored.content()["scenarios"][scenario], content["scenarios"][scenario]
    assert name == scenario
    kinds = {"floor", "reference", "fixed", "selected", "runner_up"}
    assert set(made) == set(expected) == kinds | {"game", "tuned"}
    assert made["game"] == expected["game"]
    for kind in kinds:
        assert_same_policy(made[kind], expected[kind])
    assert list(made["tuned"]) == list(expected["tuned"]) == list(references.TUNED)
    for policy in references.TUNED:
        assert_same_policy(made["tuned"][policy], expected["tuned"][policy])


def assert_same_policy(made, expected):
    assert set(made) == set(expected)
    for name in expected:
        if name in ("policy", "parameters"):
            assert made[name] == expected[name]
        else:
            assert made[name] == pytest.approx(expected[name], rel=1e-9), name


@pytest.mark.parametrize("scenario", scenarios.names())
def test_the_entries_of_a_scenario_fit_together(scenario):
    entry = stored.content()["scenarios"][scenario]
    tuned, selected, runner_up = (entry[kind] for kind in ("tuned", "selected", "runner_up"))
    assert {name: found["policy"] for name, found in tuned.items()} == {name: name for name in references.TUNED}
    assert tuned["fixed"]["parameters"] == entry["fixed"]["parameters"]
    assert selected["policy"] != runner_up["policy"]
    for found in tuned.values():
        policies.make(found["policy"], **found["parameters"])
        assert found in (selected, runner_up) or found["utility"] <= runner_up["utility"]


def test_references_were_measured_on_the_selected_policies():
    """The mean over the measured games is about that over the games of the search."""
    assert set(stored.content()["scenarios"]) == set(scenarios.names())
    for entry in stored.content()["scenarios"].values():
        selected, reference = entry["selected"], entry["reference"]
        assert (selected["policy"], selected["parameters"]) == (reference["policy"], reference["parameters"])
        error = (reference["high"] - reference["low"]) / 2 / 1.96
        of_difference = error * (1 + reference["episodes"] / references.SELECTION.episodes) ** 0.5
        assert abs(selected["utility"] - reference["utility"]) < 4 * of_difference
        assert reference["low"] < reference["utility"] < reference["high"]
        assert selected["utility"] > entry["runner_up"]["utility"]


def test_the_search_picks_on_some_games_and_measures_on_others(monkeypatch):
    played, searched = [], []

    def pretend(name, parameters, config, sample, progress):
        played.append((name, parameters, sample))
        return real(name, parameters, config.replace(max_cycles=2), sample._replace(episodes=2), progress)

    def search(config, episodes, seed, *, progress):
        searched.append((config, episodes, seed, progress))
        return (0, 1, 1, 1, 1, 1)

    real = references._play
    monkeypatch.setattr(references, "_play", pretend)
    monkeypatch.setattr(references, "search_fixed", search)
    config, progress = scenarios.get("sparse").config, [].append
    marks, candidates = references.find_baselines(config, progress)
    assert searched == [(config, references.SELECTION.episodes, references.SELECTION.seed, progress)]
    assert [candidate.utility for candidate in candidates] == sorted((c.utility for c in candidates), reverse=True)
    assert (marks.reference.policy, marks.reference.parameters) == candidates[0][:2]
    assert (marks.fixed.policy, marks.fixed.parameters) == ("fixed", {"counts": [0, 1, 1, 1, 1, 1]})
    assert {sample for _, _, sample in played[:-3]} == {references.SELECTION}
    measured = [(marks.floor.policy, marks.floor.parameters), candidates[0][:2], ("fixed", marks.fixed.parameters)]
    assert played[-3:] == [
        (name, parameters, references.MEASUREMENT_OF.get(name, references.MEASUREMENT)) for name, parameters in measured
    ]
    assert {name for name, _, _ in played} == set(policies.names())


def test_the_search_tries_every_price_and_noise(monkeypatch):
    """Prices go on from the best one on the grid in ever smaller steps; here from 10 and from 300."""

    def pretend(name, parameters, config, sample, progress):
        distance = abs(parameters.get("price", 1.0) - {"drift-plus-penalty": 10.0, "lookahead": 300.0}.get(name, 1.0))
        result = evaluate("local", config, episodes=2, max_cycles=1)
        result.metrics["utility"][:] = [-distance, -distance - 1e-3]
        return result

    monkeypatch.setattr(references, "_play", pretend)
    monkeypatch.setattr(references, "search_fixed", lambda *_, **__: (0, 1, 1, 1, 1, 1))
    _, candidates = references.find_baselines(scenarios.get("sparse").config)

    def tried(name, parameter):
        return sorted(parameters[parameter] for policy, parameters, _ in candidates if policy == name)

    assert tried("herd", "noise_s") == sorted(references.NOISES_S)
    drift, ahead = tried("drift-plus-penalty", "price"), tried("lookahead", "price")
    assert drift == sorted([*references.DRIFT_PRICES, 5.8, 17.0, 7.6, 13.0, 8.7, 11.0])
    assert ahead == sorted([*references.LOOKAHEAD_PRICES, 170.0, 520.0])
    for name in policies.names():
        assert sum(policy == name for policy, _, _ in candidates) >= 1, name


def test_optimum_is_tried_where_it_is_quick_alone(monkeypatch):
    def pretend(name, parameters, config, sample, progress):
        return evaluate("local", config, episodes=2, max_cycles=1)

    monkeypatch.setattr(references, "_play", pretend)
    monkeypatch.setattr(references, "search_fixed", lambda config, *_, **__: (config.num_users,) + (0,) * 5)
    for scenario, quick in (("paper", True), ("failures", True), ("crowded", False), ("urban", False)):
        _, candidates = references.find_baselines(scenarios.get(scenario).config)
        assert ("optimum" in {candidate.policy for candidate in candidates}) == quick, scenario
