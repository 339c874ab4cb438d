"""What needs torch alone: policies of this package's own algorithms, and the files that they are exported to."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeoffload_env import edgeoffload_v0, evaluate
from recipes import load_policy, registry
from recipes.checkpoints import Progress
from recipes.commands.exit_codes import REFUSED
from recipes.rllib.training import Training
from recipes.runs import RunFolder
from recipes.settings import parse_assignments
from recipes.sweep import plan
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import CHECKOUT, run
from tests.recipes.runs import TINY, TINY_DQN

pytestmark = RAY_NOISE

RLLIBS = ("rllib-dqn", "rllib-ppo")
ON_POLICY = ("ippo", "mappo")
OWN = tuple(name for name in registry.ALGORITHMS if name not in RLLIBS)
BLOCKED = "import sys; sys.modules[{module!r}] = None\n"
LOAD_AND_ACT = """
import json
from edgeoffload_env import edgeoffload_v0, evaluate
from recipes import load_policy
answers = {}
for run in sys.argv[1:]:
    policy = load_policy(run)
    env = edgeoffload_v0.parallel_env("paper", num_users=3)
    observations, _ = env.reset(seed=7)
    actions = policy.actions(state=env.state()) if policy.central else policy.actions(observations)
    utility = evaluate(policy, "paper", 2, 0, num_users=3).utility
    answers[policy.name] = [actions, utility.tolist()]
assert not any(name.partition(".")[0] == "ray" and module for name, module in sys.modules.items())
print(json.dumps(answers))
"""


def in_a_process(code: str, *arguments: str, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def runs(local_session: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny run of each own algorithm."""
    out = tmp_path_factory.mktemp("runs")
    tiny = {name: TINY if name in ON_POLICY else TINY_DQN for name in OWN}
    for name in OWN:
        (planned,) = plan([name], ["paper"], [5], env_steps=100, assigned=parse_assignments(tiny[name][1::2]))
        folder = RunFolder.begin(out / planned.settings.algorithm, planned.settings)
        with contextlib.closing(Training(folder, planned.settings, checkpoint_s=0.0)) as training:
            training.advance()
            assert training.finished
        folder.release()
    return {name: out / name for name in OWN}


@pytest.fixture(scope="module")
def answers(runs: dict[str, Path]) -> dict[str, Any]:
    """What the runs' policies do in a process that has no Ray."""
    done = in_a_process(BLOCKED.format(module="ray") + LOAD_AND_ACT, *map(str, runs.values()))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", OWN)
def test_an_own_policy_loads_and_acts_without_ray(
    runs: dict[str, Path], answers: dict[str, Any], algorithm: str
) -> None:
    policy: Any = load_policy(runs[algorithm])
    env = edgeoffload_v0.parallel_env("paper", num_users=3)
    observations, _ = env.reset(seed=7)
    seen = {"state": env.state()} if algorithm == "dqn-tolb" else {"observations": observations}
    actions, utility = answers[algorithm]
    assert actions == policy.actions(**seen)
    assert list(actions) == env.possible_agents
    assert utility == evaluate(policy, "paper", 2, 0, num_users=3).utility.tolist()
    assert np.isfinite(utility).all()


PLAIN_TORCH = """
import json, sys
sys.modules["edgeoffload_env"] = sys.modules["recipes"] = sys.modules["ray"] = None
import torch
rows = torch.tensor(json.loads(sys.stdin.read()))
print(json.dumps(torch.export.load(sys.argv[1]).module()(rows).tolist()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["dtomalb", "dqn-tolb", "mappo"])
def test_what_the_export_command_writes_runs_in_plain_torch(
    runs: dict[str, Path], algorithm: str, tmp_path: Path
) -> None:
    out = tmp_path / "exported"
    done = run("export", str(runs[algorithm]), str(out))
    assert done.returncode == 0, done.stderr
    policy: Any = load_policy(runs[algorithm])
    files = ["everyone.pt2"] if policy.central else [f"{user}.pt2" for user in policy.users]
    assert sorted(path.name for path in out.iterdir()) == sorted([*files, "README.md", "game.json"])
    assert ", ".join(files) in done.stdout
    env = edgeoffload_v0.parallel_env("paper", num_users=3)
    observations, _ = env.reset(seed=7)
    if policy.central:
        rows, expected = env.state(), list(policy.actions(state=env.state()).values())
    else:
        rows, expected = observations["user_2"], policy.actions(observations)["user_2"]
    plain = [sys.executable, "-c", PLAIN_TORCH, str(out / files[-1])]
    ran = subprocess.run(
        plain, input=json.dumps([rows.tolist()]), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == [expected]
    again = run("export", str(runs[algorithm]), str(out))
    assert again.returncode == REFUSED
    assert "is not empty; choose another folder" in again.stderr


def unread(algorithm: str, path: Path) -> Path:
    """A run whose checkpoint holds nothing."""
    (planned,) = plan([algorithm], ["paper"], [5], env_steps=100)
    folder = RunFolder.begin(path, planned.settings)
    folder.save_checkpoint(Progress(100, 1.0), lambda path: None)
    folder.release()
    return path


EVALUATE_THEN_LOAD = """
import json, recipes
from recipes.cli import main
status = main(["evaluate", sys.argv[-1]])
refused = []
for run in sys.argv[1:]:
    try:
        recipes.load_policy(run)
    except ImportError as error:
        refused.append(str(error))
print(json.dumps(refused))
sys.exit(status)
"""


@pytest.mark.parametrize(
    ("algorithms", "module", "extra"), [(RLLIBS, "ray", "rllib"), (("dtomalb",), "torch", "torch")]
)
def test_what_is_missing_is_named_with_the_extra_that_has_it(
    algorithms: tuple[str, ...], module: str, extra: str, tmp_path: Path
) -> None:
    paths = [str(unread(algorithm, tmp_path / algorithm)) for algorithm in algorithms]
    needs = [f"{algorithm} needs `pip install -c constraints.txt -e '.[{extra}]'`" for algorithm in algorithms]
    told = in_a_process(BLOCKED.format(module=module) + EVALUATE_THEN_LOAD, *paths)
    assert told.returncode == REFUSED
    for refused, need in zip(json.loads(told.stdout), needs, strict=True):
        assert module in refused.partition(";")[0]
        assert refused.endswith(need)
    assert told.stderr.splitlines()[-1].endswith(needs[-1])


def test_a_checkout_that_is_not_installed_says_what_to_run() -> None:
    code = "import runpy, sys; sys.modules['gymnasium'] = None; runpy.run_module('recipes', run_name='__main__')"
    done = in_a_process(code)
    assert done.returncode == REFUSED
    (line,) = done.stderr.splitlines()
    assert line.startswith("python -m recipes: error: ")
    assert "gymnasium" in line
    assert line.endswith("run `pip install -c constraints.txt -e '.[rllib]'` in the checkout's root")


@pytest.mark.parametrize(
    ("command", "extra"),
    [("ls dtomalb", "torch"), ("train dtomalb", "rllib"), ("sweep --algorithms dtomalb --out sweep", "rllib")],
)
def test_commands_that_need_torch_say_so_in_one_line(command: str, extra: str, tmp_path: Path) -> None:
    """Training needs Ray as well, so the extra is the one that has both."""
    code = BLOCKED.format(module="torch") + "from recipes.cli import main; sys.exit(main(sys.argv[1:]))"
    done = in_a_process(code, *command.split())
    assert done.returncode == REFUSED
    (line,) = done.stderr.splitlines()
    assert line.count("pip install") == 1
    assert line.endswith(f"dtomalb needs `pip install -c constraints.txt -e '.[{extra}]'`")
