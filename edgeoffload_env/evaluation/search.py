"""Searches for the best parameters of policies in a game."""

from collections.abc import Callable

import numpy as np

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.evaluate import evaluate
from edgeoffload_env.evaluation.rollout import Progress
from edgeoffload_env.policies.fixed import Fixed
from edgeoffload_env.scenarios import configure

Counts = tuple[int, ...]


def search_fixed(
    config: str | EdgeOffloadConfig, episodes: int = 64, seed: int = 1_000, *, progress: Progress | None = None
) -> Counts:
    """Search the best constant assignment: how many users stay on their devices and go to each server.

    A pattern search. It starts from the best of some shares of the users on their devices, the others spread over the
    servers by speed, and moves groups of users from place to place while that helps, at last one user at a time.

    Args:
        config: the game, or a scenario's name.
        episodes: to play with each candidate.
        seed: of the games; the same for all candidates.
        progress: as in :func:`evaluate`.

    Returns:
        The ``counts`` of the policy ``fixed``, M + 1 integers.

    Raises:
        TypeError, ValueError: as :func:`evaluate`.
    """
    game = configure(config)
    known: dict[Counts, float] = {}

    def utility(counts: Counts) -> float:
        if counts not in known:
            result = evaluate(Fixed(counts), game, episodes, seed, progress=progress)
            known[counts] = float(result.utility.mean())
        return known[counts]

    local = {round(game.num_users * share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)}
    best = max((_spread(game, count) for count in sorted(local)), key=utility)
    step = max(1, game.num_users // 8)
    while step:
        best = _climb(best, step, utility)
        step //= 2
    return best


def _spread(config: EdgeOffloadConfig, local: int) -> Counts:
    """Return counts with some users on their devices and the others at the servers in proportion to their speed."""
    speeds = np.ones(config.servers) if config.server_hz is None else np.array(config.server_hz)
    shares = (config.num_users - local) * speeds / speeds.sum()
    counts = np.floor(shares).astype(np.int64)
    missing = config.num_users - local - int(counts.sum())
    counts[np.argsort(counts - shares, kind="stable")[:missing]] += 1  # largest remainders
    return (local, *counts.tolist())


def _climb(counts: Counts, step: int, utility: Callable[[Counts], float]) -> Counts:
    """Move ``step`` users at a time from place to place until no such move helps."""
    helped = True
    while helped:
        helped = False
        for source in range(len(counts)):
            for target in range(len(counts)):
                if source == target or counts[source] < step:
                    continue
                moved = list(counts)
                moved[source] -= step
                moved[target] += step
                if utility(tuple(moved)) > utility(counts):
                    counts, helped = tuple(moved), True
    return counts
