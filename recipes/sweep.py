"""Plan of a sweep: every combination of algorithms, scenarios, numbers of users, searched values and seeds.

A search file is YAML. It maps a field, named as for ``--set``, to a list of values, or to a range or a choice to sample
from::

    lr: [0.001, 0.0003]
    env.balance_weight: [0, 1, 10, 100]
    tau: {low: 0.001, high: 0.1, log: true}
    huber: {choice: [true, false]}

Every combination of the lists is trained, each with ``samples`` draws of the others; all algorithms, scenarios and
seeds get the same values. A file may also hold a list of such mappings, which are searched one after the other.
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
from edgeoffload_env._validation import check_float, fail
from edgeoffload_env.cli_policies import parse_value
from recipes import registry
from recipes.own_scenarios import folder_name, resolve
from recipes.settings import RunSettings, hyperparameters_and_env

_LONGEST_NAME = 100


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep."""

    settings: RunSettings
    searched: dict[str, Any]
    """The values that the search chose."""
    folder: Path
    """The run's folder, relative to the sweep's folder."""

    @property
    def name(self) -> str:
        """The run's name in reports: its relative folder."""
        return self.folder.as_posix()


def plan(
    algorithms: Sequence[str],
    scenarios: Sequence[str],
    seeds: Iterable[int],
    *,
    num_users: Sequence[int] = (),
    search: Iterable[dict[str, Any]] = ({},),
    env_steps: int | None = None,
    env_steps_divisor: int = 1,
    assigned: dict[str, Any] | None = None,
) -> list[PlannedRun]:
    """List all runs of a sweep; the seed varies fastest. Duplicates are listed once.

    Args:
        algorithms: names of algorithms.
        scenarios: names of scenarios, or ``module:name`` of configurations.
        seeds: seeds of the runs.
        num_users: numbers of users to use instead of each scenario's own; the scenario's own number is no change.
        search: values to try, from :func:`combinations`.
        env_steps: length of each run; by default the algorithm's.
        env_steps_divisor: divides each length, for quick trials.
        assigned: values that ``--set`` assigns in all runs.

    Raises:
        TypeError, ValueError: an unknown name, or a value that an algorithm or a scenario does not allow.
        ImportError: an unknown module or attribute.
    """
    runs = []
    users: Sequence[int | None] = num_users or (None,)
    for name, scenario, count, values in itertools.product(algorithms, scenarios, users, search):
        algorithm = registry.get(name)
        if count is not None and "env.num_users" in (assigned or {}) | values:
            raise ValueError("env.num_users is given twice: by --num-users, and by --set or --search; give it once")
        shipped, own = resolve(scenario, {})
        is_default = count is None or count == scenarios_of_package.configure(shipped, **own).num_users
        number_of_users = {} if is_default else {"env.num_users": count}
        for name_twice in (assigned or {}).keys() & values.keys():
            raise ValueError(f"{name_twice} is given twice: by --set and by --search; give it once")
        hyperparameters, env = hyperparameters_and_env({**(assigned or {}), **number_of_users, **values})
        shipped, env = resolve(scenario, env)
        hyper = algorithm.load("rllib").Hyperparameters.of(hyperparameters)
        for seed in seeds:
            settings = RunSettings(
                algorithm=name,
                scenario=shipped,
                seed=seed,
                env_steps=(algorithm.env_steps if env_steps is None else env_steps) // env_steps_divisor,
                hyperparameters=hyper,
                env=env,
            )
            chosen = (*_folder_name(number_of_users), *_folder_name(values))
            folder = Path("runs", name, folder_name(scenario), *chosen, f"seed-{seed}")
            runs.append(PlannedRun(settings, dict(values), folder))
    return list({run.folder: run for run in runs}.values())


def read_search(path: Path) -> list[dict[str, Any]]:
    """Read a search file.

    Returns:
        Its mappings, each from fields to lists or ranges.

    Raises:
        ValueError: the file cannot be read or is not a search file.
    """
    import yaml  # comes with Ray

    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"--search {path} cannot be read: {error}") from None
    mappings = content if isinstance(content, list) else [content]
    if not mappings or not all(isinstance(fields, dict) for fields in mappings):
        raise ValueError(f"--search {path} must hold lines such as `lr: [0.001, 0.0003]`")
    for name, values in (item for fields in mappings for item in fields.items()):
        is_range = isinstance(values, dict) and {"low", "high"} <= values.keys() <= {"low", "high", "log"}
        listed = values["choice"] if isinstance(values, dict) and values.keys() == {"choice"} else values
        if not is_range and not (isinstance(listed, list) and listed):
            kinds = "a non-empty list, a range {low: ..., high: ..., log: true}, or {choice: [...]}"
            fail(f"{name} in --search {path}", values, kinds)
    return [parse_search(fields) for fields in mappings]


def parse_search(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a search with numbers that YAML reads as text, such as 1e-3, as numbers, as ``--set`` reads them."""
    return {str(name): _parse(values) for name, values in fields.items()}


def combinations(search: Sequence[dict[str, Any]], samples: int = 1, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Generate every combination of the lists of a search, with draws from its ranges and choices.

    Args:
        search: from :func:`read_search`.
        samples: draws for each combination.
        seed: seed of the draws.

    Raises:
        TypeError, ValueError: invalid bounds of a range.
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


def _draw(name: str, bounds: dict[str, Any], rng: np.random.Generator) -> Any:
    """Draw from a choice, or a number, rounded to six digits so that it can be written down.

    The number is an integer if both bounds are.
    """
    if "choice" in bounds:
        return bounds["choice"][int(rng.integers(len(bounds["choice"])))]
    low = check_float(f"low of {name}", bounds["low"], -1e12, 1e12)
    high = check_float(f"high of {name}", bounds["high"], low, 1e12)
    integers = isinstance(bounds["low"], int) and isinstance(bounds["high"], int)
    if not bounds.get("log", False):
        value = float(rng.integers(round(low), round(high) + 1)) if integers else float(rng.uniform(low, high))
    else:
        check_float(f"low of {name}", low, 1e-300, high)  # log needs a positive number
        value = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return round(value) if integers else float(f"{value:.6g}")


def _parse(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: _parse(value) for name, value in values.items()}
    if isinstance(values, list):
        return [_parse(value) for value in values]
    return parse_value(values) if isinstance(values, str) else values


def _folder_name(values: dict[str, Any]) -> list[str]:
    """Return a folder name for values, or an empty list if there are none."""
    if not values:
        return []
    text = ",".join(f"{name.removeprefix('env.')}={value}" for name, value in values.items())
    name = re.sub(r"[^\w.,=+-]+", "_", text)
    if name != text or len(name) > _LONGEST_NAME:  # different values could get the same name
        digest = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:8]
        name = f"{name[:_LONGEST_NAME]}-{digest}"
    return [name]
