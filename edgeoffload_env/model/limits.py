"""Limits that keep times, ratios and rewards finite and positive in float32."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgeoffload_env.model import channel

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

# Within these bounds sums and squares of times, and ratios, neither overflow nor vanish in float32
LARGEST_S = 1e18
SMALLEST_SNR, LARGEST_SNR = 1e-30, 3e38
COUNTED_SLOTS = 10**6
"""Slots of an episode that checks count: an overflow later than that does not justify refusing long episodes."""


class Extremes(NamedTuple):
    """Upper bounds of times, and the extremes of the signal to noise ratio in (5)."""

    queue_s: float
    """Longest queue: all tasks of all slots at the slowest server, none served."""
    local_s: float
    upload_s: float
    """With all users on the channel."""
    least_snr: float
    most_snr: float

    @property
    def has_usable_snr(self) -> bool:
        """Whether ratios neither overflow nor vanish."""
        return SMALLEST_SNR <= self.least_snr <= self.most_snr <= LARGEST_SNR


def worst_case(
    config: "EdgeOffloadConfig",
    *,
    gains: tuple[float, float],
    task_bits: float = 0.0,
    task_cycles: float = 0.0,
    device_hz: float = math.inf,
    server_hz: float = math.inf,
    load_s: float = 0.0,
) -> Extremes:
    """Bound the times and ratios of an episode.

    Args:
        config: the game.
        gains: the least and the greatest channel gain.
        task_bits: the longest task.
        task_cycles: the heaviest task.
        device_hz: the slowest device.
        server_hz: the slowest server.
        load_s: the servers' loads together.
    """
    bits, cycles = max(task_bits, config.most_bits), max(task_cycles, config.most_cycles)
    slots = min(config.max_cycles, COUNTED_SLOTS)
    radio = {"bandwidth_hz": config.bandwidth_hz, "noise_w_per_hz": config.noise_w_per_hz}
    least_w, most_w = config.tx_powers_w[0], config.tx_powers_w[-1]
    slowest_bps = channel.uplink_rate_bps(config.num_users, np.asarray(gains[0]), tx_power_w=least_w, **radio, xp=np)
    return Extremes(
        queue_s=config.num_users * slots * cycles / min(server_hz, config.speed_bounds_hz[0])
        + max(load_s, config.initial_load_s[1]),
        local_s=cycles / min(device_hz, config.device_hz[0]),
        upload_s=bits / float(slowest_bps) if slowest_bps > 0.0 else math.inf,
        least_snr=float(channel.snr(1, gains[0], tx_power_w=least_w, **radio)),
        most_snr=float(channel.snr(config.num_users, gains[1], tx_power_w=most_w, **radio)),
    )


def has_usable_gains(config: "EdgeOffloadConfig", gains: tuple[float, float]) -> bool:
    """Whether ratios and delays stay finite and positive in float32 from the least to the greatest channel gain."""
    worst = worst_case(config, gains=gains)
    return worst.has_usable_snr and worst.upload_s <= LARGEST_S


def largest_balance_weight(config: "EdgeOffloadConfig", queue_s: float) -> float:
    """Return the largest w2 that keeps rewards, and their sum where they are shared, finite at that queue."""
    largest = LARGEST_S**2 if config.reward_sharing == 0.0 else min(LARGEST_S**2, 3e38 / config.num_users)
    return largest / queue_s**2
