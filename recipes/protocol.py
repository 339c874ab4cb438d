"""The evaluation protocol: when, on which games, and how often a run's greedy policy is judged.

All evaluation is greedy, on games that no training has seen: ``evaluate`` draws them from streams of its own. The
utility is at w1 = w2 = 1 whatever was trained on.
"""

from collections.abc import Callable
from typing import Any

from edgeoffload_env import Evaluation, evaluate
from edgeoffload_env.policies import Policy
from recipes.settings import RunSettings

EVALUATIONS = 100
"""How often a policy is judged over a run: every 1 % of the env steps, but not more often than ``LEAST_STEPS``."""
LEAST_STEPS = 500
EVALUATION_EPISODES, EVALUATION_SEED = 32, 0
"""The fixed games of these evaluations, which also choose the best checkpoint."""
FINAL_EPISODES, FINAL_SEED = 320, 1
"""The games on which the last and the best checkpoint are judged in the end; neither was chosen by them."""


def steps_between_evaluations(env_steps: int) -> int:
    """Env steps from one evaluation to the next in a run of so many."""
    return min(env_steps, max(LEAST_STEPS, env_steps // EVALUATIONS))


def evaluated(policy: Policy, settings: RunSettings, progress: Callable[[int], None] | None = None) -> Evaluation:
    """A policy on the fixed games of a run's scenario; ``progress`` as in :func:`edgeoffload_env.evaluate`."""
    return evaluate(policy, settings.scenario, EVALUATION_EPISODES, EVALUATION_SEED, progress=progress, **settings.env)


def final(policy: Policy, settings: RunSettings, progress: Callable[[int], None] | None = None) -> Evaluation:
    """A policy on the games of the final result; ``progress`` as in :func:`edgeoffload_env.evaluate`."""
    return evaluate(policy, settings.scenario, FINAL_EPISODES, FINAL_SEED, progress=progress, **settings.env)


def as_json(result: Evaluation) -> dict[str, Any]:
    """What a summary keeps of an evaluation."""
    metrics = {name: interval._asdict() for name, interval in result.summary().items()}
    return {"scenario": result.scenario, "episodes": result.episodes, "seed": result.seed, **metrics}
