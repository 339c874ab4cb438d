"""What each figure is made of: which algorithms are trained on what, with how many seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipes.sweep import PlannedRun, combinations, plan, read_search

PAPERS = ("dtomalb", "dqn-tolb", "idql-tolb")
"""The paper's Figure 5."""
OWN = (*PAPERS, "dtoma", "dtomalb-exact")
"""All that this package trains itself."""

_SETTINGS = Path(__file__).parent / "settings"
TEAM = next(combinations(read_search(_SETTINGS / "crowded-team.yaml")))
"""What makes ``dtomalb-exact`` look beyond the slot on ``crowded-team``."""
STRAIGHT_THROUGH = next(combinations(read_search(_SETTINGS / "crowded-team-straight-through.yaml")))
"""The same for ``dtomalb``, whose gradient is the paper's."""
SELFISH = TEAM | {"critic": "pooled"}
"""The first where everyone has a reward, and so a value, of its own."""
SELFISH_STRAIGHT_THROUGH = STRAIGHT_THROUGH | {"critic": "pooled"}
"""The second, likewise."""


def is_variation(variant: str) -> bool:
    """Whether a variant is there to see what depends on it, and is no algorithm to compare."""
    return variant in SENSITIVITY | CAUSES | LONGER | SMALLER_REWARDS | STEADINESS or variant.startswith("w2")


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
    in_quick: bool = True
    """Whether a quick run trains it too."""

    def runs(self, quick: bool = False) -> list[tuple[str, PlannedRun]]:
        """All runs with their variants; with ``quick`` two seeds, a tenth of the env steps, and of ranges a part.

        Of numbers of users these are the first two, the second of which other figures train as well; of variants it is
        the last.
        """
        if quick and not self.in_quick:
            return []
        variants, num_users = list(self.variants.items()), self.num_users
        if quick:
            variants, num_users = variants[-1:], num_users[:2]
        return [
            (variant, run)
            for variant, values in variants
            for run in plan(
                self.algorithms,
                self.scenarios,
                range(min(self.seeds, 2) if quick else self.seeds),
                num_users=num_users,
                search=[values],
                env_steps=self.env_steps,
                env_steps_divisor=10 if quick else 1,
            )
        ]


JOINT_HEAD: dict[str, Any] = {"head": "joint", "reward_scale": 1.0}
"""What its own tuning gave the joint head of ``dqn-tolb``."""

_ON_PAPER = (Study(OWN, ("paper",), seeds=10), Study(("rllib-ppo", "rllib-dqn"), ("paper",), seeds=3))
_CONVERGENCE = (
    *_ON_PAPER,
    Study((*PAPERS, "dtoma"), ("paper-load-only",), seeds=10),
    Study(("dtomalb-exact",), ("paper-load-only",), seeds=10),
    Study(("rllib-ppo",), ("paper-load-only",), seeds=3),
    Study(PAPERS, ("sparse",), seeds=5),
    Study(("dqn-tolb",), ("sparse",), seeds=5, variants={"joint head": JOINT_HEAD}),
)
_USERS = (
    Study((*OWN, "rllib-ppo"), ("paper",), seeds=3, num_users=(5, 10, 15, 20)),
    Study(PAPERS, ("paper",), seeds=5, num_users=(20,), in_quick=False),
    Study((*OWN, "rllib-ppo"), ("paper",), seeds=3, num_users=(30,), in_quick=False),
)
_CROWDED = (
    Study(("dtomalb",), ("crowded",), seeds=5, env_steps=100_000),
    Study(
        ("dtomalb",),
        ("crowded",),
        seeds=5,
        env_steps=100_000,
        variants={"selfish": SELFISH_STRAIGHT_THROUGH},
        in_quick=False,
    ),
    Study(("dtomalb-exact",), ("crowded",), seeds=5, env_steps=100_000, variants={"selfish": SELFISH}),
    Study(("dtomalb-exact",), ("crowded-team",), seeds=5, env_steps=100_000, variants={"team": TEAM}),
    Study(
        ("dtomalb",), ("crowded-team",), seeds=5, env_steps=100_000, variants={"team": STRAIGHT_THROUGH}, in_quick=False
    ),
)
SENSITIVITY: dict[str, dict[str, Any]] = {
    "slot 0.1 s": {"env.slot_s": 0.1},
    "slot 0.3 s": {"env.slot_s": 0.3},
    "slot 1 s": {"env.slot_s": 1.0},
    "cell 500 m": {"env.cell_radius_m": 500.0},
    "band over all": {"env.channel_sharing": "all"},
}
"""Choices of ours that the paper leaves open, and others that could have been made."""

_SLOTS = {name: values for name, values in SENSITIVITY.items() if "env.slot_s" in values}
_SENSITIVITY = (
    Study(PAPERS, ("paper",), seeds=5, variants=_SLOTS),
    Study(PAPERS, ("paper",), seeds=3, variants={k: v for k, v in SENSITIVITY.items() if k not in _SLOTS}),
)
CAUSES: dict[str, dict[str, Any]] = {
    "discount 0.9": {"discount": 0.9},
    "settings of dtomalb-exact": {
        "discount": 0.9,
        "reward_scale": 0.1,
        "huber": True,
        "entropy_bonus": 0.0005,
        "final_entropy_bonus": 0.0005,
    },
}
"""Hyper-parameters of ``dtomalb`` that may be why a claim does not hold."""
LONGER: dict[str, dict[str, Any]] = {"180,000 env steps": {"replay_capacity": 200_000}}
"""A budget three times as large, and a replay that still holds all of it."""
_CAUSES = (
    Study(("dtomalb",), ("paper",), seeds=3, variants=CAUSES, in_quick=False),
    Study(("dtomalb",), ("paper",), seeds=3, env_steps=180_000, variants=LONGER, in_quick=False),
    Study(
        ("dtomalb",),
        ("paper",),
        seeds=3,
        num_users=(20,),
        variants={"discount 0.9": CAUSES["discount 0.9"]},
        in_quick=False,
    ),
)
WEIGHTS: dict[str, dict[str, Any]] = {
    "w2 = 10, rewards / 10": {"env.balance_weight": 10.0, "reward_scale": 0.1},
    "w2 = 100, rewards / 100": {"env.balance_weight": 100.0, "reward_scale": 0.01},
    "w2 = 10": {"env.balance_weight": 10.0},
    "w2 = 100": {"env.balance_weight": 100.0},
}
"""Weights of the balancing term, also with rewards that are no larger for it."""
SMALLER_REWARDS: dict[str, dict[str, Any]] = {
    "rewards / 10": {"reward_scale": 0.1},
    "rewards / 100": {"reward_scale": 0.01},
}
"""The same without the term, or with it as it is."""
SMALLEST = "rewards / 100"
"""The one of them that all of our own algorithms were tried with."""
STEADINESS: dict[str, dict[str, Any]] = {
    "constant learning rate": {"final_learning_rate": 1e-3},
    "replay of one batch": {"replay_capacity": 512},
    "an update every 4 slots": {"num_envs": 4},
}
"""Each takes away, or weakens, one thing of our recipes that may be why independent learners are steady here.

Fewer games side by side are more updates for as many slots, and more steps of the target networks.
"""
_REASONS = (
    Study(OWN, ("paper",), seeds=5, variants={SMALLEST: SMALLER_REWARDS[SMALLEST]}, in_quick=False),
    *(
        Study(("dtomalb", "idql-tolb"), ("paper",), seeds=seeds, variants={name: STEADINESS[name]}, in_quick=False)
        for name, seeds in zip(STEADINESS, (5, 5, 3), strict=True)
    ),
)

FIGURES: dict[str, tuple[Study, ...]] = {
    "5": _CONVERGENCE,
    "6": (
        Study(("dtomalb", "dtoma"), ("paper", "paper-load-only"), seeds=10),
        Study(("dtomalb",), ("paper", "paper-load-only"), seeds=3, variants=WEIGHTS),
        Study(("dtoma", "dtomalb"), ("paper",), seeds=3, variants=SMALLER_REWARDS, in_quick=False),
    ),
    "7": _USERS,
    "8": (Study(("dtomalb",), ("paper",), seeds=10),),
    "crowded": _CROWDED,
    "profile": _CONVERGENCE,
    "held-out": _ON_PAPER,
    "optimum": (*_CONVERGENCE, *_CROWDED),
    "anarchy": (),
    "joint-head": (),
    "sensitivity": (*_ON_PAPER, *_CAUSES, *_REASONS, *_SENSITIVITY),
}
"""By the number in the paper; what has a name is beyond the paper. Those without studies need no training."""
