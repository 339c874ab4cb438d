"""Entry points of a joint algorithm's file: a run's RLlib configuration, and the policy of its checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes import registry
from recipes.registry import Run

if TYPE_CHECKING:
    from recipes.joint.policy import NetworkPolicy


def algorithm_config(settings: Run) -> Any:
    """Return the run's RLlib configuration, ready to build. Needs Ray.

    Raises:
        ValueError: the run overrides a field of the environment that defines the algorithm.
    """
    from recipes.configs import config_class
    from recipes.rllib.adapter import env_id

    return (
        config_class(settings.algorithm)()
        .environment(env_id(settings.scenario), env_config=settings.env)
        .training(**vars(settings.hyperparameters), total_env_steps=settings.env_steps)
    )


def load_policy(settings: Run, checkpoint: Path) -> "NetworkPolicy":
    """Return the greedy policy of a checkpoint. Needs torch, but not Ray.

    Args:
        settings: the run's.
        checkpoint: a folder that RLlib wrote.

    Raises:
        RunError: the checkpoint's weights cannot be loaded, or belong to other networks.
    """
    from recipes.joint.policy import NetworkPolicy
    from recipes.networks.sizes import sizes_of

    learner = registry.get(settings.algorithm).load().Learner  # type: ignore[attr-defined]
    acting = learner.make_acting(settings.hyperparameters, sizes_of(settings.env_config), seed=0)
    return NetworkPolicy.load(settings.algorithm, checkpoint, acting)
