"""Centralised critics Q_i(x, a_1, .., a_N) of (33) to (35), also with one user's own action replaced.

Everywhere ``obs`` is ``[batch, N, D]``, ``state`` ``[batch, S]``, ``actions`` integers ``[batch, N]``, and values are
user-major, ``[N, batch]``.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgeoffload_env._validation import check_choice
from recipes.networks.acting import seeded_generator
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import StackedMLP, chosen, one_hot

KINDS = ("per-action", "separate", "shared", "pooled", "team")


class Critics(nn.Module):
    """Base of the critics of all users.

    Attributes:
        team: whether there is one value for all users, ``[1, batch]``, to be trained on the mean of their rewards.
        linear_in_own: whether Q_i is linear in the user's own action, so that its slope holds the value of each.
    """

    team = False
    linear_in_own = False

    def forward(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """Return the values of joint actions, ``[N, batch]``."""
        raise NotImplementedError

    def with_own_action(self, obs: Tensor, state: Tensor, actions: Tensor, own: Tensor) -> Tensor:
        """Return the values ``[N, batch]`` with each user's own action replaced by ``own``, the others' kept.

        Args:
            obs: everyone's observations.
            state: the global state.
            actions: everyone's actions.
            own: ``[N, batch, A]``, one-hots or any points of the simplex; the values are differentiable in it.
        """
        raise NotImplementedError

    def for_each_own_action(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """Return the values ``[N, batch, A]`` of each action the user could have taken, the others' kept."""
        raise NotImplementedError


class PerActionCritics(Critics):
    """A perceptron for each user over the global state and the others' actions, with an output for each own action.

    ``Q_i(x, a) = <a_i, h_i(x, a_-i)>``. Any function of a one-hot is linear in it, so nothing is lost, and the slope of
    (34) in a_i holds the value of each of the user's actions. The slope of a perceptron that reads a_i as an input
    need not: it is trained at the corners of the simplex alone.
    """

    linear_in_own = True

    def __init__(self, sizes: GameSizes, hidden: Sequence[int], *, generator: torch.Generator | None) -> None:
        super().__init__()
        self.sizes = sizes
        users, choices = sizes.num_users, sizes.num_actions
        units = (sizes.state_size + users * choices, *hidden, choices)
        self.network = StackedMLP(users, units, generator=generator)
        read = torch.ones(users, units[0], 1)
        for user in range(users):
            start = sizes.state_size + user * choices
            read[user, start : start + choices] = 0.0
        self.register_buffer("read", read, persistent=False)

    def forward(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """See :meth:`Critics.forward`; the observations are not used."""
        return chosen(self.for_each_own_action(obs, state, actions), actions.T)

    def with_own_action(self, obs: Tensor, state: Tensor, actions: Tensor, own: Tensor) -> Tensor:
        """See :meth:`Critics.with_own_action`."""
        return (own * self.for_each_own_action(obs, state, actions)).sum(dim=-1)

    def for_each_own_action(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """See :meth:`Critics.for_each_own_action`."""
        taken = one_hot(actions, self.sizes.num_actions, state.dtype).flatten(1)
        inputs = torch.cat((state, taken), dim=1).expand(self.sizes.num_users, -1, -1)
        first = torch.baddbmm(self.network.bias_0, inputs, self.network.weight_0 * self.read)
        return self.network.rest(first)


class StateCritics(Critics):
    """A perceptron over the global state and everyone's one-hot actions, for each user, or shared with a one-hot of it.

    The first layer is linear in the actions' one-hots, so changing the user's own action costs one small product and
    not a pass through the whole layer.
    """

    def __init__(
        self, sizes: GameSizes, hidden: Sequence[int], *, shared: bool, generator: torch.Generator | None
    ) -> None:
        super().__init__()
        self.sizes = sizes
        units = (sizes.state_size + sizes.num_users * sizes.num_actions, *hidden, 1)
        self.network = StackedMLP(sizes.num_users, units, shared=shared, generator=generator)

    def forward(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """See :meth:`Critics.forward`; the observations are not used."""
        return self.network.rest(self._first(state, actions)).squeeze(-1)

    def with_own_action(self, obs: Tensor, state: Tensor, actions: Tensor, own: Tensor) -> Tensor:
        """See :meth:`Critics.with_own_action`."""
        change = own - self._one_hot(actions.T, own.dtype)
        hidden = self._first(state, actions).baddbmm_(change, self._own_columns())
        return self.network.rest(hidden).squeeze(-1)

    def for_each_own_action(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """See :meth:`Critics.for_each_own_action`."""
        columns = self._own_columns()
        first = self._first(state, actions)
        others = torch.baddbmm(first, self._one_hot(actions.T, first.dtype), columns, alpha=-1.0)
        hidden = others.unsqueeze(2) + columns.unsqueeze(1)
        users, batch, choices, size = hidden.shape
        return self.network.rest(hidden.reshape(users, batch * choices, size)).reshape(users, batch, choices)

    def _first(self, state: Tensor, actions: Tensor) -> Tensor:
        """Return the first layer before its ReLU, ``[N, batch, hidden]``."""
        return self.network.first(torch.cat((state, self._one_hot(actions, state.dtype).flatten(1)), dim=1))

    def _one_hot(self, actions: Tensor, dtype: torch.dtype) -> Tensor:
        return one_hot(actions, self.sizes.num_actions, dtype)

    def _own_columns(self) -> Tensor:
        """Return the first layer's weights of each user's own action, ``[N, A, hidden]``."""
        users, choices = self.sizes.num_users, self.sizes.num_actions
        weight = self.network.weight_0[:, self.sizes.state_size :]
        blocks = weight.reshape(self.network.copies, users, choices, -1)
        return blocks[0] if self.network.copies == 1 else blocks.diagonal(dim1=0, dim2=1).permute(2, 0, 1)


class PooledCritics(Critics):
    """One critic that treats users alike: a perceptron over the sum of embeddings of their observations and actions.

    e_n = ReLU(embedding of (o_n, a_n)); the value is a perceptron of the mean observation, the sum of all e_n and,
    unless one value is for all, e_i. Its number of parameters does not depend on the number of users, and it cannot
    distinguish users that observe the same.
    """

    def __init__(
        self, sizes: GameSizes, hidden: Sequence[int], *, team: bool, generator: torch.Generator | None
    ) -> None:
        super().__init__()
        self.sizes, self.team = sizes, team
        width = hidden[0]
        self.embedding = StackedMLP(1, (sizes.obs_size + sizes.num_actions, width, 1), generator=generator)
        self.head = StackedMLP(1, (sizes.obs_size + (1 if team else 2) * width, *hidden, 1), generator=generator)
        for name in ("weight_1", "bias_1"):  # only its first layer is used
            delattr(self.embedding, name)

    def forward(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """See :meth:`Critics.forward`; the state is not used."""
        taken = one_hot(actions, self.sizes.num_actions, obs.dtype)
        embedded = torch.relu(self._before(obs) + taken @ self._action_columns())
        base = self._base(obs, embedded.sum(dim=1))
        if self.team:
            return self._value(base)[None]
        return self._value(base[:, None] + embedded @ self._own_columns()).T

    def with_own_action(self, obs: Tensor, state: Tensor, actions: Tensor, own: Tensor) -> Tensor:
        """See :meth:`Critics.with_own_action`; e_i is linear between actions, so its slope has the value of each."""
        before, others = self._others(obs, actions)
        each = torch.relu(before.unsqueeze(2) + self._action_columns())
        embedded = (own.transpose(0, 1).unsqueeze(2) @ each).squeeze(2)
        return self._value(others + embedded @ self._columns_with_own()).T

    def for_each_own_action(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """See :meth:`Critics.for_each_own_action`."""
        before, others = self._others(obs, actions)
        embedded = torch.relu(before.unsqueeze(2) + self._action_columns())
        return self._value(others.unsqueeze(2) + embedded @ self._columns_with_own()).transpose(0, 1)

    def _before(self, obs: Tensor) -> Tensor:
        """Return the embedding's layer without the action's part, ``[batch, N, width]``."""
        weight, bias = self.embedding.weight_0[0, : self.sizes.obs_size], self.embedding.bias_0[0]
        return obs @ weight + bias

    def _others(self, obs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return :meth:`_before` and the head's first layer without the own embedding, ``[batch, N, hidden]``."""
        before = self._before(obs)
        taken = one_hot(actions, self.sizes.num_actions, obs.dtype)
        embedded = torch.relu(before + taken @ self._action_columns())
        return before, self._base(obs, embedded.sum(dim=1))[:, None] - embedded @ self._pool_columns()

    def _base(self, obs: Tensor, pool: Tensor) -> Tensor:
        weight = self.head.weight_0[0, : self.sizes.obs_size]
        return obs.mean(dim=1) @ weight + pool @ self._pool_columns() + self.head.bias_0[0]

    def _action_columns(self) -> Tensor:
        return self.embedding.weight_0[0, self.sizes.obs_size :]

    def _pool_columns(self) -> Tensor:
        """Return the head's weights of the sum, scaled so that initial values are alike for any number of users."""
        size, width = self.sizes.obs_size, self.embedding.weight_0.shape[2]
        return self.head.weight_0[0, size : size + width] * (2.0 / self.sizes.num_users)

    def _own_columns(self) -> Tensor:
        return self.head.weight_0[0, self.sizes.obs_size + self.embedding.weight_0.shape[2] :]

    def _columns_with_own(self) -> Tensor:
        return self._pool_columns() if self.team else self._pool_columns() + self._own_columns()

    def _value(self, hidden: Tensor) -> Tensor:
        return self.head.rest(hidden.reshape(1, -1, hidden.shape[-1])).reshape(hidden.shape[:-1])


def make_critics(kind: str, sizes: GameSizes, hidden: Sequence[int], *, seed: int | None = None) -> Critics:
    """Return critics of a kind.

    Args:
        kind: "per-action" (one for each user, with an output for each of its own actions), "separate" (one for each
            user, which reads its action as an input), "shared" (one such that sees a one-hot of the user), "pooled"
            (one that treats users alike) or "team" (the same with one value for all).
        sizes: the game's.
        hidden: units of each hidden layer.
        seed: of the parameters; None draws one.
    """
    check_choice("critic", kind, KINDS)
    generator = seeded_generator(seed)
    if kind == "per-action":
        return PerActionCritics(sizes, hidden, generator=generator)
    if kind in ("separate", "shared"):
        return StateCritics(sizes, hidden, shared=kind == "shared", generator=generator)
    return PooledCritics(sizes, hidden, team=kind == "team", generator=generator)
