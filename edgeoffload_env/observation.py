"""What a user sees, and what a centralised critic sees: features of order 1, squashed and never clipped.

``2 x / (1 + x) - 1`` maps a quantity that is only known to be >= 0 into [-1, 1), so that empty queues are not a row of
zeros; ``z / (1 + |z|)`` with ``z = (value - middle) / half width`` maps a quantity with a configured range into
(-1, 1), the range itself onto [-1/2, 1/2]. Values outside the range (from a snapshot) still land inside the box.

========================  =========================================================  =======
feature                   formula                                                    values
========================  =========================================================  =======
load of server m          x = LD_m / 0.5 s, LD_m of (13) at the start of the slot    [-1, 1]
task bits                 z over ``task_bits``                                       [-1, 1]
task cycles               z over ``task_cycles``                                     [-1, 1]
device speed              z over ``device_hz``                                       [-1, 1]
link quality              z of log(gain) over the gains at ``cell_radius_m`` and     [-1, 1]
                          ``min_distance_m``
speed of server m         z over the slowest and fastest speed that can occur        [-1, 1]
========================  =========================================================  =======

A range narrower than a millionth of its middle to either side, in which rounding would be all that is seen, counts as
10 % to either side.
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edgeoffload_env.model.channel import Array, path_gain
from edgeoffload_env.model.servers import load_factor_s
from edgeoffload_env.model.slot import Snapshot

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

NARROW = 1e-6
"""The half width, as a fraction of the middle, below which a range has no width."""
LOAD_SCALE_S = 0.5
"""The load factor, in seconds of work, that the load feature maps to 0."""


class EpisodeFeatures(NamedTuple):
    """Features that stay the same for an episode."""

    device: Array
    """Device speed, ``[B, N]``."""
    link: Array
    """Link quality, ``[B, N]``."""
    speed: Array
    """Server speeds, ``[B, M]``."""


class Features(NamedTuple):
    """What observations and states are put together from; see the table above."""

    load: Array
    """``[B, M]``"""
    speed: Array
    """``[B, M]``"""
    users: tuple[Array, Array, Array, Array]
    """Task bits, task cycles, device speed, link quality: ``[B, N]`` each."""


def load_features(backlog_cycles: Array, server_hz: Array) -> Array:
    """Squashed load factors, ``[B, M]``; 2 x / (1 + x) - 1 in one fraction."""
    load_s = load_factor_s(backlog_cycles, server_hz)
    return (load_s - LOAD_SCALE_S) / (load_s + LOAD_SCALE_S)


def episode_features(snapshot: Snapshot, config: "EdgeOffloadConfig", *, xp: Any) -> EpisodeFeatures:
    """The features of a snapshot that last as long as its episode."""
    gains = (path_gain(config.cell_radius_m), path_gain(config.min_distance_m))
    link_bounds = (math.log(gains[0]), math.log(gains[1]))
    return EpisodeFeatures(
        device=_centred(snapshot.device_hz, config.device_hz, xp=xp),
        link=_centred(xp.log(snapshot.channel_gain), link_bounds, xp=xp),
        speed=_centred(snapshot.server_hz, config.speed_bounds_hz, xp=xp),
    )


def slot_features(snapshot: Snapshot, episode: EpisodeFeatures, config: "EdgeOffloadConfig", *, xp: Any) -> Features:
    """All features of a snapshot of that episode."""
    return Features(
        load=load_features(snapshot.backlog_cycles, snapshot.server_hz),
        speed=episode.speed,
        users=(
            _centred(snapshot.task_bits, config.task_bits, xp=xp),
            _centred(snapshot.task_cycles, config.task_cycles, xp=xp),
            episode.device,
            episode.link,
        ),
    )


def _centred(value: Array, bounds: tuple[float, float], *, xp: Any) -> Array:
    middle = 0.5 * (bounds[0] + bounds[1])
    half = 0.5 * (bounds[1] - bounds[0])
    if half < NARROW * abs(middle):
        half = 0.1 * abs(middle)
    z = (value - middle) * (1.0 / half)
    return z / (1.0 + xp.abs(z))


def observation_size(config: "EdgeOffloadConfig") -> int:
    """D: the length of one user's observation."""
    if config.observation == "load":
        return config.servers
    return config.servers + 4 + (config.servers if config.server_hz_range is not None else 0)


def state_size(config: "EdgeOffloadConfig") -> int:
    """S: the length of the global state."""
    if config.observation == "load":
        return config.servers
    return 2 * config.servers + 4 * config.num_users


def user_observations(features: Features, config: "EdgeOffloadConfig", *, dtype: Any, xp: Any) -> Array:
    """Every user's own observation, ``[B, N, D]`` in ``dtype``.

    In order: loads of servers 1..M; task bits, task cycles, device speed, link quality; speeds of servers 1..M where
    they are drawn per episode. With ``observation="load"`` the loads alone, the paper's (14).
    """
    load, speed, users = features
    batch, num_users = users[0].shape
    servers = load.shape[-1]
    columns = [load[:, m : m + 1] for m in range(servers)]
    if config.observation == "full":
        columns += users
        if config.server_hz_range is not None:
            columns += [speed[:, m : m + 1] for m in range(servers)]
    if isinstance(load, np.ndarray):
        result = np.empty((batch, num_users, len(columns)), dtype=dtype)
        for k, column in enumerate(columns):
            result[:, :, k] = column
        return result
    # torch copies a transposed array faster than it writes with gaps, compiled or not
    user_major = xp.stack([xp.broadcast_to(column, (batch, num_users)).T for column in columns], axis=1)
    result = xp.reshape(user_major, (-1, batch)).T
    return xp.astype(xp.reshape(result.contiguous(), (batch, num_users, -1)), dtype)


def global_state(features: Features, config: "EdgeOffloadConfig", *, dtype: Any, xp: Any) -> Array:
    """The view of a centralised critic, ``[B, 2 M + 4 N]`` in ``dtype``.

    In order: loads of servers 1..M, speeds of servers 1..M, then for user 0 .. N-1 task bits, task cycles, device speed
    and link quality. The same for any ``observation``.
    """
    load, speed, users = features
    if config.observation == "load":
        return xp.astype(load, dtype)
    own = xp.reshape(xp.stack(users, axis=-1), (load.shape[0], -1))
    return xp.astype(xp.concat((load, speed, own), axis=-1), dtype)
