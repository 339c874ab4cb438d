"""Generated tables of the README and of ``docs/``.

Each table stands between two markers, ``<!-- NAME -->`` and ``<!-- /NAME -->``; a test holds the pages against the
stored results.
"""

import argparse
import re

from benchmarks.analysis import (  # noqa: F401
    ablation_tables,
    findings,
    learning_tables,
    policy_tables,
    speed_tables,
    suite,
)
from benchmarks.analysis.formatting import TABLES, markdown
from benchmarks.study.store import RESULTS, ROOT, Results
from edgeoffload_env._validation import fail_unknown
from recipes.files import write_text

PAGES = (
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            "index",
            "results",
            "protocol",
            "leaderboard",
            "shipped-policies",
            "training",
            "speed",
            "scale",
            "effects",
        )
    ),
)


def with_tables(text: str, results: Results | None = None) -> str:
    """Return a page with its tables generated anew.

    Raises:
        ValueError: a marker of an unknown table, or one that is not closed.
    """
    results = results or Results(RESULTS)
    for name in re.findall(r"^<!-- (\w[\w-]*) -->$", text, flags=re.MULTILINE):
        if name not in TABLES:
            fail_unknown("table", name, TABLES)
        before, opening, rest = text.partition(f"<!-- {name} -->\n")
        _, closing, after = rest.partition(f"<!-- /{name} -->")
        if not closing:
            raise ValueError(f"the marker <!-- {name} --> is not closed")
        made = TABLES[name](results)
        text = before + opening + (made if isinstance(made, str) else markdown(made)) + closing + after
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options: none."""


def run(_: argparse.Namespace) -> None:
    """Write the tables."""
    write()


def write() -> None:
    """Write the tables into all pages."""
    results = Results(RESULTS)
    for page in PAGES:
        path = ROOT / page
        write_text(path, with_tables(path.read_text(encoding="utf-8"), results))
