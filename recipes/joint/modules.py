"""RLModules: the acting networks and, for learners, their targets and critics."""

import copy
from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import InferenceOnlyAPI
from ray.rllib.core.rl_module.torch import TorchRLModule

from recipes.joint.acting import GameSizes, make_acting
from recipes.joint.critics import make_critics


class JointModule(TorchRLModule, InferenceOnlyAPI):  # type: ignore[misc]  # RLlib carries no types
    """One module for all users, whose networks are stacked.

    Its observation space is a Dict of ``obs [N, D]`` and ``state [S]``, its action space a MultiDiscrete with one entry
    per user. ``acting`` is what env runners need; ``target_acting`` follows it softly.
    """

    def setup(self) -> None:
        """Build the networks from ``model_config``: ``kind``, ``hidden``, ``share_actors``, ``network_seed``."""
        settings = self.model_config
        self.sizes = GameSizes(
            num_users=len(self.action_space.nvec),
            num_actions=int(self.action_space.nvec[0]),
            obs_size=self.observation_space["obs"].shape[-1],
            state_size=self.observation_space["state"].shape[0],
        )
        self.acting = make_acting(
            settings["kind"],
            self.sizes,
            settings["hidden"],
            shared=settings["share_actors"],
            seed=settings["network_seed"],
        )
        self.target_acting = frozen_copy(self.acting)

    def get_non_inference_attributes(self) -> list[str]:
        """What env runners do without."""
        return ["target_acting"]

    def _forward_inference(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        seen = batch[Columns.OBS]
        return {Columns.ACTIONS: self.acting.greedy(seen["obs"], seen["state"])}

    def _forward_exploration(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Greedy too: exploration needs the runner's generator, which calls ``acting.explore`` itself."""
        return self._forward_inference(batch)

    def _forward_train(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        seen = batch[Columns.OBS]
        return {"values": self.acting.values(seen["obs"], seen["state"])}


class ActorCriticModule(JointModule):
    """Actors and centralised critics, with the targets of both."""

    def setup(self) -> None:
        """Build the networks; critics also read ``critic`` and ``critic_hidden``."""
        super().setup()
        settings, seed = self.model_config, self.model_config["network_seed"]
        self.critics = make_critics(
            settings["critic"], self.sizes, settings["critic_hidden"], seed=None if seed is None else seed + 1
        )
        self.target_critics = frozen_copy(self.critics)

    def get_non_inference_attributes(self) -> list[str]:
        """What env runners do without."""
        return ["target_acting", "critics", "target_critics"]


def frozen_copy(network: torch.nn.Module) -> torch.nn.Module:
    """A target network: a copy that no optimiser reaches."""
    twin = copy.deepcopy(network)
    for parameter in twin.parameters():
        parameter.requires_grad_(False)
    return twin
