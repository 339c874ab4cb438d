"""Scores: 0 is the better of ``random`` and ``local``, 1 the best shipped policy; both are stored per scenario."""

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baseline:
    """The utility of a policy in a scenario, as stored."""

    policy: str
    parameters: dict[str, Any]
    utility: float
    low: float
    """Lower end of the 95 % interval of ``utility``."""
    high: float
    """Its upper end."""
    episodes: int
    """Episodes it was measured over."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoreBaselines:
    """Floor and reference of a scenario."""

    floor: Baseline
    """Score 0: the better of ``random`` and ``local``."""
    reference: Baseline
    """Score 1: the best shipped policy."""


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
    return {"effect": type(effect).__name__, **dataclasses.asdict(effect)}


@functools.cache
def stored() -> dict[str, Any]:
    """Return the content of the data file."""
    content: dict[str, Any] = json.loads((resources.files("edgeoffload_env") / "data" / DATA_FILE).read_text("utf-8"))
    return content


def score_baselines(config: EdgeOffloadConfig) -> ScoreBaselines | None:
    """Return the floor and reference of the scenario with this game, or None if there is no such scenario.

    Games are compared field by field, so that a changed scenario cannot keep the baselines of its old form.
    """
    game = game_of(config)
    for entry in stored()["scenarios"].values():
        if entry["game"] == game:
            return ScoreBaselines(floor=Baseline(**entry["floor"]), reference=Baseline(**entry["reference"]))
    return None
