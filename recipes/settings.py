"""Settings of a run: algorithm, scenario, seed, length, and every value that differs from its default."""

import dataclasses
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from edgeoffload_env import EdgeOffloadConfig, scenarios
from edgeoffload_env._validation import check_int, fail
from edgeoffload_env.cli_policies import parse_value
from edgeoffload_env.model.effects import KINDS
from recipes import registry
from recipes.hyperparameters import ValidatedConfig

ALSO = "also"
"""Hyper-parameter of algorithms that train on several scenarios: those beside the first."""
_ENV_PREFIX = "env."


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Every input that decides the result of a run.

    Raises:
        TypeError, ValueError: the message names the field, the value and what is allowed.
    """

    algorithm: str
    scenario: str
    seed: int
    env_steps: int
    """Env steps to train for; an env step is one slot of all users in one game."""
    hyperparameters: ValidatedConfig
    env: dict[str, Any] = field(default_factory=dict)
    """Fields of the scenario's configuration that the run overrides."""

    def __post_init__(self) -> None:
        registry.get(self.algorithm)
        object.__setattr__(self, "seed", check_int("seed", self.seed, 0, 2**31 - 1))
        object.__setattr__(self, "env_steps", check_int("env_steps", self.env_steps, 1, 10**12))
        if len(set(self.scenarios)) < len(self.scenarios):
            fail("scenarios", self.scenarios, "different from one another")
        if self.env and len(self.scenarios) > 1:
            fail(
                f"{_ENV_PREFIX}{next(iter(self.env))}",
                next(iter(self.env.values())),
                "left as it is where several scenarios are trained on",
            )
        config = self.env_config
        names = dict.fromkeys(name.partition(".")[0] for name in self.env)  # "energy.idle_power_w" sets part of energy
        object.__setattr__(self, "env", {name: _plain_effect(getattr(config, name)) for name in names})
        others = {name: scenarios.configure(name) for name in self.scenarios[1:]}
        self.hyperparameters.check_games({self.scenario: config} | others)

    @property
    def env_config(self) -> EdgeOffloadConfig:
        """The scenario's configuration with the run's overrides."""
        return scenarios.configure(self.scenario, **self.env)

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The scenarios trained on; the first is :attr:`scenario`."""
        return self.scenario, *(getattr(self.hyperparameters, ALSO, None) or ())

    @property
    def trained_on(self) -> str:
        """The names of :attr:`scenarios`, such as ``paper + sparse``."""
        return " + ".join(self.scenarios)

    @property
    def label(self) -> str:
        """Name of the run's policy in tables: the algorithm, with the scenarios where it learns several."""
        return f"{self.algorithm} ({self.trained_on})" if len(self.scenarios) > 1 else self.algorithm

    @property
    def command(self) -> str:
        """The shell command that trains this run."""
        default = vars(type(self.hyperparameters)())
        values = {name: value for name, value in vars(self.hyperparameters).items() if value != default[name]}
        values |= {f"{_ENV_PREFIX}{name}": value for name, value in self._env_in_parts()}
        values.pop(ALSO, None)
        words = [self.algorithm, "--scenario", *self.scenarios, "--seed", self.seed, "--env-steps", self.env_steps]
        words += [word for name, value in values.items() for word in ("--set", f"{name}={_written(value)}")]
        return " ".join(["python", "-m", "recipes", "train", *(quoted(str(word)) for word in words)])

    def _env_in_parts(self) -> Iterator[tuple[str, Any]]:
        """Yield the overrides with each effect as its fields, "energy.cost_s_per_j", but for those at their default."""
        for name, value in self.env.items():
            if not isinstance(value, dict):
                yield name, value
                continue
            base = _plain_effect(getattr(scenarios.configure(self.scenario), name))
            kind = type(getattr(self.env_config, name))
            base = base or {field.name: field.default for field in dataclasses.fields(kind)}
            changed = {part: item for part, item in value.items() if base.get(part, dataclasses.MISSING) != item}
            if not changed:
                yield name, value
            yield from ((f"{name}.{part}", item) for part, item in changed.items())

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "algorithm": self.algorithm,
            "scenario": self.scenario,
            "seed": self.seed,
            "env_steps": self.env_steps,
            "hyperparameters": _plain(dataclasses.asdict(self.hyperparameters)),
            "env": _plain(self.env),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "RunSettings":
        """Return the settings that :meth:`to_json` wrote."""
        hyperparameters = registry.get(values["algorithm"]).load().Hyperparameters
        return cls(**(values | {"hyperparameters": hyperparameters.of(values["hyperparameters"])}))


def _written(value: Any) -> str:
    """Return a value's text for ``--set``: bare, unless it would be read as another value."""
    return str(value) if parse_value(str(value)) == value else repr(value)


def quoted(word: str) -> str:
    """Return a word for a shell: in double quotes where single ones would be escaped one by one."""
    plain = "'" in word and not set(word) & set('"$`\\!')
    return f'"{word}"' if plain else shlex.quote(word)


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Return the values of ``--set field=value`` arguments.

    Raises:
        ValueError: not of the form ``field=value``, or a field given twice.
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name or not text:
            raise ValueError(f"--set must be field=value or env.field=value, got {assignment!r}")
        if name in values:
            raise ValueError(f"--set {name} is given twice")
        values[name] = parse_value(text)
    return values


def hyperparameters_and_env(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split values into hyper-parameters and fields of the environment (``env.field``, without the prefix)."""
    env = {name.removeprefix(_ENV_PREFIX): value for name, value in values.items() if name.startswith(_ENV_PREFIX)}
    return {name: value for name, value in values.items() if not name.startswith(_ENV_PREFIX)}, env


def _plain_effect(value: Any) -> Any:
    """Return an effect of the package as a dict of its fields, and anything else as it is."""
    return dataclasses.asdict(value) if isinstance(value, KINDS) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
