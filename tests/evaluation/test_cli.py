"""The command line, run in a new process where that matters."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import edgeoffload_env
from edgeoffload_env import cli, evaluate, policies, scenarios
from edgeoffload_env.evaluation import METRICS, references
from edgeoffload_env.evaluation.report import Report

QUICK = ["--episodes", "2", "--set", "max_cycles=3"]


def run(*arguments, folder=None):
    """Run the command in a new process, as a user would type it."""
    paths = [str(Path(cli.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "edgeoffload_env", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )


def main(capsys, *arguments):
    """The same in this process: status, standard output, standard error."""
    status = cli.main(arguments)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_lists_scenarios_and_policies():
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith("  ")}
    blocks = dict(block.split("\n", 1) for block in done.stdout.split("\n\n")[1:-1])
    assert list(blocks) == [*scenarios.GROUPS, "Policies"]
    for name in scenarios.names():
        scenario = scenarios.get(name)
        assert f"N = {scenario.config.num_users}, M = {scenario.config.servers}" in lines[name]
        assert scenario.description in lines[name]
        assert lines[name] in blocks[scenario.group]
    for name in policies.names():
        assert policies.describe(name).replace("``", "") in lines[name]
    assert "price=10.0" in lines["drift-plus-penalty"]
    assert run("list").stdout == done.stdout


def test_evaluate_prints_a_table():
    done = run("evaluate", "--policies", "local,greedy,drift-plus-penalty:price=3", "--episodes", "3")
    assert (done.returncode, done.stderr) == (0, ""), "no progress bar without a terminal"
    title, heading, *rows, blank, interval, gain = done.stdout.splitlines()
    assert title == "paper: 10 users, 5 servers, 50 slots; 3 episodes, seed 0"
    assert heading.split()[0] == "policy"
    assert "  mean delay (s)  " in heading
    assert (blank, interval) == ("", "mean over episodes ± half of its 95 % confidence interval")
    assert "gain over fixed: 0 at the best constant assignment, 1 at the reference" in gain
    assert [row.split()[0] for row in rows] == ["local", "greedy", "drift-plus-penalty:price=3"]
    mean, low, high = evaluate("greedy", episodes=3).summary()["utility"]
    shown, half_width = rows[1].split()[1:3]
    assert float(shown) == pytest.approx(mean, abs=0.05)
    assert float(half_width.removeprefix("±")) == pytest.approx(0.5 * (high - low), rel=0.1)


PLAY_ANY_GAME = [name for name in policies.names() if name != "fixed"]
"""``fixed`` needs a scenario's own game."""


def rows_of(block):
    return [line.split()[0] for line in block.splitlines() if re.search(r"±\d", line)]


def test_all_is_every_shipped_policy(capsys):
    status, out, _ = main(capsys, "evaluate", *QUICK)
    assert status == 0
    assert rows_of(out) == PLAY_ANY_GAME
    assert "\nfixed left out: no counts are stored for this game; give counts, users on the device" in out
    assert "best-response: settled 1" in out
    assert "optimum: exact 1, gap 0" in out
    assert "\nsettled: share of slots that end where no user gains by another choice; exact: share of slots " in out
    assert "no score and no gain: the overrides change the scenario's game" in out
    assert "gain over fixed:" not in out


def test_all_leaves_out_optimum_where_it_is_slow_and_says_so(capsys):
    status, out, _ = main(capsys, "evaluate", "--scenario", "sparse,crowded,stadium", *QUICK)
    assert status == 0
    sparse, crowded, stadium, *_ = out.split("\n\n")
    assert rows_of(sparse) == PLAY_ANY_GAME
    for block in (crowded, stadium):
        assert rows_of(block) == [name for name in PLAY_ANY_GAME if name != "optimum"]
        assert "optimum left out: slow beyond 12 users; add it with --with-optimum or by name" in block
    status, out, _ = main(capsys, "evaluate", "--episodes", "2501", "--set", "max_cycles=1")
    assert status == 0
    assert "optimum left out: takes about 10 ms a slot, too slow for 2501 episodes; add it with --with-optimum" in out


def test_with_optimum(capsys):
    status, out, _ = main(capsys, "evaluate", "--with-optimum", *QUICK, "--scenario", "crowded,stadium")
    assert status == 0
    crowded, stadium, *_ = out.split("\n\n")
    assert rows_of(crowded) == PLAY_ANY_GAME
    assert rows_of(stadium) == [name for name in PLAY_ANY_GAME if name != "optimum"]
    assert "optimum left out: " in stadium
    assert "optimum:bounded=true" in stadium


def test_fixed_takes_the_stored_counts_or_its_own(capsys):
    """Commas inside brackets do not end a policy."""
    own = "fixed:counts=(1, 9, 0, 0, 0, 0)"
    chosen = f"local,{own},fixed,nearest"
    status, out, _ = main(capsys, "evaluate", "--policies", chosen, "--episodes", "2", "--json", "-")
    assert status == 0
    content = json.loads(out)["results"]
    assert [entry["policy"] for entry in content] == ["local", own, "fixed", "nearest"]
    utilities = [entry["per_episode"]["utility"] for entry in content]
    assert utilities[1] == evaluate(policies.make("fixed", counts=(1, 9, 0, 0, 0, 0)), episodes=2).utility.tolist()
    assert utilities[2] == evaluate("fixed", episodes=2).utility.tolist()
    for brackets in ("[1,9,0,0,0,0]", "(1,9,0,0,0,0)"):
        _, out, _ = main(capsys, "evaluate", "--policies", f"fixed:counts={brackets}", *QUICK, "--json", "-")
        (entry,) = json.loads(out)["results"]
        assert entry["summary"]["utility"]["mean"] < 0.0


def test_json_holds_every_episode(capsys):
    status, out, _ = main(
        capsys, "evaluate", "--policies", "random,best-response", *QUICK, "--seed", "4", "--json", "-"
    )
    assert status == 0
    content = json.loads(out, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    assert content["overrides"] == {"max_cycles": 3}
    assert [entry["policy"] for entry in content["results"]] == ["random", "best-response"]
    for entry in content["results"]:
        result = evaluate(entry["policy"], episodes=2, seed=4, max_cycles=3)
        for name in METRICS:
            assert entry["per_episode"][name] == getattr(result, name).tolist()
            assert list(entry["summary"][name].values()) == list(result.summary()[name])
        for name in ("score", "gain_over_fixed"):
            assert entry["summary"][name] == {"mean": None, "low": None, "high": None}
    assert content["results"][1]["diagnostics"] == {"settled": [1.0, 1.0]}


def test_csv_and_table_together(capsys, tmp_path):
    file = tmp_path / "results.csv"
    arguments = (
        "evaluate",
        "--scenario",
        "paper,crowded",
        "--policies",
        "local",
        "--episodes",
        "2",
        "--csv",
        str(file),
    )
    status, out, _ = main(capsys, *arguments)
    assert status == 0
    assert out.count("\nlocal ") == 2
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert [(row["scenario"], row["policy"], row["episodes"], row["seed"]) for row in rows] == [
        ("paper", "local", "2", "0"),
        ("crowded", "local", "2", "0"),
    ]
    for row in rows:
        assert row["package"] == edgeoffload_env.__version__
        summary = evaluate("local", row["scenario"], episodes=2).summary()
        for name, interval in summary.items():
            for end, value in interval._asdict().items():
                assert float(row[f"{name}_{end}"]) == value


def test_results_overwrite_a_file_as_the_help_says(capsys, tmp_path):
    text, table = tmp_path / "results.json", tmp_path / "results.csv"
    for file in (text, table):
        file.write_text("earlier")
    status, *_ = main(capsys, "evaluate", "--policies", "local", *QUICK, "--json", str(text), "--csv", str(table))
    assert status == 0
    assert json.loads(text.read_text())["results"][0]["policy"] == "local"
    assert table.read_text().startswith("scenario,policy")
    with pytest.raises(SystemExit):
        cli.main(["evaluate", "--help"])
    assert " ".join(capsys.readouterr().out.split()).count("over an existing file") == 2


def test_diagnostics_of_ones_own_policies_are_not_explained():
    """They may mean something else under the same name."""
    table = Report([("mine:settler", evaluate("best-response", episodes=2, max_cycles=3))]).table()
    assert "mine:settler: settled 1 (means over slots)" in table
    assert "settled: share" not in table


def test_csv_leaves_no_score_empty(capsys):
    _, out, _ = main(capsys, "evaluate", "--policies", "local", *QUICK, "--csv", "-")
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["score_mean"] == row["gain_over_fixed_mean"] == ""
    assert row["utility_mean"] != ""


def test_every_scenario_at_once(capsys):
    status, out, _ = main(capsys, "evaluate", "--scenario", "all", "--policies", "local,greedy", *QUICK)
    assert status == 0
    *blocks, explanation = out.strip().split("\n\n")
    assert [block.splitlines()[0].split(":")[0] for block in blocks] == scenarios.names()
    assert "gain over fixed" not in explanation


def test_overrides_of_all_kinds(capsys):
    status, out, _ = main(
        capsys,
        *("evaluate", "--policies", "greedy", "--episodes", "1", "--json", "-"),
        *("--set", "server_hz=(8e9, 9e9)", "--set", "channel_sharing=all", "--set", "num_users=3"),
    )
    assert status == 0
    (entry,) = json.loads(out)["results"]
    expected = evaluate("greedy", episodes=1, server_hz=(8e9, 9e9), channel_sharing="all", num_users=3)
    assert entry["per_episode"]["utility"] == expected.utility.tolist()


OWN = """
import numpy as np


class Always:
    def __init__(self, server=1):
        self.server = server

    def act(self, view):
        return np.full((view.num_games, view.config.num_users), self.server)


def rule():
    return lambda agent, observation: 2


def crash():
    def act(agent, observation):
        raise RuntimeError("lost the weights")

    return act


ready = Always(3)
number = 3
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("def (")
    return tmp_path


def test_ones_own_policies_from_the_current_folder(own):
    labels = "mine:Always,mine:Always:server=2,mine:rule,mine:ready"
    done = run("evaluate", "--policies", labels, *QUICK, "--json", "-", folder=own)
    assert (done.returncode, done.stderr) == (0, "")
    utilities = {entry["policy"]: entry["per_episode"]["utility"] for entry in json.loads(done.stdout)["results"]}
    assert list(utilities) == labels.split(",")
    assert utilities["mine:Always"] == evaluate("nearest", episodes=2, max_cycles=3).utility.tolist()
    assert utilities["mine:Always:server=2"] == utilities["mine:rule"] != utilities["mine:ready"]


def test_a_crash_in_ones_own_policy_shows_where(own):
    done = run("evaluate", "--policies", "mine:crash", *QUICK, folder=own)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "RuntimeError: lost the weights" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--policies", "mine:Always:server=9"],
            "actions of policy 'Always' must be integers in [0, 5] of shape [2, 10], got 9 for user_0",
        ),
        (["--policies", "mine:nothing"], "policy 'mine:nothing': module 'mine' has no attribute 'nothing'"),
        (["--policies", "mine:number"], "policy 'mine:number' must be a policy, a factory of one, or a rule "),
        (["--policies", "mine:Always:speed=2"], "got an unexpected keyword argument 'speed'"),
        (["--policies", "absent:Policy"], "policy 'absent:Policy': No module named 'absent'"),
        (["--policies", "broken:Policy"], "policy 'broken:Policy': invalid syntax"),
    ],
)
def test_mistakes_with_ones_own_policies(own, arguments, message):
    done = run("evaluate", *arguments, *QUICK, folder=own)
    assert_refused(done.returncode, done.stdout, done.stderr, message)


def assert_refused(status, out, err, message):
    assert status == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("python -m edgeoffload_env: error: ")
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluat"], "unknown command 'evaluat'; did you mean 'evaluate'? Known: list, evaluate, play, "),
        (["fly"], "unknown command 'fly'. Known: list, evaluate, play, inspect, references"),
        (["evaluate", "--scenario", "papers"], "unknown scenario 'papers'; did you mean 'paper'? Known: paper,"),
        (["play", "--scenario", "papers"], "unknown scenario 'papers'; did you mean 'paper'?"),
        (["evaluate", "urban"], "unrecognized arguments: urban; did you mean --scenario urban? (see "),
        (["evaluate", "greedy,local"], "unrecognized arguments: greedy,local; did you mean --policies greedy,local?"),
        (["play", "urban"], "did you mean --scenario urban?"),
        (["play", "greedy"], "did you mean --policy greedy?"),
        (["evaluate", "urban", "greedy"], "unrecognized arguments: urban greedy (see "),
        (["evaluate", "--policies", "gredy"], "unknown policy 'gredy'; did you mean 'greedy'? Known: random,"),
        (["evaluate", "--policies", ""], "--policies must be all, "),
        (["evaluate", "--policies", "greedy:price=1"], "unknown parameter of policy 'greedy': 'price'"),
        (
            ["evaluate", "--policies", "drift-plus-penalty:10"],
            "parameters of policy 'drift-plus-penalty:10' must be parameter=value, got '10'",
        ),
        (["evaluate", "--policies", "drift-plus-penalty:price=x"], "price must be a number in [0, 1e+09], got 'x'"),
        (["evaluate", "--policies", "fixed:counts=(1,2)"], "counts must be 6 integers with the sum 10, got (1, 2)"),
        (["evaluate", "--policies", "fixed:counts=(1,-2)"], "counts must be an integer in [0, 1000000], got -2"),
        (
            ["evaluate", "--policies", "fixed", "--set", "num_users=9"],
            "fixed cannot play paper: no counts are stored for this game; give",
        ),
        (["evaluate", "--policies", "herd:noise_s=-1"], "noise_s must be a number in [0, 1e+09] s, got -1"),
        (["evaluate", "--policies", "lookahead:rounds=0"], "rounds must be an integer in [1, 1000000000], got 0"),
        (["evaluate", "--policies", "optimum", "--scenario", "stadium"], "use bounded=True"),
        (["evaluate", "--episodes", "0"], "--episodes must be an integer in [1, 1000000000], got 0"),
        (["evaluate", "--episodes", "many"], "invalid int value: 'many'"),
        (["evaluate", "--seed", "-1"], "--seed must be an integer in [0, "),
        (["evaluate", "--set", "num_users"], "--set must be FIELD=VALUE, as in num_users=20, got 'num_users'"),
        (["evaluate", "--set", "users=3"], "unknown field 'users'; did you mean 'num_users'? Known: num_users, "),
        (["evaluate", "--set", "num_users=2.5"], "num_users must be an integer in [1, 1000000], got 2.5"),
        (["evaluate", "--set", "num_users=ten"], "num_users must be an integer in [1, 1000000], got 'ten'"),
        (["evaluate", "--json", "/no/such/folder/file"], "/no/such/folder/file cannot be written: no such folder"),
        (["references", "--scenario", "papers"], "unknown scenario 'papers'; did you mean 'paper'?"),
    ],
)
def test_mistakes_are_told_in_one_line(capsys, arguments, message):
    assert_refused(*main(capsys, *arguments), message)


def test_mistakes_in_a_process_of_their_own():
    done = run("evaluate", "--scenario", "papers")
    assert_refused(done.returncode, done.stdout, done.stderr, "unknown scenario 'papers'; did you mean 'paper'?")


def test_help(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["evaluate", "--help"])
    assert stop.value.code == 0
    assert "--with-optimum" in capsys.readouterr().out


@pytest.fixture
def quick_references(monkeypatch):
    def play(name, parameters, config, sample, progress):
        return real(name, parameters, config.replace(max_cycles=2), sample._replace(episodes=2), progress)

    real = references._play
    monkeypatch.setattr(references, "_play", play)
    monkeypatch.setattr(references, "search_fixed", lambda *_, **__: (8, 2, 2, 2, 3, 3))


@pytest.mark.usefixtures("quick_references")
def test_references_never_overwrites_unasked(capsys, tmp_path):
    file = tmp_path / "scores.json"
    arguments = ("references", "--scenario", "crowded,crowded-team", "--out", str(file))
    status, out, err = main(capsys, *arguments)
    assert (status, out) == (0, "")
    assert [line.split()[0] for line in err.splitlines()] == ["crowded", "crowded-team"]
    first = file.read_text()
    content = json.loads(first)
    assert content["scenarios"]["crowded"] == content["scenarios"]["crowded-team"]
    assert content["scenarios"]["crowded"]["fixed"]["parameters"] == {"counts": [8, 2, 2, 2, 3, 3]}
    assert content["command"] == f"python -m edgeoffload_env {' '.join(arguments)} --force"
    file.write_text("precious")
    assert_refused(*main(capsys, *arguments), "exists; add --force to overwrite it")
    assert file.read_text() == "precious"
    assert main(capsys, *arguments, "--force")[0] == 0
    assert file.read_text() == first


@pytest.mark.usefixtures("quick_references")
def test_references_to_standard_output(capsys):
    status, out, _ = main(capsys, "references", "--scenario", "crowded")
    assert status == 0
    assert list(json.loads(out)["scenarios"]) == ["crowded"]


def test_all_on_paper():
    done = run("evaluate", "--scenario", "paper", "--policies", "all", "--episodes", "32")
    assert done.returncode == 0
    assert rows_of(done.stdout) == policies.names()
    assert len(re.findall(r"±\d", done.stdout)) == 8 * len(policies.names())


def test_import_stays_light():
    code = (
        "import sys, edgeoffload_env; edgeoffload_env.evaluate('greedy', episodes=1, max_cycles=2);"
        "print([m for m in ('torch', 'ray', 'tqdm', 'scipy', 'matplotlib', 'pygame', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_evaluate_is_the_function_however_it_is_imported():
    import edgeoffload_env
    import edgeoffload_env.evaluation

    assert isinstance(edgeoffload_env.evaluate, types.FunctionType)
    assert edgeoffload_env.evaluate is edgeoffload_env.evaluation.evaluate
    assert np.isfinite(edgeoffload_env.evaluate("local", episodes=1, max_cycles=1).utility).all()
