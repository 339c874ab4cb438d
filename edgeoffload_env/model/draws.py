"""What chance decides: tasks every slot; devices, positions, server speeds and first queues every episode.

Pure functions from uniform numbers in [0, 1) to quantities in SI units, so that any source of uniforms serves. Uniforms
come user-major (``[..., N, B]``): turned into ``[B, N]`` they lie in memory such that the kernel's loops over users run
over whole batches.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from edgeoffload_env.model.channel import Array, path_gain

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

Uniform = Callable[[tuple[int, ...]], Array]
"""``uniform(shape)``: independent numbers in [0, 1) of the backend's float type."""


class System(NamedTuple):
    """What an episode starts with."""

    device_hz: Array
    """``[B, N]``, cycles/s."""
    channel_gain: Array
    """``[B, N]``, linear, constant within the episode."""
    server_hz: Array
    """``[B, M]``, cycles/s."""
    backlog_cycles: Array
    """``[B, M]``, CPU cycles, from ``initial_load_s``."""


def draw_tasks(uniform: Uniform, batch: int, config: "EdgeOffloadConfig") -> tuple[Array, Array]:
    """One task for every user of every game: (L_n in bit, C_n in CPU cycles), ``[B, N]`` each."""
    return tasks_from(uniform((2, config.num_users, batch)), config)


def tasks_from(uniforms: Array, config: "EdgeOffloadConfig") -> tuple[Array, Array]:
    """Uniforms ``[2, N, B]`` as tasks: (L_n in bit, C_n in CPU cycles), ``[B, N]`` each."""
    return _between(uniforms[0].T, config.task_bits), _between(uniforms[1].T, config.task_cycles)


def draw_system(uniform: Uniform, batch: int, config: "EdgeOffloadConfig", *, xp: Any) -> System:
    """A new episode for every game of the batch.

    A user's distance is R sqrt(u): uniform over the disc. Quantities of no width are drawn all the same, so that a
    change of one range leaves the other draws of a seed as they are.
    """
    device, position = uniform((2, config.num_users, batch))
    speed, load = uniform((2, config.servers, batch))
    distance_m = config.cell_radius_m * xp.sqrt(position.T)
    distance_m = xp.maximum(distance_m, xp.full_like(distance_m, config.min_distance_m))
    if config.server_hz is None:
        assert config.server_hz_range is not None
        server_hz = _between(speed.T, config.server_hz_range)
    else:
        server_hz = xp.asarray(config.server_hz, dtype=speed.dtype, device=speed.device) + 0.0 * speed.T
    return System(
        device_hz=_between(device.T, config.device_hz),
        channel_gain=path_gain(distance_m),
        server_hz=server_hz,
        backlog_cycles=_between(load.T, config.initial_load_s) * server_hz,
    )


def _between(uniform: Array, bounds: tuple[float, float]) -> Array:
    low, high = bounds
    return low + (high - low) * uniform
