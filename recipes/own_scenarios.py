"""Scenarios outside the package, ``module:name``, as a shipped scenario and the fields that differ from it.

A run's settings hold these fields and not the module's name, so that a run can be resumed, evaluated, exported and
trained again without the module.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from edgeoffload_env import EdgeOffloadConfig, scenarios
from edgeoffload_env.cli_scenarios import parse_scenario


def resolve(name: str, env: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a shipped scenario and the overrides that make a scenario's game, with further overrides applied.

    Args:
        name: a shipped scenario, which is returned as it is, or ``module:name``.
        env: overrides of the scenario's configuration.

    Raises:
        TypeError, ValueError: an impossible value, or not a configuration; an unknown shipped name is left to others.
        ImportError: an unknown module or attribute.
    """
    if ":" not in name:
        return name, dict(env)
    config = parse_scenario(name).config.replace(**env)
    if config.extra_effects:
        raise ValueError(
            f"scenario {name!r} has extra_effects, which a run's settings cannot hold; train it from Python, with "
            "env_config={'extra_effects': ...} as in docs/guides/add-an-effect.md"
        )
    return nearest_scenario(config)


def folder_name(name: str) -> str:
    """Return a scenario's name for a folder: without the colon, which no folder has on Windows."""
    return name.replace(":", ".")


def nearest_scenario(config: EdgeOffloadConfig) -> tuple[str, dict[str, Any]]:
    """Return the shipped scenario that shares most fields with a configuration, and the overrides that make it."""
    differing = {name: _differences(scenarios.get(name).config, config) for name in scenarios.names(held_out=False)}
    nearest = min(differing, key=lambda name: len(differing[name]))
    return nearest, differing[nearest]


def _differences(base: EdgeOffloadConfig, config: EdgeOffloadConfig) -> dict[str, Any]:
    """Return the overrides that make one configuration from another, without those that follow from the rest."""
    names = [field.name for field in dataclasses.fields(config)]
    changed = {name: getattr(config, name) for name in names if getattr(config, name) != getattr(base, name)}
    for name in list(changed):  # as server_hz=None follows from server_hz_range, and num_servers from server_hz
        rest = {other: value for other, value in changed.items() if other != name}
        try:
            if base.replace(**rest) == config:
                changed = rest
        except ValueError:
            continue
    return changed
