"""What the published rows must show, and that the protocol made them."""

import csv
import itertools
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from benchmarks import leaderboard, provenance
from benchmarks.rows import KEY, Results, Row, read_rows
from benchmarks.studies import JOINT_HEAD
from edgeoffload_env import policies
from recipes import protocol, registry
from recipes.joint.recipe import JointHyperparameters

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "results"
RESULTS = Results(FOLDER)
MYOPIC = {"greedy", "optimum", "best-response"}
"""Shipped policies that choose for each slot by itself."""


def tuning_rows() -> list[dict[str, str]]:
    with (FOLDER / "tuning.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def page() -> str:
    """The protocol's page, in one line."""
    return " ".join((ROOT / "docs" / "protocol.md").read_text(encoding="utf-8").split())


def numbers(pattern: str) -> list[int]:
    """What the page says, where it says it once."""
    (found,) = re.findall(pattern, page())
    return [int(text.replace(",", "")) for text in ([found] if isinstance(found, str) else found)]


def last_rows(algorithm: str, scenario: str, num_users: int, variant: str = "") -> list[Row]:
    """Last checkpoints of seeds 0 to 4."""
    key = {"algorithm": algorithm, "scenario": scenario, "num_users": num_users, "variant": variant}
    rows = [row for row in RESULTS.final() if key.items() <= row.items() and row["checkpoint"] == "last"]
    rows = [row for row in rows if row["seed"] < 5]
    assert sorted(row["seed"] for row in rows) == list(range(5))
    return rows


@pytest.mark.parametrize(("algorithm", "least"), [("dtomalb", -13.4), ("dtomalb-exact", -12.3)])
def test_what_our_algorithms_reach_on_the_papers_game(algorithm: str, least: float) -> None:
    assert statistics.fmean(row["utility"] for row in last_rows(algorithm, "paper", 10)) >= least


@pytest.mark.parametrize("algorithm", ["dtomalb", "dtomalb-exact"])
def test_on_the_crowded_game_every_seed_beats_what_is_best_for_each_slot(algorithm: str) -> None:
    assert set(policies.names()) > MYOPIC
    rows = [*leaderboard.entries(FOLDER), *read_rows(FOLDER / "policies.csv")]
    rows = [row for row in rows if row["scenario"] == "crowded-team" and row["policy"] in MYOPIC]
    assert {row["policy"] for row in rows} == MYOPIC
    highest = max(row["utility_mean" if "utility_mean" in row else "utility"] for row in rows)
    assert min(row["utility"] for row in last_rows(algorithm, "crowded-team", 20, "team")) > highest


def test_rows_and_summaries_say_by_which_command_and_with_what_they_were_made() -> None:
    known: dict[str, Any] = provenance.read(FOLDER)
    rows = {path.name for path in FOLDER.glob("*.csv")} - {"leaderboard.csv", "policies.csv", "soak.csv"}
    assert known.keys() == rows | {"summary.json"}
    for entry in [*known.values(), *leaderboard.entries(FOLDER)]:
        assert entry["command"].startswith("python -m ")
        assert entry["versions"]
    for entry in RESULTS.configurations().values():
        assert entry["versions"] in known["final.csv"]["versions"]
        assert entry["command"].startswith("python -m recipes train ")
    with (FOLDER / "policies.csv").open(encoding="utf-8", newline="") as file:  # by the environment's own command
        (version,) = {row["package"] for row in csv.DictReader(file)}
    assert version


def test_no_published_run_has_a_seed_that_was_tuned_on() -> None:
    low, high = numbers(r"seeds (\d+) to (\d+) are for tuning")
    tuned = {int(row["seed"]) for row in tuning_rows()}
    assert tuned == set(range(low, high + 1))
    for rows in (RESULTS.final(), RESULTS.curves(), RESULTS.servers(), RESULTS.elsewhere()):
        assert rows
        assert tuned.isdisjoint(row["seed"] for row in rows)


def test_every_row_has_as_many_games_as_the_protocol_says() -> None:
    assert {int(row["episodes"]) for row in tuning_rows()} == {protocol.EVALUATION_EPISODES}
    for rows in (RESULTS.final(), RESULTS.elsewhere(), leaderboard.entries(FOLDER)):
        assert {row["episodes"] for row in rows} == {protocol.FINAL_EPISODES} == {320}


def test_every_published_run_was_evaluated_at_every_hundredth() -> None:
    """A run can stop for it only between two steps of all its games, and PPO only between two rounds."""
    rows = RESULTS.curves()
    runs = [list(run) for _, run in itertools.groupby(rows, lambda row: tuple(row[name] for name in KEY))]
    assert len(runs) == len({tuple(row[name] for name in KEY) for row in rows})
    for run in runs:
        steps = [row["env_steps"] for row in run]
        hyper = registry.get(run[0]["algorithm"]).load().Hyperparameters()
        if isinstance(hyper, JointHyperparameters):
            stride = hyper.num_envs
        else:
            stride = getattr(hyper, "slots_per_round", 0) or hyper.num_envs * hyper.slots_per_update
        apart = protocol.steps_between_evaluations(steps[-1])
        for before, after in itertools.pairwise([0, *steps]):
            assert apart <= after - before < apart + stride, run[0]


def test_the_protocols_page_has_the_codes_numbers() -> None:
    percent, least, episodes, seed = numbers(
        r"every (\d+) % of the budget \(at least (\d+) env steps\) the greedy policy plays (\d+) fixed episodes "
        r"\(seed (\d+)\)"
    )
    assert (percent * protocol.EVALUATIONS, least) == (100, protocol.LEAST_STEPS)
    assert (episodes, seed) == (protocol.EVALUATION_EPISODES, protocol.EVALUATION_SEED)
    episodes, seed = numbers(r"play (\d+) other episodes \(seed (\d+)\)")
    assert (episodes, seed) == (protocol.FINAL_EPISODES, protocol.FINAL_SEED)
    (budget,) = numbers(r"; ([\d,]+) unless said otherwise")
    own = [
        recipe
        for recipe in registry.RECIPES.values()
        if issubclass(recipe.load().Hyperparameters, JointHyperparameters)
    ]
    assert [recipe.env_steps for recipe in own] == [budget] * 5


TUNED = [*((name, "paper") for name in registry.RECIPES if name != "dtoma"), ("dqn-tolb", "sparse")]
"""``dtoma`` takes ``dtomalb``'s settings; the joint head was tuned on ``sparse``."""


@pytest.mark.parametrize(("algorithm", "scenario"), TUNED)
def test_settings_are_what_their_tuning_found(algorithm: str, scenario: str) -> None:
    """Ten on the first seed, the best three that differ on two more, and the best mean is what is published."""
    hyper = vars(registry.get(algorithm).load().Hyperparameters()) | (JOINT_HEAD if scenario == "sparse" else {})
    found: dict[tuple[str, ...], dict[int, float]] = {}
    names = [name for name in tuning_rows()[0] if name in hyper]
    for row in tuning_rows():
        if (row["algorithm"], row["scenario"]) == (algorithm, scenario):
            setting = tuple(row[name] for name in names)
            found.setdefault(setting, {})[int(row["seed"])] = float(row["utility"])
    assert len(found) == 10
    first, *others = sorted({seed for utilities in found.values() for seed in utilities})
    assert len(others) == 2
    assert all(first in utilities for utilities in found.values())
    best = sorted({utilities[first] for utilities in found.values()}, reverse=True)[:3]  # one name of each that differs
    final = {setting: utilities for setting, utilities in found.items() if len(utilities) == 3}
    assert set(best) == {utilities[first] for utilities in final.values()}
    winner = max(final, key=lambda setting: statistics.fmean(final[setting].values()))
    for name, text in zip(names, winner, strict=True):
        if text:  # else it was not searched
            assert text == str(list(hyper[name]) if isinstance(hyper[name], tuple) else hyper[name]), name
