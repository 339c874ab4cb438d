import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recipes import cli, registry
from recipes.cli import REFUSED, main
from tests.recipes.test_settings import settings


def test_ls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names == list(registry.ALGORITHMS)
    assert {"dtomalb", "dtoma", "dtomalb-exact", "idql-tolb", "dqn-tolb", "rllib-dqn", "rllib-ppo"} <= set(names)


def test_ls_of_an_algorithm(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "rllib-dqn"]) == 0
    assert (
        "train_batch_size_per_learner = 32\n    Slots that each user replays in an update." in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "sarsa"],
            "unknown algorithm 'sarsa'; Known: dtomalb, dtoma, dtomalb-exact, idql-tolb",
        ),
        (["train", "rllib-dqn", "--set", "lr=fast"], "lr must be a number in [1e-09, 1], got 'fast'"),
        (["train", "rllib-dqn", "--set", "gamma=2"], "gamma must be a number in [0, 1], got 2"),
        (["train", "rllib-dqn", "--set", "momentum=2"], "unknown hyper-parameter 'momentum'; Known: lr"),
        (["train", "rllib-dqn", "--set", "momentum"], "--set must be field=value or env.field=value, got 'momentum'"),
        (["train", "rllib-dqn", "--set", "env.num_users=0"], "num_users = 0 is not allowed"),
        (["train", "rllib-dqn", "--set", "env.users=3"], "unknown field 'users' = 3; allowed:"),
        (["train", "rllib-dqn", "--scenario", "papers"], "scenario = 'papers' is not allowed"),
        (["train", "rllib-dqn", "--env-steps", "0"], "env_steps = 0 is not allowed"),
        (["train", "rllib-dqn", "--env-steps", "many"], "invalid int value: 'many'"),
        (["evaluate", "nowhere"], "nowhere is not a run"),
        (["ls", "sarsa"], "unknown algorithm 'sarsa'"),
        (["dance"], "invalid choice: 'dance'"),
    ],
)
def test_what_is_asked_wrongly_is_refused_and_named(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == REFUSED
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["train", "dtomalb", "--set", "device=cuda"]) == REFUSED
    assert "device = 'cuda' is not allowed here: torch finds no GPU" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_listing_and_refusing_load_neither_torch_nor_ray() -> None:
    code = (
        "import sys; from recipes.cli import main; main(['ls']); main(['ls', 'rllib-ppo']); "
        "main(['train', 'rllib-dqn', '--set', 'x=1']); print(sorted({'ray', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "session",
    [
        [],
        ["--env-runners", "8", "--address", "auto"],
        ["--checkpoint-every", "0"],
        ["--checkpoint-every", "7.25", "--address", "head of all:6379"],
    ],
)
def test_the_command_that_goes_on_asks_for_the_same(session: list[str]) -> None:
    options = cli._parser().parse_args(["train", "rllib-dqn", *session])
    command = shlex.split(cli._command_of(settings(), options, Path("some run")))
    again = cli._parser().parse_args(command[3:])
    assert (again.out, again.env_steps, again.seed) == (Path("some run"), settings().env_steps, settings().seed)
    for name in ("algorithm", "scenario", "env_runners", "address", "checkpoint_every"):
        assert getattr(again, name) == getattr(options, name)
