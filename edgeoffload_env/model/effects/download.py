"""Results that travel back to the user. See docs/effects.md."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeoffload_env._validation import fail
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.quantities import Quantity

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

LARGEST_DOWNLOAD_S = 1e17


def download_s(task_bits: Array, result_ratio: float, downlink_bps: float) -> Array:
    """t_down = result_ratio L / downlink_bps, seconds, ``[B, N]``."""
    return task_bits * (result_ratio / downlink_bps)


@dataclass(frozen=True, kw_only=True)
class Download(Effect):
    """Results of offloaded tasks are downloaded: t_n grows by t_down."""

    @classmethod
    def of(cls, config: "EdgeOffloadConfig") -> "Download | None":
        """See :class:`.Effect`."""
        return cls() if config.result_ratio else None

    def check(self, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        if not download_s(config.most_bits, config.result_ratio, config.downlink_bps) <= LARGEST_DOWNLOAD_S:
            expected = f"such that a result is downloaded within {LARGEST_DOWNLOAD_S:g} s"
            fail("result_ratio", config.result_ratio, expected)

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        return (
            Quantity(name="download_s", unit="s", scope="user", kind="info", text="download of the result, 0 if local"),
        )

    def after_delay(self, slot: Any) -> None:
        """Add the download to (10)."""
        config = slot.config
        seconds = slot.offloads * download_s(slot.bits, config.result_ratio, config.downlink_bps)
        slot.outcome["download_s"] = seconds
        slot.outcome["delay_s"] = slot.outcome["delay_s"] + seconds
