"""Training recipes: one command from a scenario to a trained, evaluated set of offloading policies.

``python -m recipes ls`` lists the algorithms. Recipes run from a checkout and are meant to be read, copied and changed;
importing this package loads nothing else: neither numpy, nor torch, nor Ray.

``recipes.DTOMALBConfig``, ``DTOMAConfig``, ``DTOMALBExactConfig``, ``DTOMALBEquivariantConfig``, ``IDQLConfig``,
``DQNTOLBConfig``, ``IPPOConfig``, ``MAPPOConfig``, ``VDNConfig`` and ``QMIXConfig`` are RLlib configurations with the
defaults of the command line. They are made from the hyper-parameters of the files in ``recipes/algorithms`` when first
asked for.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeoffload_env.policies import Policy


def load_policy(run: str | Path) -> "Policy":
    """Return the greedy policy of a run's last checkpoint. Needs torch, but not Ray.

    Runs of ``rllib-dqn`` and ``rllib-ppo`` are the exception: their networks are RLlib's own modules, so Ray must be
    installed, though none is started.

    ``policy.actions({"user_3": observation})`` gives the actions of any users where execution is distributed,
    ``policy.actions(state=env.state())`` everyone's where it is central; ``evaluate(policy)`` takes it too.

    Args:
        run: the run's folder.

    Raises:
        RunError: no run, or none with a checkpoint.
        ImportError: torch or Ray is needed and not installed; the message says what to install.
    """
    from recipes.runs import RunFolder
    from recipes.trained_policy import load_trained_policy

    return load_trained_policy(RunFolder.open(Path(run)))


def __getattr__(name: str) -> Any:
    """Make an RLlib configuration when it is first asked for."""
    if name == "__all__":
        return [*_configs(), "load_policy"]
    if not name.startswith("_") and name in (configs := _configs()):
        from recipes.configs import config_class

        return config_class(configs[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_configs()])


def _configs() -> dict[str, str]:
    """Return the name of the algorithm of each RLlib configuration."""
    from recipes.registry import ALGORITHMS

    return {entry.config: entry.name for entry in ALGORITHMS.values() if entry.config is not None}
