"""Trained networks as a policy: for ``evaluate``, and for users that act one by one. Needs torch, but not Ray."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env._validation import fail
from edgeoffload_env.agents import user_names
from edgeoffload_env.policies.view import PolicyView
from recipes.networks.acting import ActingNetwork
from recipes.networks.equivariant import EquivariantActor
from recipes.networks.sizes import check_levels, level_counts, sizes_of
from recipes.networks.stacked_mlp import argmax
from recipes.observations import check_vector, stack_observations
from recipes.weights import load_weights, restoring

_PREFIX = "acting."


class NetworkPolicy:
    """Greedy execution of an acting network: distributed, or central where the network reads the global state.

    Attributes:
        name: shown in tables.
        central: whether it acts for all users at once on the global state.
        users: all users' names, in order.
        acting: the network.
    """

    def __init__(self, name: str, acting: ActingNetwork) -> None:
        self.name = name
        self.acting = acting
        self.central = acting.central
        self.users = user_names(acting.sizes.num_users)

    @classmethod
    def load(cls, name: str, checkpoint: Path, acting: ActingNetwork) -> "NetworkPolicy":
        """Load the weights of a checkpoint that RLlib's ``save_to_path`` wrote.

        Args:
            name: shown in tables.
            checkpoint: the folder.
            acting: the network to load them into.

        Raises:
            RunError: the checkpoint's weights cannot be loaded, or belong to other networks.
        """
        state = load_weights(checkpoint / "learner_group" / "learner" / "rl_module" / "default_policy")
        weights = {
            key.removeprefix(_PREFIX): torch.from_numpy(np.array(values))
            for key, values in state.items()
            if key.startswith(_PREFIX)
        }
        with restoring(checkpoint):
            acting.load_state_dict(weights)
        return cls(name, acting)

    def check(self, config: EdgeOffloadConfig) -> None:
        """Refuse games that the networks do not fit.

        Raises:
            ValueError: other numbers of users, actions, features or levels than it was trained for.
        """
        if isinstance(self.acting, EquivariantActor):
            self.acting.for_game(config)
            return
        given, trained = sizes_of(config)._asdict(), self.acting.sizes._asdict()
        for field in ("num_users", "num_actions", "state_size" if self.central else "obs_size"):
            if given[field] != trained[field]:
                fail(f"{field} of the game", given[field], f"{trained[field]}, as {self.name} was trained for")
        check_levels(config, level_counts(self.acting.sizes.config), self.name)

    def act(self, view: PolicyView) -> NDArray[np.int64]:
        """Return everyone's greedy actions, ``[B, N]``."""
        inputs = torch.from_numpy(view.state if self.central else view.observation)
        mask = None if view.action_mask is None else torch.from_numpy(view.action_mask > 0)
        acting = self.acting
        if isinstance(acting, EquivariantActor) and acting.reader.config != view.config:
            acting = acting.for_game(view.config)
        actions: NDArray[np.int64] = acting.greedy(inputs, mask).numpy()
        return actions

    def actions(self, observations: Mapping[str, Any] | None = None, *, state: Any = None) -> dict[str, int]:
        """Return greedy actions in one game.

        Args:
            observations: for distributed execution: the observation of each user that is to act, any subset.
            state: for central execution: the global state, as ``env.state()`` returns it.

        Returns:
            The action of each user in ``observations``, or of all users where execution is central.

        Raises:
            TypeError: observations or the state missing, or given where they are not used.
            ValueError: an unknown user, or an array of another shape.
        """
        if self.central:
            if state is None:
                raise TypeError(f"{self.name} acts for all users at once and needs state=")
            row = check_vector("state", state, self.acting.sizes.state_size)
            chosen = self.acting.greedy(torch.from_numpy(row)[None])
            return dict(zip(self.users, chosen[0].tolist(), strict=True))
        if observations is None or state is not None:
            raise TypeError(f"{self.name} acts for each user on its own observation and needs observations alone")
        places, rows = stack_observations(observations, self.users, self.acting.sizes.obs_size)
        inputs = torch.from_numpy(rows)[:, None]
        values = [self.acting.single(place)(row) for place, row in zip(places, inputs, strict=True)]
        return {user: int(argmax(each)) for user, each in zip(observations, values, strict=True)}
