"""Hyper-parameters that all on-policy algorithms share; importing this module loads neither torch nor Ray."""

from dataclasses import dataclass

from recipes.hyperparameters import Count, Fraction, LearningRate
from recipes.joint.hyperparameters import JointHyperparameters


@dataclass(frozen=True, kw_only=True)
class OnPolicyHyperparameters(JointHyperparameters):
    """Base of each on-policy algorithm's ``Hyperparameters``; see :class:`.JointHyperparameters`."""

    lr: LearningRate = 2e-3
    final_lr: LearningRate = 1e-4
    gamma: Fraction = 0.7
    train_batch_size_per_learner: Count = 800
    """Env steps of a rollout, over all games; each holds one slot of all users."""
    minibatch_size: Count = 100
    """Env steps of a gradient step; the rollout is split into equal parts of about so many."""
    num_epochs: Count = 8
    """Passes over a rollout."""
    lambda_: Fraction = 0.9
    """lambda of the generalised advantage estimate: 0 trusts the critics alone, 1 the rewards played."""
    normalize_advantages: bool = True
    """Standardise a rollout's advantages, for each actor."""
    share_actors: bool = True
    share_critics: bool = True
    """All users are rated by one critic that also sees a one-hot of the user."""
    normalize_values: bool = True
    """Critics learn standardised returns, by PopArt."""
