"""Stored results of searches: for every scenario its floor, its reference and its best constant assignment."""

import dataclasses
import functools
import json
from importlib import resources
from typing import Any

from edgeoffload_env.config import EdgeOffloadConfig

DATA_FILE = "scores_v0.json"

IGNORED_FIELDS = (
    *("delay_weight", "balance_weight", "deadline_weight", "energy_weight"),
    *("reward_sharing", "observation"),
)
"""Fields that change observations and rewards, but neither the game nor the utility."""


def game_of(config: EdgeOffloadConfig) -> dict[str, Any]:
    """Return the fields of the game that differ from their defaults, as JSON holds them.

    Fields at their defaults are left out, so that stored games stay valid when a field is added.
    """
    default = EdgeOffloadConfig()
    names = (field.name for field in dataclasses.fields(config) if field.name not in IGNORED_FIELDS)
    changed = {name: getattr(config, name) for name in names if getattr(config, name) != getattr(default, name)}
    game: dict[str, Any] = json.loads(json.dumps(changed, default=_as_json))
    return game


def _as_json(effect: Any) -> dict[str, Any]:
    values = dataclasses.asdict(effect)  # without those that two equal effects may differ in: where a file lies
    return {
        "effect": type(effect).__name__,
        **{f.name: values[f.name] for f in dataclasses.fields(effect) if f.compare},
    }


@functools.cache
def content() -> dict[str, Any]:
    """Return the content of the data file."""
    found: dict[str, Any] = json.loads((resources.files("edgeoffload_env") / "data" / DATA_FILE).read_text("utf-8"))
    return found


def entry_of(config: EdgeOffloadConfig) -> dict[str, Any] | None:
    """Return what is stored for the scenario with this game, or None if there is no such scenario.

    Games are compared field by field, so that a changed scenario cannot keep the results of its old form.
    """
    game = game_of(config)
    entries = content()["scenarios"].values()
    return next((entry for entry in entries if entry["game"] == game), None)
