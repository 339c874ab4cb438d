"""Trained policies from run folders."""

from edgeoffload_env.policies import Policy
from recipes import registry
from recipes.errors import RunError
from recipes.runs import RunFolder


def load_trained_policy(folder: RunFolder) -> Policy:
    """Load the greedy policy of a run's last checkpoint.

    Raises:
        RunError: there is no checkpoint yet, or all are corrupt.
        ImportError: a package that the networks need is not installed; the message names the extra.
    """
    last = folder.last_checkpoint()
    if last is None:
        raise RunError(f"{folder.path} has no checkpoint yet; train it first")
    settings = folder.settings
    module = registry.get(settings.algorithm).load()
    try:
        return module.load_policy(settings, last[0])
    except ImportError as error:
        extra = "torch" if error.name == "torch" else "rllib"
        need = f"a policy of {settings.algorithm} needs `pip install -c constraints.txt -e '.[{extra}]'`"
        raise ImportError(f"{error}; {need}", name=error.name) from error
