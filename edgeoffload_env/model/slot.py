"""One slot of the game: (snapshot, actions) -> (outcome, next snapshot), stage by stage.

The stages follow the paper's steps; effects run behind the stage they are named after. A stage reads and writes the
:class:`Slot` that is being played.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

from edgeoffload_env.model import channel, reward, servers
from edgeoffload_env.model import delay as delays
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.draws import next_fields
from edgeoffload_env.model.quantities import Fields, Noise
from edgeoffload_env.model.routing import Routing

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

Snapshot: TypeAlias = dict[str, Array]
"""All that a slot depends on besides the actions, in SI units, by name: per user ``[B, N]``, per server ``[B, M]``."""
Outcome: TypeAlias = dict[str, Array]
"""Results of a slot by name: the infos (per user ``[B, N]``, per game ``[B, 1]``) and ``reward`` ``[B, N]``."""


class Slot:
    """The slot being played.

    Attributes:
        snapshot: the games at the start of the slot.
        target: a_n, 0 = device, m >= 1 = server m; integers ``[B, N]``.
        config: the constants of the game.
        xp: the array API namespace of the arrays.
        outcome: what is known so far of the slot's infos; at the end also ``reward``.
        next: queues at the start of the next slot.
        active: 1 where a user has a task, else 0, ``[B, N]``; the number 1.0 where every user has one.
        routing: who goes to which server.
        offloads: 1 where a task leaves its device, else 0; ``[B, N]``.
        sends: 1 where a user sends in this slot and so shares the band, ``[B, N]``.
        upload_bits: bits that leave the device before the task has arrived, ``[B, N]``.
        rate_bps: uplink rate (5), ``[B, N]``.
        ahead_cycles: cycles of this slot's tasks that are served before the own one, ``[B, N]``; None unless an effect
            worked them out before the stage ``wait``.
        executor_hz: speed of the device or server that runs the task, ``[B, N]``.
        queued_cycles: cycles at each server once this slot's tasks have joined, ``[B, M]``.
        service_s: seconds of this slot in which a server works, one number or ``[B, M]``.
        bits: L_n, bits of what leaves the device if the task is offloaded, ``[B, N]``.
        cycles: C_n, cycles of the same, or of the local task, ``[B, N]``.
        tx_power_w: p_n, one number or ``[B, N]``.
        offload_ratio: rho_n, the share that is chosen of a task that is offloaded; one number or ``[B, N]``.
        device_share: share of the task that its device runs, ``[B, N]``; None where tasks are not split.
        device_wait_s: D_n / f_local, 0 without device queues.
        offloaded_s: delay of the offloaded part, ``[B, N]``; None where it is the delay of the task.
    """

    def __init__(self, snapshot: Fields, target: Array, config: "EdgeOffloadConfig", xp: Any) -> None:
        self.snapshot, self.target, self.config, self.xp = snapshot, target, config, xp
        self.outcome: Outcome = {"target": target}
        self.next: dict[str, Array] = {}
        self.active: Array | float = 1.0
        self.service_s: Array | float = config.slot_s
        self.tx_power_w: Array | float = config.tx_power_w
        self.offload_ratio: Array | float = 1.0
        self.device_share: Array | float | None = None
        self.device_wait_s: Array | float = 0.0
        self.offloaded_s: Array | None = None
        self.routing: Routing
        self.offloads: Array
        self.sends: Array
        self.upload_bits: Array
        self.rate_bps: Array
        self.ahead_cycles: Array | None = None
        self.executor_hz: Array
        self.queued_cycles: Array
        self.bits: Array
        self.cycles: Array
        self._local: Array | None = None

    @property
    def local(self) -> Array:
        """1 where a task runs on its device, else 0; ``[B, N]``. Kept once it has been read."""
        if self._local is None:
            self._local = self.active * (1.0 - self.offloads)
        return self._local

    @property
    def device_cycles(self) -> Array:
        """Cycles that each device gets, ``[B, N]``: of a local task, or of what stays of a split one."""
        share = self.local if self.device_share is None else self.device_share
        return share * self.snapshot["task_cycles"]


def route(slot: Slot) -> None:
    """Sort out who offloads where."""
    snapshot = slot.snapshot
    slot.routing = Routing(slot.target, snapshot["server_hz"].shape[-1], dtype=snapshot["task_bits"].dtype, xp=slot.xp)
    slot.offloads = slot.sends = slot.routing.offloads
    slot.bits, slot.cycles = snapshot["task_bits"], snapshot["task_cycles"]
    slot.upload_bits = slot.bits


def upload(slot: Slot) -> None:
    """Send tasks over the shared uplink: (5) and (7)."""
    config, xp = slot.config, slot.xp
    sharers: Array | float
    if config.channel_sharing == "active":
        sharers = channel.count_sharers(slot.sends, xp=xp)
    else:
        sharers = float(config.num_users)
    slot.rate_bps = channel.uplink_rate_bps(
        sharers,
        slot.snapshot["channel_gain"],
        bandwidth_hz=config.bandwidth_hz,
        tx_power_w=slot.tx_power_w,
        noise_w_per_hz=config.noise_w_per_hz,
        xp=xp,
    )
    slot.outcome["upload_s"] = slot.offloads * channel.upload_s(slot.upload_bits, slot.rate_bps)


def forward(slot: Slot) -> None:
    """Forward tasks from server 1 to the server they are bound for: (9)."""
    config, xp, target = slot.config, slot.xp, slot.target
    task_bits = slot.bits
    forward_bps: Array | float
    if isinstance(config.forward_bps, tuple):  # a rate for each of servers 2..M; targets 0 and 1 are not forwarded
        rates = (config.forward_bps[0], config.forward_bps[0], *config.forward_bps)
        rates_bps = xp.asarray(rates, dtype=task_bits.dtype, device=target.device)
        forward_bps = rates_bps[xp.astype(target, xp.int64)]
    else:
        forward_bps = config.forward_bps
    slot.outcome["forward_s"] = channel.forward_s(task_bits, slot.routing.forwarded, forward_bps)


def wait(slot: Slot) -> None:
    """Wait in the server's queue, first come first served: the queueing part of (8)."""
    snapshot, outcome, routing = slot.snapshot, slot.outcome, slot.routing
    ahead = slot.ahead_cycles
    if ahead is None:
        arrival_s = outcome["upload_s"] + outcome["forward_s"]
        ahead = servers.cycles_ahead(arrival_s, slot.target, slot.cycles, routing.num_servers, xp=slot.xp)
    slot.executor_hz = routing.to_executors(snapshot["server_hz"], snapshot["device_hz"])
    backlog_cycles = routing.to_users(snapshot["backlog_cycles"])
    outcome["wait_s"] = slot.offloads * servers.wait_s(backlog_cycles, ahead, slot.executor_hz)


def compute(slot: Slot) -> None:
    """Run tasks on the device (6) or the server (8)."""
    slot.outcome["compute_s"] = delays.compute_s(slot.cycles, slot.executor_hz)


def delay(slot: Slot) -> None:
    """Add the parts up: (10) and (11)."""
    outcome = slot.outcome
    outcome["delay_s"] = delays.task_delay_s(
        outcome["upload_s"], outcome["forward_s"], outcome["wait_s"], outcome["compute_s"]
    )


def balance(slot: Slot) -> None:
    """Measure the servers' imbalance once this slot's tasks have joined the queues: (13) and (19)."""
    snapshot = slot.snapshot
    slot.queued_cycles = snapshot["backlog_cycles"] + slot.routing.to_servers(slot.cycles)
    load_s = servers.load_factor_s(slot.queued_cycles, snapshot["server_hz"])
    slot.outcome["imbalance"] = reward.imbalance(load_s, xp=slot.xp)


def serve(slot: Slot) -> None:
    """Work off the queues until the next slot: (13) and (14)."""
    slot.next["backlog_cycles"] = servers.next_backlog_cycles(
        slot.queued_cycles, slot.snapshot["server_hz"], slot.service_s, xp=slot.xp
    )


def pay(slot: Slot) -> None:
    """Reward everyone: (20) with the effects' costs, after reward sharing."""
    config = slot.config
    rewards = reward.user_reward(slot.outcome, config)
    slot.outcome["reward"] = reward.shared_reward(rewards, reward_sharing=config.reward_sharing, xp=slot.xp)


STAGES = (route, upload, forward, wait, compute, delay, balance, serve, pay)
"""The stages of a slot, in order."""


def advance(
    snapshot: Fields, target: Array, coming: Fields, config: "EdgeOffloadConfig", *, xp: Any
) -> tuple[Outcome, Snapshot]:
    """Play one slot of B games.

    Args:
        snapshot: the games at the start of the slot.
        target: users' actions: a_n, 0 = device, m >= 1 = server m, or with ``levels`` as :func:`.levels.decode` takes
            them; integers ``[B, N]``, already checked.
        coming: fields of the next slot that no action moves, from :func:`.draws.next_fields`.
        config: the constants of the game.
        xp: the array API namespace of the arrays.

    Returns:
        What the slot did, and the games at the start of the next slot.
    """
    slot = Slot(snapshot, target, config, xp)
    for stage in config.schema.stages:
        stage(slot)
    return slot.outcome, {**snapshot, **coming, **slot.next}


def transition(
    snapshot: Fields, target: Array, noise: dict[str, Noise], config: "EdgeOffloadConfig", *, xp: Any
) -> tuple[Outcome, Snapshot]:
    """Play one slot of B games and draw the next from uniform numbers.

    Args:
        snapshot: the games at the start of the slot.
        target: a_n, 0 = device, m >= 1 = server m; integers ``[B, N]``, already checked.
        noise: for each process that changes within an episode the uniforms of its ``next``.
        config: the constants of the game.
        xp: the array API namespace of the arrays.

    Returns:
        What the slot did, and the games at the start of the next slot.
    """
    return advance(snapshot, target, next_fields(snapshot, noise, config, xp=xp), config, xp=xp)
