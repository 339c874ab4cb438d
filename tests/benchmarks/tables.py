"""Rows made up for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Results
from edgeoffload_env import scenarios
from edgeoffload_env.evaluation import METRICS


class MadeUp(Results):
    """Results that are not in a folder."""

    def __init__(
        self, final: Any = (), curves: Any = (), servers: Any = (), complexity: Any = (), lost: Any = ()
    ) -> None:
        super().__init__(Path("nowhere"))
        self._tables = [list(rows) for rows in (final, curves, servers, complexity, lost)]

    def final(self) -> Any:
        return self._tables[0]

    def curves(self) -> Any:
        return self._tables[1]

    def servers(self) -> Any:
        return self._tables[2]

    def complexity(self) -> Any:
        return self._tables[3]

    def elsewhere(self) -> Any:
        return self._tables[4]


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
