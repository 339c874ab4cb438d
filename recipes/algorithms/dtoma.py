"""DTOMA: DTOMALB without the load balancing term, w2 = 0 in the reward (20) that is trained on.

    python -m recipes train dtoma

Evaluation is at w1 = w2 = 1 for every algorithm. Differences from the paper: those of
``recipes/algorithms/dtomalb.py``, whose hyper-parameters it takes without a tuning of its own.
"""

from recipes.algorithms.dtomalb import Hyperparameters, Learner, algorithm_config, load_policy

__all__ = ["FIXED_ENV", "Hyperparameters", "Learner", "algorithm_config", "load_policy"]

FIXED_ENV = {"balance_weight": 0.0}
