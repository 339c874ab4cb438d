"""The declarations of one configuration: the paper's, and those of the effects that are on."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeoffload_env.model import paper
from edgeoffload_env.model.effects import active_effects
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.quantities import Feature, Metric, Process, Quantity, RewardTerm
from edgeoffload_env.model.slot import STAGES

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Declarations of a configuration, sorted for the views, policies, tables and pictures that derive from them."""

    effects: tuple[Effect, ...]
    """The effects that are on."""
    snapshot: dict[str, Quantity]
    """Fields of a snapshot."""
    queues: tuple[str, ...]
    """Fields that actions move."""
    infos: dict[str, Quantity]
    """Fields of an info."""
    processes: tuple[Process, ...]
    moving: tuple[Process, ...]
    """Processes that change within an episode."""
    columns: tuple[Feature, ...]
    """Features that a user observes, in order."""
    state_blocks: tuple[tuple[Feature, ...], ...]
    """Features of the global state, in order: blocks of servers' features and of users' features. A block of servers'
    lies feature by feature, a block of users' user by user."""
    episode_features: tuple[str, ...]
    """Features that stay the same for an episode."""
    queue_features: tuple[str, ...]
    """Features that depend on what actions move."""
    reward_terms: tuple[RewardTerm, ...]
    metrics: tuple[Metric, ...]
    stages: tuple[Callable[[Any], None], ...]
    """The stages of a slot with the effects' own behind them."""

    @functools.cached_property
    def features(self) -> tuple[Feature, ...]:
        """Every feature that is shown to anyone, once."""
        shown = (*self.columns, *(feature for block in self.state_blocks for feature in block))
        return tuple({feature.name: feature for feature in shown}.values())


def make_schema(config: "EdgeOffloadConfig") -> Schema:
    """Collect the declarations of a configuration.

    Raises:
        ValueError: two effects declare a quantity, feature, process or metric of the same name.
    """
    effects = active_effects(config)
    quantities = _unique("quantity", (*paper.QUANTITIES, *(q for effect in effects for q in effect.quantities())))
    processes = _unique("process", (*paper.PROCESSES, *(p for effect in effects for p in effect.processes())))
    own = paper.features(config)
    added = tuple(feature for effect in effects for feature in effect.features(config))
    features = _unique("feature", (*own, *added))
    metrics = _unique("metric", (*paper.METRICS, *(m for effect in effects for m in effect.metrics())))
    terms = _unique("reward term", (*paper.REWARD_TERMS, *(t for effect in effects for t in effect.reward_terms())))
    if config.observation == "load":
        own, added, features = tuple(f for f in own if f.paper), (), tuple(f for f in features if f.paper)
    moving = tuple(process for process in processes if process.next is not None)
    moved = {name for process in moving for name in process.fields}
    queues = tuple(q.name for q in quantities if q.queue)
    return Schema(
        effects=effects,
        snapshot={q.name: q for q in quantities if q.kind == "state"},
        queues=queues,
        infos={q.name: q for q in quantities if q.kind == "info"},
        processes=processes,
        moving=moving,
        columns=tuple(feature for feature in features if feature.observed),
        state_blocks=tuple(
            block
            for some in (own, added)
            for scope in ("server", "user")
            if (block := tuple(f for f in some if f.in_state and f.scope == scope))
        ),
        episode_features=tuple(f.name for f in features if not (moved | set(queues)) & set(f.reads)),
        queue_features=tuple(f.name for f in features if set(queues) & set(f.reads)),
        reward_terms=terms,
        metrics=metrics,
        stages=_stages(effects),
    )


def _stages(effects: tuple[Effect, ...]) -> tuple[Callable[[Any], None], ...]:
    stages: list[Callable[[Any], None]] = []
    for stage in STAGES:
        stages.append(stage)
        hooks = (getattr(effect, f"after_{stage.__name__}", None) for effect in effects)
        stages += [hook for hook in hooks if hook is not None]
    return tuple(stages)


def _unique(kind: str, declared: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [declaration.name for declaration in declared]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"{kind} {twice[0]!r} is declared twice; choose another name")
    return declared
