"""One slot of the game: (snapshot, actions) -> (what everyone experienced, the queues that remain)."""

from typing import TYPE_CHECKING, Any, NamedTuple

from edgeoffload_env.model import channel, delay, reward, servers
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.routing import Routing

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig


class Snapshot(NamedTuple):
    """All that a slot depends on besides the actions, in SI units; B games of N users and M servers."""

    task_bits: Array
    """L_n, ``[B, N]``, bit."""
    task_cycles: Array
    """C_n, ``[B, N]``, CPU cycles."""
    device_hz: Array
    """f_local of each user, ``[B, N]``, cycles/s."""
    channel_gain: Array
    """g_n, ``[B, N]``, linear."""
    server_hz: Array
    """f_m, ``[B, M]``, cycles/s."""
    backlog_cycles: Array
    """Q_m at the start of the slot, ``[B, M]``, CPU cycles."""


class Outcome(NamedTuple):
    """What one slot did. Per-user arrays are ``[B, N]``, times in seconds."""

    delay_s: Array
    """t_n of (11), the sum of the four parts below."""
    upload_s: Array
    """(7), 0 for a local task."""
    forward_s: Array
    """(9), 0 for a local task and at server 1."""
    wait_s: Array
    """The queueing part of (8), 0 for a local task."""
    compute_s: Array
    """C_n / f of whatever ran the task: (6), or the last term of (8)."""
    imbalance: Array
    """(19), ``[B, 1]``, seconds squared."""
    reward: Array
    """(20) after reward sharing."""
    next_backlog_cycles: Array
    """Q_m of the next slot, ``[B, M]``."""


def play_slot(snapshot: Snapshot, target: Array, config: "EdgeOffloadConfig", *, xp: Any) -> Outcome:
    """Play one slot of B games.

    Args:
        snapshot: the games at the start of the slot.
        target: a_n, 0 = device, m >= 1 = server m; integers ``[B, N]``, already checked.
        config: the constants of the game.
        xp: the array API namespace of the arrays.
    """
    task_bits, task_cycles, device_hz, channel_gain, server_hz, backlog_cycles = snapshot
    num_servers = server_hz.shape[-1]
    routing = Routing(target, num_servers, dtype=task_bits.dtype, xp=xp)
    offloads = routing.offloads

    sharers: Array | float
    if config.channel_sharing == "active":
        sharers = xp.clip(xp.sum(offloads, axis=-1, keepdims=True), min=1.0)  # nobody uploads: any K will do
    else:
        sharers = float(config.num_users)
    rate_bps = channel.uplink_rate_bps(
        sharers,
        channel_gain,
        bandwidth_hz=config.bandwidth_hz,
        tx_power_w=config.tx_power_w,
        noise_w_per_hz=config.noise_w_per_hz,
        xp=xp,
    )
    upload_s = offloads * channel.upload_s(task_bits, rate_bps)

    forward_bps: Array | float
    if isinstance(config.forward_bps, tuple):  # a rate for each of servers 2..M; targets 0 and 1 are not forwarded
        rates = (config.forward_bps[0], config.forward_bps[0], *config.forward_bps)
        rates_bps = xp.asarray(rates, dtype=task_bits.dtype, device=target.device)
        forward_bps = rates_bps[xp.astype(target, xp.int64)]
    else:
        forward_bps = config.forward_bps
    forward_s = channel.forward_s(task_bits, xp.astype(target > 1, task_bits.dtype), forward_bps)

    ahead = servers.cycles_ahead(upload_s + forward_s, target, task_cycles, num_servers, xp=xp)
    executor_hz = routing.to_users(server_hz) + (1.0 - offloads) * device_hz
    wait_s = offloads * servers.wait_s(routing.to_users(backlog_cycles), ahead, executor_hz)
    compute_s = delay.compute_s(task_cycles, executor_hz)
    delay_s = delay.task_delay_s(upload_s, forward_s, wait_s, compute_s)

    queued = backlog_cycles + routing.to_servers(task_cycles)
    imbalance = reward.imbalance(servers.load_factor_s(queued, server_hz), xp=xp)
    rewards = reward.user_reward(
        delay_s, imbalance, delay_weight=config.delay_weight, balance_weight=config.balance_weight
    )
    return Outcome(
        delay_s=delay_s,
        upload_s=upload_s,
        forward_s=forward_s,
        wait_s=wait_s,
        compute_s=compute_s,
        imbalance=imbalance,
        reward=reward.shared_reward(rewards, reward_sharing=config.reward_sharing, xp=xp),
        next_backlog_cycles=servers.next_backlog_cycles(queued, server_hz, config.slot_s, xp=xp),
    )
