"""Any policy, one command, one row."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

import edgeoffload_env
from benchmarks.__main__ import main
from benchmarks.analysis import leaderboard
from benchmarks.study.store import Results
from edgeoffload_env import evaluate, policies
from recipes.protocol import FINAL_EPISODES, FINAL_SEED
from recipes.sweep import plan
from tests.benchmarks.test_store import finished

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


def test_a_policy_judged_again_replaces_its_row(tmp_path: Path) -> None:
    rows = [leaderboard.judge(name, "sparse", episodes=4) for name in ("local", "nearest")]
    results = Results(tmp_path)
    leaderboard.add(results, rows)
    leaderboard.add(results, [rows[0] | {"about": "again"}])
    stored = results.table("leaderboard")
    assert stored["policy"].tolist() == ["local", "nearest"]
    assert stored["about"].tolist() == ["again", rows[1]["about"]]
    assert leaderboard.utility_of(results, "local", "sparse") == rows[0]["utility"]
    assert math.isnan(leaderboard.utility_of(results, "local", "paper"))


def test_one_command_judges_a_rule_of_a_user(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def make():\n    def first_server(agent, observation):\n        return 1\n    return first_server\n"
    )
    command = [sys.executable, "-m", "benchmarks", "judge", "mine:make", "--scenario", "sparse", "--results", "r"]
    command += ["--about", "All to server 1."]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": f"{ROOT}:{tmp_path}"}, check=True, timeout=300)
    (row,) = Results(tmp_path / "r").table("leaderboard").to_dict("records")
    assert (row["policy"], row["about"]) == ("mine:make", "All to server 1.")
    assert row["command"] == "python -m benchmarks judge mine:make --scenario sparse --about 'All to server 1.'"
    nearest = leaderboard.judge("nearest", "sparse")
    assert row["utility"] == pytest.approx(nearest["utility"], rel=1e-12)


@pytest.mark.parametrize(("own", "shown"), [("second", "second"), ("local", "named:Second"), (None, "named:Second")])
def test_a_row_has_the_name_that_a_policy_has(
    own: str | None, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"import numpy as np\n\n\nclass Second:\n    name = {own!r}\n\n    def act(self, view):\n"
    text += "        return np.full((view.num_games, view.config.num_users), 2)\n"
    module = f"named_{own}"
    (tmp_path / f"{module}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    row = leaderboard.judge(f"{module}:Second", "sparse", episodes=2)
    assert row["policy"] == shown.replace("named", module)
    assert row["command"] == f"python -m benchmarks judge {module}:Second --scenario sparse"


@pytest.mark.parametrize("arguments", [["no-such"], ["local", "--scenario", "no-such"], ["no_module:make"]])
def test_policies_that_cannot_be_judged_are_refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judge", *arguments, "--results", str(tmp_path)]) == 2
    assert "error" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("options", "written"), [([], 1), (["--results"], 0)])
def test_one_command_writes_the_row_and_the_page(
    options: list[str], written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[None] = []
    monkeypatch.setattr("benchmarks.study.judge.RESULTS", tmp_path / "published")
    monkeypatch.setattr("benchmarks.analysis.pages.write", lambda: calls.append(None))
    where = [*options, str(tmp_path / "mine")] if options else []
    assert main(["judge", "local", "--scenario", "sparse", *where]) == 0
    assert len(Results(tmp_path / ("mine" if options else "published")).table("leaderboard")) == 1
    assert len(calls) == written


def test_the_row_of_a_run_has_its_training_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = plan(["dtomalb"], ["sparse"], [3], search=[{"gamma": 0.25}], env_steps=1_000)
    folder = finished(tmp_path, run, -7.0)
    monkeypatch.setattr(leaderboard, "load_trained_policy", lambda _: policies.make("local"))
    row = leaderboard.judge(str(folder.path), "sparse", episodes=4)
    assert row["policy"].startswith("dtomalb")
    assert row["policy"].endswith(", seed 3")
    train = "python -m recipes train dtomalb --scenario sparse --seed 3 --env-steps 1000 --set gamma=0.25 --out RUN"
    assert row["command"] == f"{train} && python -m benchmarks judge RUN --scenario sparse"
