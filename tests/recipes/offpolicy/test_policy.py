import json
import math
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgeoffload_env import edgeoffload_v0, evaluate, scenarios
from edgeoffload_env.effects import Effect, Feature, Quantity, squashed
from recipes.joint.export import export_policy
from recipes.joint.policy import NetworkPolicy
from recipes.networks.acting import ActingNetwork, Branching, JointHead, PerUser
from recipes.networks.equivariant import EquivariantActor
from recipes.networks.sizes import GameSizes, sizes_of

CONFIG = scenarios.configure("paper", num_users=4)


def network(kind: str, sizes: GameSizes, hidden: int, *, shared: bool = False) -> ActingNetwork:
    if kind == "per-user":
        return PerUser(sizes, (hidden,), shared=shared, seed=1)
    return {"branching": Branching, "joint": JointHead}[kind](sizes, (hidden,), seed=1)


def policy(kind: str = "per-user", *, shared: bool = False) -> NetworkPolicy:
    return NetworkPolicy("mine", network(kind, sizes_of(CONFIG), 16, shared=shared))


@pytest.mark.parametrize("shared", [False, True])
def test_users_act_one_by_one_as_they_do_together(shared: bool) -> None:
    trained = policy(shared=shared)
    env = edgeoffload_v0.parallel_env(CONFIG)
    observations, _ = env.reset(seed=0)
    together = trained.actions(observations)
    assert list(together) == env.possible_agents
    for user, observation in observations.items():
        assert trained.actions({user: observation}) == {user: together[user]}
    assert trained.actions({}) == {}
    env.step(together)


def test_a_central_policy_acts_for_everyone_on_the_state() -> None:
    trained = policy("branching")
    env = edgeoffload_v0.parallel_env(CONFIG)
    observations, _ = env.reset(seed=0)
    actions = trained.actions(state=env.state())
    assert list(actions) == env.possible_agents
    env.step(actions)
    with pytest.raises(TypeError, match="needs state="):
        trained.actions(observations)


def test_bad_requests_are_refused() -> None:
    trained = policy()
    with pytest.raises(ValueError, match="user_9"):
        trained.actions({"user_9": np.zeros(9)})
    with pytest.raises(ValueError, match=r"shape of observation of user_1 must be .*, got \(8,\)"):
        trained.actions({"user_1": np.zeros(8)})
    with pytest.raises(TypeError, match="its own observation"):
        trained.actions(state=np.zeros(26))


@pytest.mark.parametrize("kind", ["per-user", "branching", "joint"])
def test_evaluation_takes_it_and_refuses_games_that_do_not_fit(kind: str) -> None:
    trained = policy(kind)
    assert np.isfinite(evaluate(trained, CONFIG, episodes=2).utility).all()
    with pytest.raises(ValueError, match="num_users of the game must be 4, as mine was trained for, got 5"):
        evaluate(trained, CONFIG, episodes=2, num_users=5)
    with pytest.raises(ValueError, match="num_actions of the game"):
        evaluate(trained, CONFIG, episodes=2, server_hz=(1e9, 2e9))


PLAIN = """
import json, sys
sys.modules["edgeoffload_env"] = sys.modules["recipes"] = sys.modules["ray"] = None
import torch
modules = {path: torch.export.load(path).module() for path in sys.argv[2:]}
asked = json.loads(sys.argv[1])
print(json.dumps([[modules[path](torch.tensor(rows)).tolist() for rows in asked[path]] for path in modules]))
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_exported_files_run_in_plain_torch(tmp_path: Path) -> None:
    asked: dict[str, Any] = {}
    answers = []
    for kind, shared in (("per-user", False), ("per-user", True), ("branching", False)):
        trained, out = policy(kind, shared=shared), tmp_path / f"{kind} {shared}"
        files = export_policy(trained, CONFIG, out)
        sizes = trained.acting.sizes
        obs, state = torch.randn(3, 4, sizes.obs_size), torch.randn(3, sizes.state_size)
        expected = trained.acting.greedy(trained.acting.select_input(obs, state))
        if kind == "branching":
            assert [path.name for path in files] == ["everyone.pt2"]
            file, rows, answer = files[0], state, expected
        else:
            assert [path.name for path in files] == [f"user_{n}.pt2" for n in range(4)]
            file, rows, answer = files[2], obs[:, 2], expected[:, 2]
            held = sum(p.numel() for p in torch.export.load(file).state_dict.values())
            assert held == 9 * 16 + 16 + 16 * 6 + 6  # the user's own network alone
        asked[str(file)] = [rows[:count].tolist() for count in (1, 3)]
        answers.append([answer[:count].tolist() for count in (1, 3)])
        with pytest.raises(FileExistsError, match="not empty"):
            export_policy(trained, CONFIG, out)
    command = [sys.executable, "-c", PLAIN, json.dumps(asked), *asked]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(output.stdout) == answers


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["per-user", "branching", "any-user"])
def test_the_readmes_program_plays_the_policys_episode(kind: str, tmp_path: Path) -> None:
    """Without Ray and the recipes, in the game of ``game.json``, effects included."""
    config = CONFIG.replace(deadline={"range_s": (0.2, 0.5), "miss_cost_s": 1.0}, max_cycles=5)
    sizes = sizes_of(config)
    acting = EquivariantActor(sizes, (8,), seed=0) if kind == "any-user" else network(kind, sizes, 8)
    trained, out = NetworkPolicy("mine", acting), tmp_path / "out"
    export_policy(trained, config, out)
    text = (out / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"the recipes:\n\n(.*?)\n\n## Features", text, re.DOTALL)
    program = textwrap.dedent(program)
    blocked = "import sys\nsys.modules['ray'] = sys.modules['recipes'] = None\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", blocked + program]
    done = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True, check=True)
    env = edgeoffload_v0.parallel_env(config)
    observations, _ = env.reset(seed=0)
    utility = 0.0
    while env.agents:
        seen = {"state": env.state()} if trained.central else {"observations": observations}
        observations, *_ = env.step(trained.actions(**seen))
        utility += env.unwrapped.utility()
    assert float(done.stdout) == pytest.approx(utility, rel=1e-9)
    if kind == "per-user":
        page = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
        assert f"```py\n{program}\n```\n" in page


def by_the_readme(formula: str, fields: dict[str, float]) -> float:
    """Evaluate a feature's formula as it stands in the README."""
    value, _, inner = formula.partition(", ")
    known = {**fields, "abs": abs, "ln": math.log}
    name, _, expression = inner.partition(" = ")
    known[name] = eval(expression, known)
    return float(eval(value.replace("2 x", "2 * x"), known))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("scenario", ["paper", "random-servers", "paper-load-only"])
@pytest.mark.parametrize("kind", ["per-user", "branching"])
def test_the_readme_says_what_the_features_are(kind: str, scenario: str, tmp_path: Path) -> None:
    config = scenarios.configure(scenario, num_users=2, initial_load_s=(0.0, 1.0))
    trained = NetworkPolicy("mine", network(kind, sizes_of(config), 4))
    export_policy(trained, config, tmp_path / "out")
    lines = re.findall(r"^(\d+)\. (.*?): (.*)$", (tmp_path / "out" / "README.md").read_text(), re.MULTILINE)
    env = edgeoffload_v0.parallel_env(config)
    observations, _ = env.reset(seed=3)
    raw = env.unwrapped.snapshot()
    seen = env.state() if kind == "branching" else observations["user_1"]
    assert [int(place) for place, _, _ in lines] == list(range(len(seen)))
    servers = {"server_hz", "backlog_cycles"}
    for (_, name, formula), value in zip(lines, seen, strict=True):
        user = int(match[1]) if (match := re.match(r"user_(\d+)/", name)) else 1
        server = int(match[1]) - 1 if (match := re.search(r"_(\d+)$", name)) else 0
        fields = {key: float(raw[key][server if key in servers else user]) for key in raw if key != "slot"}
        assert by_the_readme(formula, fields) == pytest.approx(float(value), abs=2e-6), name


@dataclass(frozen=True, kw_only=True)
class Volume(Effect):
    """A data volume that the user sees."""

    def quantities(self) -> tuple[Quantity, ...]:
        return (Quantity(name="volume_bits", unit="bit", scope="user", kind="state", queue=True, text="volume left"),)

    def start(self, fields: Any, config: Any, *, xp: Any) -> dict[str, Any]:
        return {"volume_bits": xp.full_like(fields["task_bits"], 1e9)}

    def after_serve(self, slot: Any) -> None:
        slot.next["volume_bits"] = slot.snapshot["volume_bits"]

    def features(self, config: Any) -> tuple[Feature, ...]:
        return (
            Feature(
                name="volume",
                scope="user",
                text="volume that is left",
                formula="2 x / (1 + x) - 1, x = volume / 1 Gbit",
                reads=("volume_bits",),
                value=lambda volume_bits, config, *, xp: squashed(volume_bits, 1e9),
            ),
        )


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_readme_tells_of_the_features_of_effects(tmp_path: Path) -> None:
    config = scenarios.configure("paper", num_users=2, extra_effects=(Volume(),))
    line = "volume: 2 x / (1 + x) - 1, x = volume / 1 Gbit\n"
    for kind, expected in (("per-user", f"9. {line}"), ("branching", f"19. user_1/{line}")):
        trained = NetworkPolicy("mine", network(kind, sizes_of(config), 4))
        export_policy(trained, config, tmp_path / kind)
        assert (tmp_path / kind / "README.md").read_text().endswith(expected)
