"""The uplink that all users share and the fibre behind it: equations (5), (7) and (9)."""

import math
from typing import Any, TypeAlias

from edgeoffload_env.model import numpy_namespace

Array: TypeAlias = Any  # an array of any library that follows the array API standard


def path_gain(distance_m: Array) -> Array:
    """Channel gain (dimensionless, linear) at a distance from the eNB in metres, any shape.

    3GPP TR 36.814 macro path loss, 128.1 + 37.6 log10(d / km) dB. Assumed: the paper names no channel model.
    """
    # 10 ** (-loss_db / 10) with the power of the distance taken out: one operation on the array
    return 10.0**-12.81 * (distance_m / 1000.0) ** -3.76


def count_sharers(sends: Array, *, xp: Any) -> Array | float:
    """K in equation (5), the users that share the band; at least 1: where nobody sends, no rate depends on K.

    Args:
        sends: 1 where a user sends, else 0; ``[B, N]``.
        xp: the array API namespace.

    Returns:
        ``[B, 1]``, or one number for one game.
    """
    if xp is numpy_namespace and xp.is_one_game(sends):
        return max(1.0, sum(sends.tolist()[0]))
    return xp.clip(xp.sum(sends, axis=-1, keepdims=True), min=1.0)


def snr(
    sharers: Array | float,
    channel_gain: Array,
    *,
    bandwidth_hz: float,
    tx_power_w: Array | float,
    noise_w_per_hz: float,
) -> Array:
    """Signal to noise ratio p g / ((W / K) N0) inside the logarithm of equation (5); linear, ``[B, N]``."""
    return channel_gain * (tx_power_w / (bandwidth_hz * noise_w_per_hz)) * sharers


def uplink_rate_bps(
    sharers: Array | float,
    channel_gain: Array,
    *,
    bandwidth_hz: float,
    tx_power_w: Array | float,
    noise_w_per_hz: float,
    xp: Any,
) -> Array:
    """Equation (5): r_n = (W / K) log2(1 + p_n g_n / ((W / K) N0)), in bit/s.

    Args:
        sharers: K >= 1, the users that share the band: ``[B, 1]``, or one number for all games.
        channel_gain: g_n, linear, ``[B, N]``.
        bandwidth_hz: W, the whole band in Hz.
        tx_power_w: p_n in W: one number for every user, or ``[B, N]``.
        noise_w_per_hz: N0, the noise spectral density in W/Hz.
        xp: the array API namespace of the arrays.

    Returns:
        ``[B, N]``, positive also where the ratio is far below the resolution of 1 (hence ``log1p``).
    """
    ratio = snr(sharers, channel_gain, bandwidth_hz=bandwidth_hz, tx_power_w=tx_power_w, noise_w_per_hz=noise_w_per_hz)
    return xp.log1p(ratio) * (bandwidth_hz / math.log(2.0) / sharers)


def upload_s(task_bits: Array, rate_bps: Array) -> Array:
    """Equation (7): t_n^up = L_n / r_n, seconds, ``[B, N]``."""
    return task_bits / rate_bps


def forward_s(task_bits: Array, forwarded: Array, forward_bps: Array | float) -> Array:
    """Equation (9): t_n^tran = L_n / mu for a task bound for a server m >= 2, else 0; seconds, ``[B, N]``.

    Args:
        task_bits: L_n, ``[B, N]``.
        forwarded: 1 where the task goes to a server behind server 1, else 0; ``[B, N]``.
        forward_bps: mu in bit/s: one rate, or each task's own ``[B, N]``.
    """
    return forwarded * (task_bits / forward_bps)
