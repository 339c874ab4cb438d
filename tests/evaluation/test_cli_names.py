"""Names on the command line: scenarios and policies of one's own, lists, unknown options."""

import csv
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main as benchmarks
from edgeoffload_env import EdgeOffloadConfig, cli, cli_parser, evaluate, scenarios
from edgeoffload_env._files import atomic_write
from edgeoffload_env.cli_parser import split_names
from edgeoffload_env.cli_policies import parse_policies
from edgeoffload_env.cli_scenarios import parse_scenarios
from recipes.cli import main as recipes
from tests.evaluation.test_cli import QUICK, assert_refused, main, rows_of, run
from tests.pages import ROOT

MINE = """
from edgeoffload_env import EdgeOffloadConfig, scenarios
import numpy as np

config = EdgeOffloadConfig(num_users=3, server_hz=(8e9, 9e9), max_cycles=4)
users = 3


def made():
    return scenarios.configure("sparse", max_cycles=4)


def sized(num_users):
    return EdgeOffloadConfig(num_users=num_users)


def nothing():
    return "paper"


def impossible():
    return EdgeOffloadConfig(num_users=0)


def second(agent, observation):
    return 2


class Always:
    name = "always"

    def __init__(self, server=1):
        self.server = server

    def act(self, view):
        return np.full((view.num_games, view.config.num_users), self.server)


class Twin(Always):
    pass


class Impostor(Always):
    name = "greedy"


class Numbered(Always):
    name = 7


class Picky(Always):
    name = "picky"

    def check(self, config):
        if config.num_users == 3:
            raise ValueError("three is a crowd")
"""
CONFIG = EdgeOffloadConfig(num_users=3, server_hz=(8e9, 9e9), max_cycles=4)


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    (tmp_path / "mine_named.py").write_text(MINE.replace("mine", "mine_named"))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def results(capsys, *arguments):
    status, out, err = main(capsys, "evaluate", *arguments, "--json", "-")
    assert (status, err) == (0, "")
    return json.loads(out)["results"]


class TestScenarios:
    """``module:name`` in the place of a scenario's name."""

    def test_a_configuration_and_a_function_that_returns_one(self, capsys):
        names = ["mine_named:config", "mine_named:made", "paper"]
        found = results(capsys, "--scenario", *names, "--policies", "greedy", "--episodes", "2")
        assert [entry["scenario"] for entry in found] == names
        for entry, game in zip(found, [CONFIG, scenarios.configure("sparse", max_cycles=4), "paper"], strict=True):
            assert entry["per_episode"]["utility"] == evaluate("greedy", game, episodes=2).utility.tolist()

    def test_from_the_current_folder(self, own):
        done = run("evaluate", "--scenario", "mine_named:config", "--policies", "local", "--episodes", "2", folder=own)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("mine_named:config: 3 users, 2 servers, 4 slots; 2 episodes, seed 0\n")
        assert "no score and no gain: no floor and reference are stored for it" in done.stdout

    def test_with_overrides(self, capsys):
        (entry,) = results(
            capsys, *("--scenario", "mine_named:config", "--policies", "local", "--set", "num_users=4"), *QUICK
        )
        expected = evaluate("local", CONFIG, episodes=2, num_users=4, max_cycles=3)
        assert entry["per_episode"]["utility"] == expected.utility.tolist()

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("absent:config", "scenario 'absent:config': No module named 'absent'"),
            ("mine_named:absent", "scenario 'mine_named:absent': module 'mine_named' has no attribute 'absent'"),
            ("mine_named:users", "scenario 'mine_named:users' must be an EdgeOffloadConfig, or a function without "),
            (
                "mine_named:sized",
                "scenario 'mine_named:sized' cannot be made: missing a required argument: 'num_users'",
            ),
            (
                "mine_named:nothing",
                "a function without arguments that returns one: it returns something else, got 'paper'",
            ),
            ("mine_named:impossible", "num_users must be an integer in [1, 1000000], got 0"),
            ("papr", "unknown scenario 'papr'; did you mean 'paper'? Known: paper, "),
            (",", "--scenario must be all, or names of paper, "),
        ],
    )
    @pytest.mark.parametrize("command", ["evaluate", "play", "inspect", "references"])
    def test_mistakes(self, capsys, command, name, message):
        assert_refused(*main(capsys, command, "--scenario", name), message)

    def test_one_for_an_episode(self, capsys, tmp_path):
        arguments = ["--policy", "local", "--seed", "5", "--set", "num_users=4", "--scenario", "mine_named:config"]
        page, plot = tmp_path / "play.html", tmp_path / "inspect.html"
        status, out, _ = main(capsys, "play", *arguments, "--record", str(page))
        assert status == 0
        first, second = out.splitlines()
        assert first.startswith("local on mine_named:config, num_users = 4, seed 5: utility -")
        assert second == str(page)
        assert main(capsys, "inspect", *arguments, "--out", str(plot)) == (0, f"{plot}\n", "")
        for path in (page, plot):
            text = re.search(r'id="episode">(.*?)</script>', path.read_text(), re.DOTALL)[1]
            (game,) = json.loads(text)["plays"]
            assert len(game["infos"]["delay_s"]["values"][0]) == 4
        for command in ("play", "inspect"):
            assert_refused(*main(capsys, command, "--scenario", "paper,sparse"), "--scenario must be one scenario, got")
            assert_refused(
                *main(capsys, command, "--set", "users=4"), "unknown field 'users'; did you mean 'num_users'"
            )

    def test_each_counts_once(self):
        assert [spec.label for spec in parse_scenarios(["paper,sparse", "paper"])] == ["paper", "sparse"]
        assert [spec.label for spec in parse_scenarios(["mine_named:config,all"])] == [
            "mine_named:config",
            *scenarios.names(),
        ]


def test_one_episode_has_no_intervals(capsys):
    status, out, _ = main(capsys, "evaluate", "--policies", "local", "--episodes", "1")
    assert status == 0
    assert "nan" not in out
    assert "±" not in out
    assert "\nno confidence intervals: they need at least 2 episodes\n" in out


class TestLists:
    """Commas and spaces are the same."""

    def test_names_are_split_at_commas_outside_brackets(self):
        assert split_names(["a,b", " c ", "d:x=(1, 2),e", "f:x=[1,2]", ","]) == [
            "a",
            "b",
            "c",
            "d:x=(1, 2)",
            "e",
            "f:x=[1,2]",
        ]

    @pytest.mark.parametrize("between", [["local,greedy"], ["local", "greedy"], ["local,", "greedy"]])
    def test_policies_and_scenarios(self, capsys, between):
        games = [name.replace("local", "paper").replace("greedy", "sparse") for name in between]
        found = results(capsys, "--policies", *between, "--scenario", *games, *QUICK)
        assert [(entry["scenario"], entry["policy"]) for entry in found] == [
            ("paper", "local"),
            ("paper", "greedy"),
            ("sparse", "local"),
            ("sparse", "greedy"),
        ]

    @pytest.mark.parametrize("option", ["--scenario", "--policies"])
    def test_a_second_list_is_refused(self, capsys, option):
        found = main(capsys, "evaluate", option, "local", option, "greedy", *QUICK)
        assert_refused(*found, f"argument {option}: given twice; list all names after one {option}")


class TestPolicies:
    """Policies of one's own."""

    def test_a_rule_as_evaluate_takes_it(self, capsys):
        (entry,) = results(capsys, "--policies", "mine_named:second", *QUICK)
        assert entry["policy"] == "mine_named:second"
        expected = evaluate(lambda agent, observation: 2, episodes=2, max_cycles=3)
        assert entry["per_episode"]["utility"] == expected.utility.tolist()

    def test_a_rule_takes_no_parameters(self, capsys):
        arguments = ("evaluate", "--policies", "mine_named:second:agent=1")
        assert_refused(*main(capsys, *arguments), "it must be a rule f(agent, observation), without parameters, or")

    @pytest.mark.parametrize(
        ("typed", "labels"),
        [
            (["mine_named:Always"], ["always"]),
            (["mine_named:Always", "mine_named:Always:server=2"], ["always", "always:server=2"]),
            (["mine_named:Always", "mine_named:Twin"], ["mine_named:Always", "mine_named:Twin"]),
            (["mine_named:Impostor", "greedy"], ["mine_named:Impostor", "greedy"]),
            (["mine_named:Numbered"], ["mine_named:Numbered"]),
            (["local", "greedy", "local"], ["local", "greedy"]),
        ],
    )
    def test_their_own_names_where_those_tell_them_apart(self, typed, labels):
        assert [spec.label for spec in parse_policies(typed)] == labels

    def test_the_rows_of_a_table_have_the_names(self, capsys):
        status, out, _ = main(capsys, "evaluate", "--policies", "mine_named:Always", "greedy", *QUICK)
        assert status == 0
        assert rows_of(out) == ["always", "greedy"]

    def test_two_of_one_name_beside_each_other(self, capsys, tmp_path):
        both = ("--policy", "mine_named:Always", "--beside", "mine_named:Twin")
        status, out, _ = main(capsys, "play", *both, "--slots", "2", "--record", str(tmp_path / "game.html"))
        assert status == 0
        assert [line.split()[0] for line in out.splitlines()[:2]] == ["mine_named:Always", "mine_named:Twin"]


class TestLeftOut:
    """A named policy that cannot play is left out where another one can."""

    GAMES = ("--scenario", "paper", "mine_named:config", "--episodes", "2")

    def test_a_named_policy_that_cannot_play(self, capsys):
        status, out, _ = main(capsys, "evaluate", "--policies", "local,fixed", *self.GAMES)
        assert status == 0
        paper, own, _ = out.split("\n\n")
        assert rows_of(paper) == ["local", "fixed"]
        assert rows_of(own) == ["local"]
        assert "\nfixed left out: no counts are stored for this game; give counts" in own
        assert "left out" not in paper

    def test_a_scenario_that_nobody_plays(self, capsys):
        status, out, _ = main(capsys, "evaluate", "--policies", "mine_named:Picky", *self.GAMES)
        assert status == 0
        paper, own, _ = out.split("\n\n")
        assert rows_of(paper) == ["picky"]
        assert own == "mine_named:config:\npicky left out: three is a crowd"

    def test_csv_alone_on_standard_output(self, capsys):
        status, out, err = main(capsys, "evaluate", "--policies", "mine_named:Picky,local", *self.GAMES, "--csv", "-")
        assert status == 0
        assert err == "mine_named:config: picky left out: three is a crowd\n"
        rows = [(row["scenario"], row["policy"]) for row in csv.DictReader(io.StringIO(out)) if row["policy"]]
        assert rows == [("paper", "picky"), ("paper", "local"), ("mine_named:config", "local")]

    def test_none_that_can_play_is_an_error(self, capsys):
        arguments = ("evaluate", "--policies", "mine_named:Picky,fixed", "--scenario", "mine_named:config")
        message = "picky cannot play mine_named:config: three is a crowd; fixed cannot play mine_named:config: no"
        assert_refused(*main(capsys, *arguments), message)

    def test_a_slow_policy_by_name_beside_all(self):
        specs = {spec.label: spec for spec in parse_policies(["all", "optimum"])}
        crowded = scenarios.get("crowded").config
        assert specs["optimum"].skip_reason(crowded, 32, with_optimum=False) is None
        (alone,) = [spec for spec in parse_policies(["all"]) if spec.label == "optimum"]
        assert alone.skip_reason(crowded, 32, with_optimum=False) is not None


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (cli.main, ["evaluate", "--policy", "greedy"], "unknown option '--policy'; did you mean '--policies'? Known: "),
        (cli.main, ["evaluate", "--policy=greedy"], "unknown option '--policy'; did you mean '--policies'? Known: "),
        (cli.main, ["evaluate", "--polices", "greedy"], "(see python -m edgeoffload_env evaluate --help)"),
        (cli.main, ["play", "--policies", "greedy"], "did you mean '--policy'?"),
        (cli.main, ["play", "--xyzzy"], "unknown option '--xyzzy'. Known: --help, --scenario, --set, --policy, "),
        (
            cli.main,
            ["evaluate", "greedy", "-x"],
            "unrecognized arguments: greedy -x (see python -m edgeoffload_env evaluate",
        ),
        (cli.main, ["--verson"], "unknown option '--verson'; did you mean '--version'?"),
        (recipes, ["train", "dtomalb", "--sed", "3"], "unknown option '--sed'; did you mean '--seed'? Known: "),
        (recipes, ["train", "dtomalb", "--sed", "3"], "(see python -m recipes train --help)"),
    ],
)
def test_unknown_options(capsys, command, arguments, message):
    assert command(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_unknown_options_of_benchmarks(capsys):
    with pytest.raises(SystemExit) as stop:
        benchmarks(["judge", "local", "--scenarios", "paper"])
    assert stop.value.code == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "unknown option '--scenarios'; did you mean '--scenario'?" in line
    assert line.endswith("(see python -m benchmarks judge --help)")


@pytest.mark.parametrize(
    "arguments",
    [
        ["play", "--record", "nodir/foo.html"],
        ["inspect", "--out", "nodir/foo.html"],
        ["references", "--out", "nodir/foo.html"],
        ["evaluate", "--csv", "nodir/foo.html"],
    ],
)
def test_a_missing_folder_is_named_before_the_work(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    expected = f"nodir/foo.html cannot be written: no such folder, {Path(tmp_path).resolve() / 'nodir'}"
    assert_refused(*main(capsys, *arguments), expected)


@pytest.mark.parametrize("arguments", [[], ["evaluate", "--policies", "greedy", "--episodes", "1"]])
def test_a_closed_pipe_ends_the_program_without_a_traceback(arguments: list[str]) -> None:
    program = [sys.executable, "-m", "edgeoffload_env", *arguments]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == cli_parser.CLOSED_PIPE


def test_ctrl_c_ends_a_program_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert cli_parser.run(interrupted) == cli_parser.STOPPED
    assert capsys.readouterr().err == "stopped\n"


@pytest.mark.parametrize(
    ("arguments", "blocked"),
    [
        (["-m", "edgeoffload_env"], "numpy"),
        (["-m", "recipes", "ls"], "numpy"),
        (["-m", "benchmarks", "pages"], "pandas"),
    ],
)
def test_ctrl_c_during_the_imports_leaves_no_traceback(tmp_path: Path, arguments: list[str], blocked: str) -> None:
    done = interrupted_import(tmp_path, arguments, blocked)
    assert done.returncode in (-signal.SIGINT, cli_parser.STOPPED)
    assert "Traceback" not in done.stderr


def test_a_program_that_imports_the_package_keeps_its_ctrl_c(tmp_path: Path) -> None:
    """It may want to clean up."""
    program = "try:\n import edgeoffload_env\nexcept KeyboardInterrupt:\n print('cleaned up')"
    assert interrupted_import(tmp_path, ["-c", program], "numpy").stdout == "cleaned up\n"


def interrupted_import(folder: Path, arguments: list[str], blocked: str) -> subprocess.CompletedProcess[str]:
    """Run a program that gets Ctrl-C while it imports a package."""
    lines = "import os, signal, time", "os.kill(os.getpid(), signal.SIGINT)", "time.sleep(60)"
    (folder / f"{blocked}.py").write_text("\n".join(lines), encoding="utf-8")
    path = os.pathsep.join([str(folder), str(ROOT)])
    heeded = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"
    )
    command = [sys.executable, "-c", heeded, sys.executable, *arguments]  # a shell's background jobs ignore Ctrl-C
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120
    )


def test_a_broken_pipe_of_something_else_is_raised() -> None:
    def broken() -> int:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        cli_parser.run(broken)


def test_files_that_cannot_be_written_are_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", "--json", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith("cannot be written: it is a folder\n")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    assert cli.main(["evaluate", "--csv", str(tmp_path / "new.csv")]) == 2
    assert capsys.readouterr().err.endswith(f"the folder {tmp_path} is not writable\n")


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as caught, atomic_write(tmp_path / "game.html"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert cli_parser.message_of(caught.value) == f"{tmp_path / 'game.html'}: No space left on device"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--scenario", "mine.py:game"], "give the module's name without .py"),
        (["evaluate", "--scenario", "mine:game"], "modules are looked for in the current folder, "),
        (["--scenario", "urban"], "a command must come before --scenario: list, evaluate, "),
    ],
)
def test_what_to_type_instead(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert message in capsys.readouterr().err
