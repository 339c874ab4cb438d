"""The trained runs: algorithms, games, settings and numbers of seeds; ``analysis/figures`` assigns them to figures."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipes.sweep import PlannedRun, combinations, plan, read_search

Variants = dict[str, dict[str, Any]]
"""Settings that differ from the defaults, by the name under which results are stored; "" is the default."""

PAPER_ALGORITHMS = ("dtomalb", "dqn-tolb", "idql-tolb")
OWN = (*PAPER_ALGORITHMS, "dtoma", "dtomalb-exact")
"""The algorithms that this repository implements itself."""

_SETTINGS = Path(__file__).parents[1] / "config" / "settings"
TEAM = next(combinations(read_search(_SETTINGS / "crowded-team.yaml")))
"""Settings of ``dtomalb-exact`` for a shared reward."""
TEAM_STRAIGHT_THROUGH = next(combinations(read_search(_SETTINGS / "crowded-team-straight-through.yaml")))
"""Settings of ``dtomalb`` for a shared reward."""
SELFISH = {"critic": "pooled"}
"""Overrides of the team settings where each user has a reward of its own."""
JOINT_HEAD: dict[str, Any] = {"head": "joint", "reward_scale": 1.0}
"""Tuned settings of the joint head of ``dqn-tolb``."""

SLOT_LENGTHS: Variants = {f"slot {slot_s:g} s": {"env.slot_s": slot_s} for slot_s in (0.1, 0.3, 1.0)}
SENSITIVITY: Variants = SLOT_LENGTHS | {
    "cell 500 m": {"env.cell_radius_m": 500.0},
    "band over all": {"env.channel_sharing": "all"},
}
"""Other values of environment parameters that the paper leaves open."""
HYPERPARAMETERS: Variants = {
    "discount 0.9": {"gamma": 0.9},
    "settings of dtomalb-exact": {
        "gamma": 0.9,
        "reward_scale": 0.1,
        "huber": True,
        "entropy_coeff": 0.0005,
        "final_entropy_coeff": 0.0005,
    },
}
LONGER: Variants = {"180,000 env steps": {"replay_capacity": 200_000}}
"""Three times the budget, with a replay buffer that holds all of it."""
SMALLER_REWARDS: Variants = {"rewards / 10": {"reward_scale": 0.1}, "rewards / 100": {"reward_scale": 0.01}}
SMALLEST = "rewards / 100"
"""The reward scale that all own algorithms were trained with."""
WEIGHTS: Variants = {
    "w2 = 10, rewards / 10": {"env.balance_weight": 10.0, "reward_scale": 0.1},
    "w2 = 100, rewards / 100": {"env.balance_weight": 100.0, "reward_scale": 0.01},
    "w2 = 10": {"env.balance_weight": 10.0},
    "w2 = 100": {"env.balance_weight": 100.0},
}
"""Weights of the balancing term, with and without rewards divided by the weight."""
STEADINESS: Variants = {
    "constant learning rate": {"final_lr": 1e-3},
    "replay of one batch": {"replay_capacity": 512},
    "an update every 4 slots": {"num_envs_per_env_runner": 4},
}
"""Ablations of what may keep independent learners steady."""
ABLATIONS = SENSITIVITY | HYPERPARAMETERS | LONGER | SMALLER_REWARDS | WEIGHTS | STEADINESS


def is_ablation(variant: str) -> bool:
    """Return whether a variant is an ablation rather than an algorithm to compare."""
    return variant in ABLATIONS


@dataclass(frozen=True)
class Study:
    """Runs of several algorithms on several games."""

    algorithms: Sequence[str]
    scenarios: Sequence[str]
    seeds: int
    num_users: Sequence[int] = ()
    variants: Variants = field(default_factory=lambda: {"": {}})
    env_steps: int | None = None
    """Budget of a run; None for each algorithm's own."""
    in_quick: bool = True
    """Whether quick runs include it."""

    def runs(self, quick: bool = False) -> list[tuple[str, PlannedRun]]:
        """Return all runs with their variants.

        A quick run has two seeds, a tenth of the env steps, the first two numbers of users and the last variant.
        """
        if quick and not self.in_quick:
            return []
        variants, num_users, seeds = list(self.variants.items()), self.num_users, self.seeds
        if quick:
            variants, num_users, seeds = variants[-1:], num_users[:2], min(seeds, 2)
        options: dict[str, Any] = {
            "env_steps": self.env_steps,
            "env_steps_divisor": 10 if quick else 1,
            "num_users": num_users,
        }
        return [
            (name, run)
            for name, values in variants
            for run in plan(self.algorithms, self.scenarios, range(seeds), search=[values], **options)
        ]


ON_PAPER = (Study(OWN, ("paper",), seeds=10), Study(("rllib-ppo", "rllib-dqn"), ("paper",), seeds=3))
CONVERGENCE = (
    *ON_PAPER,
    Study((*PAPER_ALGORITHMS, "dtoma"), ("paper-load-only",), seeds=10),
    Study(("dtomalb-exact",), ("paper-load-only",), seeds=10),
    Study(("rllib-ppo",), ("paper-load-only",), seeds=3),
    Study(PAPER_ALGORITHMS, ("sparse",), seeds=5),
    Study(("dqn-tolb",), ("sparse",), seeds=5, variants={"joint head": JOINT_HEAD}),
)
BALANCING = (
    Study(("dtomalb", "dtoma"), ("paper", "paper-load-only"), seeds=10),
    Study(("dtomalb",), ("paper", "paper-load-only"), seeds=3, variants=WEIGHTS),
    Study(("dtoma", "dtomalb"), ("paper",), seeds=3, variants=SMALLER_REWARDS, in_quick=False),
)
USERS = (
    Study((*OWN, "rllib-ppo"), ("paper",), seeds=3, num_users=(5, 10, 15, 20)),
    Study(PAPER_ALGORITHMS, ("paper",), seeds=5, num_users=(20,), in_quick=False),
    Study((*OWN, "rllib-ppo"), ("paper",), seeds=3, num_users=(30,), in_quick=False),
)
SERVERS = (Study(("dtomalb",), ("paper",), seeds=10),)
_DEFAULT: Variants = {"": {}}
CROWDED: tuple[Study, ...] = tuple(
    Study((algorithm,), (scenario,), seeds=5, env_steps=100_000, variants=variants, in_quick=in_quick)
    for algorithm, scenario, variants, in_quick in (
        ("dtomalb", "crowded", _DEFAULT, True),
        ("dtomalb", "crowded", {"selfish": TEAM_STRAIGHT_THROUGH | SELFISH}, False),
        ("dtomalb-exact", "crowded", {"selfish": TEAM | SELFISH}, True),
        ("dtomalb-exact", "crowded-team", {"team": TEAM}, True),
        ("dtomalb", "crowded-team", {"team": TEAM_STRAIGHT_THROUGH}, False),
    )
)
_DISCOUNT = {"discount 0.9": HYPERPARAMETERS["discount 0.9"]}
_OTHER = dict(itertools.islice(SENSITIVITY.items(), len(SLOT_LENGTHS), None))
SENSITIVITY_STUDIES = (
    *ON_PAPER,
    Study(("dtomalb",), ("paper",), seeds=3, variants=HYPERPARAMETERS, in_quick=False),
    Study(("dtomalb",), ("paper",), seeds=3, env_steps=180_000, variants=LONGER, in_quick=False),
    Study(("dtomalb",), ("paper",), seeds=3, num_users=(20,), variants=_DISCOUNT, in_quick=False),
    Study(OWN, ("paper",), seeds=5, variants={SMALLEST: SMALLER_REWARDS[SMALLEST]}, in_quick=False),
    *(
        Study(("dtomalb", "idql-tolb"), ("paper",), seeds=seeds, variants={name: STEADINESS[name]}, in_quick=False)
        for name, seeds in zip(STEADINESS, (5, 5, 3), strict=True)
    ),
    Study(PAPER_ALGORITHMS, ("paper",), seeds=5, variants=SLOT_LENGTHS),
    Study(PAPER_ALGORITHMS, ("paper",), seeds=3, variants=_OTHER),
)

OPTIMUM_GAMES = ("sparse", "paper", "paper-load-only", "crowded", "crowded-team")
OPTIMUM_POLICIES = ("optimum", "greedy", "drift-plus-penalty")
"""Leaderboard entries of the figure of the gap to ``optimum``."""
USERS_POLICIES = ("random", "local", "proportional", "least-loaded", "greedy", "drift-plus-penalty", "optimum")
"""Shipped policies of Figure 7."""
