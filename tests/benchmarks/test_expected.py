"""What recipes say of themselves: the results to expect are those of the published rows, the settings the defaults."""

import re
import statistics
from pathlib import Path

import pytest

from benchmarks.rows import Results, Row
from edgeoffload_env import scenarios
from edgeoffload_env.cli_policies import value_of
from recipes import registry

RESULTS = Results(Path(__file__).parents[2] / "benchmarks" / "results")
VARIANTS = {"paper": "", "crowded-team": "team"}
SENTENCE = re.compile(
    r"``([a-z-]+)`` \(seeds 0 to (\d+), ([\d,]+) env steps,[^:]*: utility ([-\d., ]+) \(mean (-[\d.]+)[^)]*\)"
    r"(?:, score (\d\.\d+) to (\d\.\d+))?"
)


def docstring(name: str) -> str:
    """A recipe's, in one line."""
    return " ".join((registry.get(name).load().__doc__ or "").split())


def published(name: str, scenario: str) -> list[Row]:
    """Last checkpoints in a scenario as it is, by seed."""
    key = {"algorithm": name, "scenario": scenario, "variant": VARIANTS[scenario], "checkpoint": "last"}
    key["num_users"] = scenarios.configure(scenario).num_users
    rows = [row for row in RESULTS.final() if key.items() <= row.items()]
    return sorted(rows, key=lambda row: row["seed"])


@pytest.mark.parametrize("name", registry.RECIPES)
def test_a_recipes_results_to_expect(name: str) -> None:
    said = SENTENCE.findall(docstring(name))
    if not published(name, "paper"):
        assert "to expect" not in docstring(name)
        return
    assert said[0][0] == "paper"
    assert len(said) == docstring(name).count("(mean ")  # none in another form
    for scenario, last, env_steps, listed, mean, lowest, highest in said:
        rows = [row for row in published(name, scenario) if row["seed"] <= int(last)]
        assert [row["seed"] for row in rows] == list(range(int(last) + 1))
        assert {f"{row['env_steps']:,}" for row in rows} == {env_steps}
        assert {row["episodes"] for row in rows} == {320}
        utilities = [row["utility"] for row in rows]
        assert listed.split(", ") == [f"{utility:.1f}" for utility in utilities]
        assert mean == f"{statistics.fmean(utilities):.1f}"
        if scenario == "paper":
            scores = [row["score"] for row in rows]
            assert [lowest, highest] == [f"{min(scores):.2f}", f"{max(scores):.2f}"]


@pytest.mark.parametrize("name", registry.RECIPES)
def test_a_recipe_says_how_it_differs_from_the_paper_with_its_own_defaults(name: str) -> None:
    assert "Differences from the paper" in docstring(name)
    hyper = registry.get(name).load().Hyperparameters()
    for field, text in re.findall(r"``(\w+)=([^`]+)``", docstring(name)):
        assert value_of(text) == getattr(hyper, field), field


@pytest.mark.parametrize("name", ["dtomalb", "dtomalb-exact", "idql-tolb", "dqn-tolb"])
def test_the_options_that_the_paper_has_not_and_that_are_on_are_named(name: str) -> None:
    hyper = registry.get(name).load().Hyperparameters()
    plain = {"reward_scale": 1.0, "huber": False, "entropy_bonus": 0.0, "target_actions": "greedy", "double": False}
    plain |= {"final_learning_rate": hyper.learning_rate, "head": "joint", "normalize_advantages": False}
    plain |= {"gradient_norm": 0.0, "share_actors": False, "critic": "separate"}
    on = {field for field, value in plain.items() if getattr(hyper, field, value) != value}
    assert "final_learning_rate" in on
    assert on <= set(re.findall(r"``(\w+)=", docstring(name)))


@pytest.mark.parametrize("variant", ["slot 0.3 s", "slot 1 s"])
def test_what_the_results_page_says_of_long_slots(variant: str) -> None:
    rows = [row for row in RESULTS.final() if (row["variant"], row["checkpoint"]) == (variant, "last")]
    ours, theirs = ([row["utility"] for row in rows if (row["algorithm"] == "dtomalb") == own] for own in (True, False))
    assert len(ours) == 2
    assert len(theirs) == 4
    assert min(ours) > max(theirs)
