"""The declarations of one configuration: the paper's, and those of the effects that are on."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeoffload_env._validation import check_choice, fail_unknown
from edgeoffload_env.model import paper
from edgeoffload_env.model.effects import active_effects
from edgeoffload_env.model.effects.arrivals import IdleUsers, blank_without_task
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
    slices: dict[str, slice]
    """Columns of these features in an observation."""
    state_blocks: tuple[tuple[Feature, ...], ...]
    """Features of the global state, in order: blocks of servers' features and of users' features. A block of servers'
    lies feature by feature, a block of users' user by user."""
    episode_features: tuple[str, ...]
    """Features that stay the same for an episode."""
    queue_features: tuple[str, ...]
    """Features that depend on what actions move."""
    masked: bool
    """Whether users sometimes have no choice, so that infos have an action mask."""
    reward_terms: tuple[RewardTerm, ...]
    metrics: tuple[Metric, ...]
    stages: tuple[Callable[[Any], None], ...]
    """The stages of a slot with the effects' own behind them."""

    @functools.cached_property
    def queue_columns(self) -> tuple[tuple[Feature, slice], ...]:
        """Features of an observation that depend on what actions move, and where they lie in it."""
        return tuple((f, self.slices[f.name]) for f in self.columns if f.name in self.queue_features)

    @functools.cached_property
    def exogenous(self) -> tuple[Feature, ...]:
        """Features of an observation that no action changes."""
        return tuple(f for f in self.columns if f.name not in self.queue_features)

    @functools.cached_property
    def constant(self) -> tuple[Process, ...]:
        """Processes that draw once for each episode."""
        return tuple(process for process in self.processes if process.next is None)

    @functools.cached_property
    def at_once(self) -> tuple[Process, ...]:
        """Processes of which many slots can be drawn at once."""
        return tuple(process for process in self.moving if process.at_once)

    @functools.cached_property
    def dependent(self) -> tuple[Process, ...]:
        """Processes that need the slot before to draw the next."""
        return tuple(process for process in self.moving if not process.at_once)

    @functools.cached_property
    def one_law(self) -> bool:
        """Whether first slots are drawn as all others are, so that they can be drawn together."""
        return all(p.independent and p.first == p.next and p.first_uniforms == p.next_uniforms for p in self.moving)

    @functools.cached_property
    def num_columns(self) -> int:
        """D, the length of an observation."""
        return int(max(columns.stop for columns in self.slices.values()))

    @functools.cached_property
    def features(self) -> tuple[Feature, ...]:
        """Every feature that is shown to anyone, once."""
        shown = (*self.columns, *(feature for block in self.state_blocks for feature in block))
        return tuple({feature.name: feature for feature in shown}.values())


def make_schema(config: "EdgeOffloadConfig") -> Schema:
    """Collect the declarations of a configuration.

    Raises:
        ValueError: two effects declare a quantity, feature, process or metric of the same name, or an effect's
            declarations do not fit together; the message names what does not.
    """
    effects = active_effects(config)
    quantities = (*paper.QUANTITIES, *(q for effect in effects for q in effect.quantities()))
    for kind in ("state", "info"):  # a field of the snapshot may have the name of an info
        _unique("quantity", tuple(q for q in quantities if q.kind == kind))
    processes = _unique("process", (*paper.PROCESSES, *(p for effect in effects for p in effect.processes_in(config))))
    replaced = {name for process in processes for name in process.replaces}
    processes = tuple(process for process in processes if process.name not in replaced)
    own = paper.features(config)
    added = tuple(feature for effect in effects for feature in effect.features(config))
    features = _unique("feature", (*own, *added))
    metrics = _unique("metric", (*paper.METRICS, *(m for effect in effects for m in effect.metrics())))
    terms = _unique("reward term", (*paper.REWARD_TERMS, *(t for effect in effects for t in effect.reward_terms())))
    _check_declarations(effects, quantities, processes, added)
    masked = any(isinstance(effect, IdleUsers) for effect in effects)
    if masked:
        own, added, features = (
            tuple(blank_without_task(f) if f.of_task else f for f in some) for some in (own, added, features)
        )
    if config.observation == "load":
        own, added, features = tuple(f for f in own if f.paper), (), tuple(f for f in features if f.paper)
    moving = tuple(process for process in processes if process.next is not None)
    moved = {name for process in moving for name in process.fields}
    queues = tuple(q.name for q in quantities if q.queue)
    infos = {q.name: q for q in quantities if q.kind == "info"}
    columns = tuple(feature for feature in features if feature.observed)
    return Schema(
        effects=effects,
        snapshot={q.name: q for q in quantities if q.kind == "state"},
        queues=queues,
        infos=infos,
        processes=processes,
        moving=moving,
        columns=columns,
        slices=_slices(columns, config.servers),
        state_blocks=tuple(
            block
            for some in (own, added)
            for scope in ("server", "user")
            if (block := tuple(f for f in some if f.in_state and f.scope == scope))
        ),
        episode_features=tuple(f.name for f in features if not (moved | set(queues)) & set(f.reads)),
        queue_features=tuple(f.name for f in features if set(queues) & set(f.reads)),
        masked=masked,
        reward_terms=terms,
        metrics=metrics,
        stages=_stages(effects, tuple(infos), queues),
    )


def _slices(columns: tuple[Feature, ...], servers: int) -> dict[str, slice]:
    slices, start = {}, 0
    for feature in columns:
        slices[feature.name] = slice(start, start + (servers if feature.scope == "server" else 1))
        start = slices[feature.name].stop
    return slices


def _stages(
    effects: tuple[Effect, ...], infos: tuple[str, ...], queues: tuple[str, ...]
) -> tuple[Callable[[Any], None], ...]:
    stages: list[Callable[[Any], None]] = []
    for stage in STAGES:
        stages += _hooks(f"before_{stage.__name__}", effects)
        stages.append(stage)
        stages += _hooks(f"after_{stage.__name__}", effects)
    if effects:
        stages.append(functools.partial(_check_written, infos=infos, queues=queues))
    return tuple(stages)


def _hooks(name: str, effects: tuple[Effect, ...]) -> list[Callable[[Any], None]]:
    found = (getattr(effect, name, None) for effect in effects)
    return [hook for hook in found if hook is not None]


def _check_written(slot: Any, *, infos: tuple[str, ...], queues: tuple[str, ...]) -> None:
    """Refuse a slot in which an effect left out what it declared, or wrote a queue that it did not declare."""
    for names, written, where in ((infos, slot.outcome, "slot.outcome"), (queues, slot.next, "slot.next")):
        for name in names:
            if name not in written:
                raise ValueError(f"{name!r} is declared, but no stage wrote {where}[{name!r}]")
    for name in slot.next:
        if name not in queues:
            fail_unknown("queue in slot.next,", name, queues)


def _check_declarations(
    effects: tuple[Effect, ...],
    quantities: tuple[Quantity, ...],
    processes: tuple[Process, ...],
    features: tuple[Feature, ...],
) -> None:
    """Refuse declarations of effects that do not fit together."""
    if not effects:
        return
    stages = [stage.__name__ for stage in STAGES]
    for kind in map(type, effects):
        for name in dir(kind):
            stage = name.removeprefix("after_").removeprefix("before_")
            if stage != name and stage not in stages and callable(getattr(kind, name)):
                fail_unknown(f"stage in the name of {kind.__name__}.{name},", stage, stages)
    for quantity in quantities:
        check_choice(f"kind of the quantity {quantity.name!r}", quantity.kind, ("state", "info"))
        check_choice(f"scope of the quantity {quantity.name!r}", quantity.scope, ("user", "server", "game"))
    state = {quantity.name: quantity for quantity in quantities if quantity.kind == "state"}
    for process in processes:
        for name in process.fields:
            if name not in state:
                fail_unknown(f"field of the snapshot, drawn by the process {process.name!r},", name, state)
    for feature in features:
        check_choice(f"scope of the feature {feature.name!r}", feature.scope, ("user", "server"))
        for name in feature.reads:
            if name not in state:
                fail_unknown(f"field of the snapshot, read by the feature {feature.name!r},", name, state)
    drawn = {name for process in processes for name in process.fields}
    for name, quantity in state.items():
        if name not in drawn and not quantity.queue:
            raise ValueError(f"the field {name!r} of the snapshot needs a process that draws it, or queue=True")


def _unique(kind: str, declared: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [declaration.name for declaration in declared]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"{kind} {twice[0]!r} is declared twice; choose another name")
    return declared
