"""Check that the hand-compiled loop computes the same transitions as a vector view."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.numba_step import NumbaVector
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

TOLERANCE = 1e-5
"""Relative or absolute, whichever is wider: the precision of float32."""
_STANDARD_ERRORS = 6.0


class DisagreementError(RuntimeError):
    """The loop and the view differ, so their speeds are not comparable."""


def check_against_view(
    view: EdgeOffloadVectorEnv, seed: int, *, start: dict[str, Any] | None = None, slots: int = 5
) -> tuple[NumbaVector, float]:
    """Step both from the same snapshots with the same actions and compare all outputs of a step.

    Args:
        view: a view in float32 on the CPU, of either backend; it is reset.
        seed: seed of the games, the actions and the loop's own tasks.
        start: snapshot to start from; by default the view's own after a reset.
        slots: number of slots compared; the loop's tasks and queues lead from one to the next.

    Returns:
        The loop, ready to continue, and the largest difference, relative or absolute, whichever is smaller.

    Raises:
        DisagreementError: they differ by more than the tolerance, or the loop's tasks are not drawn as configured.
    """
    rng = np.random.default_rng(seed)
    view.reset(seed=seed)
    loop = NumbaVector(view.config, view.snapshot() if start is None else start, seed)
    largest = 0.0
    for _ in range(slots):
        before = loop.snapshot()
        actions = rng.integers(0, view.config.servers + 1, (view.num_envs, view.config.num_users))
        view.reset(options={"snapshot": before})
        _, rewards, terminations, truncations, info = view.step(actions)
        backlog_cycles = np.asarray(view.snapshot()["backlog_cycles"])
        ours, after = loop.step(actions), loop.snapshot()
        observations, _ = view.reset(options={"snapshot": after})
        pairs = {name: (getattr(ours, name), np.asarray(info[name])) for name in view.config.schema.infos} | {
            "rewards": (ours.rewards, np.asarray(rewards)),
            "terminations": (ours.terminations, np.asarray(terminations)),
            "truncations": (ours.truncations, np.asarray(truncations)),
            "next loads": (after["backlog_cycles"] / after["server_hz"], backlog_cycles / after["server_hz"]),
            "observations": (ours.observations, np.asarray(observations)),
        }
        sure = ~_near_ties(pairs["upload_s"][1] + pairs["forward_s"][1], actions)
        largest = max(largest, *(_difference(name, mine[sure], theirs[sure]) for name, (mine, theirs) in pairs.items()))
        _check_tasks(after, view)
    return loop, largest


def _near_ties(arrival_s: NDArray[np.float32], actions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the games ``[B]`` in which rounding decides the order of two arrivals at a server."""
    order = np.lexsort((arrival_s, actions), axis=1)
    server, arrival_s = np.take_along_axis(actions, order, axis=1), np.take_along_axis(arrival_s, order, axis=1)
    gap_s = np.diff(arrival_s, axis=1)
    close = (np.diff(server, axis=1) == 0) & (server[:, 1:] > 0) & (gap_s > 0.0) & (gap_s < TOLERANCE)
    near: NDArray[np.bool_] = np.any(close, axis=1)
    return near


def _difference(name: str, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    if ours.shape != theirs.shape or ours.dtype.kind != theirs.dtype.kind:
        raise DisagreementError(f"{name}: {ours.dtype}{ours.shape} in the loop, {theirs.dtype}{theirs.shape} in a view")
    expected = theirs.astype(np.float64)
    difference = float(np.max(np.abs(ours - expected) / np.maximum(1.0, np.abs(expected)), initial=0.0))
    if not difference <= TOLERANCE:
        raise DisagreementError(f"{name}: {difference:.3g} apart, more than {TOLERANCE:g}")
    return difference


def _check_tasks(snapshot: dict[str, Any], view: EdgeOffloadVectorEnv) -> None:
    """Check range, mean and variance of the loop's own tasks against the configured uniform distributions."""
    for name in ("task_bits", "task_cycles"):
        low, high = getattr(view.config, name)
        uniform = (snapshot[name].astype(np.float64) - low) / (high - low)
        mean_error = abs(uniform.mean() - 1 / 2) / np.sqrt(1 / 12 / uniform.size)
        variance_error = abs(uniform.var() - 1 / 12) / np.sqrt(1 / 180 / uniform.size)
        within = uniform.min() >= -TOLERANCE and uniform.max() <= 1.0 + TOLERANCE
        if not (within and mean_error < _STANDARD_ERRORS and variance_error < _STANDARD_ERRORS):
            raise DisagreementError(
                f"{name} are not uniform: mean and variance {mean_error:.1f}, {variance_error:.1f} sigma"
            )
