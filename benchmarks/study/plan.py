"""The trained runs, from ``config/plan.yaml``: algorithms, games, settings and numbers of seeds of each figure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import config
from recipes.sweep import PlannedRun, combinations, plan, read_search

Variants = dict[str, dict[str, Any]]
"""Settings that differ from the defaults, by the name under which results are stored; "" is the default."""

_PLAN = config.read("plan.yaml")
PAPER_ALGORITHMS, OWN = (tuple(_PLAN["algorithms"][name]) for name in ("paper", "own"))
_VARIANTS: dict[str, Variants] = _PLAN["variants"]
JOINT_HEAD = _VARIANTS["joint head"]["joint head"]
SENSITIVITY = _VARIANTS["slot lengths"] | _VARIANTS["cell and band"]
HYPERPARAMETERS, LONGER, SMALLER_REWARDS, STEADINESS = (
    _VARIANTS[name] for name in ("hyperparameters", "longer", "smaller rewards", "steadiness")
)
SMALLEST = "rewards / 100"
"""The reward scale that all own algorithms were trained with."""
ESTIMATORS = _VARIANTS["estimators"] | _VARIANTS["exact gradient"]
EQUIVARIANT_PARTS = _VARIANTS["equivariant parts"]
SEVERAL_SCENARIOS = _VARIANTS["several scenarios"]
"""One network for several scenarios: ``also`` names those beside the first."""
ABLATIONS = (
    *(SENSITIVITY | HYPERPARAMETERS | LONGER | SMALLER_REWARDS | _VARIANTS["weights"]),
    *(STEADINESS | ESTIMATORS | EQUIVARIANT_PARTS),
)
"""Names of variants that are ablations rather than algorithms to compare."""
OPTIMUM_GAMES, OPTIMUM_POLICIES, USERS_POLICIES, EFFECTS_POLICIES = (
    _PLAN[name] for name in ("optimum_games", "optimum_policies", "users_policies", "effects_policies")
)

_QUICK_DIVISOR = 30  # the first thousand or so of env steps fill replay buffers, and then networks are updated


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

        A quick run has two seeds, a thirtieth of the env steps, the first two numbers of users and the last variant.
        """
        variants, num_users, seeds = list(self.variants.items()), self.num_users, self.seeds
        if quick:
            variants, num_users, seeds = variants[-1:] * self.in_quick, num_users[:2], min(seeds, 2)
        options: dict[str, Any] = {"env_steps_divisor": _QUICK_DIVISOR if quick else 1, "num_users": num_users}
        return [
            (name, run)
            for name, values in variants
            for run in plan(
                *(self.algorithms, self.scenarios, range(seeds)), search=[values], env_steps=self.env_steps, **options
            )
        ]


def studies(name: str) -> tuple[Study, ...]:
    """Return the studies of a figure, none if it shows no trained runs."""
    found: list[Study] = []
    for entry in _PLAN["studies"].get(name, []):
        if isinstance(entry, str):
            found += studies(entry)
        else:
            variants = {variant: _settings(**values) for variant, values in entry.get("variants", {"": {}}).items()}
            found.append(Study(**entry | {"variants": variants}))
    return tuple(found)


def _settings(settings: str = "", **values: Any) -> dict[str, Any]:
    """Return values over those of a file, if one is named."""
    read = next(combinations(read_search(config.FOLDER / "settings" / settings))) if settings else {}
    return read | values
