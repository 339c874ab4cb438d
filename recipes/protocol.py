"""Evaluation protocol: when, on which episodes and how often a run's greedy policy is evaluated.

Evaluations are greedy, on episodes that no training has seen: ``evaluate`` draws them from separate random streams.
The utility is at w1 = w2 = 1, also for policies trained on other weights.
"""

from collections.abc import Callable
from typing import Any

from edgeoffload_env import Evaluation, evaluate
from edgeoffload_env.policies import Policy
from recipes.settings import RunSettings

EVALUATIONS = 100
"""Evaluations per run: one every 1 % of the env steps, but at least ``LEAST_STEPS`` apart."""
LEAST_STEPS = 500
"""Fewest env steps between two evaluations."""
EVALUATION_EPISODES, EVALUATION_SEED = 32, 0
"""Fixed episodes of the evaluations during training, which also select the best checkpoint."""
FINAL_EPISODES, FINAL_SEED = 320, 1
"""Episodes of the final evaluation of the last and the best checkpoint; neither was selected on them."""


def steps_between_evaluations(env_steps: int) -> int:
    """Return the env steps from one evaluation to the next in a run of the given length."""
    return min(env_steps, max(LEAST_STEPS, env_steps // EVALUATIONS))


def evaluate_in_training(
    policy: Policy, settings: RunSettings, progress: Callable[[int], None] | None = None
) -> Evaluation:
    """Evaluate a policy on the fixed episodes; ``progress`` as in :func:`edgeoffload_env.evaluate`."""
    return evaluate(policy, settings.scenario, EVALUATION_EPISODES, EVALUATION_SEED, progress=progress, **settings.env)


def evaluate_final(policy: Policy, settings: RunSettings, progress: Callable[[int], None] | None = None) -> Evaluation:
    """Evaluate a policy on the final episodes; ``progress`` as in :func:`edgeoffload_env.evaluate`."""
    return evaluate(policy, settings.scenario, FINAL_EPISODES, FINAL_SEED, progress=progress, **settings.env)


def evaluate_elsewhere(policy: Policy, scenario: str, progress: Callable[[int], None] | None = None) -> Evaluation:
    """Evaluate a policy on the final episodes of another scenario; ``progress`` as in :func:`.evaluate`."""
    return evaluate(policy, scenario, FINAL_EPISODES, FINAL_SEED, progress=progress)


def evaluation_to_json(result: Evaluation) -> dict[str, Any]:
    """Return the part of an evaluation that ``summary.json`` holds."""
    metrics = {name: interval._asdict() for name, interval in result.summary().items()}
    return {"scenario": result.scenario, "episodes": result.episodes, "seed": result.seed, **metrics}
