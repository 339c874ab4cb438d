"""Random draws: tasks every slot; devices, positions, server speeds and first queues every episode.

Pure functions from uniform numbers in [0, 1) to quantities in SI units, so that any source of uniforms serves. Uniforms
come user-major (``[..., N, B]``): turned into ``[B, N]`` they lie in memory such that the kernel's loops over users run
over whole batches.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgeoffload_env.model.channel import Array, path_gain
from edgeoffload_env.model.quantities import Fields, Noise, Quantity, Scope

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig


def between(uniform: Array, bounds: tuple[float, float]) -> Array:
    """Return uniform numbers in [0, 1) spread over a range."""
    low, high = bounds
    return low + (high - low) * uniform


def scope_sizes(config: "EdgeOffloadConfig") -> dict[Scope, int]:
    """Return how many users, servers and games one game has."""
    return {"user": config.num_users, "server": config.servers, "game": 1}


def field_shape(quantity: Quantity, config: "EdgeOffloadConfig") -> tuple[int, ...]:
    """Return the shape of one game's numbers of a quantity."""
    parts = (len(quantity.components),) if quantity.components else ()
    return (scope_sizes(config)[quantity.scope], *parts)


def row_length(uniforms: Mapping[Scope, int], config: "EdgeOffloadConfig") -> int:
    """Return the uniform numbers that a process needs for one slot of one game.

    Args:
        uniforms: its numbers for each user, each server and the game.
        config: the game.
    """
    sizes = scope_sizes(config)
    return sum(count * sizes[scope] for scope, count in uniforms.items())


def noise_of_rows(rows: Array, uniforms: Mapping[Scope, int], config: "EdgeOffloadConfig") -> Noise:
    """Lay out a process's uniform numbers by scope, ``[k, N, S]`` each.

    Args:
        rows: for each slot or game a row in the order in which a stream is read, ``[S, U]``; U is :func:`row_length`.
        uniforms: numbers for each user, each server and the game.
        config: the game.
    """
    noise: dict[str, Array] = {}
    start, sizes = 0, scope_sizes(config)
    for scope, count in uniforms.items():
        stop = start + count * sizes[scope]
        noise[scope] = rows[:, start:stop].T.reshape((count, sizes[scope], rows.shape[0]))
        start = stop
    return noise


def exponential(uniform: Array, *, xp: Any) -> Array:
    """Return Exp(1) numbers from uniform ones: -ln(1 - u)."""
    return -xp.log1p(-uniform)


def two_normals(first: Array, second: Array, *, xp: Any) -> tuple[Array, Array]:
    """Return two independent standard normal numbers from two uniform ones, after Box and Muller (1958)."""
    radius, angle = xp.sqrt(2.0 * exponential(first, xp=xp)), (2.0 * math.pi) * second
    return radius * xp.cos(angle), radius * xp.sin(angle)


def draw_tasks(noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
    """Draw a task for every user: L_n in bit and C_n in CPU cycles, ``[B, N]`` each.

    Args:
        noise: two uniforms for each user.
        fields: not read.
        config: the ranges; with ``cycles_per_bit`` C = L x density.
        xp: not used.
    """
    bits, cycles = noise["user"]
    task_bits = between(bits.T, config.task_bits)
    if config.task_cycles is None:
        assert config.cycles_per_bit is not None
        return {"task_bits": task_bits, "task_cycles": task_bits * between(cycles.T, config.cycles_per_bit)}
    return {"task_bits": task_bits, "task_cycles": between(cycles.T, config.task_cycles)}


def draw_system(noise: Noise, fields: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
    """Draw devices, positions, server speeds and first queues of an episode.

    A user's distance is R sqrt(u): uniform over the disc. Quantities of no width are drawn all the same, so that a
    change of one range leaves the other draws of a seed as they are.

    Args:
        noise: two uniforms for each user and two for each server.
        fields: not read.
        config: the ranges.
        xp: the array API namespace of the uniforms.

    Returns:
        ``device_hz`` and ``channel_gain`` ``[B, N]``; ``server_hz`` and ``backlog_cycles`` ``[B, M]``.
    """
    device, position = noise["user"]
    speed, load = noise["server"]
    distance_m = config.cell_radius_m * xp.sqrt(position.T)
    distance_m = xp.maximum(distance_m, xp.full_like(distance_m, config.min_distance_m))
    if config.server_hz is None:
        assert config.server_hz_range is not None
        server_hz = between(speed.T, config.server_hz_range)
    else:
        server_hz = xp.asarray(config.server_hz, dtype=speed.dtype, device=speed.device) + 0.0 * speed.T
    return {
        "device_hz": between(device.T, config.device_hz),
        "channel_gain": path_gain(distance_m),
        "server_hz": server_hz,
        "backlog_cycles": between(load.T, config.initial_load_s) * server_hz,
    }


def first_snapshot(noise: dict[str, Noise], config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
    """Draw the snapshot that an episode starts from.

    Args:
        noise: for each process the uniforms of its ``first``.
        config: the game.
        xp: the array API namespace of the uniforms.

    Raises:
        ValueError: an effect gives one of its fields no first value; the message names the field.
    """
    schema = config.schema
    fields: dict[str, Array] = {}
    for process in schema.processes:
        fields |= process.first(noise[process.name], fields, config, xp=xp)
    for effect in schema.effects:
        fields |= effect.start(fields, config, xp=xp)
    for name in schema.snapshot:
        if name not in fields:
            raise ValueError(f"{name!r} has no first value: no process draws it, and no effect's start() returns it")
    return {name: fields[name] for name in schema.snapshot}


def next_fields(snapshot: Fields, noise: dict[str, Noise], config: "EdgeOffloadConfig", *, xp: Any) -> dict[str, Array]:
    """Draw the fields of the next slot that no action moves.

    Args:
        snapshot: the slot before.
        noise: for each process that changes within an episode the uniforms of its ``next``.
        config: the game.
        xp: the array API namespace of the arrays.
    """
    fields = dict(snapshot)
    coming: dict[str, Array] = {}
    for process in config.schema.moving:
        assert process.next is not None
        drawn = process.next(noise[process.name], fields, config, xp=xp)
        fields |= drawn
        coming |= drawn
    return coming
