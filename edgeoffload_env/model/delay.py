"""Task delay and its parts: equations (6), (10), (11) and the objective (12)."""

from typing import Any

from edgeoffload_env.model.channel import Array


def compute_s(task_cycles: Array, executor_hz: Array) -> Array:
    """C_n / f, seconds, ``[B, N]``: (6) where f is the user's device, the last term of (8) where it is a server.

    Args:
        task_cycles: C_n in CPU cycles, ``[B, N]``.
        executor_hz: the speed of the device or server that runs the task, in cycles/s, ``[B, N]``.
    """
    return task_cycles / executor_hz


def offload_delay_s(upload_s: Array, forward_s: Array, wait_s: Array, compute_s: Array) -> Array:
    """Equation (10): t_n^off = t_up + t_tran + t_wait + t_comp, seconds, ``[B, N]``; t_tran is 0 at server 1."""
    return upload_s + forward_s + wait_s + compute_s


def task_delay_s(upload_s: Array, forward_s: Array, wait_s: Array, compute_s: Array) -> Array:
    """Equation (11): t_n, seconds, ``[B, N]``.

    A task run on the device has zero upload, forward and wait and a ``compute_s`` of (6), so that (6) and (10) are one
    sum. Callers zero those parts, since the parts themselves are reported.
    """
    return offload_delay_s(upload_s, forward_s, wait_s, compute_s)


def mean_delay_s(delay_s: Array, *, xp: Any) -> Array:
    """Equation (12), the objective of P1: the mean delay over the users, ``[B, N]`` -> ``[B]``, seconds."""
    return xp.mean(delay_s, axis=-1)
