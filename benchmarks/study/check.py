"""Check submitted rows of the leaderboard: judge each again, and say whether its result is the stored one.

POLICY is as in the row's command; by default all policies of ``benchmarks/submissions``.
"""

import argparse
import math
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.analysis import leaderboard, pages
from benchmarks.study.store import RESULTS, ROOT, Results, Row
from benchmarks.submissions import PREFIX
from edgeoffload_env import policies
from recipes.protocol import FINAL_EPISODES

PAGE = "docs/leaderboard.md"


def policy_of(row: Row) -> str:
    """Return the policy of a row as its command has it, "RUN" for a trained run."""
    words = shlex.split(row["command"])
    return words[words.index("judge") + 1]


def problems(row: Row) -> Iterator[str]:
    """Yield violations of the submission rules that the row itself shows."""
    policy = policy_of(row)
    if policy == "RUN":
        if " recipes train " not in row["command"]:
            yield "its command does not train the run"
    elif not policy.startswith(PREFIX) and policy.split(":")[0] not in policies.names():
        yield f"its code is not in {PREFIX.replace('.', '/')}, so that nobody else can run its command"
    if row["episodes"] != FINAL_EPISODES:
        yield f"it has {row['episodes']} episodes, and the protocol has {FINAL_EPISODES}"
    if not row["about"]:
        yield "it lacks a description: judge it with --about"


def compared(row: Row, judge: Callable[..., Row] = leaderboard.judge) -> tuple[str, bool]:
    """Judge a row again; return what was found, and whether it is the stored result.

    Another machine rounds differently, so a result inside the stored interval passes.
    """
    utility = judge(policy_of(row), row["scenario"], row["about"] or None, episodes=row["episodes"])["utility"]
    if math.isclose(utility, row["utility"], rel_tol=1e-9):
        return f"utility {utility:.3f}, as stored", True
    passed = bool(row["utility_low"] <= utility <= row["utility_high"])
    place = "inside" if passed else "outside"
    return f"utility {utility:.3f}, stored {row['utility']:.3f}, {place} its interval", passed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("policies", nargs="*", metavar="POLICY", help="policies to check (all submitted ones)")
    parser.add_argument("--results", type=Path, metavar="DIR", help="folder of results (benchmarks/results)")


def run(options: argparse.Namespace) -> int:
    """Check the rows of the chosen policies and the page; return 1 if one fails or a policy has none."""
    results = Results(options.results or RESULTS)
    rows: list[Any] = results.table("leaderboard").to_dict("records")
    rows = [row for row in rows if _chosen(row, options.policies)]
    failed = False
    for name in options.policies:
        if not any(_chosen(row, [name]) for row in rows):
            failed = True
            print(f"FAILED  {name}: no rows on the leaderboard")
    for row in rows:
        found = [*problems(row)]
        if policy_of(row) != "RUN" and not found:
            try:
                text, passed = compared(row)
            except (ImportError, TypeError, ValueError) as error:
                text, passed = str(error), False
        else:
            text, passed = "; ".join(found) or "of a trained run, which is not trained again here", not found
        failed |= not passed
        print(f"{'passed' if passed else 'FAILED'}  {row['policy']} on {row['scenario']}: {text}")
    if options.results is None:
        page = (ROOT / PAGE).read_text(encoding="utf-8")
        current = pages.with_tables(page, results) == page
        failed |= not current
        print(
            f"{'passed' if current else 'FAILED'}  {PAGE}" + ("" if current else ": run `python -m benchmarks pages`")
        )
    return int(failed)


def _chosen(row: Row, wanted: list[str]) -> bool:
    policy = policy_of(row)
    return row["policy"] in wanted or policy in wanted if wanted else policy.startswith(PREFIX)
