"""Mixing networks of value decomposition: everyone's action values and the global state to the team's value."""

import torch
from torch import Tensor, nn

from recipes.networks.acting import seeded_generator
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import StackedMLP


class MonotoneMixer(nn.Module):
    """QMIX's mixing network (Rashid et al., 2018): a perceptron whose parameters depend on the state.

    Q_tot(s, q) = w'(s) ELU(w(s) q + b(s)) + b'(s), with weights that are absolute values, so that Q_tot never falls as
    one user's value rises. Hypernetworks give the parameters: a linear layer each, and a perceptron with a hidden layer
    for b'. The weights begin near 1 / sqrt(units) in all states, so that the mixer begins, for small values, as a sum,
    and learns in what states it should be another function.
    """

    def __init__(self, sizes: GameSizes, units: int, *, seed: int | None = None) -> None:
        """Draw the parameters.

        Args:
            sizes: the game's.
            units: of the mixing network's hidden layer, and of the hidden layer of b'.
            seed: of the parameters; None draws one.
        """
        super().__init__()
        self.num_users, self.units = sizes.num_users, units
        generator = seeded_generator(seed)
        parameters = (sizes.num_users + 2) * units  # w, w' and b: a linear layer each is one linear layer for all
        self.hypernetwork = StackedMLP(1, (sizes.state_size, parameters), generator=generator)
        with torch.no_grad():
            self.hypernetwork.bias_0[..., : (sizes.num_users + 1) * units] += units**-0.5
        self.final_bias = StackedMLP(1, (sizes.state_size, units, 1), generator=generator)

    def forward(self, values: Tensor, state: Tensor) -> Tensor:
        """Return the team's values ``[1, batch]`` for users' values ``[N, batch]`` and states ``[batch, S]``."""
        weights, bias = self.hypernetwork(state)[0].split([(self.num_users + 1) * self.units, self.units], dim=1)
        weights = weights.abs().unflatten(1, (self.num_users + 1, self.units))
        mixed = (values.T.unsqueeze(1) @ weights[:, :-1]).squeeze(1)
        hidden = nn.functional.elu(mixed + bias)
        return (weights[:, -1] * hidden).sum(dim=1) + self.final_bias(state)[..., 0]
