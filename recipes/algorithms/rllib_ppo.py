"""PPO with shared parameters through RLlib's own PPO: all users act with one network, each on its own observation.

    python -m recipes train rllib-ppo

Differences from the paper: it has no such algorithm. It is the baseline that shows the effect of sharing parameters.
It needs the users' identity (``agent_id=True``). Without it all users in similar positions choose the same: they spread
over the servers only by chance, while they explore, and the greedy policy sends them all to the same servers. The same
holds for runs that end early. It was tuned as the paper's algorithms were (``benchmarks/config/tuning``).

Where users can be without a task, forbidden actions have probability 0, and slots without a choice do not count in the
losses (:mod:`recipes.rllib.action_masks`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from recipes.hyperparameters import Count, Fraction, LayerSizes, LearningRate, Range, ValidatedConfig
from recipes.registry import Run

if TYPE_CHECKING:
    from recipes.rllib.policy import TrainedPolicy


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(ValidatedConfig):
    """Hyper-parameters of PPO with shared parameters; those that RLlib's ``PPOConfig`` has bear its names."""

    lr: LearningRate = 1e-3
    """Learning rate of Adam."""
    gamma: Fraction = 0.9
    """Discount of the next slot's value."""
    lambda_: Fraction = 0.9
    """lambda of the generalised advantage estimate."""
    hidden: LayerSizes = (128, 128)
    """Units of each hidden layer (tanh), of the actor and of the critic."""
    agent_id: bool = True
    """Append a one-hot of the user to its observation, so that users can specialise. Without it the trained network
    acts for any number of users."""
    num_envs_per_env_runner: Count = 16
    """Games played side by side."""
    train_batch_size_per_learner: Count = 800
    """Slots played, over all games, for each round of updates."""
    minibatch_size: Count = 1_024
    """Users' slots in a gradient step, at most ``train_batch_size_per_learner``."""
    num_epochs: Count = 4
    """Passes over a round's transitions."""
    clip_param: Annotated[float, Range(0.0, 10.0)] = 0.2
    """Largest change of an action's probability in an update, as a ratio."""
    entropy_coeff: Annotated[float, Range(0.0, 10.0)] = 0.01
    """Weight of the policy's entropy."""
    vf_loss_coeff: Annotated[float, Range(0.0, 10.0)] = 0.5
    """Weight of the critic's loss."""


def algorithm_config(settings: Run) -> Any:
    """Return an RLlib ``PPOConfig`` for the run."""
    from ray.rllib.algorithms.ppo import PPOConfig

    from recipes.rllib.action_masks import MaskedPPOLearner, MaskedPPOModule, with_action_masks
    from recipes.rllib.adapter import env_id, one_policy, register_envs
    from recipes.rllib.nan_guard import FinitePPOLearner

    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    register_envs()
    options = {"agent_id": hyper.agent_id, "numbered": True}
    num_envs = hyper.num_envs_per_env_runner
    batch_size = max(min(hyper.train_batch_size_per_learner, settings.env_steps), num_envs)
    config = (
        PPOConfig()
        .environment(env_id(settings.scenario), env_config=settings.env | options)
        .multi_agent(policies={"shared"}, policy_mapping_fn=one_policy)
        .env_runners(num_env_runners=0, num_envs_per_env_runner=num_envs)
        .learners(num_learners=0, learner_class=FinitePPOLearner)
        .rl_module(
            model_config={
                "fcnet_hiddens": list(hyper.hidden),
                "fcnet_activation": "tanh",
                "vf_share_layers": False,
            }
        )
        .training(
            lr=hyper.lr,
            gamma=hyper.gamma,
            lambda_=hyper.lambda_,
            train_batch_size_per_learner=batch_size,
            minibatch_size=min(hyper.minibatch_size, batch_size),
            num_epochs=hyper.num_epochs,
            clip_param=hyper.clip_param,
            entropy_coeff=hyper.entropy_coeff,
            vf_loss_coeff=hyper.vf_loss_coeff,
            use_kl_loss=False,
        )
    )
    masked = settings.env_config.schema.masked
    return with_action_masks(config, MaskedPPOModule, MaskedPPOLearner) if masked else config


def load_policy(settings: Run, checkpoint: Path) -> "TrainedPolicy":
    """Return the greedy policy: the shared actor's most probable action on each user's own observation."""
    from recipes.rllib.policy import TrainedPolicy

    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    config = algorithm_config(settings)
    return TrainedPolicy.load(settings, config, checkpoint, shared=True, agent_id=hyper.agent_id)
