import csv
import itertools
import json
import math

import pytest

from benchmarks.analysis import speed_tables
from benchmarks.speed import report, scaling, soak
from benchmarks.speed.timing import Timing
from benchmarks.study.store import RESULTS, Results


def row(games, users, servers, agent_step_ns):
    return {"games": games, "users": users, "servers": servers, "agent_step_ns": {"median": agent_step_ns}}


def test_growth_is_the_power_of_a_whole_step():
    in_proportion = [row(10, users, 5, 70.0) for users in (10, 100, 1_000)]
    squared = [row(10, users, 5, 7.0 * users) for users in (10, 100, 1_000)]
    assert scaling.growth(in_proportion, "users") == pytest.approx(1.0)
    assert scaling.growth(squared, "users") == pytest.approx(2.0)
    fewer_games = [row(1_000 // users, users, 5, 7.0 * users) for users in (10, 100, 1_000)]
    assert scaling.growth(fewer_games, "users") == pytest.approx(2.0)
    assert scaling.growth([row(games, 10, 5, 70.0) for games in (10, 100)], "games") == pytest.approx(1.0)
    assert scaling.growth([row(10, 10, servers, 70.0) for servers in (5, 50)], "servers") == pytest.approx(0.0)


@pytest.mark.parametrize("games", [0, 3])
def test_a_size_is_measured(games):
    found = scaling.measure(games, 4, 2, Timing(rounds=2, turn_s=0.01))
    agents = max(games, 1) * 4
    nanoseconds, rate = found["agent_step_ns"]["quartiles"], found["env_steps_per_s"]["quartiles"]
    assert 1e9 / (nanoseconds[0] * agents) == pytest.approx(rate[1] / max(games, 1), rel=0.5)
    assert found["peak_memory_mb"] > 1


def test_the_time_of_a_large_study_is_calculated(tmp_path):
    sweep = {"once_s": 60.0, "overhead_s_each": 20.0, "env_steps_each": 5, "training_s_each": 1.0}
    (tmp_path / "scale.json").write_text(json.dumps({"sweep": sweep | {"times_as_fast_with_two": 1.9}}))
    rows = speed_tables.sweep(Results(tmp_path)).to_numpy().tolist()
    # 10,000 trials on 800 cores are 13 rounds of 80 + 20 s
    *_, study, driver = rows
    assert study[-1] == f"at least {(60 + 13 * 100) / 60:.0f} min, against {1000 / 60:.0f} min at perfect utilization"
    assert driver[-1] == f"{100 * 10_000 / (60 + 13 * 100):,.0f} a second"


@pytest.mark.parametrize("part", soak.STEPS)
def test_games_of_a_soak_are_played(part):
    assert 0.0 < soak.player(part)(512 if "vector" in part else 60) < 10.0


def test_samples_of_a_soak():
    samples = report.in_process(soak.samples_of, "aec", 2_000)
    assert [sample["env_steps"] for sample in samples] == [20 * (i + 1) for i in range(soak.SAMPLES)]
    found = soak.summary(samples)
    assert found["memory_mb"]["most"] >= found["memory_mb"]["at the end"] > 10
    assert math.isfinite(found["mean_delay_s"]["second half"]["standard_error"])


def test_published_long_runs_kept_their_memory_and_means():
    found = json.loads((RESULTS / "soak.json").read_text())
    with (RESULTS / "soak.csv").open(newline="") as file:
        memory = [(row["part"], float(row["memory_mb"])) for row in csv.DictReader(file)]
    parts = [*soak.STEPS, "training"]
    for part in parts:
        measured = [value for name, value in memory if name == part]
        second_half = measured[len(measured) // 2 :]
        assert max(second_half) <= 1.01 * second_half[0], part
        assert found[part]["memory_mb"] == {
            "after half": second_half[0],
            "at the end": second_half[-1],
            "most": max(measured),
        }
    halves = [half for part in soak.STEPS for half in found[part]["mean_delay_s"].values()]
    for one, other in itertools.combinations(halves, 2):
        error = math.hypot(one["standard_error"], other["standard_error"])
        assert abs(one["mean"] - other["mean"]) <= 4.0 * error
    training = found["training"]
    assert training["exit_status"] == [130, 130]
    assert (training["left_processes"], training["left_files"]) == (0, [])
    before, after = training["checkpoint_env_steps"]
    assert 100_000 < before < after
    assert training["minutes"] >= 30.0
