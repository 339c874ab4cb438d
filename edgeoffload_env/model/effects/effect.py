"""The interface of an effect."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from edgeoffload_env._validation import check_float, fail, fail_unknown
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.quantities import Feature, Fields, Metric, Process, Quantity, RewardTerm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeoffload_env.config import EdgeOffloadConfig


@dataclass(frozen=True, kw_only=True)
class Effect:
    """An optional part of the game. Subclasses are frozen, keyword-only dataclasses that validate their fields.

    What is declared here appears everywhere: in snapshots, infos, observations, states, rewards, metrics, tables and
    pictures. To change a slot, define ``before_<stage>(self, slot)`` or ``after_<stage>(self, slot)`` for any stage of
    :data:`.slot.STAGES`.
    """

    field: ClassVar[str] = ""
    """Field of the configuration that holds the effect, for those of the package."""
    example: ClassVar[dict[str, Any]] = {}
    """Fields to make the effect from, for the message that refuses anything else; for those of the package."""

    @classmethod
    def of(cls, config: "EdgeOffloadConfig") -> Self | None:
        """Return the effect that a configuration asks for, or None where it is off; for those of the package."""
        effect: Self | None = getattr(config, cls.field)
        return effect

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the fields that the effect adds to snapshots and infos."""
        return ()

    def processes(self) -> tuple[Process, ...]:
        """Return the random processes that the effect adds."""
        return ()

    def processes_in(self, config: "EdgeOffloadConfig") -> tuple[Process, ...]:
        """Return the random processes in a game, where they depend on its other fields."""
        return self.processes()

    def features(self, config: "EdgeOffloadConfig") -> tuple[Feature, ...]:
        """Return the columns that the effect appends to observations and states."""
        return ()

    def reward_terms(self) -> tuple[RewardTerm, ...]:
        """Return the costs that the effect subtracts from rewards and utility."""
        return ()

    def metrics(self) -> tuple[Metric, ...]:
        """Return the metrics that the effect adds to evaluations."""
        return ()

    def check(self, config: "EdgeOffloadConfig") -> None:
        """Refuse configurations that the effect cannot be part of.

        Raises:
            ValueError: the message names the field, the value and what is allowed.
        """

    def check_snapshot(self, snapshot: "Mapping[str, NDArray[np.float64]]", config: "EdgeOffloadConfig") -> None:
        """Refuse snapshots whose fields are possible one by one and impossible together.

        Raises:
            ValueError: the message names the field, the value and what is allowed.
        """

    def start(self, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Return the fields of the effect's queues at the start of an episode, and drawn fields that it changes.

        Args:
            fields: the fields drawn by the processes.
            config: the game.
            xp: the array API namespace of the fields.
        """
        return {}

    def given(self) -> dict[str, Any]:
        """Return the fields to make the effect from, without those that follow from others."""
        return dataclasses.asdict(self)

    def _check_floats(self, unit: str = "", **bounds: tuple[float, float]) -> None:
        """Validate fields and store them as floats; ``bounds`` gives each field's least and greatest value."""
        for name, (low, high) in bounds.items():
            value = check_float(f"{type(self).__name__}.{name}", getattr(self, name), low, high, unit)
            object.__setattr__(self, name, value)


def check_effect(name: str, value: Any, kind: type[Effect]) -> Effect | None:
    """Return an effect given as an instance, as a dict of its fields, or None.

    Raises:
        TypeError: anything else, an unknown field, or a field that is missing.
        ValueError: an impossible value of a field.
    """
    if value is None or type(value) is kind:
        return value
    if not isinstance(value, Mapping):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        example = f", as {kind.example!r}" if kind.example else ""
        expected = f"None, {article} {kind.__name__}, or a dict of its fields ({_field_names(kind)}){example}"
        fail(name, value, expected, TypeError)
    known = {field.name: field for field in dataclasses.fields(kind)}
    for given in value:
        if given not in known:
            fail_unknown(f"field of {name}:", given, known, TypeError)
    for field in known.values():
        if _is_required(field) and field.name not in value:
            raise TypeError(f"{name} lacks the field {field.name!r}; it must have {_field_names(kind)}")
    return kind(**value)


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _field_names(kind: type[Effect]) -> str:
    """Return the names of an effect's fields, the required ones first."""
    fields = dataclasses.fields(kind)
    required = ", ".join(field.name for field in fields if _is_required(field))
    optional = ", ".join(field.name for field in fields if not _is_required(field))
    if not required:
        return f"any of {optional}"
    return f"{required} and optionally {optional}" if optional else required
