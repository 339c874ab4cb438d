"""What the recipes of this package's own algorithms share; importing it loads neither torch nor Ray."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from recipes.hyperparameters import Checked, Count, Rate, Share, Sizes, Within
from recipes.joint.schedule import linear

if TYPE_CHECKING:
    from recipes.joint.policy import JointPolicy
    from recipes.settings import RunSettings

Scale = Annotated[float, Within(1e-6, 1e6)]
Weight = Annotated[float, Within(0.0, 1e3)]


@dataclass(frozen=True, kw_only=True)
class JointHyperparameters(Checked):
    """Of all joint off-policy algorithms. What changes over the training does so linearly in env steps."""

    learning_rate: Rate = 1e-3
    """Step size of Adam at the beginning."""
    final_learning_rate: Rate = 5e-5
    """Step size of Adam at the end."""
    discount: Share = 0.9
    """gamma: what a unit of reward in the next slot is worth now."""
    hidden: Sizes = (64, 64)
    """Units of each hidden layer (ReLU) of every network."""
    batch_size: Count = 512
    """Slots that an update replays, for all users at once."""
    num_envs: Count = 16
    """Games played side by side."""
    slots_per_update: Count = 1
    """Slots played in each game between two updates."""
    replay_capacity: Count = 100_000
    """Slots kept for replay."""
    learning_starts: Count = 1_000
    """Slots to collect before the first update."""
    target_rate: Share = 0.01
    """tau: how far the target networks move towards the networks at each update."""
    first_epsilon: Share = 0.05
    """Share of random actions at the beginning."""
    final_epsilon: Share = 0.05
    """Share of random actions once exploration is over."""
    exploration: Share = 0.2
    """Share of the training over which epsilon falls."""
    reward_scale: Scale = 1.0
    """What rewards are multiplied by before they are learned from."""
    huber: bool = False
    """Errors of values beyond 1 count linearly, not squared."""
    gradient_norm: Weight = 0.0
    """Largest norm of each user's gradients; 0 for any."""
    share_actors: bool = False
    """All users act with one network that also sees who they are."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where games, replay and learner are; cuda is refused where torch finds no GPU."""


def configured(config: Any, settings: "RunSettings", env: dict[str, Any] | None = None, **training: Any) -> Any:
    """An RLlib configuration of one of this package's algorithms for a run.

    Args:
        config: a fresh configuration.
        settings: the run's.
        env: fields of the game that the algorithm trains with in place of the run's.
        **training: what the algorithm adds to the shared hyper-parameters.
    """
    from recipes.rllib.adapter import env_id

    hyper = settings.hyperparameters
    assert isinstance(hyper, JointHyperparameters)
    return (
        config.environment(env_id(settings.scenario), env_config=settings.env | (env or {}))
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=hyper.num_envs,
            rollout_fragment_length=hyper.slots_per_update,
        )
        .training(
            lr=linear(hyper.learning_rate, hyper.final_learning_rate, settings.env_steps),
            gamma=hyper.discount,
            hidden=hyper.hidden,
            train_batch_size_per_learner=hyper.batch_size,
            env_steps_per_update=hyper.num_envs * hyper.slots_per_update,
            replay_capacity=hyper.replay_capacity,
            num_steps_sampled_before_learning_starts=hyper.learning_starts,
            tau=hyper.target_rate,
            epsilon=linear(hyper.first_epsilon, hyper.final_epsilon, round(hyper.exploration * settings.env_steps)),
            reward_scale=hyper.reward_scale,
            huber=hyper.huber,
            grad_clip=hyper.gradient_norm or None,
            share_actors=hyper.share_actors,
            device=hyper.device,
            **training,
        )
    )


def load_policy(settings: "RunSettings", checkpoint: Path, kind: str = "per-user") -> "JointPolicy":
    """The greedy policy of a checkpoint; needs torch, not Ray.

    Args:
        settings: the run's.
        checkpoint: a folder that RLlib wrote.
        kind: of the acting network.
    """
    from recipes.joint.policy import JointPolicy

    hyper = settings.hyperparameters
    assert isinstance(hyper, JointHyperparameters)
    return JointPolicy.load(
        settings.algorithm, checkpoint, settings.env_config, kind=kind, hidden=hyper.hidden, shared=hyper.share_actors
    )
