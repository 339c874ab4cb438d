"""Scenes, the content of pictures: choices and queues of one slot, and the history of the episode."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.effects.queues import full_cell_rate_bps
from edgeoffload_env.model.path_loss import distance_m, model_of, path_gain
from edgeoffload_env.model.reward import utility
from edgeoffload_env.model.servers import load_factor_s
from edgeoffload_env.model.slot import Outcome, Snapshot

Floats = NDArray[np.float64]

_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))


class LastSlot(NamedTuple):
    """The last slot."""

    before: Snapshot
    """Snapshot at its start, B = 1."""
    targets: NDArray[np.int64]
    """``[1, N]``"""
    outcome: Outcome


@dataclass
class History:
    """Metrics of the slots of the running episode."""

    mean_delay_s: list[float] = field(default_factory=list)
    imbalance: list[float] = field(default_factory=list)
    utility: float = 0.0
    """System utility of the slots so far."""
    energy_j: float | None = None
    """Energy of all tasks so far; None where the game has none."""
    tasks: int = 0
    """Tasks so far."""
    delay_s: float = 0.0
    """Delays of all tasks so far."""
    misses: int | None = None
    """Missed deadlines so far; None where the game has none."""

    def add(self, outcome: Outcome, config: EdgeOffloadConfig) -> None:
        """Count one more slot."""
        active = outcome.get("active", np.ones_like(outcome["delay_s"], dtype=np.bool_))
        tasks = int(np.sum(active))
        self.tasks += tasks
        self.delay_s += float(outcome["delay_s"].sum())
        self.mean_delay_s.append(float(outcome["delay_s"].sum() / max(1, tasks)))
        if "energy_j" in outcome:
            self.energy_j = (self.energy_j or 0.0) + float(outcome["energy_j"].sum())
        if "missed" in outcome:
            self.misses = (self.misses or 0) + int(outcome["missed"].sum())
        self.imbalance.append(float(outcome["imbalance"].item()))
        self.utility += float(utility(outcome, config, xp=xp)[0])


@dataclass(frozen=True)
class Scene:
    """Content of a picture; arrays of one game."""

    config: EdgeOffloadConfig
    slot: int
    """Slots played."""
    users_m: Floats
    """``[N, 2]`` around the eNB: positions of users that move. Of those that stand still distances alone are part of
    the game; directions are fixed then."""
    targets: NDArray[np.int64]
    """Each user's choice in the last slot, ``[N]``; empty before the first."""
    delay_s: Floats
    """Each user's delay in the last slot, ``[N]``; empty before the first."""
    server_hz: Floats
    """``[M]``"""
    queue_s: Floats
    """Load factors (13) at the start of the next slot, ``[M]``."""
    arrived_s: Floats
    """Part of the load factors that the last slot's tasks added, ``[M]``."""
    down_s: Floats
    """Time until each server runs again, ``[M]``; zeros without failures."""
    sends: int
    """Users that sent in the last slot, tasks of earlier slots counted."""
    active: NDArray[np.bool_]
    """Whether each user had a task in the last slot, ``[N]``; before the first slot whether it has one now."""
    missed: NDArray[np.bool_]
    """Whether each user's task of the last slot missed its deadline, ``[N]``."""
    device_s: Floats
    """Load of each user's device at the start of the next slot, seconds, ``[N]``; zeros without device queues."""
    uplink_s: Floats
    """The same of its uplink, at the rate (5) with all users on the band."""
    history: History
    caption: str = ""


class Scales(NamedTuple):
    """Greatest values on the axes of pictures that are compared."""

    queue_s: float
    """Of queues and new work of the servers; nothing matters beyond the largest deadline, where there are any."""
    delay_s: float
    """Of mean delays of slots so far."""
    imbalance: float
    """Of var(LD) of slots so far."""


def scales_of(scenes: Sequence[Scene]) -> Scales:
    """Return the scales of one or more scenes."""
    config = scenes[0].config
    longest_s = max(float(np.max([scene.queue_s, scene.arrived_s])) for scene in scenes)
    return Scales(
        queue_s=longest_s if config.deadline is None else min(longest_s, config.deadline.range_s[1]),
        delay_s=max((value for scene in scenes for value in scene.history.mean_delay_s), default=0.0),
        imbalance=max((value for scene in scenes for value in scene.history.imbalance), default=0.0),
    )


def scene_of(
    config: EdgeOffloadConfig,
    snapshot: Snapshot,
    slot: int,
    last: LastSlot | None,
    history: History,
    caption: str = "",
) -> Scene:
    """Make the scene before a slot.

    Args:
        config: constants of the game.
        snapshot: one game at the start of the next slot, B = 1.
        slot: number of slots played.
        last: the last slot, None right after a reset.
        history: history of the episode.
        caption: text above the picture.
    """
    server_hz = snapshot["server_hz"][0]
    arrived = np.zeros(len(server_hz))
    targets, delay_s = np.zeros(0, dtype=np.int64), np.zeros(0)
    users = config.num_users
    active, missed = snapshot.get("active", np.ones((1, users)))[0] > 0.5, np.zeros(users, dtype=np.bool_)
    sends = 0
    if last is not None:
        backlog_bits = last.before.get("uplink_backlog_bits", np.zeros((1, users)))
        sends = int(np.count_nonzero((last.targets > 0) | (backlog_bits > 0.0)))
        active = last.outcome.get("active", np.ones((1, users), dtype=np.bool_))[0]
        missed = last.outcome.get("missed", np.zeros((1, users), dtype=np.bool_))[0]
        targets, delay_s = last.targets[0], last.outcome["delay_s"][0]
        sent = last.before["task_cycles"][0] * last.outcome.get("offload_ratio", np.ones((1, users)))[0]
        cycles = np.bincount(targets, sent, minlength=len(server_hz) + 1)[1:]
        arrived = load_factor_s(cycles, server_hz)
    return Scene(
        config=config,
        slot=slot,
        users_m=_positions_m(snapshot, config),
        targets=targets,
        delay_s=delay_s,
        server_hz=server_hz,
        queue_s=load_factor_s(snapshot["backlog_cycles"][0], server_hz),
        arrived_s=arrived,
        sends=sends,
        down_s=snapshot.get("down_s", np.zeros((1, len(server_hz))))[0],
        active=active,
        missed=missed,
        device_s=_queue_s(snapshot, "device_backlog_cycles", snapshot["device_hz"]),
        uplink_s=_queue_s(snapshot, "uplink_backlog_bits", full_cell_rate_bps(snapshot["channel_gain"], config, xp=xp)),
        history=history,
        caption=caption,
    )


def _queue_s(snapshot: Snapshot, name: str, rate: Floats) -> Floats:
    seconds: Floats = (snapshot[name] / rate if name in snapshot else np.zeros_like(rate))[0]
    return seconds


def _positions_m(snapshot: Snapshot, config: EdgeOffloadConfig) -> Floats:
    if "position_m" in snapshot:
        positions_m: Floats = snapshot["position_m"][0]
        return positions_m
    gain = snapshot["path_gain" if "path_gain" in snapshot else "channel_gain"][0]
    angle = np.arange(config.num_users) * _GOLDEN_ANGLE
    places_m: Floats = distance_of(gain, model_of(config))[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return places_m


def distance_of(gain: Floats, model: str = "tr36814") -> Floats:
    """Return the distances in m at which a path-loss model gives these gains, between 0.1 m and 1000 km."""
    if model == "tr36814":
        metres: Floats = distance_m(gain)
        return metres
    grid = np.linspace(np.log(0.1), np.log(1e6), 4096)  # 0.4 % apart
    log_gain = np.log(path_gain(np.exp(grid), model, xp=np))
    return np.exp(np.interp(-np.log(gain), -log_gain, grid))
