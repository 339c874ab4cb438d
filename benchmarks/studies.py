"""What each figure is made of: which algorithms are trained on what, with how many seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipes.sweep import PlannedRun, combinations, plan, read_search

PAPERS = ("dtomalb", "dqn-tolb", "idql-tolb")
"""The paper's Figure 5."""
BEYOND = ("dtomalb-exact", "rllib-ppo")
ALL = (*PAPERS, "dtoma", *BEYOND)
TEAM = next(combinations(read_search(Path(__file__).parent / "settings" / "crowded-team.yaml")))
"""What makes ``dtomalb-exact`` look beyond the slot on ``crowded-team``."""


STRAIGHT_THROUGH = TEAM | {"temperature": 1.0, "final_temperature": 1.0}
"""The same for the paper's gradient."""


@dataclass(frozen=True)
class Study:
    """Runs of several algorithms on several games."""

    algorithms: Sequence[str]
    scenarios: Sequence[str]
    seeds: int
    num_users: Sequence[int] = ()
    variants: dict[str, dict[str, Any]] = field(default_factory=lambda: {"": {}})
    """What is set otherwise than by default, by the name that results give it."""
    env_steps: int | None = None
    """Each algorithm's own length by default."""

    def runs(self, quick: bool = False) -> list[tuple[str, PlannedRun]]:
        """All runs with their variants; with ``quick`` two seeds and a tenth of the env steps."""
        return [
            (variant, run)
            for variant, values in self.variants.items()
            for run in plan(
                self.algorithms,
                self.scenarios,
                range(min(self.seeds, 2) if quick else self.seeds),
                num_users=self.num_users,
                search=[values],
                env_steps=self.env_steps,
                shorter=10 if quick else 1,
            )
        ]


FIGURES: dict[str, tuple[Study, ...]] = {
    "5": (
        Study((*PAPERS, *BEYOND), ("paper", "paper-load-only"), seeds=10),
        Study(PAPERS, ("sparse",), seeds=3),
        Study(("dqn-tolb",), ("sparse",), seeds=3, variants={"joint head": {"head": "joint"}}),
    ),
    "6": (
        Study(("dtomalb", "dtoma"), ("paper", "paper-load-only"), seeds=10),
        Study(
            ("dtomalb",),
            ("paper",),
            seeds=3,
            variants={f"w2 = {w:g}": {"env.balance_weight": w} for w in (0.0, 10.0, 100.0)},
        ),
    ),
    "7": (Study(ALL, ("paper",), seeds=3, num_users=(5, 10, 15, 20)),),
    "8": (Study(("dtomalb",), ("paper",), seeds=10),),
    "crowded": (
        Study(("dtomalb",), ("crowded",), seeds=5, env_steps=100_000),
        Study(("dtomalb-exact",), ("crowded-team",), seeds=5, env_steps=100_000, variants={"team": TEAM}),
        Study(("dtomalb",), ("crowded-team",), seeds=5, env_steps=100_000, variants={"team": STRAIGHT_THROUGH}),
    ),
}
"""By the number in the paper; what has a name is beyond the paper."""
