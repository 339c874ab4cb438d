"""The least mean delay of the slot over all joint actions, P1 (12): ``optimum``."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import check_float, fail
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model.effects.download import download_s
from edgeoffload_env.policies import costs
from edgeoffload_env.policies.best_response import BestResponse
from edgeoffload_env.policies.greedy import assign_in_turn
from edgeoffload_env.policies.view import Actions, PolicyView

# The solver is imported where it is used: scipy.optimize would double the time of `import edgeoffload_env`
if TYPE_CHECKING:
    from edgeoffload_env.policies.slot_problem import SlotProblem

BOUNDED_TIME_LIMIT_S = 0.2
UNSOLVED = ("arrivals", "task_trace", "deadline", "uplink_queue", "elastic_servers", "levels", "queue_clock")
"""Fields of effects that the solver does not know."""
QUICK_USERS = 12
"""Number of users up to which a slot takes about 10 ms or less."""


@dataclass(eq=False)
class Optimum:
    """The joint action of least mean delay in this slot (12). Knows all; slow: 10 ms to seconds a slot of one game.

    With ``energy`` its cost is part of what is minimised. The optimum of the slot is not the optimum of the episode: in
    overload it fills the servers' queues.
    Exact, with proof, up to the sizes of :func:`.slot_optimum.is_exact_size` (24 users at 5 servers, 13 at 8); beyond
    them, or with ``bounded``, the best joint action found and a proven lower bound. Two runs agree to the last bit
    unless a time limit cuts one short.

    Args:
        bounded: search instead of proving, at any size.
        time_limit_s: seconds for each slot of each game, None for no limit; by default none for the exact optimum and
            0.2 s for the bounded one.

    Attributes:
        exact: whether the actions of each game of the last ``act`` are proven optimal, ``[B]``.
        gap: (mean delay - proven lower bound) / mean delay, ``[B]``; 0 where exact.
    """

    name: ClassVar[str] = "optimum"

    bounded: bool = False
    time_limit_s: float | None = None
    exact: NDArray[np.bool_] = field(init=False, repr=False)
    gap: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.bounded, bool):
            fail("bounded", self.bounded, "True or False", TypeError)
        if self.time_limit_s is not None:
            self.time_limit_s = check_float("time_limit_s", self.time_limit_s, 0.0, 1e6, "s")
        self.exact, self.gap = np.zeros(0, dtype=np.bool_), np.zeros(0)

    @property
    def diagnostics(self) -> dict[str, NDArray[np.bool_] | NDArray[np.float64]]:
        """Diagnostics of the last ``act``: ``exact`` and ``gap``."""
        return {"exact": self.exact, "gap": self.gap}

    def check(self, config: EdgeOffloadConfig) -> None:
        """Refuse games that are too large for the exact optimum, and those with effects that it does not solve.

        Raises:
            ValueError: too many users or servers for the exact optimum, or such an effect.
        """
        from edgeoffload_env.policies import slot_optimum

        for name in unsolved(config):
            raise ValueError(f"optimum: cannot solve games with {name} = {getattr(config, name)!r}, bounded or not")
        if not self.bounded and not slot_optimum.is_exact_size(config.num_users, config.servers):
            raise ValueError(
                f"optimum: {config.num_users} users and {config.servers} servers are too many for the exact optimum; "
                f"use bounded=True for the best joint action found and a proven lower bound"
            )

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``; sets ``exact`` and ``gap``.

        Raises:
            ValueError: too many users or servers for the exact optimum, or an effect that it does not solve.
        """
        from edgeoffload_env.policies import slot_optimum

        self.check(view.config)
        starts = np.stack([assign_in_turn(view, 0.0), BestResponse().act(view)], axis=1)
        solutions = []
        for problem, incumbents in zip(slot_problems(view), starts, strict=True):
            if self.bounded:
                limit = BOUNDED_TIME_LIMIT_S if self.time_limit_s is None else self.time_limit_s
                solution = slot_optimum.solve_bounded(problem, time_limit_s=limit, incumbent=incumbents)
            else:
                solution = slot_optimum.solve_exact(problem, time_limit_s=self.time_limit_s, incumbent=incumbents)
            solutions.append(solution)
        self.exact = np.array([solution.exact for solution in solutions])
        self.gap = np.array([solution.gap for solution in solutions])
        return np.stack([solution.actions for solution in solutions])


def unsolved(config: EdgeOffloadConfig) -> list[str]:
    """Return the fields of effects of these games that the solver does not know."""
    return [name for name in UNSOLVED if getattr(config, name) != getattr(EdgeOffloadConfig, name)]


def is_solvable(config: EdgeOffloadConfig) -> bool:
    """Return whether the solver knows all effects of these games."""
    return not unsolved(config)


def is_quick(config: EdgeOffloadConfig) -> bool:
    """Return whether ``optimum`` is exact for these games and takes about 10 ms a slot or less."""
    from edgeoffload_env.policies.slot_optimum import is_exact_size

    return is_solvable(config) and config.num_users <= QUICK_USERS and is_exact_size(config.num_users, config.servers)


def slot_problems(view: PolicyView) -> "list[SlotProblem]":
    """Return P1 of each game, from the model's functions."""
    from edgeoffload_env.policies.slot_problem import SlotProblem

    arrays, config = view.arrays, view.config
    # Energy adds to what a place costs, but for the idle radio's: that is in proportion to the delay after the upload,
    # so all costs are divided by 1 + its cost for each second
    per_s, send_s = 1.0, 0.0
    if config.energy is not None:
        per_s += config.energy.cost_s_per_j * config.energy.idle_power_w
        send_s = 1.0 + config.energy.cost_s_per_j * config.tx_power_w
    devices_s = costs.device_cost_s(arrays, config) / per_s
    repair_cycles = costs.repair_s(arrays) * arrays["server_hz"]
    offloaders = np.arange(1.0, config.num_users + 1.0)[:, None]
    problems = []
    for game in range(view.num_games):
        one = {name: array[game : game + 1] for name, array in arrays.items()}
        uploads_s = costs.Uploads(one, config, offloaders).upload_s[..., 0]
        uploads_s = np.broadcast_to(uploads_s, (config.num_users, config.num_users))
        extra_s = np.zeros_like(uploads_s)
        if config.result_ratio:
            extra_s = extra_s + download_s(arrays["task_bits"][game], config.result_ratio, config.downlink_bps)
        if config.energy is not None:
            extra_s = extra_s + (send_s / per_s - 1.0) * uploads_s
        problems.append(
            SlotProblem(
                local_s=devices_s[game],
                upload_s=uploads_s,
                extra_s=extra_s,
                forward_s=costs.forward_s(arrays["task_bits"][game], config),
                # the wait for a repair, as cycles that the server would have done in that time
                backlog_cycles=arrays["backlog_cycles"][game] + repair_cycles[game],
                task_cycles=arrays["task_cycles"][game],
                server_hz=arrays["server_hz"][game],
            )
        )
    return problems
