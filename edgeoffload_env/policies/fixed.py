"""A constant assignment of users to places; ``fixed``."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeoffload_env import stored
from edgeoffload_env._validation import check_int, fail
from edgeoffload_env.agents import action_of
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.policies.view import Actions, PolicyView


@dataclass(frozen=True)
class Fixed:
    """Everyone always at the same place, in the scenario's best numbers. Knows the game's constants; costs nothing.

    All users are alike before their draws, so only how many go where makes a difference: the first ``counts[0]`` users
    stay on their devices, the next ``counts[1]`` go to server 1, and so on. With ``levels`` everyone takes the last
    power and the last share.

    Args:
        counts: users on the device and at each server, M + 1 integers with the sum N; None for those stored for the
            scenario, which ``evaluation.search_fixed`` found on games of other seeds than :func:`evaluate` plays.
    """

    name: ClassVar[str] = "fixed"

    counts: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.counts is None:
            return
        if not isinstance(self.counts, list | tuple):
            fail("counts", self.counts, "None, or users on the device and at each server", TypeError)
        counts = tuple(check_int("counts", count, 0, 10**6) for count in self.counts)
        object.__setattr__(self, "counts", counts)

    def check(self, config: EdgeOffloadConfig) -> None:
        """Refuse games without stored counts, and counts of another size.

        Raises:
            ValueError: no such counts.
        """
        self.counts_for(config)

    def counts_for(self, config: EdgeOffloadConfig) -> tuple[int, ...]:
        """Return the counts in a game.

        Raises:
            ValueError: none are stored for the game, or they are of another size.
        """
        counts = self.counts
        if counts is None:
            entry = stored.entry_of(config)
            if entry is None:
                raise ValueError(
                    "fixed: no counts are stored for this game; give counts, users on the device and at each server, "
                    "as evaluation.search_fixed(config) finds them"
                )
            counts = tuple(entry["fixed"]["parameters"]["counts"])
        if len(counts) != config.servers + 1 or sum(counts) != config.num_users:
            fail("counts", counts, f"{config.servers + 1} integers with the sum {config.num_users}")
        return counts

    def act(self, view: PolicyView) -> Actions:
        """Integers ``[B, N]``.

        Raises:
            ValueError: as :meth:`check`.
        """
        targets = np.repeat(np.arange(view.config.servers + 1), self.counts_for(view.config))
        return np.repeat(action_of(targets, view.config)[None], view.num_games, axis=0)
