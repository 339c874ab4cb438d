"""Networks that choose all users' actions, greedily or with exploration."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgeoffload_env._validation import fail
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import StackedMLP, argmax, gumbel

LARGEST_JOINT_HEAD = 20_000
"""Outputs beyond which a joint head is refused."""
MASKED = -1e9
"""Logit or value of an action that a mask forbids: it has probability 0 and is never the best."""


class ActingNetwork(nn.Module):
    """Base of the networks that choose the actions of all users in a batch of games.

    Attributes:
        central: whether the network reads the global state, ``[batch, S]``; else it reads everyone's observations,
            ``[batch, N, D]``, and each user's action depends on its own alone.
    """

    central = False

    def __init__(self, sizes: GameSizes) -> None:
        super().__init__()
        self.sizes = sizes

    def select_input(self, obs: Tensor, state: Tensor) -> Tensor:
        """Return the one of observations and state that the network reads."""
        return state if self.central else obs

    def values(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return logits or action values ``[G, batch, choices]`` of G separate decisions, one per user or one for all.

        Args:
            inputs: as :meth:`select_input` gives them.
            mask: bools ``[batch, N, A]``, the actions allowed; the others get :data:`MASKED`. None allows all.
        """
        values = self.outputs(inputs)
        return values if mask is None else values.masked_fill(~self.mask_of(mask), MASKED)

    def outputs(self, inputs: Tensor) -> Tensor:
        """Compute :meth:`values` without a mask."""
        raise NotImplementedError

    def mask_of(self, mask: Tensor) -> Tensor:
        """Return which choices ``[G, batch, choices]`` a mask ``[batch, N, A]`` allows."""
        return mask.transpose(0, 1)

    def index_of(self, actions: Tensor) -> Tensor:
        """Return the indices ``[G, batch]`` of actions ``[batch, N]`` among the choices."""
        return actions.T

    def actions_of(self, index: Tensor) -> Tensor:
        """Return the inverse of :meth:`index_of`."""
        return index.T

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def greedy(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the best of the allowed actions, ``[batch, N]``; arguments as of :meth:`values`."""
        return self.actions_of(argmax(self.values(inputs, mask)))

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def explore(
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        *,
        epsilon: float,
        noise: float,
        generator: torch.Generator,
    ) -> Tensor:
        """Return actions for training, ``[batch, N]``.

        Args:
            inputs: as :meth:`select_input` gives them.
            mask: the actions allowed, as in :meth:`values`.
            epsilon: fraction of the decisions that are uniformly random.
            noise: scale of the Gumbel noise added to the values; at 1, logits are sampled from their softmax.
            generator: source of all random numbers.
        """
        values = self.values(inputs, mask)
        if noise > 0.0:
            uniform = torch.rand(values.shape, generator=generator, device=values.device)
            values = values + noise * gumbel(uniform)
        index = argmax(values)
        if epsilon > 0.0:
            chance, uniform = torch.rand((2, *index.shape), generator=generator, device=values.device)
            choice = (uniform * values.shape[-1]).long() if mask is None else nth_allowed(uniform, values)
            index = torch.where(chance < epsilon, choice, index)
        return self.actions_of(index)


class PerUser(ActingNetwork):
    """A network for each user on its own observation: the actors mu_i of (34), or independent Q-networks."""

    def __init__(
        self, sizes: GameSizes, hidden: Sequence[int], *, shared: bool = False, seed: int | None = None
    ) -> None:
        """Draw the parameters.

        Args:
            sizes: the game's.
            hidden: units of each hidden layer.
            shared: all users share one network that also sees a one-hot of the user.
            seed: of the parameters; None draws one.
        """
        super().__init__(sizes)
        units = (sizes.obs_size, *hidden, sizes.num_actions)
        self.network = StackedMLP(sizes.num_users, units, shared=shared, generator=seeded_generator(seed))

    def outputs(self, inputs: Tensor) -> Tensor:
        """Return ``[N, batch, A]`` for observations ``[batch, N, D]``."""
        return self.network(inputs.transpose(0, 1))

    def single(self, user: int) -> nn.Sequential:
        """Return one user's network alone: observations ``[batch, D]`` to values ``[batch, A]``."""
        return self.network.single(user)


class Branching(ActingNetwork):
    """One Q-network on the global state with a head of advantages for each user (Tavakoli et al., 2018).

    Q_n(x, a) = V(x) + A_n(x, a) - mean_a A_n(x, a): N (M + 1) + 1 outputs, any N.
    """

    central = True

    def __init__(self, sizes: GameSizes, hidden: Sequence[int], *, seed: int | None = None) -> None:
        super().__init__(sizes)
        units = (sizes.state_size, *hidden, 1 + sizes.num_users * sizes.num_actions)
        self.network = StackedMLP(1, units, generator=seeded_generator(seed))

    def outputs(self, inputs: Tensor) -> Tensor:
        """Return ``[N, batch, A]`` for states ``[batch, S]``."""
        outputs = self.network(inputs)[0]
        advantages = outputs[:, 1:].reshape(-1, self.sizes.num_users, self.sizes.num_actions)
        centred = advantages - advantages.mean(dim=-1, keepdim=True)
        return (outputs[:, :1, None] + centred).transpose(0, 1)


class JointHead(ActingNetwork):
    """One Q-network on the global state with an output for each joint action, as the paper's centralised DQN.

    Raises:
        ValueError: more than ``LARGEST_JOINT_HEAD`` joint actions; the message names how many.
    """

    central = True

    def __init__(self, sizes: GameSizes, hidden: Sequence[int], *, seed: int | None = None) -> None:
        super().__init__(sizes)
        outputs = sizes.num_actions**sizes.num_users
        if outputs > LARGEST_JOINT_HEAD:
            fail(
                "head",
                "joint",
                f"'branching' for more than {LARGEST_JOINT_HEAD:,} joint actions ({sizes.num_actions}^"
                f"{sizes.num_users} need {outputs:,} outputs)",
            )
        self.network = StackedMLP(1, (sizes.state_size, *hidden, outputs), generator=seeded_generator(seed))
        powers = sizes.num_actions ** torch.arange(sizes.num_users - 1, -1, -1)
        self.register_buffer("powers", powers, persistent=False)

    def outputs(self, inputs: Tensor) -> Tensor:
        """Return ``[1, batch, A^N]`` for states ``[batch, S]``."""
        return self.network(inputs)

    def mask_of(self, mask: Tensor) -> Tensor:
        """Return ``[1, batch, A^N]``: a joint action is allowed where everyone's action is."""
        allowed = mask[:, 0]
        for user in range(1, self.sizes.num_users):
            allowed = (allowed.unsqueeze(2) & mask[:, user].unsqueeze(1)).flatten(1)
        return allowed[None]

    def index_of(self, actions: Tensor) -> Tensor:
        """Return ``[1, batch]``: the actions as digits of a number to the base A, user 0's first."""
        return (actions * self.powers).sum(dim=1)[None]

    def actions_of(self, index: Tensor) -> Tensor:
        """Return the digits, ``[batch, N]``."""
        return (index[0][:, None] // self.powers) % self.sizes.num_actions


def nth_allowed(uniform: Tensor, values: Tensor) -> Tensor:
    """Return uniformly random choices among those that are not :data:`MASKED`.

    Args:
        uniform: numbers in [0, 1), ``[...]``.
        values: ``[..., choices]``; at least one is not masked.
    """
    allowed = (values > 0.5 * MASKED).cumsum(dim=-1)
    place = (uniform.unsqueeze(-1) * allowed[..., -1:]).long()
    return (allowed <= place).sum(dim=-1)


def seeded_generator(seed: int | None) -> torch.Generator:
    """Return a generator on the CPU with a given seed, or with a random one."""
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator
