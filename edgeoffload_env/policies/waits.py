"""Waits of one user at every server, for the planning policies."""

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model import servers
from edgeoffload_env.model.effects import clock
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.policies import costs
from edgeoffload_env.policies.view import Floats


def continuous_wait_s(
    arrays: Snapshot,
    config: EdgeOffloadConfig,
    targets: NDArray[np.int64],
    cycles: Floats,
    user: int,
    arrivals_s: Floats,
    own_arrival_s: Floats,
) -> Floats:
    """Wait of a user from its arrival at each server until the server starts on its task, seconds, ``[B, M, W]``.

    Args:
        arrays: B games.
        config: their constants, ``queue_clock="continuous"``.
        targets: targets of all users that count, 0 for the others, ``[B, N]``; the user's own is not read.
        cycles: cycles that each user's choice brings to its server, ``[B, N]``.
        user: n.
        arrivals_s: arrivals of all users at their targets, ``[B, N]``.
        own_arrival_s: arrival of the user at each server by each way, ``[B, M, W]``.
    """
    server_hz = arrays["server_hz"]
    rivals = targets.copy()
    rivals[:, user] = 0
    rival_hz = np.take_along_axis(server_hz, np.maximum(rivals - 1, 0), axis=1)
    rival_ahead = servers.cycles_ahead(arrivals_s, rivals, cycles, config.servers, xp=xp)
    slack_s = np.maximum(clock.slack_s(arrivals_s, rival_ahead, rival_hz), 0.0)
    ahead, latest_s = np.zeros_like(own_arrival_s), np.zeros_like(own_arrival_s)
    lower_index = (np.arange(config.num_users) < user)[:, None]
    for m in range(config.servers):
        own_s, rival_s = own_arrival_s[:, m, None], arrivals_s[:, :, None]
        earlier = (rivals == m + 1)[:, :, None] & ((rival_s < own_s) | ((rival_s == own_s) & lower_index))
        ahead[:, m] = np.sum(earlier * cycles[:, :, None], axis=1)
        latest_s[:, m] = np.max(earlier * slack_s[:, :, None], axis=1)
    own_slack_s = clock.slack_s(own_arrival_s, ahead, server_hz[:, :, None])
    repair_s = np.broadcast_to(costs.repair_s(arrays), server_hz.shape)[:, :, None]
    free_s = servers.load_factor_s(arrays["backlog_cycles"], server_hz)[:, :, None] + repair_s
    waits_s = clock.wait_s(free_s, np.maximum(latest_s, own_slack_s), own_slack_s, xp=xp)
    queueing = (costs.queues(config) > 0.0)[:, None]
    seconds: Floats = np.where(queueing, waits_s, np.maximum(repair_s - own_arrival_s, 0.0))
    return seconds
