"""Deadlines: tasks that end too late cost extra. See docs/effects.md."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edgeoffload_env._validation import check_range
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.draws import between
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.features import centred, centred_formula
from edgeoffload_env.model.metrics import task_mean
from edgeoffload_env.model.quantities import Feature, Fields, Metric, Noise, Process, Quantity, RewardTerm

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig


@dataclass(frozen=True, kw_only=True)
class Deadline(Effect):
    """Each task has a deadline tau ~ U(range); a late one is done all the same.

    Raises:
        TypeError, ValueError: a field of the wrong type or out of range; the message names it.
    """

    field: ClassVar[str] = "deadline"
    example: ClassVar[dict[str, Any]] = {"range_s": (0.2, 0.6), "miss_cost_s": 1.0}

    range_s: tuple[float, float]
    """Range of the deadlines in seconds after the start of the slot."""
    miss_cost_s: float
    """Cost of a missed deadline, in seconds of delay."""
    lateness_cost: float = 0.0
    """Cost of each second after the deadline."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "range_s", check_range("Deadline.range_s", self.range_s, 1e-9, 1e9, "s"))
        self._check_floats("s", miss_cost_s=(0.0, 1e6))
        self._check_floats(lateness_cost=(0.0, 1e6))

    def cost_s(self, lateness_s: Array) -> Array:
        """miss_cost_s [t > tau] + lateness_cost max(0, t - tau), seconds, of the lateness max(0, t - tau)."""
        # as a product with floats of its type: a bool times a Python number is of the library's default type
        return (0.0 * lateness_s + self.miss_cost_s) * (lateness_s > 0.0) + self.lateness_cost * lateness_s

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        user: dict[str, Any] = {"scope": "user"}
        return (
            Quantity(name="deadline_s", unit="s", kind="state", text="tau_n, deadline of the task", **user),
            Quantity(name="missed", unit="1", kind="info", type=bool, text="whether t_n > tau_n", **user),
            Quantity(name="lateness_s", unit="s", kind="info", text="max(0, t_n - tau_n)", **user),
        )

    def processes(self) -> tuple[Process, ...]:
        """See :class:`.Effect`."""
        return (
            Process(
                name="deadline",
                fields=("deadline_s",),
                first=self.draw,
                first_uniforms={"user": 1},
                next=self.draw,
                next_uniforms={"user": 1},
                independent=True,
            ),
        )

    def draw(self, noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Draw a deadline for every task, ``[B, N]``."""
        return {"deadline_s": between(noise["user"][0].T, self.range_s)}

    def before_balance(self, slot: Any) -> None:
        """Compare delays with deadlines; users without a task miss nothing."""
        late_s = slot.active * slot.xp.clip(slot.outcome["delay_s"] - slot.snapshot["deadline_s"], min=0.0)
        slot.outcome["lateness_s"], slot.outcome["missed"] = late_s, late_s > 0.0

    def features(self, config: "EdgeOffloadConfig") -> tuple[Feature, ...]:
        """See :class:`.Effect`."""
        return (
            Feature(
                name="deadline",
                scope="user",
                text="deadline of the own task",
                formula=centred_formula("deadline_s", self.range_s),
                reads=("deadline_s",),
                value=lambda deadline_s, config, *, xp: centred(deadline_s, self.range_s, xp=xp),
                of_task=True,
            ),
        )

    def reward_terms(self) -> tuple[RewardTerm, ...]:
        """See :class:`.Effect`."""
        return (
            RewardTerm(
                name="deadline",
                text="miss_cost_s [t_n > tau_n] + lateness_cost max(0, t_n - tau_n)",
                cost=lambda infos: self.cost_s(infos["lateness_s"]),
                weight=lambda config: config.deadline_weight,
            ),
        )

    def metrics(self) -> tuple[Metric, ...]:
        """See :class:`.Effect`."""
        return (
            Metric(
                name="miss_fraction",
                heading="missed",
                text="share of tasks that end after their deadline, 0 to 1",
                accumulator=task_mean(lambda infos: infos["missed"]),
            ),
        )
