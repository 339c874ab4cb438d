"""Table of a trained policy beside the shipped policies."""

import dataclasses
from typing import Any

from edgeoffload_env import policies
from edgeoffload_env.evaluation import Evaluation, evaluate
from edgeoffload_env.evaluation.report import Report
from edgeoffload_env.stored import entry_of


def comparison_table(label: str, result: Evaluation, env: dict[str, Any], episodes: int, seed: int) -> str:
    """Format an evaluation, in a row of the given label, and those of the shipped policies on the same episodes.

    Without the slow ``optimum``, and without ``fixed`` in games that no counts are stored for.
    """
    assert result.scenario is not None
    left_out = {"optimum"} if entry_of(result.config) else {"optimum", "fixed"}
    shipped = [name for name in policies.names() if name not in left_out]
    played = {name: evaluate(name, result.config, episodes, seed) for name in shipped}
    rows = [(name, dataclasses.replace(other, scenario=result.scenario)) for name, other in played.items()]
    return Report([(label, result), *rows], overrides=env).table()
