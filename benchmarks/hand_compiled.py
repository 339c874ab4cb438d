"""Proof that the hand-compiled loop plays the same game as the vector view."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.numba_step import NumbaVector
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

TOLERANCE = 1e-5
"""Relative or absolute, whichever is wider: what float32 promises."""
INFOS = ("delay_s", "upload_s", "forward_s", "wait_s", "compute_s", "target", "imbalance")


def check_against_view(view: EdgeOffloadVectorEnv, seed: int, slots: int = 5) -> tuple[NumbaVector, float]:
    """Play both from the same snapshots with the same actions and compare everything that a step returns.

    Args:
        view: a numpy view in float32; it is reset.
        seed: of the games, the actions and the loop's own tasks.
        slots: how many slots are compared; the loop's tasks and queues lead from one to the next.

    Returns:
        The loop, ready to go on, and the largest difference, relative or absolute, whichever is smaller.

    Raises:
        AssertionError: they differ by more than the tolerance.
    """
    rng = np.random.default_rng(seed)
    view.reset(seed=seed)
    loop = NumbaVector(view.config, view.snapshot(), seed)
    largest = 0.0
    for _ in range(slots):
        before = loop.snapshot()
        actions = rng.integers(0, view.config.servers + 1, (view.num_envs, view.config.num_users))
        view.reset(options={"snapshot": before})
        _, rewards, terminations, truncations, info = view.step(actions)
        ours = loop.step(actions)
        after = loop.snapshot()
        sure = ~_near_ties(info, actions)
        pairs = {name: (getattr(ours, name), info[name]) for name in INFOS}
        pairs |= {
            "rewards": (ours.rewards, rewards),
            "terminations": (ours.terminations, terminations),
            "truncations": (ours.truncations, truncations),
            "next loads, s": tuple(s["backlog_cycles"] / s["server_hz"] for s in (after, view.snapshot())),
        }
        observations, _ = view.reset(options={"snapshot": after})
        for name, (mine, theirs) in pairs.items():
            largest = max(largest, _difference(name, mine[sure], theirs[sure]))
        largest = max(largest, _difference("observations", ours.observations, observations))
        _check_tasks(after, view)
    return loop, largest


def _near_ties(info: dict[str, Any], actions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Games in which two arrivals at a server are so close that rounding decides who is first, ``[B]``."""
    key = np.where(actions > 0, 1e6 * actions + info["upload_s"].astype(np.float64) + info["forward_s"], np.inf)
    key = np.sort(key, axis=1)
    with np.errstate(invalid="ignore"):
        gaps = np.diff(key, axis=1)
    ties: NDArray[np.bool_] = np.any(gaps < TOLERANCE, axis=1)
    return ties


def _difference(name: str, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    assert ours.shape == theirs.shape, name
    assert ours.dtype == theirs.dtype, (name, ours.dtype, theirs.dtype)
    theirs = theirs.astype(np.float64)
    difference = float(np.max(np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs)), initial=0.0))
    assert difference <= TOLERANCE, f"{name} differs by {difference:.3g}"
    return difference


def _check_tasks(snapshot: dict[str, Any], view: EdgeOffloadVectorEnv) -> None:
    """The loop's own tasks are uniform over the configured ranges, by their mean and spread within six sigma."""
    for name in ("task_bits", "task_cycles"):
        low, high = getattr(view.config, name)
        uniform = (snapshot[name].astype(np.float64) - low) / (high - low)
        assert uniform.min() >= -1e-6, name
        assert uniform.max() <= 1.0 + 1e-6, name
        assert abs(uniform.mean() - 0.5) < 6.0 * np.sqrt(1.0 / 12.0 / uniform.size), name
        assert abs(uniform.var() - 1.0 / 12.0) < 6.0 * np.sqrt(1.0 / 180.0 / uniform.size), name
