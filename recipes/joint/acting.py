"""Networks that choose all users' actions, greedily or exploring; plain torch, so that trained ones run without Ray."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edgeoffload_env._validation import check_choice, fail
from recipes.joint.networks import StackedMLP, best, gumbel

LARGEST_JOINT_HEAD = 20_000
"""Outputs beyond which a joint head is refused."""


class GameSizes(NamedTuple):
    """What networks need to know of a game."""

    num_users: int
    num_actions: int
    obs_size: int
    state_size: int


class ActingNetwork(nn.Module):
    """Chooses the actions of all users in a batch of games.

    Attributes:
        central: whether the choice needs the global state; else each user's needs its own observation alone.
    """

    central = False

    def __init__(self, sizes: GameSizes) -> None:
        super().__init__()
        self.sizes = sizes

    def values(self, obs: Tensor, state: Tensor) -> Tensor:
        """Logits or action values ``[G, batch, choices]`` for observations ``[batch, N, D]``, states ``[batch, S]``.

        G decisions are taken by themselves: one for each user, or a single one for all.
        """
        raise NotImplementedError

    def index_of(self, actions: Tensor) -> Tensor:
        """Which of the choices actions ``[batch, N]`` are: ``[G, batch]``."""
        return actions.T

    def actions_of(self, index: Tensor) -> Tensor:
        """The inverse of :meth:`index_of`."""
        return index.T

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def greedy(self, obs: Tensor, state: Tensor) -> Tensor:
        """The best actions, ``[batch, N]``."""
        return self.actions_of(best(self.values(obs, state)))

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def explore(self, obs: Tensor, state: Tensor, *, share: float, noise: float, generator: torch.Generator) -> Tensor:
        """Actions for training, ``[batch, N]``.

        Args:
            obs: ``[batch, N, D]``.
            state: ``[batch, S]``.
            share: of decisions that are uniformly random.
            noise: scale of the Gumbel noise that is added to the values; at 1, logits are sampled from their softmax.
            generator: of all of this.
        """
        values = self.values(obs, state)
        if noise > 0.0:
            uniform = torch.rand(values.shape, generator=generator, device=values.device)
            values = values + noise * gumbel(uniform)
        index = best(values)
        if share > 0.0:
            chance, uniform = torch.rand((2, *index.shape), generator=generator, device=values.device)
            index = torch.where(chance < share, (uniform * values.shape[-1]).long(), index)
        return self.actions_of(index)


class PerUser(ActingNetwork):
    """A network for each user on its own observation: the actors mu_i of (34), or independent Q-networks."""

    def __init__(
        self, sizes: GameSizes, hidden: Sequence[int], *, shared: bool, generator: torch.Generator | None
    ) -> None:
        super().__init__(sizes)
        units = (sizes.obs_size, *hidden, sizes.num_actions)
        self.network = StackedMLP(sizes.num_users, units, shared=shared, generator=generator)

    def values(self, obs: Tensor, state: Tensor) -> Tensor:
        """``[N, batch, A]``; the state is not looked at."""
        return self.network(obs.transpose(0, 1))


class Branching(ActingNetwork):
    """One Q-network on the global state with a head of advantages for each user (Tavakoli et al., 2018).

    Q_n(x, a) = V(x) + A_n(x, a) - mean_a A_n(x, a): N (M + 1) + 1 outputs, any N.
    """

    central = True

    def __init__(
        self, sizes: GameSizes, hidden: Sequence[int], *, shared: bool, generator: torch.Generator | None
    ) -> None:
        super().__init__(sizes)
        units = (sizes.state_size, *hidden, 1 + sizes.num_users * sizes.num_actions)
        self.network = StackedMLP(1, units, generator=generator)

    def values(self, obs: Tensor, state: Tensor) -> Tensor:
        """``[N, batch, A]``; the observations are not looked at."""
        outputs = self.network(state)[0]
        advantages = outputs[:, 1:].reshape(-1, self.sizes.num_users, self.sizes.num_actions)
        centred = advantages - advantages.mean(dim=-1, keepdim=True)
        return (outputs[:, :1, None] + centred).transpose(0, 1)


class JointHead(ActingNetwork):
    """One Q-network on the global state with an output for each joint action, as the paper's centralised DQN.

    Raises:
        ValueError: more than ``LARGEST_JOINT_HEAD`` joint actions; the message names how many.
    """

    central = True

    def __init__(
        self, sizes: GameSizes, hidden: Sequence[int], *, shared: bool, generator: torch.Generator | None
    ) -> None:
        super().__init__(sizes)
        outputs = sizes.num_actions**sizes.num_users
        if outputs > LARGEST_JOINT_HEAD:
            fail(
                "head",
                "joint",
                f"'branching', or fewer users: {sizes.num_actions}^{sizes.num_users} joint actions need {outputs:,} "
                f"outputs, and at most {LARGEST_JOINT_HEAD:,} are built",
            )
        self.network = StackedMLP(1, (sizes.state_size, *hidden, outputs), generator=generator)
        powers = sizes.num_actions ** torch.arange(sizes.num_users - 1, -1, -1)
        self.register_buffer("powers", powers, persistent=False)

    def values(self, obs: Tensor, state: Tensor) -> Tensor:
        """``[1, batch, A^N]``; the observations are not looked at."""
        return self.network(state)

    def index_of(self, actions: Tensor) -> Tensor:
        """``[1, batch]``: the actions as the digits of a number to the base A, user 0's first."""
        return (actions * self.powers).sum(dim=1)[None]

    def actions_of(self, index: Tensor) -> Tensor:
        """The digits, ``[batch, N]``."""
        return (index[0][:, None] // self.powers) % self.sizes.num_actions


_KINDS = {"per-user": PerUser, "branching": Branching, "joint": JointHead}


def make_acting(
    kind: str, sizes: GameSizes, hidden: Sequence[int], *, shared: bool = False, seed: int | None = None
) -> Any:
    """A network of a kind with parameters drawn from a seed.

    Args:
        kind: "per-user", "branching" or "joint".
        sizes: the game's.
        hidden: units of each hidden layer.
        shared: of "per-user": all users share one network and see who they are.
        seed: of the parameters; None draws one.

    Raises:
        ValueError: an unknown kind, or a joint head that is too large.
    """
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return _KINDS[check_choice("kind", kind, tuple(_KINDS))](sizes, hidden, shared=shared, generator=generator)
