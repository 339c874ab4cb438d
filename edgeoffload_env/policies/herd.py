"""Each user by its own observation, all at the same moment; ``herd``."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from edgeoffload_env._validation import check_float
from edgeoffload_env.agents import action_count
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model.path_loss import model_of, path_gain
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.policies import costs
from edgeoffload_env.policies.greedy import Plan, planned_costs_s
from edgeoffload_env.policies.view import Actions, PolicyView


@dataclass(frozen=True)
class Herd:
    """Each user where its own task would cost least if nobody else moved. Knows its own observation; costs M a user.

    What ``greedy`` is with turns, this is without: users that see the same servers choose the same one. Noise spreads
    them. A server that is down counts as down for ``mttr_s``. What ``observation="load"`` hides counts as the middle
    of its range, queues and repairs that it hides as 0.

    Args:
        noise_s: scale of the Gumbel noise on the cost of every place, seconds, >= 0.
    """

    name: ClassVar[str] = "herd"

    noise_s: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise_s", check_float("noise_s", self.noise_s, 0.0, 1e9, "s"))

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``."""
        config, arrays = view.config, seen(view.arrays, view.config)
        users, places = config.num_users, action_count(config)
        uploads = costs.Uploads(arrays, config, users)
        nobody = Plan(arrays, config)
        places_s = np.empty((view.num_games, users, places))
        places_s[:, :, 0] = costs.device_cost_s(arrays, config)
        for n in range(users):
            places_s[:, n, 1:], _ = planned_costs_s(arrays, config, n, uploads, nobody)
        if self.noise_s:
            places_s -= view.rng.gumbel(scale=self.noise_s, size=places_s.shape)
        actions: Actions = np.argmin(places_s, axis=2) * costs.has_task(arrays)
        return actions


def seen(arrays: Snapshot, config: EdgeOffloadConfig) -> Snapshot:
    """Return snapshots with estimates in place of what users do not observe.

    Args:
        arrays: B games.
        config: their constants.
    """
    estimates: dict[str, Any] = {}
    if config.failures is not None:
        estimates["down_s"] = config.failures.mttr_s * (arrays["down_s"] > 0.0)
    if config.observation == "load":
        server_hz = np.broadcast_to(_middle(config.speed_bounds_hz), arrays["server_hz"].shape)
        if config.server_hz is not None:
            server_hz = arrays["server_hz"]
        median_m = max(config.min_distance_m, config.cell_radius_m / 2**0.5)  # of the users' distances
        constants = {
            "task_bits": _middle(config.bits_range),
            "task_cycles": _middle(config.cycles_range),
            "device_hz": _middle(config.device_hz),
            "channel_gain": float(path_gain(np.asarray(median_m), model_of(config), xp=np)),
            "deadline_s": 0.0 if config.deadline is None else _middle(config.deadline.range_s),
            "device_backlog_cycles": 0.0,
            "uplink_backlog_bits": 0.0,
            "down_s": 0.0,
        }
        estimates = {name: np.full_like(arrays[name], value) for name, value in constants.items() if name in arrays}
        load_s = arrays["backlog_cycles"] / arrays["server_hz"]
        estimates |= {"server_hz": server_hz, "backlog_cycles": load_s * server_hz}
    return {**arrays, **estimates}


def _middle(bounds: tuple[float, float]) -> float:
    return 0.5 * (bounds[0] + bounds[1])
