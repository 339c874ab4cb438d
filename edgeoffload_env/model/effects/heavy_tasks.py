"""Heavy tasks: now and then a task needs several times the cycles. See docs/effects.md."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.quantities import Fields, Noise, Process

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig


@dataclass(frozen=True, kw_only=True)
class HeavyTasks(Effect):
    """With ``probability`` a task needs ``factor`` times the cycles.

    Raises:
        TypeError, ValueError: a field of the wrong type or out of range; the message names it.
    """

    field: ClassVar[str] = "heavy_tasks"
    example: ClassVar[dict[str, Any]] = {"probability": 0.2, "factor": 3.0}

    probability: float
    """Chance that a task is heavy."""
    factor: float
    """Cycles of a heavy task, as a multiple of what was drawn."""

    def __post_init__(self) -> None:
        self._check_floats(probability=(0.0, 1.0), factor=(1e-6, 1e6))

    def processes(self) -> tuple[Process, ...]:
        """See :class:`.Effect`."""
        return (
            Process(
                name="heavy_tasks",
                fields=("task_cycles",),
                first=self.draw,
                first_uniforms={"user": 1},
                next=self.draw,
                next_uniforms={"user": 1},
                independent=True,
            ),
        )

    def draw(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Multiply the cycles of the tasks just drawn."""
        cycles = fields["task_cycles"]
        heavy = xp.astype(self.probability > noise["user"][0].T, cycles.dtype)
        return {"task_cycles": cycles * (1.0 + (self.factor - 1.0) * heavy)}
