"""Hyper-parameters that all off-policy algorithms share; importing this module loads neither torch nor Ray."""

from dataclasses import dataclass
from typing import Annotated

from recipes.hyperparameters import Count, CountOrZero, Fraction, Range, Scale
from recipes.joint.hyperparameters import JointHyperparameters


@dataclass(frozen=True, kw_only=True)
class OffPolicyHyperparameters(JointHyperparameters):
    """Base of each off-policy algorithm's ``Hyperparameters``; see :class:`.JointHyperparameters`."""

    slots_per_update: Count = 1
    """Slots played in each game between two updates."""
    replay_capacity: Count = 100_000
    """Joint transitions kept in the replay buffer."""
    num_steps_sampled_before_learning_starts: CountOrZero = 1_000
    """Env steps before the first update."""
    tau: Fraction = 0.01
    """Step of the target networks towards the networks at each update."""
    epsilon: Fraction = 0.05
    """Fraction of random actions at the beginning."""
    final_epsilon: Fraction = 0.05
    """Fraction of random actions once exploration is over."""
    exploration_fraction: Fraction = 0.2
    """Fraction of the training over which epsilon changes."""
    exploration_noise: Annotated[float, Range(0.0, 1e6)] = 0.0
    """Scale of the Gumbel noise on logits or action values; at 1, logits are sampled from their softmax."""
    reward_scale: Scale = 1.0
    """Factor of the rewards in the loss."""
    symlog_rewards: bool = False
    """Compress scaled rewards by symlog, sign(x) log(1 + abs(x)), so that overload does not drown the rest."""
    huber: bool = False
    """Huber loss in place of the squared error: linear beyond an error of 1."""
