"""The algorithms that ``python -m recipes train`` knows."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from edgeoffload_env._validation import check_known
from recipes.hyperparameters import Checked

if TYPE_CHECKING:
    from edgeoffload_env.policies.view import Policy
    from recipes.settings import RunSettings


class RecipeModule(Protocol):
    """What a recipe's file defines. Importing it loads neither torch nor Ray; calling its functions does."""

    Hyperparameters: type[Checked]

    def algorithm_config(self, settings: "RunSettings") -> Any:
        """An RLlib ``AlgorithmConfig``, ready to build."""

    def load_policy(self, settings: "RunSettings", checkpoint: Path) -> "Policy":
        """The trained policy of a checkpoint, acting greedily."""


@dataclass(frozen=True)
class Recipe:
    """One algorithm."""

    name: str
    module: str
    """Where its file is, as an import path."""
    summary: str
    env_steps: int
    """Length of a run by default."""

    def load(self) -> RecipeModule:
        """Import the recipe's file."""
        return cast(RecipeModule, importlib.import_module(self.module))


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("dtomalb", "recipes.dtomalb", "the paper's: actors with centralised critics", 60_000),
        Recipe("dtoma", "recipes.dtoma", "the same without the load balancing term", 60_000),
        Recipe("dtomalb-exact", "recipes.dtomalb_exact", "our variant of it, with exact actor gradients", 60_000),
        Recipe("idql-tolb", "recipes.idql_tolb", "independent DQN: one Q-network for each user", 60_000),
        Recipe("dqn-tolb", "recipes.dqn_tolb", "centralised DQN: one network in charge of all users", 60_000),
        Recipe("rllib-dqn", "recipes.rllib_dqn", "RLlib's own DQN, independent: one Q-network for each user", 40_000),
        Recipe("rllib-ppo", "recipes.rllib_ppo", "RLlib's own PPO, shared: one network for all users", 60_000),
    )
}


def get(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        ValueError: no such algorithm.
    """
    return RECIPES[check_known("algorithm", name, RECIPES)]
