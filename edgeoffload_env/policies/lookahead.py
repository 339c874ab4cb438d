"""Coordinate descent on the slot's true cost plus a price on the queues that it leaves; ``lookahead``."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import check_float, check_int
from edgeoffload_env.agents import action_count
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.reward import utility
from edgeoffload_env.model.servers import load_factor_s
from edgeoffload_env.model.slot import Snapshot, advance
from edgeoffload_env.policies import costs
from edgeoffload_env.policies.greedy import assign_in_turn
from edgeoffload_env.policies.view import Actions, Floats, PolicyView


@dataclass(frozen=True)
class Lookahead:
    """From ``greedy``, each user in turn where the slot's cost and priced queues are least. Knows all; N^2 M a round.

    The cost of a slot is the model's own, for all users together; see :func:`slot_cost_s`.

    Args:
        price: seconds of delay per squared second of a server's queue, >= 0.
        rounds: maximum number of rounds of N turns, >= 1.
    """

    name: ClassVar[str] = "lookahead"

    price: float = 100.0
    rounds: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "price", check_float("price", self.price, 0.0, 1e9))
        object.__setattr__(self, "rounds", check_int("rounds", self.rounds, 1, 10**9))

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``."""
        actions = assign_in_turn(view, 0.0)
        playing = np.arange(view.num_games)
        for _ in range(self.rounds):
            before = actions[playing]
            for n in range(view.config.num_users):
                actions[playing, n] = self._turn(view, playing, actions[playing], n)
            playing = playing[np.any(actions[playing] != before, axis=1)]
            if not playing.size:
                break
        return actions

    def _turn(
        self, view: PolicyView, playing: NDArray[np.int64], actions: NDArray[np.int64], user: int
    ) -> NDArray[np.int64]:
        """Return where one user goes in some games, ``[games]``: where it is unless another place costs less."""
        chosen, places = actions[:, user].copy(), action_count(view.config)
        awake = np.flatnonzero(costs.has_task(view.arrays)[playing, user])
        if not awake.size:
            return chosen
        tried = np.repeat(playing[awake], places)
        candidates = np.repeat(actions[awake], places, axis=0)
        candidates[:, user] = np.tile(np.arange(places), len(awake))
        arrays = {name: array[tried] for name, array in view.arrays.items()}
        cost_s = slot_cost_s(arrays, candidates, view.config, self.price).reshape(-1, places)
        best, rows = np.argmin(cost_s, axis=1), np.arange(len(awake))
        gains = cost_s[rows, best] < cost_s[rows, chosen[awake]]
        chosen[awake] = np.where(gains, best, chosen[awake])
        return chosen


def slot_cost_s(arrays: Snapshot, actions: NDArray[np.int64], config: EdgeOffloadConfig, price: float) -> Floats:
    """Return the cost of a slot for all users together, seconds, ``[B]``.

    The negative utility, N times, plus ``price`` times the sum of the squares of the servers' queues, in seconds, at
    the start of the next slot.

    Args:
        arrays: B games at the start of the slot.
        actions: of all users, ``[B, N]``.
        config: the games' constants.
        price: seconds of delay per squared second of queue.
    """
    outcome, after = advance(arrays, actions, {}, config, xp=xp)
    queue_s = load_factor_s(after["backlog_cycles"], arrays["server_hz"])
    total: Floats = price * np.sum(queue_s**2, axis=1) - config.num_users * utility(outcome, config, xp=xp)
    return total
