"""What recipes say of themselves: the results to expect are those of the published rows, the settings the defaults."""

import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from benchmarks.effects import difference, ratio
from benchmarks.figures import style
from benchmarks.leaderboard import utility_of
from benchmarks.rows import Results, Row
from benchmarks.studies import OWN, SMALLEST
from edgeoffload_env import scenarios
from edgeoffload_env.cli_policies import parse_value
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
        assert parse_value(text) == getattr(hyper, field), field


@pytest.mark.parametrize("name", ["dtomalb", "dtomalb-exact", "idql-tolb", "dqn-tolb"])
def test_the_options_that_the_paper_has_not_and_that_are_on_are_named(name: str) -> None:
    hyper = registry.get(name).load().Hyperparameters()
    plain = {"reward_scale": 1.0, "huber": False, "entropy_bonus": 0.0, "target_actions": "greedy", "double": False}
    plain |= {"final_learning_rate": hyper.learning_rate, "head": "joint", "normalize_advantages": False}
    plain |= {"gradient_norm": 0.0, "share_actors": False, "critic": "separate"}
    on = {field for field, value in plain.items() if getattr(hyper, field, value) != value}
    assert "final_learning_rate" in on
    assert on <= set(re.findall(r"``(\w+)=", docstring(name)))


def utilities(algorithm: str, scenario: str = "paper", num_users: int = 10, variant: str = "") -> list[float]:
    """Of last checkpoints."""
    key = {"algorithm": algorithm, "scenario": scenario, "num_users": num_users, "variant": variant}
    found = [row["utility"] for row in RESULTS.final() if (key | {"checkpoint": "last"}).items() <= row.items()]
    assert len(found) >= 3
    return found


def lowest(*groups: list[float]) -> float:
    return min(value for group in groups for value in group)


def highest(*groups: list[float]) -> float:
    return max(value for group in groups for value in group)


@pytest.mark.parametrize("variant", ["slot 0.3 s", "slot 1 s"])
def test_what_the_results_page_says_of_long_slots(variant: str) -> None:
    ours, *theirs = (utilities(name, variant=variant) for name in ("dtomalb", "dqn-tolb", "idql-tolb"))
    assert [len(values) for values in (ours, *theirs)] == [5, 5, 5]
    assert all(difference(ours, values).low > 0 for values in theirs)


@pytest.mark.parametrize("variant", ["", "slot 0.1 s", "cell 500 m", "band over all"])
def test_what_the_results_page_says_of_everything_else(variant: str) -> None:
    ours, *theirs = (utilities(name, variant=variant) for name in ("dtomalb", "dqn-tolb", "idql-tolb"))
    assert not any(difference(ours, values).low > 0 for values in theirs)


def test_what_the_results_page_says_of_sparse() -> None:
    trained = [utilities(name, "sparse", 5) for name in ("dtomalb", "idql-tolb", "dqn-tolb")]
    trained.append(utilities("dqn-tolb", "sparse", 5, "joint head"))
    assert highest(*trained) < utility_of(RESULTS.folder, "round-robin", "sparse")


def test_what_the_results_page_says_of_weights_and_rewards() -> None:
    with_it, without = utilities("dtomalb", variant="w2 = 10, rewards / 10"), utilities("dtoma", variant="rewards / 10")
    assert lowest(with_it) > highest(without)
    assert sum(value < -14 for value in utilities("dtomalb", "paper-load-only", variant="w2 = 100, rewards / 100")) == 1
    small = [utilities("dtoma", variant="rewards / 100"), utilities("dtomalb", variant="rewards / 100")]
    small.append(utilities("dtomalb", variant="w2 = 100, rewards / 100"))
    published = statistics.fmean(utilities("dtomalb"))
    assert all(statistics.fmean(values) > published + 0.5 for values in small)
    for variant in ("180,000 env steps", "discount 0.9", "settings of dtomalb-exact"):
        assert statistics.fmean(utilities("dtomalb", variant=variant)) < published + 0.5


def test_what_the_results_page_says_of_small_rewards() -> None:
    ours, *theirs = (utilities(name, variant=SMALLEST) for name in ("dtomalb", "dqn-tolb", "idql-tolb"))
    assert {len(values) for values in (ours, *theirs)} == {5}
    for name, values in zip(("dqn-tolb", "idql-tolb"), theirs, strict=True):
        assert difference(values, utilities(name)).high < 0
        assert difference(ours, values).low > 0
        assert difference(ours, utilities(name)).low > 0
    rest = utilities("idql-tolb", variant="replay of one batch")
    found = difference(rest, utilities("idql-tolb"))
    assert f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]" == "0.84 [0.45, 1.23]"
    level = difference(ours, rest)
    assert level.low < 0 < level.high
    lost = {
        name: statistics.fmean(utilities(name, variant=SMALLEST)) - statistics.fmean(utilities(name)) for name in OWN
    }
    assert min(lost, key=lambda name: lost[name]) == "dtomalb-exact"
    scales = {name: registry.get(name).load().Hyperparameters().reward_scale for name in OWN}
    assert {name for name, scale in scales.items() if scale == 0.1} == {"dqn-tolb", "dtomalb-exact"}
    assert set(scales.values()) == {0.1, 1.0}


def test_what_the_results_page_says_of_steadiness() -> None:
    def deviations(algorithm: str, variant: str = "") -> Any:
        return style.wandering(RESULTS.curves(), "paper", algorithm, variant)

    for name, times in (("dtomalb", 2.5), ("idql-tolb", 2.0)):
        stays = ratio(deviations(name, "constant learning rate"), deviations(name))
        assert stays.low > 1
        assert round(2 * stays.value) / 2 == times
    assert round(ratio(deviations("idql-tolb", "replay of one batch"), deviations("idql-tolb")).value) == 3
    without, others = (deviations(name, "replay of one batch") for name in ("dtomalb", "idql-tolb"))
    assert sum(without == 0.0) == 2
    assert sum(without > max(others)) == 3
    for name in ("dtomalb", "idql-tolb"):
        changed = ratio(deviations(name, "an update every 4 slots"), deviations(name))
        assert changed.low < 1 < changed.high
    for variant in ("", "constant learning rate", "an update every 4 slots"):
        assert ratio(deviations("idql-tolb", variant), deviations("dtomalb", variant)).low < 1


def test_what_the_results_page_says_of_20_users() -> None:
    assert scenarios.configure("crowded") == scenarios.configure("paper", num_users=20)
    local = utility_of(RESULTS.folder, "local", "crowded")
    assert sum(value < local for value in utilities("dtomalb", num_users=20)) == 2
    assert lowest(utilities("dtomalb", "crowded", 20)) > local
