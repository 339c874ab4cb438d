"""Training for real, in processes of its own as a user starts them, with tiny settings."""

import json
import math
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edgeoffload_env import policies
from recipes.cli import REFUSED, STOPPED, main
from recipes.runs import RunFolder
from recipes.versions import code
from tests.recipes.noise import RAY_NOISE

pytestmark = RAY_NOISE

CHECKOUT = Path(__file__).parents[2]
TINY = [
    *(
        "--set",
        "env.num_users=3",
        "--set",
        "env.max_cycles=10",
        "--set",
        "hidden=(8,)",
        "--set",
        "num_envs_per_env_runner=4",
    ),
]
TINY_DQN = [*TINY, "--set", "num_steps_sampled_before_learning_starts=40", "--set", "train_batch_size_per_learner=4"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "recipes", *arguments]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=CHECKOUT, env=os.environ | environment, check=False
    )


def numbers(folder: Path) -> list[dict[str, str]]:
    """The progress rows without the clock's columns."""
    rows = RunFolder.open(folder).rows()
    return [{name: text for name, text in row.items() if name not in ("wall_s", "env_steps_per_s")} for row in rows]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A finished run of ``rllib-dqn``, and what its command printed."""
    folder, home = tmp_path_factory.mktemp("dqn") / "a run", tmp_path_factory.mktemp("home")
    arguments = ("train", "rllib-dqn", "--seed", "5", "--env-steps", "200", "--out", str(folder), *TINY_DQN)
    done = run(*arguments, HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert not list(home.iterdir())  # neither Ray's token nor its results
    return folder, done


def test_a_run_leaves_what_it_did(trained: tuple[Path, Any]) -> None:
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
    assert 0 < summary["wall_s"] < 600
    assert set(summary["versions"]) >= {"python", "edgeoffload-env", "ray", "torch", "pettingzoo"}
    assert all(summary["versions"].values())
    assert summary["code"] == code()
    utility = summary["evaluation"]["utility"]
    assert utility["low"] < utility["mean"] < utility["high"] < 0
    assert summary["evaluation"]["score"]["mean"] is None  # three users are nobody's benchmark
    rows = numbers(folder)
    assert int(rows[-1]["env_steps"]) == summary["env_steps"]
    for row in rows:
        delay, imbalance = float(row["mean_delay_s"]), float(row["imbalance"])
        assert math.isclose(float(row["utility"]), -10 * (delay + imbalance), rel_tol=1e-9)
    assert sum(int(row["episodes"]) for row in rows) == 4 * (summary["env_steps"] // 4 // 10)


def test_a_run_tells_a_person_what_it_does(tmp_path: Path) -> None:
    folder = tmp_path / "a run"
    done = run("train", "dtomalb", "--env-steps", "200", "--out", str(folder), *TINY_DQN)
    assert done.returncode == 0, done.stderr
    assert "dtomalb on paper, seed 0: 200 env steps" in done.stderr
    assert "(100%)" in done.stderr
    noise = [line for line in done.stderr.splitlines() if "env steps" not in line]
    assert not noise
    for name in ("dtomalb", *(name for name in policies.names() if name != "optimum")):
        assert f"\n{name} " in done.stdout
    assert f"The run lies in {folder}" in done.stdout
    assert f"evaluate '{folder}' --episodes 320" in done.stdout
    assert "train dtomalb --scenario paper --seed 1 --env-steps 200" in done.stdout


def test_a_finished_run_is_refused(trained: tuple[Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = trained
    before = (folder / "summary.json").read_bytes()
    again = ["train", "rllib-dqn", "--seed", "5", "--env-steps", "200", "--out", str(folder), *TINY_DQN]
    assert main(again) == REFUSED
    assert "finished run, which is never overwritten" in capsys.readouterr().err
    assert main([*again, "--set", "gamma=0.5"]) == REFUSED
    assert "gamma: 0.9 there, 0.5 asked for" in capsys.readouterr().err
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
    assert "num_users = 20 is not allowed; allowed: 3" in capsys.readouterr().err
    assert main(["evaluate", str(folder), "--episodes", "0"]) == REFUSED
    assert "--episodes = 0" in capsys.readouterr().err


def test_an_interrupted_run_resumes_with_the_command_it_prints(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    relative = os.path.relpath(folder, CHECKOUT)
    arguments = command("train", "rllib-ppo", "--env-steps", "3500", "--out", relative, *TINY)
    arguments += ["--set", "train_batch_size_per_learner=100", "--set", "minibatch_size=100", "--set", "num_epochs=1"]
    process = subprocess.Popen(
        arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT, start_new_session=True
    )
    progress = folder / "progress.csv"
    for _ in range(600):
        if progress.exists() and len(progress.read_text().splitlines()) >= 2:
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C sends: to Ray's processes too
    _, text = process.communicate(timeout=60)
    assert process.returncode == STOPPED, text
    assert "of 3,500 env steps" in text
    assert "Traceback" not in text
    run_folder = RunFolder.open(folder)
    last = run_folder.last_checkpoint()
    assert last is not None
    assert not run_folder.finished
    stopped_at = last[1].env_steps
    assert 0 < stopped_at < 3_500
    assert int(run_folder.rows()[-1]["env_steps"]) == stopped_at
    with progress.open("a") as file:  # as a crash leaves it: rows of training that no checkpoint kept
        file.write(progress.read_text().splitlines()[-1].replace(str(stopped_at), str(stopped_at + 9), 1) + "\n")
    resume = shlex.split(text.rpartition("resume with: ")[2].strip())
    assert resume[:2] == ["python", "-m"]
    done = subprocess.run([sys.executable, *resume[1:]], capture_output=True, text=True, cwd=CHECKOUT, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{stopped_at:,} done" in done.stderr
    steps = [int(row["env_steps"]) for row in run_folder.rows()]
    assert steps == sorted(set(steps))
    assert stopped_at in steps
    assert stopped_at + 9 not in steps
    summary = run_folder.summary
    assert summary is not None
    assert summary["env_steps"] == steps[-1] >= 3_500
    assert summary["wall_s"] > last[1].wall_s
    checkpoints = list((folder / "checkpoints").iterdir())
    assert 1 <= len(checkpoints) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["rllib-dqn", "rllib-ppo"])
def test_the_same_seed_gives_the_same_run_in_every_process(algorithm: str, tmp_path: Path) -> None:
    tiny = {"rllib-dqn": TINY_DQN, "rllib-ppo": [*TINY, "--set", "train_batch_size_per_learner=100"]}[algorithm]
    tiny = [text.replace("num_users=3", "num_users=9") for text in tiny]  # sets of few may happen to be in one order
    for name, seed, hash_seed in (("a", "1", "1"), ("b", "1", "2"), ("c", "2", "1")):
        arguments = ("train", algorithm, "--env-steps", "400", "--seed", seed, "--out", str(tmp_path / name), *tiny)
        done = run(*arguments, PYTHONHASHSEED=hash_seed)
        assert done.returncode == 0, done.stderr
    summaries = [json.loads((tmp_path / name / "summary.json").read_text())["evaluation"] for name in "abc"]
    assert numbers(tmp_path / "a") == numbers(tmp_path / "b") != numbers(tmp_path / "c")
    assert summaries[0] == summaries[1]


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "env_steps"), [("rllib-dqn", 8_000), ("rllib-ppo", 40_000)])
def test_learning_beats_the_shipped_policies_that_do_not_look(algorithm: str, env_steps: int, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = run("train", algorithm, "--seed", "107", "--env-steps", str(env_steps), "--out", str(folder))
    assert done.returncode == 0, done.stderr
    utility = json.loads((folder / "summary.json").read_text())["evaluation"]["utility"]
    assert utility["low"] > -17.1  # what `proportional` gets


@pytest.mark.slow
def test_our_algorithm_learns_on_the_papers_game(tmp_path: Path) -> None:
    """A fifth of a run. No shipped policy that does not look gets -17, nor any of sixty untrained networks -27."""
    folder = tmp_path / "run"
    done = run("train", "dtomalb-exact", "--seed", "107", "--env-steps", "12000", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    first = float(RunFolder.open(folder).rows()[0]["eval_utility"])
    best = json.loads((folder / "summary.json").read_text())["final"]["best"]["utility"]
    assert best["low"] > -15.0 > first + 15.0
