"""Routing: moving numbers between users and the servers they chose.

Three forms behind one interface, tested equal: few games want few operations, many games want operations that run
over whole batches, and many servers want an index in place of a mask for each.
"""

from typing import Any

from edgeoffload_env.model import numpy_namespace
from edgeoffload_env.model.channel import Array

BROADCAST_MAX_ELEMENTS = 16_384  # up to this many elements one broadcast beats a loop
_MASKS_MAX_SERVERS = 16


class Routing:
    """The servers that users chose.

    Args:
        target: a_n, 0 = device, m >= 1 = server m; integers ``[B, N]``.
        num_servers: the number of servers, M.
        dtype: float type of the numbers that will be moved.
        xp: the array API namespace.

    Attributes:
        target: as given.
        num_servers: the number of servers, M.
        away: whether a task leaves its device, ``[B, N]``.
        offloads: 1 where a task leaves its device, else 0; ``[B, N]``.
        forwarded: 1 where a task goes to a server behind server 1, else 0; ``[B, N]``.
    """

    def __init__(self, target: Array, num_servers: int, *, dtype: Any, xp: Any) -> None:
        batch, users = target.shape
        self.target, self.num_servers, self._xp = target, num_servers, xp
        self._one_hot = self._masks = self._server = None
        self.away: Array
        self.offloads: Array
        self.forwarded: Array
        if xp is numpy_namespace and batch == 1 and users * num_servers <= BROADCAST_MAX_ELEMENTS:
            self.away, self.offloads, self.forwarded, self._server, self._one_hot = xp.route(target, num_servers, dtype)
            return
        self.away = target > 0
        self.offloads = xp.astype(self.away, dtype)
        self.forwarded = xp.astype(target > 1, dtype)
        if batch * users * num_servers > BROADCAST_MAX_ELEMENTS:
            self._masks = [xp.astype(target == m, dtype) for m in range(1, num_servers + 1)]
        else:
            servers = xp.arange(1, num_servers + 1, dtype=target.dtype, device=target.device)
            self._one_hot = xp.astype(target[:, :, None] == servers, dtype)

    def to_servers(self, per_user: Array) -> Array:
        """Sum over the users of each server, ``[B, N]`` -> ``[B, M]``."""
        if self._server is not None:
            return per_user.dot(self._one_hot)  # a third of the time of ``@``
        if self._one_hot is not None:
            return (per_user[:, None, :] @ self._one_hot)[:, 0, :]
        assert self._masks is not None
        return self._xp.stack([self._xp.sum(mask * per_user, axis=-1) for mask in self._masks]).T

    def most_to_servers(self, per_user: Array) -> Array:
        """The greatest value among the users of each server, 0 without users; values >= 0, ``[B, N]`` -> ``[B, M]``."""
        if self._one_hot is not None:
            if self._server is not None:
                return self._xp.maximum_reduce(per_user.T * self._one_hot, axis=0)[None]
            return self._xp.max(per_user[:, :, None] * self._one_hot, axis=1)
        assert self._masks is not None
        return self._xp.stack([self._xp.max(mask * per_user, axis=-1) for mask in self._masks]).T

    def to_executors(self, per_server: Array, per_device: Array) -> Array:
        """The value of what runs each user's task, its server ``[B, M]`` or its device ``[B, N]``; ``[B, N]``."""
        own = self.to_users(per_server)
        if self._server is None and (self._one_hot is not None or self.num_servers <= _MASKS_MAX_SERVERS):
            return own + (1.0 - self.offloads) * per_device  # own is 0 for local users
        return self._xp.where(self.away, own, per_device)

    def to_users(self, per_server: Array) -> Array:
        """The value of each user's own server, ``[B, M]`` -> ``[B, N]``; finite and without meaning for local users."""
        if self._one_hot is not None:
            if self._server is not None:
                return per_server[0].take(self._server)
            return (self._one_hot @ per_server[:, :, None])[:, :, 0]
        assert self._masks is not None
        if self.num_servers <= _MASKS_MAX_SERVERS:
            result = self._masks[0] * per_server[:, :1]
            for m in range(1, self.num_servers):
                result += self._masks[m] * per_server[:, m : m + 1]
            return result
        batch, xp = per_server.shape[0], self._xp
        row = xp.arange(0, batch * self.num_servers, self.num_servers, dtype=xp.int64, device=self.target.device)
        server = xp.clip(xp.astype(self.target, xp.int64) - 1, min=0)
        return xp.reshape(per_server, (-1,))[row[:, None] + server]
