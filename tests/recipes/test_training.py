"""Trainings with tiny settings, in processes of their own as a user starts them."""

import json
import math
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from edgeoffload_env import evaluate, policies
from recipes.cli import main
from recipes.commands.exit_codes import REFUSED, STOPPED
from recipes.commands.tables import comparison_table
from recipes.runs import RunFolder
from recipes.versions import source_digest
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import CHECKOUT, Finished, run, run_here, start
from tests.recipes.runs import TINY, TINY_DQN, checkpoints, rows_without_times

pytestmark = RAY_NOISE


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    """A finished run of ``rllib-dqn``, and the output of its command."""
    folder, home = tmp_path_factory.mktemp("dqn") / "a run", tmp_path_factory.mktemp("home")
    arguments = ("train", "rllib-dqn", "--seed", "5", "--env-steps", "200", "--out", str(folder), *TINY_DQN)
    done = run(*arguments, HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert not list(home.iterdir())  # neither Ray's token nor its results are written there
    return folder, done


def test_files_of_a_finished_run(trained: tuple[Path, Any]) -> None:
    folder, _ = trained
    names = {path.name.split(".tfevents")[0] for path in folder.iterdir()} - {".lock"}
    assert names == {"config.json", "summary.json", "progress.csv", "checkpoints", "best", "events.out"}
    summary = json.loads((folder / "summary.json").read_text())
    assert {name: summary[name] for name in ("algorithm", "scenario", "seed")} == {
        "algorithm": "rllib-dqn",
        "scenario": "paper",
        "seed": 5,
    }
    assert summary["env"] == {"num_users": 3, "max_cycles": 10}
    assert summary["hyperparameters"]["train_batch_size_per_learner"] == 4
    assert 200 <= summary["env_steps"] < 300
    assert summary["wall_s"] > 0
    assert set(summary["versions"]) >= {"python", "edgeoffload-env", "ray", "torch", "pettingzoo"}
    assert all(summary["versions"].values())
    assert summary["code"] == source_digest()
    utility = summary["evaluation"]["utility"]
    assert utility["low"] < utility["mean"] < utility["high"] < 0
    assert summary["evaluation"]["score"]["mean"] is None  # no baselines are stored for three users
    rows = rows_without_times(folder)
    assert int(rows[-1]["env_steps"]) == summary["env_steps"]
    for row in rows:
        delay, imbalance = float(row["mean_delay_s"]), float(row["imbalance"])
        assert math.isclose(float(row["utility"]), -10 * (delay + imbalance), rel_tol=1e-9)
    assert sum(int(row["episodes"]) for row in rows) == 4 * (summary["env_steps"] // 4 // 10)


def test_output_of_a_training(trained: tuple[Path, Finished]) -> None:
    folder, done = trained
    assert "rllib-dqn on paper, seed 5: 200 env steps" in done.stderr
    assert "(100%)" in done.stderr
    noise = [line for line in done.stderr.splitlines() if "env steps" not in line]
    assert not noise
    shipped = [name for name in policies.names() if name not in ("optimum", "fixed")]
    for name in ("rllib-dqn", *shipped):
        assert f"\n{name} " in done.stdout
    assert "\nfixed " not in done.stdout, "no counts are stored for three users"
    assert f"The run is in {folder}" in done.stdout
    assert f"evaluate '{folder}' --episodes 320" in done.stdout
    assert "train rllib-dqn --scenario paper --seed 6 --env-steps 200" in done.stdout


def test_policies_beside_a_trained_one() -> None:
    table = comparison_table("local", evaluate("local", episodes=1), {"max_cycles": 50}, episodes=1, seed=0)
    rows = [line.split()[0] for line in table.splitlines()[2:] if line]
    assert [row for row in rows if row in policies.names()] == ["local", *policies.names()[:-1]]


def test_a_finished_run_is_refused(trained: tuple[Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = trained
    before = (folder / "summary.json").read_bytes()
    again = ["train", "rllib-dqn", "--seed", "5", "--env-steps", "200", "--out", str(folder), *TINY_DQN]
    assert main(again) == REFUSED
    assert "finished run, which is never overwritten" in capsys.readouterr().err
    assert main([*again, "--set", "gamma=0.5"]) == REFUSED
    assert "gamma: 0.9 in the run, 0.5 requested" in capsys.readouterr().err
    assert (folder / "summary.json").read_bytes() == before


def test_a_run_is_evaluated_as_in_its_summary(trained: tuple[Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = trained
    summary = json.loads((folder / "summary.json").read_text())["evaluation"]
    assert main(["evaluate", str(folder), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["policy"] == "rllib-dqn"
    assert result["summary"]["utility"] == summary["utility"]
    assert main(["evaluate", str(folder), "--episodes", "3", "--seed", "9"]) == 0
    table = capsys.readouterr().out
    assert "3 episodes, seed 9" in table
    assert "\nproportional " in table


def test_a_run_is_not_evaluated_on_games_it_cannot_play(
    trained: tuple[Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = trained
    assert main(["evaluate", str(folder), "--scenario", "crowded"]) == REFUSED
    assert "num_users of the game must be 3" in capsys.readouterr().err
    assert main(["evaluate", str(folder), "--episodes", "0"]) == REFUSED
    assert "--episodes must be an integer in [1, 1000000000], got 0" in capsys.readouterr().err


def test_an_interrupted_run_resumes_with_the_command_it_prints(
    local_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    arguments = ["train", "rllib-ppo", "--env-steps", "2000", "--out", os.path.relpath(folder, CHECKOUT), *TINY]
    arguments += ["--set", "train_batch_size_per_learner=100", "--set", "minibatch_size=100", "--set", "num_epochs=1"]
    run_folder = RunFolder(folder)
    with start(*arguments) as process:
        process.wait_until(lambda: run_folder.rows())
        process.interrupt()
        stopped = process.wait()
    assert stopped.returncode == STOPPED, stopped.stderr
    assert "of 2,000 env steps" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    last = run_folder.last_checkpoint()
    assert last is not None
    assert not run_folder.finished
    stopped_at = last[1].env_steps
    assert 0 < stopped_at < 2_000
    assert int(run_folder.rows()[-1]["env_steps"]) == stopped_at
    progress = folder / "progress.csv"
    with progress.open("a") as file:  # a crash can leave rows that are newer than the last checkpoint
        file.write(progress.read_text().splitlines()[-1].replace(str(stopped_at), str(stopped_at + 9), 1) + "\n")
    resume = shlex.split(stopped.stderr.rpartition("resume with: ")[2].strip())
    assert resume[:3] == ["python", "-m", "recipes"]
    monkeypatch.chdir(CHECKOUT)  # where it was started
    done = run_here(*resume[3:])  # on this process's Ray
    assert done.returncode == 0, done.stderr
    assert f"{stopped_at:,} done" in done.stderr
    steps = [int(row["env_steps"]) for row in run_folder.rows()]
    assert steps == sorted(set(steps))
    assert stopped_at in steps
    assert stopped_at + 9 not in steps
    summary = run_folder.summary
    assert summary is not None
    assert summary["env_steps"] == steps[-1] >= 2_000
    assert summary["wall_s"] > last[1].wall_s
    assert 1 <= len(checkpoints(folder)) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["rllib-dqn", "rllib-ppo"])
def test_the_same_seed_gives_the_same_run_in_every_process(local_session: None, algorithm: str, tmp_path: Path) -> None:
    tiny = {"rllib-dqn": TINY_DQN, "rllib-ppo": [*TINY, "--set", "train_batch_size_per_learner=100"]}[algorithm]
    tiny = [text.replace("num_users=3", "num_users=9") for text in tiny]  # small sets may keep their order by chance
    for name, seed, hash_seed in (("a", "1", "1"), ("b", "1", "2"), ("c", "2", None)):
        arguments = ("train", algorithm, "--env-steps", "400", "--seed", seed, "--out", str(tmp_path / name), *tiny)
        done = run_here(*arguments) if hash_seed is None else run(*arguments, PYTHONHASHSEED=hash_seed)
        assert done.returncode == 0, done.stderr
    summaries = [json.loads((tmp_path / name / "summary.json").read_text())["evaluation"] for name in "abc"]
    assert (
        rows_without_times(tmp_path / "a") == rows_without_times(tmp_path / "b") != rows_without_times(tmp_path / "c")
    )
    assert summaries[0] == summaries[1]


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "env_steps"), [("rllib-dqn", 8_000), ("rllib-ppo", 20_000)])
def test_learning_beats_the_shipped_policies_that_ignore_the_state(
    local_session: None, algorithm: str, env_steps: int, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    done = run_here("train", algorithm, "--seed", "107", "--env-steps", str(env_steps), "--out", str(folder))
    assert done.returncode == 0, done.stderr
    utility = json.loads((folder / "summary.json").read_text())["evaluation"]["utility"]
    assert utility["low"] > -17.1  # the utility of `proportional`


@pytest.mark.slow
def test_our_algorithm_learns_on_the_papers_game(local_session: None, tmp_path: Path) -> None:
    """A fifth of a run. Policies that ignore the state stay below -17, untrained networks below -27.

    Of the seeds 107 to 112 four reach -12.6 to -11.5, one -15.2 and one -22.4; 108 is the least of the four.
    """
    folder = tmp_path / "run"
    done = run_here("train", "dtomalb-exact", "--seed", "108", "--env-steps", "12000", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    first = float(RunFolder.open(folder).rows()[0]["eval_utility"])
    best = json.loads((folder / "summary.json").read_text())["final"]["best"]["utility"]
    assert best["low"] > -15.0 > first + 15.0
