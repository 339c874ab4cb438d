"""Best-response dynamics: users in turn move to the place of least own cost, until none gains."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import check_int
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import delay, servers
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.policies import costs
from edgeoffload_env.policies.greedy import assign_in_turn
from edgeoffload_env.policies.view import Actions, Floats, PolicyView
from edgeoffload_env.policies.waits import continuous_wait_s

_GAIN = 1e-12  # least relative gain of a move, so that rounding cannot make users move forever


@dataclass(eq=False)
class BestResponse:
    """From ``greedy``, each user in turn where its own cost is least, until nobody gains. Knows all; N^2 a round.

    Costs are the true ones of the slot, given the current targets of the others. Where nobody gains by more than 1e-12
    of its cost, the actions are a pure Nash equilibrium of the slot. Some slots have cycles instead: then the turns
    end once the targets of a round repeat, and ``settled`` is False.

    Args:
        max_rounds: maximum number of rounds of N turns, >= 1.

    Attributes:
        settled: whether each game of the last ``act`` reached an equilibrium, ``[B]``.
    """

    name: ClassVar[str] = "best-response"

    max_rounds: int = 100
    settled: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.max_rounds = check_int("max_rounds", self.max_rounds, 1, 10**9)
        self.settled = np.zeros(0, dtype=np.bool_)

    @property
    def diagnostics(self) -> dict[str, NDArray[np.bool_]]:
        """Diagnostics of the last ``act``: ``settled``."""
        return {"settled": self.settled}

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``; sets ``settled``."""
        targets = assign_in_turn(view, 0.0)
        landmark = targets.copy()
        self.settled = np.zeros(view.num_games, dtype=np.bool_)
        playing = np.arange(view.num_games)
        for rounds in range(1, self.max_rounds + 1):
            arrays = {name: array[playing] for name, array in view.arrays.items()}
            targets[playing], moved = _one_round(arrays, view.config, targets[playing])
            self.settled[playing] = ~moved
            # a round is a function of its targets, so targets seen before repeat forever
            moved &= np.any(targets[playing] != landmark[playing], axis=1)
            playing = playing[moved]
            if not playing.size:
                break
            if rounds.bit_count() == 1:  # Brent's cycle detection: a landmark at each power of 2
                landmark[playing] = targets[playing]
        return targets


def _one_round(
    arrays: Snapshot, config: EdgeOffloadConfig, targets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the targets after a turn of every user, and in which games someone moved."""
    games = np.arange(len(targets))
    moved = np.zeros(len(targets), dtype=np.bool_)
    targets = targets.copy()
    hops_s = hops_to_places_s(arrays, config)
    has_task = costs.has_task(arrays)
    for n in range(config.num_users):
        costs_s = own_costs_s(arrays, config, targets, n, hops_s)
        argmin = np.argmin(costs_s, axis=1)
        gains = costs_s[games, argmin] < costs_s[games, targets[:, n]] * (1.0 - _GAIN)
        gains &= has_task[:, n]
        targets[:, n] = np.where(gains, argmin, targets[:, n])
        moved |= gains
    return targets, moved


def hops_to_places_s(arrays: Snapshot, config: EdgeOffloadConfig) -> Floats:
    """Compute (9) to the device (0) and to each server, seconds, ``[B, N, M + 1]``."""
    return np.insert(costs.forward_s(arrays["task_bits"], config), 0, 0.0, axis=2)


def own_costs_s(
    arrays: Snapshot, config: EdgeOffloadConfig, targets: NDArray[np.int64], user: int, hops_s: Floats
) -> Floats:
    """Compute one user's costs at each place for fixed targets of the others: seconds, ``[B, M + 1]``.

    Args:
        arrays: B games at the start of a slot.
        config: their constants.
        targets: all users' targets ``[B, N]``; the user's own is not read.
        user: n.
        hops_s: :func:`hops_to_places_s` of these games.
    """
    rivals = targets > 0
    rivals[:, user] = False
    sends = rivals | (arrays["uplink_backlog_bits"] > 0.0) if config.uplink_queue else rivals.copy()
    sends[:, user] = True  # the user's own upload slows the others down at any server
    sharers = np.sum(sends, axis=1, keepdims=True, dtype=np.float64)
    uploads = costs.Uploads(arrays, config, sharers)
    uploads_s = uploads.upload_s
    arrivals_s = uploads_s + np.take_along_axis(hops_s, targets[:, :, None], axis=2)[:, :, 0]
    own_arrival_s = uploads_s[:, user, None] + hops_s[:, user]
    own_there_s = np.take_along_axis(own_arrival_s, targets, axis=1)  # at each rival's server
    if config.queue_clock == "continuous":
        waits_s = continuous_wait_s(arrays, config, targets, user, arrivals_s, own_arrival_s[:, 1:])
    else:
        lower_index = np.arange(config.num_users) < user
        earlier = rivals & ((arrivals_s < own_there_s) | ((arrivals_s == own_there_s) & lower_index))
        places = config.servers + 1
        place = np.arange(len(targets))[:, None] * places + targets
        ahead = np.bincount(place.ravel(), (earlier * arrays["task_cycles"]).ravel(), minlength=len(targets) * places)
        queue_s = servers.wait_s(arrays["backlog_cycles"], ahead.reshape(-1, places)[:, 1:], arrays["server_hz"])
        waits_s = costs.queues(config) * queue_s + costs.repair_s(arrays)
    offloads_s = delay.offload_delay_s(
        uploads_s[:, user, None],
        hops_s[:, user, 1:],
        waits_s,
        delay.compute_s(arrays["task_cycles"][:, user, None], arrays["server_hz"]),
    )
    own_s = np.empty_like(own_arrival_s)
    own_s[:, 0] = costs.device_cost_s(arrays, config)[:, user]
    own_s[:, 1:] = costs.server_cost_s(arrays, config, user, uploads, offloads_s)
    return own_s
