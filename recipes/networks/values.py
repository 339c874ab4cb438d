"""Critics V_i of all users that rate states, with targets of any scale."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recipes.networks.acting import seeded_generator
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import StackedMLP

BETA = 0.9
"""Weight of what was observed before in the running statistics, at each observation."""
SMALLEST_STD = 1e-4


class ValueNetworks(nn.Module):
    """A perceptron for each user over its own observation or over the global state, or one that all share.

    With ``normalize``, its outputs are standardised by PopArt (van Hasselt et al., 2016, "Learning values across many
    orders of magnitude"): by a running mean and standard deviation of the returns, of each network. When these change,
    the last layer is changed so that the values stay as they were.
    """

    mean: Tensor
    std: Tensor
    weight: Tensor

    def __init__(
        self,
        sizes: GameSizes,
        hidden: Sequence[int],
        *,
        central: bool,
        shared: bool = False,
        normalize: bool = False,
        seed: int | None = None,
    ) -> None:
        """Draw the parameters.

        Args:
            sizes: the game's.
            hidden: units of each hidden layer.
            central: read the global state; else each user's own observation.
            shared: all users share one network that also sees a one-hot of the user.
            normalize: standardise by PopArt.
            seed: of the parameters; None draws one.
        """
        super().__init__()
        self.central, self.is_normalized = central, normalize
        units = (sizes.state_size if central else sizes.obs_size, *hidden, 1)
        self.network = StackedMLP(sizes.num_users, units, shared=shared, generator=seeded_generator(seed))
        copies = self.network.copies
        self.register_buffer("mean", torch.zeros(copies, 1))
        self.register_buffer("std", torch.ones(copies, 1))
        self.register_buffer("weight", torch.zeros(1))

    def forward(self, obs: Tensor, state: Tensor) -> Tensor:
        """Return standardised values ``[N, batch]`` for observations ``[batch, N, D]`` and states ``[batch, S]``."""
        return self.network(state if self.central else obs.transpose(0, 1)).squeeze(-1)

    def values(self, obs: Tensor, state: Tensor) -> Tensor:
        """Return the values themselves, ``[N, batch]``; arguments as of :meth:`forward`."""
        return self.mean + self.std * self(obs, state)

    def normalize(self, returns: Tensor) -> Tensor:
        """Return what :meth:`forward` should be where :meth:`values` are to be ``returns``, ``[N, batch]``."""
        return (returns - self.mean) / self.std

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def observe(self, returns: Tensor) -> None:
        """Update the statistics by returns ``[N, batch]``, and the last layer with them.

        The first returns set the statistics, and leave the last layer: initial values are then about their mean.
        """
        if not self.is_normalized:
            return
        seen = returns.reshape(len(self.mean), -1)
        before = self.mean.clone(), self.std.clone()
        first = not bool(self.weight)
        self.weight.mul_(BETA).add_(1.0 - BETA)
        share = (1.0 - BETA) / self.weight
        change = seen.mean(dim=1, keepdim=True) - self.mean
        variance = seen.var(dim=1, keepdim=True, correction=0)
        self.mean.add_(share * change)
        mixed = (1.0 - share) * self.std.square() + share * variance + share * (1.0 - share) * change.square()
        self.std.copy_(mixed.sqrt().clamp_min(SMALLEST_STD))
        if not first:
            self._keep_values(*before)

    def _keep_values(self, mean: Tensor, std: Tensor) -> None:
        """Change the last layer so that values are those of the statistics before."""
        last = self.network.depth - 1
        weight, bias = (self.network.get_parameter(f"{name}_{last}") for name in ("weight", "bias"))
        weight.mul_((std / self.std)[:, None])
        bias.mul_((std / self.std)[:, None]).add_(((mean - self.mean) / self.std)[:, None])
