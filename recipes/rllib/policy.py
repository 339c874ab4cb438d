"""Trained networks of RLlib's stock algorithms as a policy for ``evaluate``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env._validation import fail
from edgeoffload_env.agents import action_count, user_names
from edgeoffload_env.observation import observation_size
from edgeoffload_env.policies.view import PolicyView
from recipes.networks.sizes import check_levels, level_counts
from recipes.observations import stack_observations
from recipes.registry import Run
from recipes.rllib.action_masks import MaskedModule
from recipes.rllib.adapter import make_env
from recipes.weights import load_weights, restoring


class TrainedPolicy:
    """Distributed greedy execution: each user acts on its own observation, through its own module or a shared one.

    Attributes:
        name: shown in tables.
        users: all users' names, in order.
    """

    def __init__(
        self,
        name: str,
        modules: Sequence[Any],
        *,
        shared: bool,
        agent_id: bool,
        num_users: int,
        levels: tuple[int, int] = (1, 1),
    ) -> None:
        """Make a policy of trained modules.

        Args:
            name: shown in tables.
            modules: one for each user in order, or a single one that all share.
            shared: whether all users share ``modules[0]``.
            agent_id: whether observations have a one-hot of the user appended, as in training.
            num_users: N of the game it was trained on.
            levels: numbers of powers and of shares in that game.
        """
        self.name = name
        self._modules = list(modules)
        self._masked = isinstance(self._modules[0], MaskedModule)
        self._shared, self._agent_id, self._num_users, self._levels = shared, agent_id, num_users, levels
        self.users = user_names(num_users)

    @classmethod
    def load(cls, settings: Run, config: Any, checkpoint: Path, *, shared: bool, agent_id: bool) -> "TrainedPolicy":
        """Load a checkpoint that RLlib's ``save_to_path`` wrote. Starts no Ray, but needs it installed.

        The modules are built from the run's settings, and only the weights are loaded from the checkpoint: RLlib's
        other files are pickles, which may contain any code.

        Args:
            settings: the run's.
            config: the RLlib configuration of the run.
            checkpoint: the folder.
            shared: whether all users share a module.
            agent_id: as in the constructor.

        Raises:
            RunError: the checkpoint's weights cannot be loaded, or belong to other networks.
        """
        folder = checkpoint.resolve() / "learner_group" / "learner" / "rl_module"
        users = user_names(settings.env_config.num_users)
        specs = config.get_multi_rl_module_spec(env=make_env(settings.scenario, config.env_config))
        modules = []
        for name in ["shared"] if shared else users:
            module = specs.rl_module_specs[name].build()
            with restoring(checkpoint):
                module.set_state(load_weights(folder / name))
            modules.append(module)
        levels = level_counts(settings.env_config)
        return cls(settings.algorithm, modules, shared=shared, agent_id=agent_id, num_users=len(users), levels=levels)

    def check(self, config: EdgeOffloadConfig) -> None:
        """Refuse games that the networks do not fit.

        Raises:
            ValueError: another number of users than trained for, where users are told apart, or other observations or
                levels.
        """
        if config.num_users != self._num_users and (self._agent_id or not self._shared):
            fail("num_users of the game", config.num_users, f"{self._num_users}, as {self.name} was trained for")
        for field, value, trained in (
            ("obs_size", observation_size(config), self._obs_size),
            ("num_actions", action_count(config), self._num_actions),
        ):
            if value != trained:
                fail(f"{field} of the game", value, f"{trained}, as {self.name} was trained for")
        check_levels(config, self._levels, self.name)

    def act(self, view: PolicyView) -> NDArray[np.int64]:
        """Return each user's greedy action, ``[B, N]``."""
        observation = view.observation
        batch, users, _ = observation.shape
        if self._agent_id:
            one_hot = np.broadcast_to(np.eye(users, dtype=observation.dtype), (batch, users, users))
            observation = np.concatenate((observation, one_hot), axis=-1)
        if self._masked:
            observation = np.concatenate((observation, self._masks(view.action_mask, batch, users)), axis=-1)
        if self._shared:
            return self._greedy(self._modules[0], observation.reshape(batch * users, -1)).reshape(batch, users)
        columns = [self._greedy(module, observation[:, n]) for n, module in enumerate(self._modules)]
        return np.stack(columns, axis=1)

    def actions(self, observations: Mapping[str, Any]) -> dict[str, int]:
        """Return greedy actions in one game, where a user without a task may choose anything without effect.

        Args:
            observations: of each user that is to act, any subset.

        Returns:
            The action of each user in ``observations``.

        Raises:
            ValueError: an unknown user, or an observation of another shape.
        """
        places, rows = stack_observations(observations, self.users, self._obs_size)
        if self._agent_id:
            rows = np.concatenate((rows, np.eye(self._num_users, dtype=np.float32)[places]), axis=1)
        if self._masked:
            rows = np.concatenate((rows, self._masks(None, len(rows))), axis=1)
        modules = [self._modules[0 if self._shared else place] for place in places]
        chosen = [int(self._greedy(module, row[None])[0]) for module, row in zip(modules, rows, strict=True)]
        return dict(zip(observations, chosen, strict=True))

    def _masks(self, mask: NDArray[np.int8] | None, *shape: int) -> NDArray[np.float32]:
        """Return a mask as the modules read it, ``[*shape, A]``; None allows all actions."""
        return np.ones((*shape, self._num_actions), np.float32) if mask is None else mask.astype(np.float32)

    @property
    def _num_actions(self) -> int:
        actions: int = self._modules[0].action_space.n
        return actions

    @property
    def _obs_size(self) -> int:
        """Number of features that a user observes."""
        size: int = self._modules[0].observation_space.shape[0]
        return size - (self._num_users if self._agent_id else 0)

    @staticmethod
    def _greedy(module: Any, rows: NDArray[np.float32]) -> NDArray[np.int64]:
        with torch.no_grad():
            output = module.forward_inference({Columns.OBS: torch.from_numpy(np.ascontiguousarray(rows))})
        if Columns.ACTIONS in output:  # DQN's modules choose the action themselves
            actions: NDArray[np.int64] = output[Columns.ACTIONS].numpy()
            return actions
        greedy: NDArray[np.int64] = output[Columns.ACTION_DIST_INPUTS].argmax(-1).numpy()
        return greedy
