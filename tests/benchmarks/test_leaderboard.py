"""Any policy, one command, one row."""

import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import edgeoffload_env
from benchmarks.__main__ import main
from benchmarks.analysis import leaderboard
from benchmarks.study import check
from benchmarks.study.store import RESULTS, Results
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


def test_every_stored_row_can_be_made_again_from_a_checkout() -> None:
    rows = Results(RESULTS).table("leaderboard").to_dict("records")
    assert len(rows) > 100
    found = {(row["policy"], row["scenario"]): [*check.problems(row)] for row in rows}
    assert {row: problems for row, problems in found.items() if problems} == {}


@pytest.fixture
def submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results with the row of a policy in ``benchmarks/submissions``."""
    module = ModuleType("benchmarks.submissions.mine")
    module.make = lambda: policies.make("nearest")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    row = leaderboard.judge(f"{module.__name__}:make", "sparse", "Everyone to server 1.")
    leaderboard.add(Results(tmp_path), [row, leaderboard.judge("local", "sparse", episodes=4)])
    return tmp_path


def checked(folder: Path, *policies: str) -> int:
    return main(["check", *policies, "--results", str(folder)])


def test_a_submission_is_judged_again(submitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(submitted) == 0
    (line,) = capsys.readouterr().out.splitlines()  # not of the shipped policy
    assert line.startswith("passed  benchmarks.submissions.mine:make on sparse: utility -8")
    assert line.endswith("as stored")
    assert checked(submitted, "local") == 1
    assert "it has 4 episodes, and the protocol has 320" in capsys.readouterr().out
    assert checked(submitted, "another") == 1
    assert "FAILED  another: no rows on the leaderboard" in capsys.readouterr().out


def test_a_row_that_is_not_the_policys_is_found(submitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = Results(submitted)
    rows = results.table("leaderboard")
    first = rows["policy"].str.contains("mine").idxmax()
    rows.loc[first, "utility"] += 1e-3  # as on another machine
    results.write("leaderboard", rows)
    assert checked(submitted) == 0
    assert "inside its interval" in capsys.readouterr().out
    rows.loc[first, ["utility", "utility_low", "utility_high"]] += 100.0
    results.write("leaderboard", rows)
    assert checked(submitted) == 1
    assert "FAILED  benchmarks.submissions.mine:make on sparse" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"command": "python -m benchmarks judge mine:make --scenario sparse"}, "not in benchmarks/submissions/"),
        ({"command": "python -m benchmarks judge RUN --scenario sparse"}, "does not train the run"),
        ({"about": ""}, "lacks a description"),
        ({"episodes": 64}, "it has 64 episodes"),
    ],
)
def test_problems_of_a_row(changes: dict[str, Any], problem: str) -> None:
    command = "python -m benchmarks judge benchmarks.submissions.mine:make --scenario sparse --about 'A policy.'"
    row = {"policy": "mine", "command": command, "about": "A policy.", "episodes": FINAL_EPISODES}
    assert [*check.problems(row)] == []
    (found,) = check.problems(row | changes)
    assert problem in found


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
