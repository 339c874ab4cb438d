"""RLlib's module of a joint algorithm: acting network and other trained networks."""

from typing import Any

from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import InferenceOnlyAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import nn

from recipes.networks.sizes import GameSizes


class JointModule(TorchRLModule, InferenceOnlyAPI):  # type: ignore[misc]  # RLlib carries no types
    """One module for all users.

    Its observation space is a Dict of ``obs [N, D]`` and ``state [S]``, its action space a MultiDiscrete with one entry
    per user. Env runners need ``acting`` alone.
    """

    def setup(self) -> None:
        """Build the networks from ``model_config``: ``learner``, ``hyperparameters``, ``network_seed``, ``game``."""
        options = self.model_config
        learner, hyper, seed = options["learner"], options["hyperparameters"], options["network_seed"]
        sizes = GameSizes(
            num_users=len(self.action_space.nvec),
            num_actions=int(self.action_space.nvec[0]),
            obs_size=self.observation_space["obs"].shape[-1],
            state_size=self.observation_space["state"].shape[0],
            config=options["game"],
        )
        networks = {"acting": learner.make_acting(hyper, sizes, seed), **learner.make_networks(hyper, sizes, seed)}
        for name, network in networks.items():
            self.add_network(name, network)
        self._non_inference = [name for name, _ in self.named_children() if name != "acting"]

    def add_network(self, name: str, network: nn.Module) -> None:
        """Add a trained network."""
        setattr(self, name, network)

    def get_non_inference_attributes(self) -> list[str]:
        """Return the networks that env runners do not need."""
        return self._non_inference

    def _forward_inference(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {Columns.ACTIONS: self.acting.greedy(self._input(batch))}

    def _forward_exploration(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Act greedily too: exploration needs the env runner's generator, which calls ``acting.explore`` itself."""
        return self._forward_inference(batch)

    def _forward_train(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"values": self.acting.values(self._input(batch))}

    def _input(self, batch: dict[str, Any]) -> Any:
        seen = batch[Columns.OBS]
        return self.acting.select_input(seen["obs"], seen["state"])
