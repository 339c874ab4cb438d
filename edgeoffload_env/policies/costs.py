"""Costs of each user at each place, from the model's functions, for the planning policies.

A way to offload is a power and a share of the task, where games have levels: W = P R of them for each server, else one.
Planning policies know all queues, repair times, energies and deadlines, and count every cost at weight 1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import channel, delay
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.effects.download import download_s
from edgeoffload_env.model.effects.energy import compute_j, offload_j
from edgeoffload_env.model.effects.levels import local_s
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.policies.view import Floats


def powers_w(config: EdgeOffloadConfig) -> Floats:
    """Power of each way to offload, W, ``[W]``: the order of actions within a server."""
    return np.repeat(config.tx_powers_w, len(config.offload_ratios))


def ratios(config: EdgeOffloadConfig) -> Floats:
    """Share of the task of each way to offload, ``[W]``."""
    return np.tile(config.offload_ratios, len(config.tx_powers_w))


def rate_bps(arrays: Snapshot, config: EdgeOffloadConfig, offloaders: Any) -> Floats:
    """(5) for every user and way if ``offloaders`` users upload, bit/s, ``[B, N, W]``.

    Args:
        arrays: B games.
        config: their constants; with ``channel_sharing="all"`` the number of offloaders makes no difference.
        offloaders: K >= 1, a number or ``[B, 1]``.
    """
    sharers = offloaders if config.channel_sharing == "active" else float(config.num_users)
    rates: Floats = channel.uplink_rate_bps(
        np.asarray(sharers, dtype=np.float64)[..., None],
        arrays["channel_gain"][..., None],
        bandwidth_hz=config.bandwidth_hz,
        tx_power_w=powers_w(config),
        noise_w_per_hz=config.noise_w_per_hz,
        xp=xp,
    )
    return rates


class Uploads:
    """Uploads of all users by each way if some number of them offload.

    Args:
        arrays: B games.
        config: their constants.
        offloaders: K >= 1, a number or ``[B, 1]``.

    Attributes:
        upload_s: (7) behind what is still to be sent, seconds, ``[B, N, W]``.
        send_s: seconds that every user sends its own task alone, ``[B, N, W]``; the same without uplink queues.
    """

    def __init__(self, arrays: Snapshot, config: EdgeOffloadConfig, offloaders: Any) -> None:
        rates, bits = rate_bps(arrays, config, offloaders), ratios(config) * arrays["task_bits"][..., None]
        self.send_s: Floats = channel.upload_s(bits, rates)
        self.upload_s = self.send_s
        if config.uplink_queue:
            self.upload_s = channel.upload_s(arrays["uplink_backlog_bits"][..., None] + bits, rates)


def forward_s(task_bits: Floats, config: EdgeOffloadConfig) -> Floats:
    """(9) with its latency of tasks ``[...]`` to each of the M servers, seconds, ``[..., M]``; 0 to server 1."""
    behind = config.servers - 1
    rates, latencies = (
        value if isinstance(value, tuple) else (value,) * behind
        for value in (config.forward_bps, config.forward_latency_s)
    )
    forwarded = np.arange(config.servers) > 0
    hops: Floats = channel.forward_s(task_bits[..., None], forwarded, np.array((1.0, *rates)))
    return hops + np.array((0.0, *latencies)) if any(latencies) else hops


def device_s(arrays: Snapshot) -> Floats:
    """(6) for every user, behind its device's queue, seconds, ``[B, N]``."""
    cycles = arrays["task_cycles"]
    if "device_backlog_cycles" in arrays:
        cycles = arrays["device_backlog_cycles"] + cycles
    seconds: Floats = delay.compute_s(cycles, arrays["device_hz"])
    return seconds


def repair_s(arrays: Snapshot) -> Floats | float:
    """Seconds until each server runs, ``[B, M]``, or 0."""
    seconds: Floats | float = arrays.get("down_s", 0.0)
    return seconds


def queues(config: EdgeOffloadConfig) -> Floats:
    """1 for each server that has a queue, 0 for each elastic one, ``[M]``."""
    return (np.arange(config.servers) < config.servers - config.elastic_servers).astype(np.float64)


def has_task(arrays: Mapping[str, Any]) -> Any:
    """Whether each user has a task, ``[B, N]``."""
    return arrays["active"] > 0.5 if "active" in arrays else np.ones_like(arrays["task_bits"], dtype=np.bool_)


def device_cost_s(arrays: Snapshot, config: EdgeOffloadConfig) -> Floats:
    """All costs of every user on its own device, seconds, ``[B, N]``."""
    energy_j: Any = 0.0
    if config.energy is not None:
        energy_j = compute_j(config.energy.switched_capacitance, arrays["device_hz"], arrays["task_cycles"])
    return _with_costs(device_s(arrays), energy_j, arrays.get("deadline_s"), config)


def part_on_device_s(arrays: Snapshot, config: EdgeOffloadConfig, user: int) -> Floats:
    """Time until a user's device has done what stays there, by each way to offload, seconds, ``[B, W]``."""
    device_hz = arrays["device_hz"][:, user, None]
    waits_s: Any = 0.0
    if config.device_queue:
        waits_s = arrays["device_backlog_cycles"][:, user, None] / device_hz
    seconds: Floats = local_s(1.0 - ratios(config), waits_s, arrays["task_cycles"][:, user, None], device_hz, xp=xp)
    return seconds


def server_cost_s(
    arrays: Snapshot, config: EdgeOffloadConfig, user: int, uploads: Uploads, offloads_s: Floats
) -> Floats:
    """All costs of a user by each way to each server, seconds, ``[B, M W]``, in the order of actions.

    Args:
        arrays: B games.
        config: their constants.
        user: n.
        uploads: of all users.
        offloads_s: (10) of the user's offloaded part, ``[B, M, W]``, without the download.
    """
    energy_j: Any = 0.0
    if config.result_ratio:
        bits = ratios(config) * arrays["task_bits"][:, user, None, None]
        offloads_s = offloads_s + download_s(bits, config.result_ratio, config.downlink_bps)
    if config.energy is not None:
        idle_s = offloads_s - uploads.upload_s[:, user, None]
        send_s = uploads.send_s[:, user, None]
        energy_j = offload_j(powers_w(config), send_s, config.energy.idle_power_w, idle_s)
    delay_s = offloads_s
    if config.offload_ratios != (1.0,):
        delay_s = np.maximum(part_on_device_s(arrays, config, user)[:, None], offloads_s)
        if config.energy is not None:
            stays = (1.0 - ratios(config)) * arrays["task_cycles"][:, user, None]
            kappa, device_hz = config.energy.switched_capacitance, arrays["device_hz"][:, user, None]
            energy_j = energy_j + compute_j(kappa, device_hz, stays)[:, None]
    deadline_s = arrays["deadline_s"][:, user, None, None] if "deadline_s" in arrays else None
    return _with_costs(delay_s, energy_j, deadline_s, config).reshape(len(delay_s), -1)


def _with_costs(delay_s: Floats, energy_j: Any, deadline_s: Floats | None, config: EdgeOffloadConfig) -> Floats:
    """Add the costs of energy and deadlines to delays."""
    cost_s = delay_s
    if config.energy is not None:
        cost_s = cost_s + config.energy.cost_s_per_j * energy_j
    if config.deadline is not None and deadline_s is not None:
        cost_s = cost_s + config.deadline.cost_s(np.maximum(delay_s - deadline_s, 0.0))
    return cost_s
