"""Generated tables of the README and of ``docs/``.

Each table stands between two markers, ``<!-- NAME -->`` and ``<!-- /NAME -->``; a test holds the pages against the
stored results.
"""

import argparse
import re
from collections.abc import Callable
from typing import Any

from benchmarks.analysis import ablation_tables, claims, learning_tables, policy_tables, speed_tables
from benchmarks.analysis.formatting import markdown
from benchmarks.study.store import RESULTS, ROOT, Results
from edgeoffload_env._validation import fail_unknown
from recipes.files import write_text

PAGES = ("README.md", "docs/results.md", "docs/leaderboard.md", "docs/scale.md")
_TABLES: dict[str, Callable[[Results], Any]] = {
    "policies": policy_tables.policies,
    "throughput": speed_tables.throughput,
    "training": speed_tables.training,
    "learned": learning_tables.learned,
    "all-learned": lambda results: learning_tables.learned(results, everything=True),
    "claims": claims.table,
    "claims-in-short": claims.short_table,
    "improvement": learning_tables.improvement,
    "convergence": learning_tables.convergence,
    "balance-weight": learning_tables.balance_weight,
    "users": learning_tables.users,
    "crowded": learning_tables.crowded,
    "sensitivity": ablation_tables.sensitivity,
    "hyperparameters": ablation_tables.hyperparameters,
    "smaller-rewards": ablation_tables.smaller_rewards,
    "steadiness": ablation_tables.steadiness,
    "best-and-last": learning_tables.best_and_last,
    "held-out": learning_tables.held_out,
    "cost": learning_tables.cost,
    "leaders": policy_tables.leaders,
    "draws": learning_tables.draws_note,
    "scale-games": lambda results: speed_tables.sizes(results, "games"),
    "scale-single": lambda results: speed_tables.sizes(results, "single"),
    "scale-growth": speed_tables.growth,
    "scale-sweep": speed_tables.sweep,
    "soak": speed_tables.soak,
}


def with_tables(text: str) -> str:
    """Return a page with its tables generated anew.

    Raises:
        ValueError: a marker of an unknown table, or one that is not closed.
    """
    for name in re.findall(r"^<!-- (\w[\w-]*) -->$", text, flags=re.MULTILINE):
        if name not in _TABLES:
            fail_unknown("table", name, _TABLES)
        before, opening, rest = text.partition(f"<!-- {name} -->\n")
        _, closing, after = rest.partition(f"<!-- /{name} -->")
        if not closing:
            raise ValueError(f"the marker <!-- {name} --> is not closed")
        made = _TABLES[name](Results(RESULTS))
        text = before + opening + (made if isinstance(made, str) else markdown(made)) + closing + after
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options: none."""


def run(_: argparse.Namespace) -> None:
    """Write the tables."""
    write()


def write() -> None:
    """Write the tables into all pages."""
    for page in PAGES:
        path = ROOT / page
        write_text(path, with_tables(path.read_text(encoding="utf-8")))
