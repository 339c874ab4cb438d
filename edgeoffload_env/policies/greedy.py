"""Sequential assignment: each user in index order to the place of least cost; ``greedy``, ``drift-plus-penalty``."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import check_float
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import delay, servers
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.policies import costs
from edgeoffload_env.policies.view import Actions, Floats, PolicyView


def assign_in_turn(view: PolicyView, price: float) -> NDArray[np.int64]:
    """Choose actions ``[B, N]`` user by user, in index order.

    A server costs the task's delay there, with the upload at K = N and all cycles that earlier users assigned to the
    server ahead of it, plus ``price`` times the server's queue in seconds; the device costs its delay. With the
    continuous clock servers do these tasks in that order, each from its arrival on. Energy and deadlines add their
    costs. Ties go to the lowest action: the device, then the lowest server. Users without a task stay at home.
    """
    arrays, config = view.arrays, view.config
    uploads = costs.Uploads(arrays, config, config.num_users)
    devices_s, has_task = costs.device_cost_s(arrays, config), costs.has_task(arrays)
    ways, games = config.levels_per_server, np.arange(view.num_games)
    plan = Plan(arrays, config)
    actions = np.zeros(arrays["task_bits"].shape, dtype=np.int64)
    for n in range(config.num_users):
        servers_s, queue_s = planned_costs_s(arrays, config, n, uploads, plan)
        cost = price * np.repeat(queue_s, ways, axis=1) + servers_s
        best = np.argmin(cost, axis=1)
        offloads = (cost[games, best] < devices_s[:, n]) & has_task[:, n]
        actions[:, n] = np.where(offloads, best + 1, 0)
        plan.add(n, best // ways, best % ways, offloads, uploads)
    return actions


class Plan:
    """Tasks planned so far: they are ahead of those of users who have not chosen.

    Args:
        arrays: B games.
        config: their constants.

    Attributes:
        assigned_cycles: cycles assigned to each server, beside its backlog, ``[B, M]``.
        free_s: when each server is done with them, seconds after the start of the slot, ``[B, M]``; with the
            continuous clock alone.
    """

    def __init__(self, arrays: Snapshot, config: EdgeOffloadConfig) -> None:
        self._arrays, self._config = arrays, config
        self.assigned_cycles: Floats = np.zeros_like(arrays["backlog_cycles"])
        self.free_s: Floats | None = None
        if config.queue_clock == "continuous":
            self.free_s = servers.load_factor_s(arrays["backlog_cycles"], arrays["server_hz"]) + costs.repair_s(arrays)

    def add(
        self,
        user: int,
        server: NDArray[np.int64],
        way: NDArray[np.int64],
        offloads: NDArray[np.bool_],
        uploads: costs.Uploads,
    ) -> None:
        """Assign a user's task to these servers by these ways, ``[B]`` each, in the games in which it offloads."""
        arrays, config, games = self._arrays, self._config, np.arange(len(server))
        cycles = costs.ratios(config)[way] * arrays["task_cycles"][:, user]
        self.assigned_cycles[games, server] += np.where(offloads, cycles, 0.0)
        if self.free_s is not None:
            arrival_s = arrivals_s(arrays, config, user, uploads)[games, server, way]
            free_s = self.free_s[games, server]
            done_s = np.maximum(free_s, arrival_s) + delay.compute_s(cycles, arrays["server_hz"][games, server])
            queues = offloads & (costs.queues(config)[server] > 0.0)
            self.free_s[games, server] = np.where(queues, done_s, free_s)


def arrivals_s(arrays: Snapshot, config: EdgeOffloadConfig, user: int, uploads: costs.Uploads) -> Floats:
    """Arrival of a user's task by each way at each server, seconds after the start of the slot, ``[B, M, W]``."""
    bits = costs.ratios(config) * arrays["task_bits"][:, user, None]
    arrivals: Floats = uploads.upload_s[:, user, None] + costs.forward_s(bits, config).swapaxes(1, 2)
    return arrivals


def planned_costs_s(
    arrays: Snapshot, config: EdgeOffloadConfig, user: int, uploads: costs.Uploads, plan: Plan
) -> tuple[Floats, Floats]:
    """Return a user's costs by each way to each server behind what is planned there, ``[B, M W]``, and the queues.

    Queues are seconds, ``[B, M]``.

    Args:
        arrays: B games.
        config: their constants.
        user: n.
        uploads: of all users.
        plan: tasks ahead of the user's at each server, beside the backlog.
    """
    wait_s = servers.wait_s(arrays["backlog_cycles"], plan.assigned_cycles, arrays["server_hz"])
    queue_s = costs.queues(config) * wait_s
    ratios = costs.ratios(config)
    waits_s = (queue_s + costs.repair_s(arrays))[:, :, None]
    if plan.free_s is not None:
        waits_s = np.maximum(plan.free_s[:, :, None] - arrivals_s(arrays, config, user, uploads), 0.0)
    offloads_s = delay.offload_delay_s(
        uploads.upload_s[:, user, None],
        costs.forward_s(ratios * arrays["task_bits"][:, user, None], config).swapaxes(1, 2),
        waits_s,
        delay.compute_s(ratios * arrays["task_cycles"][:, user, None, None], arrays["server_hz"][:, :, None]),
    )
    return costs.server_cost_s(arrays, config, user, uploads, offloads_s), queue_s


@dataclass(frozen=True)
class Greedy:
    """In index order, each user where its own task costs least. Knows all tasks, links and queues; costs N M a slot."""

    name: ClassVar[str] = "greedy"

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``; see :func:`assign_in_turn`."""
        return assign_in_turn(view, 0.0)


@dataclass(frozen=True)
class DriftPlusPenalty:
    """Greedy with a price on the queues it leaves to later slots. Knows all tasks, links and queues; costs N M a slot.

    Lyapunov drift plus penalty with V = 1 / price: the cost of server m is the user's own there plus ``price`` times
    the load factor. Equal to ``greedy`` at price 0.

    Args:
        price: seconds of delay per second of queue, >= 0.
    """

    name: ClassVar[str] = "drift-plus-penalty"

    price: float = 10.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "price", check_float("price", self.price, 0.0, 1e9))

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``; see :func:`assign_in_turn`."""
        return assign_in_turn(view, self.price)
