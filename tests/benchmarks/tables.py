"""Made-up results for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.study.store import COLUMNS, Results
from edgeoffload_env import scenarios
from edgeoffload_env.evaluation import METRICS


class MadeUp(Results):
    """Results that are in no folder: rows by the name of their table."""

    def __init__(self, **tables: Any) -> None:
        super().__init__(Path("nowhere"))
        self._tables = tables

    def table(self, name: str) -> pd.DataFrame:
        return pd.DataFrame(list(self._tables.get(name, ())), columns=list(COLUMNS[name]))


def final_rows(
    algorithm: str, scenario: str, values: Sequence[float], *, num_users: int | None = None, variant: str = ""
) -> list[dict[str, Any]]:
    """Last checkpoints of seeds 0, 1, ...; every metric has the seed's value."""
    users = num_users or scenarios.configure(scenario).num_users
    row = {"algorithm": algorithm, "scenario": scenario, "num_users": users, "variant": variant, "checkpoint": "last"}
    return [
        row
        | dict.fromkeys((*METRICS, "score"), value)
        | {"seed": seed, "env_steps": 100, "wall_s": 2.0, "draws": 1, "settings": "", "code": "", "episodes": 320}
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
