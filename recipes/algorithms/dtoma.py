"""DTOMA: DTOMALB without the load balancing term, w2 = 0 in the reward (20) that is trained on.

    python -m recipes train dtoma

Results to expect on ``paper`` (seeds 0 to 4, 60,192 env steps, greedy execution, 320 unseen episodes): utility -12.6,
-12.9, -13.4, -12.3, -12.2 (mean -12.7), score 0.90 to 0.94.

Evaluation is at w1 = w2 = 1 for every algorithm. Differences from the paper: those of
``recipes/algorithms/dtomalb.py``, whose hyper-parameters it takes without a tuning of its own.
"""

from recipes.algorithms.dtomalb import Hyperparameters, Learner, algorithm_config, load_policy

__all__ = ["FIXED_ENV", "Hyperparameters", "Learner", "algorithm_config", "load_policy"]

FIXED_ENV = {"balance_weight": 0.0}
