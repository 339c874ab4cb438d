"""The algorithms that ``python -m recipes train`` knows. Importing this module loads neither torch nor Ray."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from edgeoffload_env._validation import check_known
from recipes.hyperparameters import ValidatedConfig

if TYPE_CHECKING:
    from edgeoffload_env import EdgeOffloadConfig
    from edgeoffload_env.policies.view import Policy


class Run(Protocol):
    """A run as its algorithm sees it; :class:`recipes.settings.RunSettings` is one."""

    @property
    def algorithm(self) -> str:
        """Name of the algorithm."""

    @property
    def scenario(self) -> str:
        """Name of the scenario."""

    @property
    def seed(self) -> int:
        """Seed of the run."""

    @property
    def env_steps(self) -> int:
        """Length of the run in env steps."""

    @property
    def hyperparameters(self) -> ValidatedConfig:
        """Hyper-parameters, an instance of the algorithm's own class."""

    @property
    def env(self) -> dict[str, Any]:
        """Fields of the scenario's configuration that the run overrides."""

    @property
    def env_config(self) -> "EdgeOffloadConfig":
        """The scenario's configuration with these overrides."""


class AlgorithmModule(Protocol):
    """Contents of an algorithm's file. Importing it may load torch, but not Ray."""

    Hyperparameters: type[ValidatedConfig]

    def algorithm_config(self, settings: Run) -> Any:
        """Return an RLlib ``AlgorithmConfig``, ready to build."""

    def load_policy(self, settings: Run, checkpoint: Path) -> "Policy":
        """Return the greedy policy of a checkpoint."""


DEFAULT_ENV_STEPS = 60_000


@dataclass(frozen=True)
class Algorithm:
    """Entry of an algorithm; its file is ``recipes/algorithms/<name>.py``, with ``_`` in place of ``-``."""

    name: str
    summary: str
    config: str | None = None
    """Name of its RLlib configuration in :mod:`recipes`; None for RLlib's stock algorithms."""
    env_steps: int = DEFAULT_ENV_STEPS
    """Default length of a run."""

    def load(self, extra: str = "torch") -> AlgorithmModule:
        """Import the algorithm's file.

        Args:
            extra: the extra that the caller needs for all it does: "torch" to read and play, "rllib" to train.

        Raises:
            ImportError: torch is not installed; the message names the extra.
        """
        try:
            return cast(AlgorithmModule, importlib.import_module(f"recipes.algorithms.{self.name.replace('-', '_')}"))
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            need = f"{self.name} needs `pip install -c constraints.txt -e '.[{extra}]'`"
            raise ImportError(f"{error}; {need}", name="torch") from None


_ALGORITHMS = (
    Algorithm("dtomalb", "the paper's: actors with centralised critics", "DTOMALBConfig"),
    Algorithm("dtoma", "the same without the load balancing term", "DTOMAConfig"),
    Algorithm("dtomalb-exact", "our variant of it, with exact actor gradients", "DTOMALBExactConfig"),
    Algorithm(
        "dtomalb-equivariant",
        "our own: one actor and one team critic for any number of users and servers",
        "DTOMALBEquivariantConfig",
        env_steps=100_000,
    ),
    Algorithm("idql-tolb", "independent DQN: one Q-network for each user", "IDQLConfig"),
    Algorithm("dqn-tolb", "centralised DQN: one network in charge of all users", "DQNTOLBConfig"),
    Algorithm("ippo", "independent PPO: actors and critics on each user's own observation", "IPPOConfig"),
    Algorithm("mappo", "PPO with a centralised critic on the global state", "MAPPOConfig"),
    Algorithm("vdn", "value decomposition: the team's value is the sum of the users'", "VDNConfig"),
    Algorithm("qmix", "value decomposition: a monotone network mixes the users' values into the team's", "QMIXConfig"),
    Algorithm("rllib-dqn", "RLlib's own DQN, independent: one Q-network for each user", env_steps=40_000),
    Algorithm("rllib-ppo", "RLlib's own PPO, shared: one network for all users"),
)
ALGORITHMS = {algorithm.name: algorithm for algorithm in _ALGORITHMS}


def get(name: str) -> Algorithm:
    """Return the algorithm of a name.

    Raises:
        TypeError, ValueError: no such algorithm; the message suggests the nearest name.
    """
    return ALGORITHMS[check_known("algorithm", name, ALGORITHMS)]
