"""Any policy, one command, one row."""

import subprocess
import sys
from pathlib import Path

import pytest

import edgeoffload_env
from benchmarks import leaderboard
from benchmarks.__main__ import main
from edgeoffload_env import evaluate, policies
from recipes.protocol import FINAL_EPISODES, FINAL_SEED
from recipes.sweep import plan
from tests.benchmarks.test_rows import finished

ROOT = Path(__file__).parents[2]


def test_a_row_is_the_protocols_evaluation() -> None:
    row = leaderboard.judge("proportional", "sparse")
    result = evaluate("proportional", "sparse", FINAL_EPISODES, FINAL_SEED)
    assert (row["episodes"], row["num_users"]) == (FINAL_EPISODES, 5)
    assert row["utility"] == result.summary()["utility"].mean
    assert row["score"] == result.summary()["score"].mean
    assert row["utility_low"] < row["utility"] < row["utility_high"]
    assert row["about"].startswith("A server at random")
    assert row["command"] == "python -m benchmarks judge proportional --scenario sparse"
    assert f"edgeoffload-env {edgeoffload_env.__version__}, " in row["versions"]


def test_rows_replace_their_elders(tmp_path: Path) -> None:
    rows = [leaderboard.judge(name, "sparse", episodes=4) for name in ("local", "nearest")]
    leaderboard.add(tmp_path, rows)
    leaderboard.add(tmp_path, [rows[0] | {"about": "again"}])
    kept = leaderboard.entries(tmp_path)
    assert [(row["policy"], row["about"]) for row in kept] == [("local", "again"), ("nearest", rows[1]["about"])]
    assert leaderboard.utility_of(tmp_path, "local", "sparse") == rows[0]["utility"]
    assert leaderboard.utility_of(tmp_path, "local", "paper") != leaderboard.utility_of(tmp_path, "local", "paper")


def test_a_rule_of_ones_own_gets_its_row_by_one_command(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def make():\n    def first_server(agent, observation):\n        return 1\n    return first_server\n"
    )
    command = [sys.executable, "-m", "benchmarks", "judge", "mine:make", "--scenario", "sparse", "--results", "r"]
    command += ["--about", "All to server 1."]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": f"{ROOT}:{tmp_path}"}, check=True, timeout=300)
    (row,) = leaderboard.entries(tmp_path / "r")
    assert (row["policy"], row["about"]) == ("mine:make", "All to server 1.")
    assert row["command"] == "python -m benchmarks judge mine:make --scenario sparse --about 'All to server 1.'"
    nearest = leaderboard.judge("nearest", "sparse")
    assert row["utility"] == pytest.approx(nearest["utility"], rel=1e-12)


@pytest.mark.parametrize("arguments", [["no-such"], ["local", "--scenario", "no-such"], ["no_module:make"]])
def test_what_cannot_be_judged_is_refused(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "judge", *arguments, "--results", str(tmp_path)])
    assert main() == 2
    assert "error" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("elsewhere", "written"), [([], 1), (["--results"], 0)])
def test_one_command_writes_the_row_and_the_page(
    elsewhere: list[str], written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[None] = []
    monkeypatch.setattr("benchmarks.__main__.RESULTS", tmp_path / "published")
    monkeypatch.setattr("benchmarks.pages.main", lambda: calls.append(None))
    where = [*elsewhere, str(tmp_path / "mine")] if elsewhere else []
    monkeypatch.setattr(sys, "argv", ["benchmarks", "judge", "local", "--scenario", "sparse", *where])
    assert main() == 0
    assert len(leaderboard.entries(tmp_path / ("mine" if elsewhere else "published"))) == 1
    assert len(calls) == written


def test_a_runs_row_says_how_it_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = plan(["dtomalb"], ["sparse"], [3], search=[{"discount": 0.25}], env_steps=1_000)
    folder = finished(tmp_path, run, -7.0)
    monkeypatch.setattr(leaderboard, "load_trained_policy", lambda _: policies.make("local"))
    row = leaderboard.judge(str(folder.path), "sparse", episodes=4)
    assert row["policy"].startswith("dtomalb")
    assert row["policy"].endswith(", seed 3")
    train = "python -m recipes train dtomalb --scenario sparse --seed 3 --env-steps 1000 --set discount=0.25 --out RUN"
    assert row["command"] == f"{train} && python -m benchmarks judge RUN --scenario sparse"
