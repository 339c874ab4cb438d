import argparse
import shlex
import sys
from pathlib import Path

import pytest
import torch

from edgeoffload_env import evaluate
from recipes import registry
from recipes.cli import COMMANDS, main, parse
from recipes.commands.exit_codes import REFUSED
from recipes.commands.train import below_floor, beside, command_line
from tests.recipes.processes import finished
from tests.recipes.test_settings import settings


def test_ls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names == list(registry.ALGORITHMS)
    known = {"dtomalb", "dtoma", "dtomalb-exact", "idql-tolb", "dqn-tolb", "ippo", "mappo", "vdn", "qmix"}
    assert known | {"rllib-dqn", "rllib-ppo"} <= set(names)


def test_ls_of_an_algorithm(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "rllib-dqn"]) == 0
    printed = capsys.readouterr().out
    assert "train_batch_size_per_learner = 32\n    Slots that each user replays in an update." in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "sarsa"],
            "unknown algorithm 'sarsa'. Known: dtomalb, dtoma, dtomalb-exact, dtomalb-equivariant, idql-tolb",
        ),
        (["train", "dtomalbb"], "unknown algorithm 'dtomalbb'; did you mean 'dtomalb'? Known: dtomalb, "),
        (["sweep", "--algorithms", "dtomb", "--out", "out"], "unknown algorithm 'dtomb'; did you mean 'dtoma"),
        (["ls", "rlib-dqn"], "unknown algorithm 'rlib-dqn'; did you mean 'rllib-dqn'?"),
        (
            ["train", "rllib-dqn", "--set", "gama=1"],
            "unknown hyper-parameter 'gama'; did you mean 'gamma'?",
        ),
        (
            ["train", "rllib-dqn", "--set", "lr=fast"],
            "lr must be a number in [1e-09, 1], got 'fast'",
        ),
        (["train", "rllib-dqn", "--set", "gamma=2"], "gamma must be a number in [0, 1], got 2"),
        (["train", "rllib-dqn", "--set", "momentum=2"], "unknown hyper-parameter 'momentum'. Known: lr, "),
        (["train", "rllib-dqn", "--set", "momentum"], "env.field=value"),
        (["train", "rllib-dqn", "--set", "learning_rate=1"], "'learning_rate'; it is called 'lr' here"),
        (["train", "dtomalb", "--set", "buffer_size=9"], "'buffer_size'; it is called 'replay_capacity' here"),
        (["train", "rllib-dqn", "--set", "env.num_users=0"], "num_users must be an integer in [1, 1000000], got 0"),
        (["train", "rllib-dqn", "--set", "env.users=3"], "unknown field 'users'; did you mean 'num_users'?"),
        (["train", "rllib-dqn", "--scenario", "papers"], "unknown scenario 'papers'; did you mean 'paper'?"),
        (["train", "rllib-dqn", "--env-steps", "0"], "env_steps must be an integer in [1, 1000000000000], got 0"),
        (["train", "rllib-dqn", "--env-steps", "many"], "invalid int value: 'many'"),
        (["train", "--scenario", "sparse"], "the following arguments are required: ALGO"),
        (["evaluate", "nowhere"], "nowhere is not a run"),
        (["ls", "sarsa"], "unknown algorithm 'sarsa'. Known: "),
        (["dance"], "unknown command 'dance'. Known: ls, train, "),
        (["trains", "dtoma"], "unknown command 'trains'; did you mean 'train'?"),
    ],
)
def test_invalid_arguments_are_refused_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == REFUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m recipes: error: ")
    assert message in line
    assert not list(tmp_path.iterdir())


def test_the_program_alone_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n    {name} " not in shown] == []


def test_a_missing_gpu_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["train", "dtomalb", "--set", "device=cuda"]) == REFUSED
    assert "device 'cuda' is not available: torch finds no GPU" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_ls_and_invalid_arguments_import_neither_torch_nor_ray() -> None:
    code = (
        "import sys; from recipes.cli import main; main(['ls']); main(['ls', 'rllib-ppo']); "
        "main(['train', 'rllib-dqn', '--set', 'x=1']); print(sorted({'ray', 'torch'} & set(sys.modules)))"
    )
    done = finished([sys.executable, "-c", code])
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
def test_the_command_that_resumes_has_the_same_arguments(session: list[str]) -> None:
    options = parse(["train", "rllib-dqn", *session])
    command = shlex.split(command_line(settings(), options, Path("some run")))
    again = parse(command[3:])
    assert (again.out, again.env_steps, again.seed) == (Path("some run"), settings().env_steps, settings().seed)
    for name in ("algorithm", "scenario", "env_runners", "address", "checkpoint_every"):
        assert getattr(again, name) == getattr(options, name)


@pytest.mark.parametrize(
    ("path", "following"),
    [("runs/mine", "runs/mine-seed-4"), ("runs/mine-seed-3", "runs/mine-seed-4"), ("a/seed-3", "a/seed-4")],
)
def test_the_next_seed_goes_beside_the_folder_that_was_given(path: str, following: str) -> None:
    assert beside(Path(path), 3) == Path(following)


def test_a_result_below_the_floor_is_called_so() -> None:
    game = settings(scenario="sparse", env={"max_cycles": 10})
    nearest, greedy = (evaluate(name, "sparse", 4, 0, max_cycles=10) for name in ("nearest", "greedy"))
    note = below_floor(game, nearest)
    floor = evaluate("random", "sparse", 4, 0, max_cycles=10).utility.mean()
    assert f"{nearest.utility.mean():.2f} is below the floor of the score, {floor:.2f} of `random`" in note
    assert "--env-steps 40000; this run had 100" in note
    assert below_floor(game, greedy) == ""


@pytest.mark.parametrize(
    ("line", "algorithm", "scenario"),
    [
        ("dtoma --scenario sparse --seed 3", "dtoma", ["sparse"]),
        ("--scenario sparse dtoma --seed 3", "dtoma", ["sparse"]),
        ("--seed 3 --scenario sparse urban dtomalb-equivariant", "dtomalb-equivariant", ["sparse", "urban"]),
        ("--scenario sparse urban --seed 3 dtomalb-equivariant", "dtomalb-equivariant", ["sparse", "urban"]),
        ("--seed 3 dtoma --scenario sparse", "dtoma", ["sparse"]),
        ("dtoma --scenario dtomalb --seed 3", "dtoma", ["dtomalb"]),
        ("--seed 3 --scenario=sparse dtoma", "dtoma", ["sparse"]),
    ],
)
def test_train_takes_its_arguments_in_any_order(line: str, algorithm: str, scenario: list[str]) -> None:
    options = parse(["train", *line.split()])
    assert (options.algorithm, options.scenario, options.seed) == (algorithm, scenario, 3)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_has_a_help_text(name: str) -> None:
    parser = argparse.ArgumentParser()
    added = []
    parser.add_argument = lambda *args, **options: added.append((args, options))  # type: ignore[method-assign]
    COMMANDS[name].add_arguments(parser)
    assert added
    for args, options in added:
        assert options["help"], args
