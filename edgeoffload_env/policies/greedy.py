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
    server ahead of it, plus ``price`` times the server's queue in seconds; the device costs its delay. Energy and
    deadlines add their costs. Ties go to the lowest action: the device, then the lowest server. Users without a task
    stay at home.
    """
    arrays, config = view.arrays, view.config
    uploads = costs.Uploads(arrays, config, config.num_users)
    devices_s, has_task = costs.device_cost_s(arrays, config), costs.has_task(arrays)
    ways, ratios = config.levels_per_server, costs.ratios(config)
    games = np.arange(view.num_games)
    assigned = np.zeros_like(arrays["backlog_cycles"])
    actions = np.zeros(arrays["task_bits"].shape, dtype=np.int64)
    for n in range(config.num_users):
        servers_s, queue_s = planned_costs_s(arrays, config, n, uploads, assigned)
        cost = price * np.repeat(queue_s, ways, axis=1) + servers_s
        best = np.argmin(cost, axis=1)
        offloads = (cost[games, best] < devices_s[:, n]) & has_task[:, n]
        actions[:, n] = np.where(offloads, best + 1, 0)
        assigned[games, best // ways] += np.where(offloads, ratios[best % ways] * arrays["task_cycles"][:, n], 0.0)
    return actions


def planned_costs_s(
    arrays: Snapshot, config: EdgeOffloadConfig, user: int, uploads: costs.Uploads, assigned_cycles: Floats
) -> tuple[Floats, Floats]:
    """Return a user's costs by each way to each server behind what is assigned there, ``[B, M W]``, and the queues.

    Queues are seconds, ``[B, M]``.

    Args:
        arrays: B games.
        config: their constants.
        user: n.
        uploads: of all users.
        assigned_cycles: cycles ahead of the user at each server, beside the backlog, ``[B, M]``.
    """
    wait_s = servers.wait_s(arrays["backlog_cycles"], assigned_cycles, arrays["server_hz"])
    queue_s = costs.queues(config) * wait_s
    ratios = costs.ratios(config)
    offloads_s = delay.offload_delay_s(
        uploads.upload_s[:, user, None],
        costs.forward_s(ratios * arrays["task_bits"][:, user, None], config).swapaxes(1, 2),
        (queue_s + costs.repair_s(arrays))[:, :, None],
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
