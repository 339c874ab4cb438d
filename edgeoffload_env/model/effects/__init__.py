"""Effects beyond the paper: optional parts of the game, one module each, off by default.

An effect is a frozen dataclass with its constants that declares what it adds (:class:`Effect`). It changes a slot by
methods named after the stages of :mod:`edgeoffload_env.model.slot`: ``after_delay(slot)`` runs right after the stage
``delay``. An effect that is off adds no declaration and no stage: it costs nothing and changes nothing.

To add an effect to the package, write its module here, give :class:`.EdgeOffloadConfig` a field for it and name the
field in :data:`FIELDS`. Effects outside the package need neither: ``extra_effects=(MyEffect(...),)``.
"""

from typing import TYPE_CHECKING

from edgeoffload_env.model.effects.effect import Effect

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

FIELDS: tuple[str, ...] = ()
"""Fields of the configuration that hold an effect, in the order of their columns."""


def active_effects(config: "EdgeOffloadConfig") -> tuple[Effect, ...]:
    """Return the effects that are on, the package's own first."""
    shipped = (getattr(config, name) for name in FIELDS)
    return (*(effect for effect in shipped if effect is not None), *config.extra_effects)


__all__ = ["FIELDS", "Effect", "active_effects"]
