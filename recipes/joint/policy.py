"""Trained networks as a policy: for ``evaluate``, and for users that act one by one. Needs torch, not Ray."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env._validation import fail
from edgeoffload_env.observation import observation_size, state_size
from edgeoffload_env.policies.view import PolicyView
from recipes.joint.acting import ActingNetwork, GameSizes, make_acting
from recipes.observations import check_vector, stack_observations
from recipes.weights import fitting, load_weights

_PREFIX = "acting."


class JointPolicy:
    """Greedy execution of an acting network: distributed, or central where the network needs the global state.

    Attributes:
        name: what tables call it.
        central: whether it acts for all users at once on the global state.
        users: all users' names, in order.
        acting: the network.
    """

    def __init__(self, name: str, acting: ActingNetwork) -> None:
        self.name = name
        self.acting = acting
        self.central = acting.central
        self.users = [f"user_{n}" for n in range(acting.sizes.num_users)]

    @classmethod
    def load(
        cls,
        name: str,
        checkpoint: Path,
        config: EdgeOffloadConfig,
        *,
        kind: str,
        hidden: Sequence[int],
        shared: bool,
    ) -> "JointPolicy":
        """The policy of a checkpoint that RLlib's ``save_to_path`` wrote.

        Args:
            name: what tables call it.
            checkpoint: the folder.
            config: the game that it was trained on.
            kind: of the network, as in :func:`.make_acting`.
            hidden: units of its hidden layers.
            shared: whether its users share one network.

        Raises:
            RunError: the checkpoint's weights are none, or of other networks.
        """
        state = load_weights(checkpoint / "learner_group" / "learner" / "rl_module" / "default_policy")
        acting = make_acting(kind, sizes_of(config), hidden, shared=shared, seed=0)
        weights = {
            key.removeprefix(_PREFIX): torch.from_numpy(np.array(values))
            for key, values in state.items()
            if key.startswith(_PREFIX)
        }
        with fitting(checkpoint):
            acting.load_state_dict(weights)
        return cls(name, acting)

    def check(self, config: EdgeOffloadConfig) -> None:
        """Refuse games that the networks do not fit.

        Raises:
            ValueError: other numbers of users, actions or features than it was trained for.
        """
        there, here = sizes_of(config), self.acting.sizes
        if not self.central:  # which does not look at the state
            there = there._replace(state_size=here.state_size)
        else:
            there = there._replace(obs_size=here.obs_size)
        for field, value in there._asdict().items():
            if value != getattr(here, field):
                fail(f"{field} of the game", value, f"{getattr(here, field)}, as {self.name} was trained for")

    def act(self, view: PolicyView) -> NDArray[np.int64]:
        """Everyone's greedy actions, ``[B, N]``."""
        obs, state = torch.from_numpy(view.observation), torch.from_numpy(view.state)
        actions: NDArray[np.int64] = self.acting.greedy(obs, state).numpy()
        return actions

    def actions(self, observations: Mapping[str, Any] | None = None, *, state: Any = None) -> dict[str, int]:
        """Greedy actions in one game.

        Args:
            observations: where execution is distributed: the observation of each user that is to act, any subset.
            state: where it is central: the global state, as ``env.state()`` gives it.

        Returns:
            The action of each user asked about; of all users where execution is central.

        Raises:
            TypeError: observations or the state missing, or given where they are not used.
            ValueError: an unknown user, or an array of another shape.
        """
        sizes = self.acting.sizes
        if self.central:
            if state is None:
                raise TypeError(f"{self.name} acts for all users at once and needs state=")
            seen = torch.zeros(1, sizes.num_users, sizes.obs_size)
            chosen = self.acting.greedy(seen, torch.from_numpy(check_vector("state", state, sizes.state_size))[None])
            return dict(zip(self.users, chosen[0].tolist(), strict=True))
        if observations is None or state is not None:
            raise TypeError(f"{self.name} acts for each user on its own observation and needs observations alone")
        places, rows = stack_observations(observations, self.users, sizes.obs_size)
        seen = torch.zeros(1, sizes.num_users, sizes.obs_size)
        seen[0, places] = torch.from_numpy(rows)
        chosen = self.acting.greedy(seen, torch.zeros(1, sizes.state_size))[0, places]
        return dict(zip(observations, chosen.tolist(), strict=True))


def sizes_of(config: EdgeOffloadConfig) -> GameSizes:
    """What networks need to know of a game of this package."""
    return GameSizes(
        num_users=config.num_users,
        num_actions=config.servers + 1,
        obs_size=observation_size(config),
        state_size=state_size(config),
    )
