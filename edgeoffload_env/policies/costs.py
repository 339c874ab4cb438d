"""Delays of each user at each place, from the model's functions, for the planning policies."""

from typing import Any

import numpy as np

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import channel, delay
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.policies.view import Floats


def upload_s(arrays: Snapshot, config: EdgeOffloadConfig, offloaders: Any) -> Floats:
    """(7) for every user if ``offloaders`` users upload, seconds, ``[B, N]``.

    Args:
        arrays: B games.
        config: their constants; with ``channel_sharing="all"`` the number of offloaders makes no difference.
        offloaders: K >= 1, a number or ``[B, 1]``.
    """
    sharers = offloaders if config.channel_sharing == "active" else config.num_users
    rate_bps = channel.uplink_rate_bps(
        sharers,
        arrays["channel_gain"],
        bandwidth_hz=config.bandwidth_hz,
        tx_power_w=config.tx_power_w,
        noise_w_per_hz=config.noise_w_per_hz,
        xp=xp,
    )
    uploads: Floats = channel.upload_s(arrays["task_bits"], rate_bps)
    return uploads


def forward_s(task_bits: Floats, config: EdgeOffloadConfig) -> Floats:
    """(9) of tasks ``[...]`` to each of the M servers, seconds, ``[..., M]``; 0 to server 1."""
    rates = (
        config.forward_bps if isinstance(config.forward_bps, tuple) else (config.forward_bps,) * (config.servers - 1)
    )
    forwarded = np.arange(config.servers) > 0
    hops: Floats = channel.forward_s(task_bits[..., None], forwarded, np.array((1.0, *rates)))
    return hops


def device_s(arrays: Snapshot) -> Floats:
    """(6) for every user, seconds, ``[B, N]``."""
    seconds: Floats = delay.compute_s(arrays["task_cycles"], arrays["device_hz"])
    return seconds
