"""Hyper-parameters that all off-policy algorithms share; importing this module loads neither torch nor Ray."""

from dataclasses import dataclass
from typing import Annotated, Literal

from recipes.hyperparameters import (
    Count,
    CountOrZero,
    Fraction,
    LayerSizes,
    LearningRate,
    Range,
    Scale,
    ValidatedConfig,
)


@dataclass(frozen=True, kw_only=True)
class OffPolicyHyperparameters(ValidatedConfig):
    """Base of each off-policy algorithm's ``Hyperparameters``.

    ``--set``, ``.training(...)`` of the RLlib configuration and its attributes all take these names. A field that RLlib
    has too bears RLlib's name (``lr``, ``gamma``, ``tau``, ``epsilon``, ``grad_clip``, ``double_q``,
    ``train_batch_size_per_learner``, ...), so that ``.training(gamma=...)`` and
    ``.env_runners(num_envs_per_env_runner=...)`` mean what they mean in RLlib. A field ``x`` with a ``final_x`` changes
    linearly in env steps over the whole training (``epsilon``: over a fraction of it).
    """

    lr: LearningRate = 1e-3
    """Learning rate of Adam at the beginning."""
    final_lr: LearningRate = 5e-5
    """Learning rate of Adam at the end."""
    gamma: Fraction = 0.5
    """Discount of the next slot's value."""
    hidden: LayerSizes = (64, 64)
    """Units of each hidden layer (ReLU) of every network."""
    train_batch_size_per_learner: Count = 512
    """Joint transitions in a batch; each holds one slot of all users."""
    num_envs_per_env_runner: Count = 16
    """Games played side by side."""
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
    grad_clip: Scale | None = None
    """Largest norm of each user's gradients; None for no limit."""
    share_actors: bool = False
    """All users act with one network that also sees a one-hot of the user."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Device of games, replay buffer and learner; cuda needs a GPU that torch finds."""
