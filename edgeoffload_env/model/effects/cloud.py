"""Servers far away and servers without a queue. See docs/effects.md."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeoffload_env._validation import check_float, check_floats, fail
from edgeoffload_env.model import reward, servers
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.quantities import Fields

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig


@dataclass(frozen=True, kw_only=True)
class ForwardLatency(Effect):
    """A latency on the way from server 1 to the servers behind it: t_tran = L / mu + latency."""

    forward_latency_s: float | tuple[float, ...]

    @classmethod
    def of(cls, config: "EdgeOffloadConfig") -> "ForwardLatency | None":
        """See :class:`.Effect`."""
        return cls(forward_latency_s=config.forward_latency_s) if np.any(config.forward_latency_s) else None

    def after_forward(self, slot: Any) -> None:
        """Add the latency to (9)."""
        latency_s: Any = self.forward_latency_s
        if isinstance(latency_s, tuple):  # targets 0 and 1 are not forwarded
            like = slot.outcome["forward_s"]
            per_server = slot.xp.asarray((0.0, *latency_s), dtype=like.dtype, device=slot.target.device)
            latency_s = slot.routing.to_users(slot.xp.broadcast_to(per_server, slot.snapshot["server_hz"].shape))
        slot.outcome["forward_s"] = slot.outcome["forward_s"] + slot.routing.forwarded * latency_s


@dataclass(frozen=True, kw_only=True)
class ElasticServers(Effect):
    """The last servers start every task at once: no wait, no backlog, no part of var(LD)."""

    elastic_servers: int

    @classmethod
    def of(cls, config: "EdgeOffloadConfig") -> "ElasticServers | None":
        """See :class:`.Effect`."""
        return cls(elastic_servers=config.elastic_servers) if config.elastic_servers else None

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        if np.any(snapshot["backlog_cycles"][:, config.servers - self.elastic_servers :]):
            expected = f"0 at the last {self.elastic_servers} servers, which are elastic"
            fail("snapshot field 'backlog_cycles'", snapshot["backlog_cycles"], expected)

    def start(self, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
        """Empty the elastic servers' queues."""
        return {"backlog_cycles": fields["backlog_cycles"] * self._queues_like(fields["backlog_cycles"], xp=xp)}

    def after_wait(self, slot: Any) -> None:
        """Let nobody wait at an elastic server."""
        first = slot.config.servers - self.elastic_servers + 1
        slot.outcome["wait_s"] = slot.outcome["wait_s"] * slot.xp.astype(slot.target < first, slot.offloads.dtype)

    def after_balance(self, slot: Any) -> None:
        """Leave the elastic servers out of queues and of (19)."""
        slot.queued_cycles = slot.queued_cycles * self._queues_like(slot.queued_cycles, xp=slot.xp)
        load_s = servers.load_factor_s(slot.queued_cycles, slot.snapshot["server_hz"])
        slot.outcome["imbalance"] = reward.imbalance(load_s[:, : -self.elastic_servers], xp=slot.xp)

    def _queues_like(self, per_server: Any, *, xp: Any) -> Any:
        """1 at servers with a queue, else 0; ``[M]``."""
        count = per_server.shape[-1]
        index = xp.arange(count, device=per_server.device)
        return xp.astype(index < count - self.elastic_servers, per_server.dtype)


def check_latency(value: Any) -> float | tuple[float, ...]:
    """Return ``forward_latency_s`` in its stored type: one latency in seconds, or a tuple of them."""
    if isinstance(value, tuple | list | np.ndarray):
        return check_floats("forward_latency_s", value, 0.0, 1e9, "s")
    return check_float("forward_latency_s", value, 0.0, 1e9, "s")
