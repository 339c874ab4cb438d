"""The leaderboard: any policy under the final protocol, one row for each scenario in ``leaderboard.csv``.

``python -m benchmarks judge POLICY [--scenario NAMES] [--about TEXT]`` takes a shipped policy's name (with parameters:
``drift-plus-penalty:price=5``), ``module:factory`` for a policy object or a rule ``f(agent, observation) -> action``,
or the folder of a run. Trained algorithms get their rows from ``final.csv``, over several seeds.
"""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, read_rows, write_rows
from edgeoffload_env import evaluate, policies, scenarios
from edgeoffload_env.cli_policies import parse_policy
from edgeoffload_env.evaluation import METRICS
from edgeoffload_env.evaluation.rollout import Progress
from recipes.plots import group_name
from recipes.protocol import FINAL_EPISODES, FINAL_SEED
from recipes.runs import RunFolder
from recipes.trained_policy import load_trained_policy
from recipes.versions import versions

FILE = "leaderboard.csv"
COLUMNS = (
    *("policy", "scenario", "num_users", "episodes", *METRICS, "score", "utility_low", "utility_high"),
    *("about", "command", "versions"),
)


def judge(
    policy: str,
    scenario: str,
    about: str | None = None,
    progress: Progress | None = None,
    episodes: int = FINAL_EPISODES,
) -> Row:
    """A policy's row.

    Args:
        policy: as on the command line.
        scenario: a name.
        about: what it is and knows, in a line; a shipped policy's own description by default.
        progress: called with the number of slots played since its last call.
        episodes: other than the protocol's only to try things out.

    Raises:
        TypeError, ValueError: unknown names, or a policy that cannot play the scenario; the message says why.
        ImportError: no such module.
    """
    name, asked, player, first = _player(policy)
    command = ["python", "-m", "benchmarks", "judge", asked, "--scenario", scenario]
    result = evaluate(player, scenario, episodes, FINAL_SEED, progress=progress)
    summary = result.summary()
    shipped = policy.split(":")[0]
    if about is not None:
        command += ["--about", about]
    else:
        about = policies.describe(shipped).replace("``", "") if shipped in policies.names() else ""
    return {
        "policy": name,
        "scenario": scenario,
        "num_users": scenarios.configure(scenario).num_users,
        "episodes": episodes,
        **{metric: interval.mean for metric, interval in summary.items()},
        "utility_low": summary["utility"].low,
        "utility_high": summary["utility"].high,
        "about": about,
        "command": first + shlex.join(command),
        "versions": ", ".join(f"{package} {version}" for package, version in versions().items() if version),
    }


def add(results: Path, rows: Sequence[Row]) -> None:
    """Keep rows, each in the place of the one that the same policy had in the same scenario."""
    new = {(row["policy"], row["scenario"]) for row in rows}
    others = [row for row in entries(results) if (row["policy"], row["scenario"]) not in new]
    ordered = sorted([*others, *rows], key=lambda row: (row["scenario"], row["policy"]))
    write_rows(results / FILE, COLUMNS, ordered)


def entries(results: Path) -> list[Row]:
    """The rows that were kept."""
    return read_rows(results / FILE)


def utility_of(results: Path, policy: str, scenario: str) -> float:
    """A policy's utility in a scenario, NaN where it was not judged."""
    found = [row for row in entries(results) if (row["policy"], row["scenario"]) == (policy, scenario)]
    return float(found[0]["utility"]) if found else math.nan


def _player(policy: str) -> tuple[str, str, Any, str]:
    """What rows call it, how it is asked for on any machine, the policy itself, and what makes it before that."""
    if (Path(policy) / "config.json").is_file():
        folder = RunFolder.open(Path(policy))
        name = f"{group_name(folder)}, seed {folder.settings.seed}"
        return name, "RUN", load_trained_policy(folder), f"{folder.settings.command} --out RUN && "
    spec = parse_policy(policy)
    return spec.label, policy, spec.make(), ""
