"""Rows made up for tests."""

from collections.abc import Sequence
from typing import Any

from edgeoffload_env import scenarios
from edgeoffload_env.evaluation import METRICS


def final_rows(
    algorithm: str, scenario: str, values: Sequence[float], *, num_users: int | None = None, variant: str = ""
) -> list[dict[str, Any]]:
    """Last checkpoints of seeds 0, 1, ...; every metric has the seed's value."""
    users = num_users or scenarios.configure(scenario).num_users
    row = {"algorithm": algorithm, "scenario": scenario, "num_users": users, "variant": variant, "checkpoint": "last"}
    return [
        row | dict.fromkeys((*METRICS, "score"), value) | {"seed": seed, "env_steps": 100, "wall_s": 2.0}
        for seed, value in enumerate(values)
    ]


def curve_rows(algorithm: str, scenario: str, curves: Sequence[Sequence[float]], variant: str = "") -> list[Any]:
    """A curve for each of seeds 0, 1, ..., with an evaluation every 100 env steps."""
    users = scenarios.configure(scenario).num_users
    row = {"algorithm": algorithm, "scenario": scenario, "num_users": users, "variant": variant}
    return [
        row | {"seed": seed, "env_steps": 100 * place, "utility": utility, "score": None}
        for seed, values in enumerate(curves)
        for place, utility in enumerate(values, 1)
    ]
