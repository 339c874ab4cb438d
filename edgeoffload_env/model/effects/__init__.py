"""Effects beyond the paper: optional parts of the game, one module each, off by default.

An effect is a frozen dataclass with its constants that declares what it adds (:class:`Effect`). It changes a slot by
methods named after the stages of :mod:`edgeoffload_env.model.slot`: ``after_delay(slot)`` runs right after the stage
``delay``. An effect that is off adds no declaration and no stage: it costs nothing and changes nothing.

To add an effect to the package, write its module here, name its class in :data:`KINDS` and give
:class:`.EdgeOffloadConfig` a field for it. Effects outside the package need neither:
``extra_effects=(MyEffect(...),)``.
"""

from typing import TYPE_CHECKING

from edgeoffload_env.model.effects.arrivals import Arrivals
from edgeoffload_env.model.effects.channel import Channel
from edgeoffload_env.model.effects.clock import ContinuousClock
from edgeoffload_env.model.effects.cloud import ElasticServers, ForwardLatency
from edgeoffload_env.model.effects.deadline import Deadline
from edgeoffload_env.model.effects.download import Download
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.effects.energy import Energy
from edgeoffload_env.model.effects.failures import Failures
from edgeoffload_env.model.effects.heavy_tasks import HeavyTasks
from edgeoffload_env.model.effects.levels import Levels
from edgeoffload_env.model.effects.mobility import Mobility
from edgeoffload_env.model.effects.queues import DeviceQueue, UplinkQueue
from edgeoffload_env.model.effects.trace import TaskTrace

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

KINDS: tuple[type[Effect], ...] = (
    *(Arrivals, TaskTrace, HeavyTasks, ForwardLatency, ElasticServers, Download, Levels),
    *(Deadline, DeviceQueue, UplinkQueue, Failures, Energy, ContinuousClock),
    *(Mobility, Channel),  # the channel reads the next positions
)
"""The package's effects, in the order of their columns and in which they act within a stage."""

FIELDS: dict[str, type[Effect]] = {kind.field: kind for kind in KINDS if kind.field}
"""Fields of the configuration that hold an effect."""


def active_effects(config: "EdgeOffloadConfig") -> tuple[Effect, ...]:
    """Return the effects that are on, the package's own first."""
    shipped = (kind.of(config) for kind in KINDS)
    return (*(effect for effect in shipped if effect is not None), *config.extra_effects)


__all__ = [
    "FIELDS",
    "KINDS",
    "Arrivals",
    "Channel",
    "ContinuousClock",
    "Deadline",
    "DeviceQueue",
    "Download",
    "Effect",
    "ElasticServers",
    "Energy",
    "Failures",
    "ForwardLatency",
    "HeavyTasks",
    "Levels",
    "Mobility",
    "TaskTrace",
    "UplinkQueue",
    "active_effects",
]
