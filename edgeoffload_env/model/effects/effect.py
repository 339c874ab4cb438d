"""The interface of an effect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    pictures. To change a slot, define ``after_<stage>(self, slot)`` for any stage of :data:`.slot.STAGES`.
    """

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the fields that the effect adds to snapshots and infos."""
        return ()

    def processes(self) -> tuple[Process, ...]:
        """Return the random processes that the effect adds."""
        return ()

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
        """Return the fields of the effect's queues at the start of an episode.

        Args:
            fields: the fields drawn by the processes.
            config: the game.
            xp: the array API namespace of the fields.
        """
        return {}
