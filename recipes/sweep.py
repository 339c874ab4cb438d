"""What a sweep trains: every combination of algorithms, scenarios, numbers of users, searched values and seeds.

A search file is YAML: a field that ``--set`` knows to a list of values, or to a range that values are drawn from::

    learning_rate: [0.001, 0.0003]
    env.balance_weight: [0, 1, 10, 100]
    target_rate: {low: 0.001, high: 0.1, log: true}

Every combination of the lists is trained, with ``samples`` draws from the ranges each; all algorithms, scenarios and
seeds get the same values. A list of such mappings is searched one mapping after the other.
"""

import dataclasses
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeoffload_env import scenarios as scenarios_of_package
from edgeoffload_env._validation import check_float
from edgeoffload_env.cli_policies import parse_value
from recipes import registry
from recipes.settings import RunSettings, hyperparameters_and_env

_LONGEST_NAME = 100


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep."""

    settings: RunSettings
    searched: dict[str, Any]
    """The values that the search gave it."""
    folder: Path
    """Where it is trained, below the sweep's folder."""

    @property
    def name(self) -> str:
        """What to call it."""
        return self.folder.as_posix()


def plan(
    algorithms: Sequence[str],
    scenarios: Sequence[str],
    seeds: Iterable[int],
    *,
    num_users: Sequence[int] = (),
    search: Iterable[dict[str, Any]] = ({},),
    env_steps: int | None = None,
    shorter: int = 1,
    assigned: dict[str, Any] | None = None,
) -> list[PlannedRun]:
    """Every run of a sweep, seeds running fastest.

    Args:
        algorithms: their names.
        scenarios: theirs.
        seeds: of the runs.
        num_users: numbers of users in place of the scenarios' own; a scenario's own changes nothing.
        search: values to try, as :func:`combinations` gives them.
        env_steps: length of each run; each algorithm's own by default.
        shorter: what lengths are divided by.
        assigned: what ``--set`` set for all runs.

    Raises:
        TypeError, ValueError: something that an algorithm or a scenario does not know or allow; nothing was started.
    """
    runs = []
    users: Sequence[int | None] = num_users or (None,)
    for name, scenario, count, values in itertools.product(algorithms, scenarios, users, search):
        algorithm = registry.get(name)
        if count is not None and "env.num_users" in (assigned or {}) | values:
            raise ValueError("env.num_users is set or varied twice; allowed: once")
        own = count is None or count == scenarios_of_package.configure(scenario).num_users
        number_of_users = {} if own else {"env.num_users": count}
        for twice in (assigned or {}).keys() & values.keys():
            raise ValueError(f"{twice} is set for all runs and varied; allowed: one of the two")
        hyperparameters, env = hyperparameters_and_env({**(assigned or {}), **number_of_users, **values})
        hyper = algorithm.load().Hyperparameters.of(hyperparameters)
        for seed in seeds:
            settings = RunSettings(
                algorithm=name,
                scenario=scenario,
                seed=seed,
                env_steps=(algorithm.env_steps if env_steps is None else env_steps) // shorter,
                hyperparameters=hyper,
                env=env,
            )
            folder = Path("runs", name, scenario, *_named(number_of_users), *_named(values), f"seed-{seed}")
            runs.append(PlannedRun(settings, dict(values), folder))
    return list({run.folder: run for run in runs}.values())  # what is asked for twice is trained once


def read_search(path: Path) -> list[dict[str, Any]]:
    """A search file: its mappings, each from fields to lists or ranges.

    Raises:
        ValueError: it is not one; the message says what is wrong.
    """
    import yaml  # comes with Ray

    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"--search {path} cannot be read: {error}") from error
    mappings = content if isinstance(content, list) else [content]
    if not mappings or not all(isinstance(fields, dict) for fields in mappings):
        raise ValueError(f"--search {path} holds no fields; allowed: lines such as learning_rate: [0.001, 0.0003]")
    for name, values in (item for fields in mappings for item in fields.items()):
        is_range = isinstance(values, dict) and {"low", "high"} <= values.keys() <= {"low", "high", "log"}
        if not is_range and not (isinstance(values, list) and values):
            raise ValueError(f"--search {name} = {values!r} is not allowed; allowed: a list, or low, high (and log)")
    return [{str(name): _read(values) for name, values in fields.items()} for fields in mappings]


def combinations(search: Sequence[dict[str, Any]], samples: int = 1, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Every combination of the lists of a search, with draws from its ranges.

    Args:
        search: from :func:`read_search`.
        samples: draws for each combination.
        seed: of the draws; the same seed draws the same.

    Raises:
        TypeError, ValueError: a range that is none.
    """
    rng = np.random.default_rng(seed)
    for fields in search:
        lists = {name: values for name, values in fields.items() if isinstance(values, list)}
        ranges = {name: values for name, values in fields.items() if not isinstance(values, list)}
        drawn = [{name: _draw(name, bounds, rng) for name, bounds in ranges.items()} for _ in range(samples)]
        for values in itertools.product(*lists.values()):
            for sample in drawn if ranges else [{}]:
                chosen = dict(zip(lists, values, strict=True)) | sample
                yield {name: chosen[name] for name in fields}


def _draw(name: str, bounds: dict[str, Any], rng: np.random.Generator) -> float | int:
    """A draw, to six digits so that it can be written down: whole where both bounds are."""
    low = check_float(f"low of {name}", bounds["low"], -1e12, 1e12)
    high = check_float(f"high of {name}", bounds["high"], low, 1e12)
    whole_numbers = isinstance(bounds["low"], int) and isinstance(bounds["high"], int)
    if not bounds.get("log", False):
        value = float(rng.integers(round(low), round(high) + 1)) if whole_numbers else float(rng.uniform(low, high))
    else:
        check_float(f"low of {name}", low, 1e-300, high)  # a logarithm needs it
        value = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return round(value) if whole_numbers else float(f"{value:.6g}")


def _read(values: Any) -> Any:
    """Numbers that YAML takes for text, such as 1e-3, as ``--set`` reads them."""
    if isinstance(values, dict):
        return {name: _read(value) for name, value in values.items()}
    if isinstance(values, list):
        return [_read(value) for value in values]
    return parse_value(values) if isinstance(values, str) else values


def _named(values: dict[str, Any]) -> list[str]:
    """A folder's name for values, or none for no values."""
    if not values:
        return []
    text = ",".join(f"{name.removeprefix('env.')}={value}" for name, value in values.items())
    name = re.sub(r"[^\w.,=+-]+", "_", text)
    if name != text or len(name) > _LONGEST_NAME:  # two values could come out alike
        digest = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:8]
        name = f"{name[:_LONGEST_NAME]}-{digest}"
    return [name]
