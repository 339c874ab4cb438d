"""PPO with shared parameters through RLlib's own PPO: all users act with one network, each on its own observation.

    python -m recipes train rllib-ppo

Results to expect on ``paper`` (seeds 0 to 2, 60,000 env steps, greedy execution, 320 unseen episodes): utility -11.6,
-11.4, -11.4 (mean -11.5), score 0.97 to 0.98, in about two minutes of one core.

Differences from the paper: it has no such algorithm. This is the control that says what sharing parameters does. The
users must be told apart for it (``agent_id=True``). Without that all users in like positions choose alike; they can
then only spread over the servers by chance, and do while they explore, but the greedy policy sends them all to the same
servers. The same holds for runs that end early, while the users still look alike. It got the tuning that the others
had, ten settings and the best three of them again (``benchmarks/tuning``).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from recipes.hyperparameters import Checked, Count, Rate, Share, Sizes, Within

if TYPE_CHECKING:
    from edgeoffload_env.policies import Policy
    from recipes.settings import RunSettings


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(Checked):
    """Of PPO with shared parameters."""

    learning_rate: Rate = 1e-3
    """Step size of Adam."""
    discount: Share = 0.9
    """gamma: what a unit of reward in the next slot is worth now."""
    gae_lambda: Share = 0.9
    """lambda of the generalised advantage estimate."""
    hidden: Sizes = (128, 128)
    """Units of each hidden layer (tanh), of the actor and of the critic."""
    agent_id: bool = True
    """Append a one-hot of the user to what the network sees, so that users can specialise. Without it the trained
    network acts for any number of users."""
    num_envs: Count = 16
    """Games played side by side."""
    slots_per_round: Count = 800
    """Slots played, over all games, for each round of updates."""
    minibatch_size: Count = 1_024
    """Users' slots in a gradient step, at most ``slots_per_round``."""
    epochs: Count = 4
    """Passes over a round's experience."""
    clip: Annotated[float, Within(0.0, 10.0)] = 0.2
    """How far an update may move an action's probability, as a ratio."""
    entropy_bonus: Annotated[float, Within(0.0, 10.0)] = 0.01
    """Weight of the policy's entropy."""
    value_weight: Annotated[float, Within(0.0, 10.0)] = 0.5
    """Weight of the critic's loss."""


def algorithm_config(settings: "RunSettings") -> Any:
    """An RLlib ``PPOConfig`` for the run."""
    from ray.rllib.algorithms.ppo import PPOConfig

    from recipes.rllib.adapter import env_id, one_policy, register_envs
    from recipes.rllib.nan_guard import FinitePPOLearner

    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    register_envs()
    options = {"agent_id": hyper.agent_id, "numbered": True}
    round_slots = max(min(hyper.slots_per_round, settings.env_steps), hyper.num_envs)
    return (
        PPOConfig()
        .environment(env_id(settings.scenario), env_config=settings.env | options)
        .multi_agent(policies={"shared"}, policy_mapping_fn=one_policy)
        .env_runners(num_env_runners=0, num_envs_per_env_runner=hyper.num_envs)
        .learners(num_learners=0, learner_class=FinitePPOLearner)
        .rl_module(
            model_config={
                "fcnet_hiddens": list(hyper.hidden),
                "fcnet_activation": "tanh",
                "vf_share_layers": False,
            }
        )
        .training(
            lr=hyper.learning_rate,
            gamma=hyper.discount,
            lambda_=hyper.gae_lambda,
            train_batch_size_per_learner=round_slots,
            minibatch_size=min(hyper.minibatch_size, round_slots),
            num_epochs=hyper.epochs,
            clip_param=hyper.clip,
            entropy_coeff=hyper.entropy_bonus,
            vf_loss_coeff=hyper.value_weight,
            use_kl_loss=False,
        )
    )


def load_policy(settings: "RunSettings", checkpoint: Path) -> "Policy":
    """The greedy policy: the shared actor's most probable action on each user's own observation."""
    from recipes.rllib.policy import TrainedPolicy

    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    config = algorithm_config(settings)
    return TrainedPolicy.load(settings, config, checkpoint, shared=True, agent_id=hyper.agent_id)
