"""Table of a trained policy beside the shipped policies."""

from typing import Any

from edgeoffload_env import policies
from edgeoffload_env.evaluation import Evaluation, evaluate
from edgeoffload_env.evaluation.report import Report


def comparison_table(result: Evaluation, env: dict[str, Any], episodes: int, seed: int) -> str:
    """Format an evaluation and those of the shipped policies on the same episodes, without the slow ``optimum``."""
    assert result.scenario is not None
    shipped = [name for name in policies.names() if name != "optimum"]
    rows = [(name, evaluate(name, result.scenario, episodes, seed, **env)) for name in shipped]
    return Report([(result.policy, result), *rows], overrides=env).table()
