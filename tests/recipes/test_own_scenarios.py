import dataclasses
from pathlib import Path

import pytest

from edgeoffload_env import EdgeOffloadConfig, scenarios
from recipes.cli import main, parse
from recipes.commands.exit_codes import REFUSED
from recipes.commands.train import folder_of, settings_of
from recipes.own_scenarios import nearest_scenario
from recipes.settings import RunSettings
from recipes.sweep import plan

MODULE = """
from edgeoffload_env import EdgeOffloadConfig, scenarios
from edgeoffload_env.effects import Effect

busy = scenarios.configure("urban", num_users=16, max_cycles=60)
strange = scenarios.configure("paper", extra_effects=(Effect(),))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module of scenarios in the current folder."""
    (tmp_path / "own_games_of_a_test.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return "own_games_of_a_test"


@pytest.mark.parametrize(
    "config",
    [
        EdgeOffloadConfig(num_users=12, server_hz=(10e9, 30e9), slot_s=0.2),
        scenarios.configure("urban", num_users=16, deadline=None),
        scenarios.configure("random-servers", num_servers=3, server_hz_range=(8e9, 9e9)),
        scenarios.configure("paper", server_hz_range=(8e9, 9e9), num_servers=4, cycles_per_bit=(100.0, 200.0)),
        *(scenarios.get(name).config for name in scenarios.names()),
    ],
)
def test_overrides_of_a_shipped_scenario_make_the_same_game(config: EdgeOffloadConfig) -> None:
    name, overrides = nearest_scenario(config)
    assert scenarios.configure(name, **overrides) == config
    assert not scenarios.get(name).held_out


def test_the_nearest_scenario_shares_most_fields() -> None:
    assert nearest_scenario(scenarios.get("crowded").config) == ("crowded", {})
    config = scenarios.configure("urban", num_users=16)
    assert nearest_scenario(config) == ("urban", {"num_users": 16})
    two_servers = EdgeOffloadConfig(server_hz=(10e9, 30e9))
    assert nearest_scenario(two_servers) == ("paper", {"server_hz": (10e9, 30e9)})  # num_servers follows


def test_a_run_on_an_own_scenario_needs_its_module_no_more(module: str) -> None:
    options = parse(["train", "ippo", "--scenario", f"{module}:busy", "--set", "env.num_users=9"])
    settings = settings_of(options)
    assert settings.env_config == scenarios.configure("urban", num_users=9, max_cycles=60)
    assert module not in settings.command
    assert folder_of(options, settings) == f"{module}.busy"
    assert RunSettings.from_json(settings.to_json()) == settings


def test_sweeps_take_own_scenarios(module: str) -> None:
    runs = plan(["ippo"], [f"{module}:busy", "sparse"], [0, 1], num_users=[9, 16], env_steps=100)
    folders = [run.folder.relative_to("runs/ippo").parts[0] for run in runs]
    assert folders == [f"{module}.busy"] * 4 + ["sparse"] * 4
    assert [run.settings.env_config.num_users for run in runs] == [9, 9, 16, 16] * 2
    assert {run.settings.env_config.max_cycles for run in runs[:4]} == {60}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenario", "{}:strange"], "has extra_effects, which a run's settings cannot hold"),
        (["--scenario", "{}:busy_"], "has no attribute 'busy_'; did you mean 'busy'?"),
        (["--scenario", "{}:busy", "--set", "also=('paper',)"], ":busy cannot be combined with other scenarios"),
        (["--scenario", "{}:busy", "paper"], ":busy cannot be combined with other scenarios; only shipped ones can"),
    ],
)
def test_own_scenarios_that_cannot_be_trained_are_refused(
    arguments: list[str], message: str, module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "ippo", *(word.format(module) for word in arguments)]) == REFUSED
    assert message in capsys.readouterr().err


def test_games_are_hashable_with_effects() -> None:
    """Plots compare the games of runs by them."""
    game = scenarios.get("urban").config
    assert len({game, dataclasses.replace(game), scenarios.configure("urban", num_users=16)}) == 2
