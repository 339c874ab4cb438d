"""One slot as an assignment problem, and its solution: see `slot_optimum`."""

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotProblem:
    """P1 of one slot of one game, as float64 arrays for N users and M servers.

    Raises `ValueError`, naming the field, on a wrong shape, a value that is not finite, a negative one, or a server
    speed of 0. Float64 arrays are kept without a copy: do not write to them afterwards.
    """

    local_s: Floats  # (N,) s, delay of each user on its own device
    upload_s: Floats  # (N, N) s, [k - 1, n] = upload delay of user n when k users offload
    forward_s: Floats  # (N, M) s, extra transfer delay of user n to server m
    backlog_cycles: Floats  # (M,) cycles queued at the start of the slot
    task_cycles: Floats  # (N,) cycles of each user's task
    server_hz: Floats  # (M,) cycles per second
    # (N, N) s, [k - 1, n] = cost of user n beside its delay when k users offload, n among them: no part of its arrival.
    # At least -upload_s; one number for all, by default 0.
    extra_s: Floats = field(default_factory=lambda: np.zeros(()))

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, np.asarray(getattr(self, one.name), dtype=np.float64))
        if self.extra_s.ndim == 0:
            object.__setattr__(self, "extra_s", np.full(self.upload_s.shape, float(self.extra_s)))
        users, servers = self.local_s.size, self.server_hz.size
        shapes = {
            "local_s": (users,),
            "upload_s": (users, users),
            "forward_s": (users, servers),
            "backlog_cycles": (servers,),
            "task_cycles": (users,),
            "server_hz": (servers,),
            "extra_s": (users, users),
        }
        if users < 1 or servers < 1:
            raise ValueError(f"a slot needs at least one user and one server, got {users} and {servers}")
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value.shape != shape:
                raise ValueError(f"{name} must have shape {shape} for N = {users}, M = {servers}, got {value.shape}")
            least = -self.upload_s if name == "extra_s" else 0.0
            if not np.isfinite(value).all() or (value < least).any():
                raise ValueError(f"{name} must be finite and at least 0, got {value}")
        if self.server_hz.min() <= 0.0:
            raise ValueError(f"server_hz must be above 0, got {self.server_hz}")

    @property
    def num_users(self) -> int:
        """N."""
        return self.local_s.size

    @property
    def num_servers(self) -> int:
        """M."""
        return self.server_hz.size

    def check_actions(self, actions: ArrayLike) -> Ints:
        """Return `actions` as int64 of shape (N,); `ValueError` unless they are N integers in 0..M."""
        array = np.asarray(actions)
        if array.shape != (self.num_users,) or array.dtype.kind not in "iu":
            raise ValueError(f"actions must be {self.num_users} integers, got {array.dtype} of shape {array.shape}")
        if array.min() < 0 or array.max() > self.num_servers:
            raise ValueError(f"actions must be in 0..{self.num_servers}, got {array}")
        return array.astype(np.int64)

    def delays(self, actions: ArrayLike) -> Floats:
        """Compute the delay of every user in seconds, shape (N,), under joint action `actions`, shape (N,).

        Costs beside the delay are part of it.
        """
        actions = self.check_actions(actions)
        delays = self.local_s.copy()
        remote = np.flatnonzero(actions)
        arrival = self.upload_s[remote.size - 1, remote] + self.forward_s[remote, actions[remote] - 1]
        # A stable sort over users in index order serves equal arrivals by lower index first.
        order = np.argsort(arrival, kind="stable")
        for server in range(self.num_servers):
            queue = order[actions[remote[order]] == server + 1]
            ahead = self.backlog_cycles[server] + np.cumsum(self.task_cycles[remote[queue]])
            delays[remote[queue]] = arrival[queue] + ahead / self.server_hz[server]
        delays[remote] += self.extra_s[remote.size - 1, remote]
        return delays


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotSolution:
    """A joint action for one slot, with a proven lower bound."""

    actions: Ints  # (N,), 0 = device, m >= 1 = server m
    mean_delay_s: float  # mean over users, of these actions
    lower_bound_s: float  # no joint action has a lower mean delay, up to 1e-12 of it in rounding
    exact: bool  # proven optimal

    @property
    def gap(self) -> float:
        """(mean - bound) / mean, 0 where the mean is 0."""
        return (self.mean_delay_s - self.lower_bound_s) / self.mean_delay_s if self.mean_delay_s > 0.0 else 0.0
