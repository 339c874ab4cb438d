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

    Costs are the true ones of the slot, given the current actions of the others. Where nobody gains by more than 1e-12
    of its cost, the actions are a pure Nash equilibrium of the slot. Some slots have cycles instead: then the turns
    end once the actions of a round repeat, and ``settled`` is False.

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
        actions = assign_in_turn(view, 0.0)
        landmark = actions.copy()
        self.settled = np.zeros(view.num_games, dtype=np.bool_)
        playing = np.arange(view.num_games)
        for rounds in range(1, self.max_rounds + 1):
            arrays = {name: array[playing] for name, array in view.arrays.items()}
            actions[playing], moved = _one_round(arrays, view.config, actions[playing])
            self.settled[playing] = ~moved
            # a round is a function of its actions, so actions seen before repeat forever
            moved &= np.any(actions[playing] != landmark[playing], axis=1)
            playing = playing[moved]
            if not playing.size:
                break
            if rounds.bit_count() == 1:  # Brent's cycle detection: a landmark at each power of 2
                landmark[playing] = actions[playing]
        return actions


def _one_round(
    arrays: Snapshot, config: EdgeOffloadConfig, actions: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the actions after a turn of every user, and in which games someone moved."""
    games = np.arange(len(actions))
    moved = np.zeros(len(actions), dtype=np.bool_)
    actions = actions.copy()
    hops_s = hops_to_places_s(arrays, config)
    has_task = costs.has_task(arrays)
    for n in range(config.num_users):
        costs_s = own_costs_s(arrays, config, actions, n, hops_s)
        argmin = np.argmin(costs_s, axis=1)
        gains = costs_s[games, argmin] < costs_s[games, actions[:, n]] * (1.0 - _GAIN)
        gains &= has_task[:, n]
        actions[:, n] = np.where(gains, argmin, actions[:, n])
        moved |= gains
    return actions, moved


def hops_to_places_s(arrays: Snapshot, config: EdgeOffloadConfig) -> Floats:
    """Compute (9) of each action, seconds, ``[B, N, A]``; 0 of the device."""
    hops_s = costs.forward_s(costs.ratios(config) * arrays["task_bits"][..., None], config).swapaxes(2, 3)
    return np.insert(hops_s.reshape(*hops_s.shape[:2], -1), 0, 0.0, axis=2)


def own_costs_s(
    arrays: Snapshot, config: EdgeOffloadConfig, actions: NDArray[np.int64], user: int, hops_s: Floats
) -> Floats:
    """Compute one user's costs of each action for fixed actions of the others: seconds, ``[B, A]``.

    Args:
        arrays: B games at the start of a slot.
        config: their constants.
        actions: all users' actions ``[B, N]``; the user's own is not read.
        user: n.
        hops_s: :func:`hops_to_places_s` of these games.
    """
    games, ways, places = len(actions), config.levels_per_server, config.servers + 1
    way, place, ratios = (actions - 1) % ways, (actions - 1) // ways + 1, costs.ratios(config)
    rivals = actions > 0
    rivals[:, user] = False
    sends = rivals | (arrays["uplink_backlog_bits"] > 0.0) if config.uplink_queue else rivals.copy()
    sends[:, user] = True  # the user's own upload slows the others down at any server
    uploads = costs.Uploads(arrays, config, np.sum(sends, axis=1, keepdims=True, dtype=np.float64))
    arrivals_s = _of_own(uploads.upload_s, way) + _of_own(hops_s, actions)
    own_hops_s = hops_s[:, user, 1:].reshape(games, -1, ways)
    own_arrival_s = uploads.upload_s[:, user, None] + own_hops_s
    cycles, server_hz = ratios[way] * arrays["task_cycles"], arrays["server_hz"][:, :, None]
    if config.queue_clock == "continuous":
        waits_s = continuous_wait_s(arrays, config, place, cycles, user, arrivals_s, own_arrival_s)
    else:
        # at each rival's server, by each of the user's own ways: [B, N, W]
        own_there_s = np.take_along_axis(own_arrival_s, np.maximum(place - 1, 0)[:, :, None], axis=1)
        lower_index = (np.arange(config.num_users) < user)[:, None]
        rivals_s = arrivals_s[:, :, None]
        earlier = rivals[:, :, None] & ((rivals_s < own_there_s) | ((rivals_s == own_there_s) & lower_index))
        index = ((np.arange(games)[:, None] * places + place) * ways)[:, :, None] + np.arange(ways)
        counted = (earlier * cycles[:, :, None]).ravel()
        ahead = np.bincount(index.ravel(), counted, minlength=games * places * ways).reshape(games, places, ways)
        queue_s = servers.wait_s(arrays["backlog_cycles"][:, :, None], ahead[:, 1:], server_hz)
        waits_s = costs.queues(config)[:, None] * queue_s + np.asarray(costs.repair_s(arrays))[..., None]
    offloads_s = delay.offload_delay_s(
        uploads.upload_s[:, user, None],
        own_hops_s,
        waits_s,
        delay.compute_s(ratios * arrays["task_cycles"][:, user, None, None], server_hz),
    )
    own_s = np.empty((games, hops_s.shape[2]))
    own_s[:, 0] = costs.device_cost_s(arrays, config)[:, user]
    own_s[:, 1:] = costs.server_cost_s(arrays, config, user, uploads, offloads_s)
    return own_s


def _of_own(values: Floats, choice: NDArray[np.int64]) -> Floats:
    """Return each user's value ``[B, N]`` of ``[B, N, choices]``."""
    found: Floats = np.take_along_axis(values, choice[:, :, None], axis=2)[:, :, 0]
    return found
