"""Leaderboard: any policy under the final protocol, one row for each scenario in ``leaderboard.csv``.

POLICY is a shipped policy's name (with parameters: ``drift-plus-penalty:price=5``), ``module:factory`` for a policy
object or a rule ``f(agent, observation) -> action``, or the folder of a run. Trained algorithms get their rows from
``final.csv``, over several seeds.
"""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.study.store import Results, Row, select
from edgeoffload_env import evaluate, policies, scenarios
from edgeoffload_env.cli_policies import parse_policy
from edgeoffload_env.evaluation.rollout import Progress
from recipes.plots import group_name
from recipes.protocol import FINAL_EPISODES, FINAL_SEED
from recipes.runs import RunFolder
from recipes.trained_policy import load_trained_policy
from recipes.versions import versions


def judge(
    policy: str,
    scenario: str,
    about: str | None = None,
    progress: Progress | None = None,
    episodes: int = FINAL_EPISODES,
) -> Row:
    """Evaluate a policy and return its row.

    Args:
        policy: as on the command line.
        scenario: a scenario's name.
        about: a line on what it is and knows; the default is a shipped policy's own description.
        progress: called with the number of slots played since its last call.
        episodes: other than the protocol's only to try things out.

    Raises:
        TypeError, ValueError: unknown names, or a policy that cannot play the scenario; the message says why.
        ImportError: no such module.
    """
    name, argument, player, prelude = _player(policy)
    command = ["python", "-m", "benchmarks", "judge", argument, "--scenario", scenario]
    result = evaluate(player, scenario, episodes, FINAL_SEED, progress=progress)
    summary, shipped = result.summary(), policy.split(":")[0]
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
        "command": prelude + shlex.join(command),
        "versions": ", ".join(f"{package} {version}" for package, version in versions().items() if version),
    }


def add(results: Results, rows: Sequence[Row]) -> None:
    """Store rows, replacing those of the same policy in the same scenario."""
    results.merge("leaderboard", rows, ["scenario", "policy"])


def utility_of(results: Results, policy: str, scenario: str) -> float:
    """Return a policy's utility on the leaderboard, NaN if it is not there."""
    found = select(results.table("leaderboard"), policy=policy, scenario=scenario)
    return float(found["utility"].iloc[0]) if len(found) else math.nan


def _player(policy: str) -> tuple[str, str, Any, str]:
    """Return name, command-line argument on any machine, policy, and the command that has to come first."""
    if (Path(policy) / "config.json").is_file():
        folder = RunFolder.open(Path(policy))
        name = f"{group_name(folder)}, seed {folder.settings.seed}"
        return name, "RUN", load_trained_policy(folder), f"{folder.settings.command} --out RUN && "
    spec = parse_policy(policy)
    return spec.label, policy, spec.make(), ""
