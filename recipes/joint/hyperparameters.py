"""Hyper-parameters that all joint algorithms share; importing this module loads neither torch nor Ray."""

from dataclasses import dataclass
from typing import Literal

from recipes.hyperparameters import Count, Fraction, LayerSizes, LearningRate, Scale, ValidatedConfig


@dataclass(frozen=True, kw_only=True)
class JointHyperparameters(ValidatedConfig):
    """Base of each joint algorithm's ``Hyperparameters``.

    ``--set``, ``.training(...)`` of the RLlib configuration and its attributes all take these names. A field that RLlib
    has too bears RLlib's name (``lr``, ``gamma``, ``tau``, ``epsilon``, ``grad_clip``, ``double_q``, ``clip_param``,
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
    grad_clip: Scale | None = None
    """Largest norm of each user's gradients; None for no limit."""
    share_actors: bool = False
    """All users act with one network that also sees a one-hot of the user."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Device of games, transitions and learner; cuda needs a GPU that torch finds."""
