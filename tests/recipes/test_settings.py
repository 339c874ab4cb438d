import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from edgeoffload_env.effects import EXAMPLE_TRACE, Energy
from recipes import registry
from recipes.cli import parse
from recipes.commands.train import settings_of
from recipes.hyperparameters import LayerSizes, Range, ValidatedConfig
from recipes.settings import RunSettings, hyperparameters_and_env, parse_assignments, quoted


@dataclass(frozen=True, kw_only=True)
class Toy(ValidatedConfig):
    """For the tests."""

    rate: Annotated[float, Range(0.0, 1.0)] = 0.5
    """A rate."""
    count: Annotated[int, Range(1, 10)] = 2
    """A count, over
    two lines."""
    hidden: LayerSizes = (4, 4)
    """Sizes."""
    mode: Literal["a", "b"] = "a"
    """A mode."""
    on: bool = False
    """A switch."""
    limit: Annotated[float, Range(1.0, 2.0)] | None = None
    """A limit, or none."""


def settings(**changes: Any) -> RunSettings:
    module = registry.get("rllib-dqn").load()
    values = {"algorithm": "rllib-dqn", "scenario": "paper", "seed": 0, "env_steps": 100}
    return RunSettings(**(values | {"hyperparameters": module.Hyperparameters()} | changes))


def test_values_are_stored_in_their_type() -> None:
    toy = Toy.of({"rate": 1, "hidden": [3], "mode": "b", "on": True, "limit": 2})
    assert toy == Toy(rate=1.0, hidden=(3,), mode="b", on=True, limit=2.0)
    assert Toy.of({"limit": None}) == Toy()
    assert type(toy.rate) is float
    assert type(toy.hidden) is tuple


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"rate": 1.5}, ValueError, "rate must be a number in [0, 1], got 1.5"),
        ({"rate": float("nan")}, ValueError, "rate must be a number in [0, 1], got nan"),
        ({"rate": "fast"}, TypeError, "rate must be a number in [0, 1], got 'fast'"),
        ({"rate": True}, TypeError, "rate must be a number in [0, 1], got True"),
        ({"rate": None}, TypeError, "rate must be a number in [0, 1], got None"),
        ({"count": 2.0}, TypeError, "count must be an integer in [1, 10], got 2.0"),
        ({"count": 0}, ValueError, "count must be an integer in [1, 10], got 0"),
        ({"hidden": ()}, TypeError, "hidden must be a non-empty tuple such as (64, 64), got ()"),
        ({"hidden": 64}, TypeError, "hidden must be a non-empty tuple such as (64, 64), got 64"),
        ({"hidden": (64, 0)}, ValueError, "hidden must be an integer in [1, 100000], got 0"),
        ({"mode": "c"}, ValueError, "mode must be 'a' or 'b', got 'c'"),
        ({"on": 1}, TypeError, "on must be True or False, got 1"),
        ({"limit": 3.0}, ValueError, "limit must be a number in [1, 2], got 3.0"),
        ({"raet": 1}, TypeError, "unknown hyper-parameter 'raet'; did you mean 'rate'? Known: rate, count, hidden"),
    ],
)
def test_bad_values_are_named(values: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Toy.of(values)


def test_descriptions_come_from_the_docstrings() -> None:
    assert Toy.described()[:2] == [("rate", 0.5, "A rate."), ("count", 2, "A count, over two lines.")]


@pytest.mark.parametrize("name", registry.ALGORITHMS)
def test_every_algorithm_documents_its_hyperparameters_and_its_command(name: str) -> None:
    module = registry.get(name).load()
    assert all(text.endswith(".") for _, _, text in module.Hyperparameters.described())
    assert f"python -m recipes train {name}" in (module.__doc__ or "")


def test_assignments_go_to_the_algorithm_or_to_the_game() -> None:
    given = ["lr=1e-4", "env.num_users=4", "hidden=(8, 8)", "env.observation=load", "double_q=false"]
    hyper, env = hyperparameters_and_env(parse_assignments(given))
    assert hyper == {"lr": 1e-4, "hidden": (8, 8), "double_q": False}
    assert env == {"num_users": 4, "observation": "load"}


@pytest.mark.parametrize("text", ["lr", "=3", "lr="])
def test_assignments_have_a_form(text: str) -> None:
    with pytest.raises(ValueError, match=f"--set must be field=value or env.field=value, got '{text}'"):
        parse_assignments([text])


def test_an_assignment_is_made_once() -> None:
    with pytest.raises(ValueError, match="double_q is given twice"):
        parse_assignments(["double_q=false", "double_q=true"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithm": "sarsa"}, "unknown algorithm 'sarsa'. Known: dtomalb"),
        ({"scenario": "papers"}, "papers"),
        ({"seed": -1}, "seed must be an integer in [0, 2147483647], got -1"),
        ({"seed": 2**31}, "got 2147483648"),
        ({"env_steps": 0}, "env_steps must be an integer in [1, 1000000000000], got 0"),
        ({"env_steps": 1e4}, "env_steps must be an integer in [1, 1000000000000], got 10000.0"),
        ({"env": {"slot_s": -1}}, "slot_s"),
        ({"env": {"slots": 3}}, "unknown field 'slots'"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        settings(**changes)


def test_settings_survive_their_command() -> None:
    hyper = registry.get("rllib-dqn").load().Hyperparameters
    changed = hyper.of({"hidden": (8, 4), "lr": 1e-05, "double_q": False})
    several = registry.get("dtomalb-equivariant").load().Hyperparameters(also=("sparse", "urban"), lr=1e-05)
    for asked in (
        settings(),
        settings(algorithm="dtomalb-equivariant", hyperparameters=several),
        settings(seed=3, hyperparameters=changed, env={"num_users": 4, "server_hz": (1e9, 2.5e9)}),
    ):
        assert settings_of(parse(shlex.split(asked.command)[3:])) == asked
    assert asked.command.startswith(
        "python -m recipes train rllib-dqn --scenario paper --seed 3 --env-steps 100 --set "
    )


def test_settings_survive_a_file() -> None:
    module = registry.get("rllib-dqn").load()
    hyper = module.Hyperparameters.of({"hidden": (8,), "gamma": 0.5})
    before = settings(hyperparameters=hyper, env={"server_hz": (1e9, 2e9), "num_users": 3})
    after = RunSettings.from_json(json.loads(json.dumps(before.to_json())))
    assert after == before
    assert after.env_config.num_servers == 2


@pytest.mark.parametrize(
    "given",
    [
        {"energy": {"cost_s_per_j": 0.2}},
        {"energy.cost_s_per_j": 0.2},
        {"energy.cost_s_per_j": 0.2, "energy.switched_capacitance": 1e-27},
        {"energy": Energy(cost_s_per_j=0.2)},
    ],
)
def test_effects_of_the_environment(given: dict[str, Any]) -> None:
    """However an effect is given, the run is the same, in its file and on its command line."""
    made = settings(env=given)
    assert made.env_config.energy == Energy(cost_s_per_j=0.2)
    assert made == settings(env={"energy": Energy(cost_s_per_j=0.2)})
    assert_written_and_read(made)


def test_a_command_names_the_fields_of_an_effect() -> None:
    """Those alone that differ from the scenario's, or else from the effect's own defaults."""
    made = settings(env={"deadline": {"range_s": (0.2, 0.6), "miss_cost_s": 2.0}})
    assert made.command.endswith("--set 'env.deadline.range_s=(0.2, 0.6)' --set env.deadline.miss_cost_s=2.0")
    made = settings(scenario="urban", env={"deadline.miss_cost_s": 2.0})
    assert made.command.endswith("--env-steps 100 --set env.deadline.miss_cost_s=2.0")
    assert settings(scenario="urban", env={"deadline": None}).command.endswith("--set env.deadline=None")
    for asked in (made, settings(scenario="urban", env={"deadline": None})):
        assert settings_of(parse(shlex.split(asked.command)[3:])) == asked


@pytest.mark.parametrize("word", ["plain", "two words", "it's {'a': 1}", "$HOME's", '"both\' kinds"', "`x`'"])
def test_a_quoted_word_is_one_word_for_a_shell(word: str) -> None:
    assert shlex.split(quoted(word)) == [word]
    assert "'\"'\"'" not in quoted("{'a': 1}")
    shown = subprocess.run(["bash", "-c", f"printf %s {quoted(word)}"], capture_output=True, text=True, check=True)
    assert shown.stdout == word


def test_a_trace_is_written_with_the_hash_of_its_content() -> None:
    made = settings(
        env={
            "task_trace.path": EXAMPLE_TRACE,
            "task_trace.columns": {"time": "time_s", "bits": 1e6, "cycles": {"tokens_out": 1e7}},
        }
    )
    trace = made.env_config.task_trace
    assert trace is not None
    assert made.to_json()["env"]["task_trace"]["sha256"] == trace.sha256
    assert_written_and_read(made)


def assert_written_and_read(made: RunSettings) -> None:
    """A run is the same after its file, and after its command line."""
    assert RunSettings.from_json(json.loads(json.dumps(made.to_json()))) == made
    words = shlex.split(made.command)
    assignments = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    _, env = hyperparameters_and_env(parse_assignments(assignments))
    assert settings(env=env) == made
