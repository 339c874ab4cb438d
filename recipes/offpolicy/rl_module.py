"""RLlib's module of an off-policy algorithm: its networks, and a target of each."""

from torch import nn

from recipes.joint.rl_module import JointModule
from recipes.offpolicy.learner import frozen_copy


class OffPolicyModule(JointModule):
    """Networks of all users, and a ``target_<name>`` of each."""

    def add_network(self, name: str, network: nn.Module) -> None:
        """Add a trained network and its target."""
        super().add_network(name, network)
        super().add_network(f"target_{name}", frozen_copy(network))
