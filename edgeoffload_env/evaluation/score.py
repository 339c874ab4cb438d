"""Scores: 0 is the better of ``random`` and ``local``, 1 the best shipped policy; both are stored per scenario."""

import dataclasses
from typing import Any

from edgeoffload_env import stored
from edgeoffload_env.config import EdgeOffloadConfig


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
    """Floor, reference and best constant assignment of a scenario."""

    floor: Baseline
    """Score 0: the better of ``random`` and ``local``."""
    reference: Baseline
    """Score 1 and gain 1: the best shipped policy."""
    fixed: Baseline
    """Gain 0: the best constant assignment found."""

    def score(self, utility: Any) -> Any:
        """Return (utility - floor) / (reference - floor) of numbers or arrays."""
        return _between(utility, self.floor.utility, self.reference.utility)

    def gain_over_fixed(self, utility: Any) -> Any:
        """Return (utility - fixed) / (reference - fixed) of numbers or arrays: what state is worth to a policy."""
        return _between(utility, self.fixed.utility, self.reference.utility)


def _between(utility: Any, zero: float, one: float) -> Any:
    return (utility - zero) / (one - zero)


def score_baselines(config: EdgeOffloadConfig) -> ScoreBaselines | None:
    """Return the baselines of the scenario with this game, or None if there is no such scenario."""
    entry = stored.entry_of(config)
    if entry is None:
        return None
    names = [field.name for field in dataclasses.fields(ScoreBaselines)]
    return ScoreBaselines(**{name: Baseline(**entry[name]) for name in names})
