"""DTOMA: DTOMALB without the load balancing term, w2 = 0 in the reward (20) that is trained on.

    python -m recipes train dtoma

Results to expect on ``paper`` (seeds 0 to 4, 60,192 env steps, greedy execution, 320 unseen episodes): utility -12.6,
-12.9, -13.4, -12.3, -12.2 (mean -12.7), score 0.90 to 0.94.

Evaluation is at w1 = w2 = 1 for every algorithm. Differences from the paper: those of ``recipes/dtomalb.py``, whose
hyper-parameters it takes without a tuning of its own.
"""

from typing import TYPE_CHECKING, Any

from edgeoffload_env._validation import fail
from recipes import dtomalb
from recipes.dtomalb import Hyperparameters, load_policy

if TYPE_CHECKING:
    from recipes.settings import RunSettings

__all__ = ["Hyperparameters", "algorithm_config", "load_policy"]


def algorithm_config(settings: "RunSettings") -> Any:
    """A ``DTOMALBConfig`` for the run.

    Raises:
        ValueError: the run sets another ``balance_weight``.
    """
    if settings.env.get("balance_weight", 0.0) != 0.0:
        fail("env.balance_weight", settings.env["balance_weight"], "0, which is what makes it DTOMA; or train dtomalb")
    return dtomalb.algorithm_config(settings, {"balance_weight": 0.0})
