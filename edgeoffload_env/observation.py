"""What a user sees, and what a centralised critic sees: features of order 1, squashed and never clipped.

``x / (1 + x)`` maps a quantity that is only known to be >= 0 into [0, 1); ``z / (1 + |z|)`` with
``z = (value - middle) / half width`` maps a quantity with a configured range into (-1, 1), the range itself onto
[-1/2, 1/2]. Values outside the range (from a snapshot) still land inside the box.

========================  =========================================================  =======
feature                   formula                                                    values
========================  =========================================================  =======
load of server m          x = LD_m / 0.5 s, LD_m of (13) at the start of the slot    [0, 1]
task bits                 z over ``task_bits``                                       [-1, 1]
task cycles               z over ``task_cycles``                                     [-1, 1]
device speed              z over ``device_hz``                                       [-1, 1]
link quality              z of log(gain) over the gains at ``cell_radius_m`` and     [-1, 1]
                          ``min_distance_m``
speed of server m         z over the slowest and fastest speed that can occur        [-1, 1]
========================  =========================================================  =======

A range of no width counts as 10 % to either side of its middle.
"""

import math
from typing import TYPE_CHECKING, Any

from edgeoffload_env.model.channel import Array, path_gain
from edgeoffload_env.model.servers import load_factor_s

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

LOAD_SCALE_S = 0.5
"""The load factor, in seconds of work, that the load feature maps to 1/2."""


def load_features(backlog_cycles: Array, server_hz: Array) -> Array:
    """Squashed load factors, ``[B, M]``."""
    load_s = load_factor_s(backlog_cycles, server_hz)
    return load_s / (load_s + LOAD_SCALE_S)


def task_features(task_bits: Array, task_cycles: Array, config: "EdgeOffloadConfig", *, xp: Any) -> tuple[Array, Array]:
    """Features of the slot's tasks: (bits, cycles), ``[B, N]`` each."""
    return _centred(task_bits, config.task_bits, xp=xp), _centred(task_cycles, config.task_cycles, xp=xp)


def user_features(device_hz: Array, channel_gain: Array, config: "EdgeOffloadConfig", *, xp: Any) -> tuple[Array, Array]:
    """Features that last for an episode: (device speed, link quality), ``[B, N]`` each."""
    gains = (path_gain(config.cell_radius_m), path_gain(config.min_distance_m))
    bounds = (math.log(gains[0]), math.log(gains[1]))
    return _centred(device_hz, config.device_hz, xp=xp), _centred(xp.log(channel_gain), bounds, xp=xp)


def speed_features(server_hz: Array, config: "EdgeOffloadConfig", *, xp: Any) -> Array:
    """Features of the servers' speeds, ``[B, M]``."""
    return _centred(server_hz, config.speed_bounds_hz, xp=xp)


def _centred(value: Array, bounds: tuple[float, float], *, xp: Any) -> Array:
    middle = 0.5 * (bounds[0] + bounds[1])
    half = 0.5 * (bounds[1] - bounds[0]) or 0.1 * abs(middle)
    z = (value - middle) * (1.0 / half)
    return z / (1.0 + xp.abs(z))


def observation_size(config: "EdgeOffloadConfig") -> int:
    """D: the length of one user's observation."""
    if config.observation == "load":
        return config.servers
    return config.servers + 4 + (config.servers if config.server_hz_range is not None else 0)


def state_size(config: "EdgeOffloadConfig") -> int:
    """S: the length of the global state."""
    return 2 * config.servers + 4 * config.num_users


def user_observations(
    load: Array,
    task: tuple[Array, Array],
    user: tuple[Array, Array],
    speed: Array,
    config: "EdgeOffloadConfig",
    *,
    dtype: Any,
    xp: Any,
) -> Array:
    """Every user's own observation, ``[B, N, D]`` in ``dtype``.

    In order: loads of servers 1..M; task bits, task cycles, device speed, link quality; speeds of servers 1..M where
    they are drawn per episode. With ``observation="load"`` the loads alone, the paper's (14).
    """
    batch, servers = load.shape
    result = xp.empty((batch, config.num_users, observation_size(config)), dtype=dtype, device=load.device)
    for m in range(servers):
        result[:, :, m] = load[:, m : m + 1]
    if config.observation == "full":
        for k, feature in enumerate((*task, *user)):
            result[:, :, servers + k] = feature
        if config.server_hz_range is not None:
            for m in range(servers):
                result[:, :, servers + 4 + m] = speed[:, m : m + 1]
    return result


def global_state(
    load: Array, task: tuple[Array, Array], user: tuple[Array, Array], speed: Array, *, dtype: Any, xp: Any
) -> Array:
    """The view of a centralised critic, ``[B, 2 M + 4 N]`` in ``dtype``.

    In order: loads of servers 1..M, speeds of servers 1..M, then for user 0 .. N-1 task bits, task cycles, device speed
    and link quality. The same for any ``observation``.
    """
    batch = load.shape[0]
    users = xp.reshape(xp.stack((*task, *user), axis=-1), (batch, -1))
    return xp.astype(xp.concat((load, speed, users), axis=-1), dtype)
