"""Hyper-parameters that all on-policy algorithms share; importing this module loads neither torch nor Ray."""

from dataclasses import dataclass

from recipes.hyperparameters import Count, Fraction
from recipes.joint.hyperparameters import JointHyperparameters


@dataclass(frozen=True, kw_only=True)
class OnPolicyHyperparameters(JointHyperparameters):
    """Base of each on-policy algorithm's ``Hyperparameters``; see :class:`.JointHyperparameters`."""

    train_batch_size_per_learner: Count = 1_600
    """Env steps of a rollout, over all games; each holds one slot of all users."""
    num_envs_per_env_runner: Count = 32
    """Games played side by side."""
    minibatch_size: Count = 400
    """Env steps of a gradient step; the rollout is split into equal parts of about so many."""
    num_epochs: Count = 4
    """Passes over a rollout."""
    lambda_: Fraction = 0.9
    """lambda of the generalised advantage estimate: 0 trusts the critics alone, 1 the rewards played."""
    normalize_advantages: bool = True
    """Standardise a rollout's advantages, for each actor."""
    share_critics: bool = False
    """All users are rated by one critic that also sees a one-hot of the user."""
    normalize_values: bool = True
    """Critics learn standardised returns, by PopArt."""
