"""One actor and one team critic for any number of users and servers.

Relabel users together with their places on the ring, or servers with their arcs, and actions are relabelled alike.
Inputs are seconds (:mod:`recipes.networks.decoding`), so that a network plays games that it was not trained on.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env._validation import fail
from recipes.networks.acting import ActingNetwork, seeded_generator
from recipes.networks.critics import Critics
from recipes.networks.equivariant_inputs import (
    LEVEL_INPUTS,
    LEVEL_TASK_INPUTS,
    SERVER_INPUTS,
    SERVER_STATE,
    TASK_INPUTS,
    USER_INPUTS,
    InputReader,
    Inputs,
    has_levels,
    ring_position,
    scaled,
)
from recipes.networks.sizes import GameSizes, sizes_of
from recipes.networks.stacked_mlp import StackedMLP

_POOL_INPUTS = 4  # beside those of the tasks


def of_rows(network: StackedMLP, x: Tensor) -> Tensor:
    """Apply a perceptron with one output to the last axis: ``[...]`` for ``[..., in]``."""
    outputs: Tensor = network(x.reshape(1, -1, x.shape[-1]))
    return outputs.reshape(x.shape[:-1])


class EquivariantActor(ActingNetwork):
    """Scores each server, and the device, for each user on its own observation, its number and N.

    Users who observe the same servers would all choose the same one. So that they part without talking, users sit on a
    ring, user n at (n + 1/2) / N, and each server owns an arc of it in proportion to its speed: the network sees where
    the user is on the ring as seen from each server's arc. Where users choose powers and shares too, each server has a
    score for each of them, by the same network.

    Args:
        sizes: the game's, with its configuration.
        hidden: units of each hidden layer.
        seed: of the parameters; None draws one.
        ring: whether the network sees places on the ring; without them it is an ablation.

    Raises:
        ValueError: games of others than this package.
    """

    def __init__(self, sizes: GameSizes, hidden: Sequence[int], *, seed: int | None = None, ring: bool = True) -> None:
        super().__init__(sizes)
        self.ring = ring
        self.reader = InputReader(config_of(sizes))
        generator = seeded_generator(seed)
        self.levels = has_levels(self.reader.config)
        inputs = USER_INPUTS + SERVER_INPUTS + LEVEL_INPUTS * self.levels
        self.server_scores = StackedMLP(1, (inputs, *hidden, 1), generator=generator)
        self.device_score = StackedMLP(1, (USER_INPUTS, *hidden, 1), generator=generator)

    def for_game(self, config: EdgeOffloadConfig, reader: InputReader | None = None) -> "EquivariantActor":
        """Return the same network, with the same parameters, for another game, with a reader of its inputs.

        Raises:
            ValueError: only one of the two games has levels, whose actions need inputs of their own.
        """
        check_levels(self.levels, config)
        other = copy.copy(self)
        other.sizes, other.reader = sizes_of(config), reader or InputReader(config)
        return other

    def single(self, user: int) -> nn.Module:
        """Return one user's network alone: observations ``[batch, D]`` to values ``[batch, A]``."""
        return _AtPlace(self, (user + 0.5) / self.sizes.num_users)

    def outputs(self, inputs: Tensor) -> Tensor:
        """Return ``[N, batch, A]`` for observations ``[batch, N, D]``."""
        users = inputs.shape[1]
        place = (torch.arange(users, dtype=inputs.dtype, device=inputs.device) + 0.5) / users
        return self.scores(self.reader(inputs), place).transpose(0, 1)

    def scores(self, read: Inputs, place: Tensor, on_arcs: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return ``[batch, users, A]``.

        Args:
            read: off the users' observations.
            place: of the users on the ring, ``[users]``.
            on_arcs: their :func:`ring_position`; by default that of arcs in the order of the servers.
        """
        user, server = read.user, read.server
        distance, depth = ring_position(place, read.seen.speed_share) if on_arcs is None else on_arcs
        if not self.ring:
            distance, depth = torch.zeros_like(distance), torch.zeros_like(depth)
        ways = self.sizes.levels_per_server
        if ways > 1:
            distance, depth = (part.repeat_interleave(ways, dim=-1) for part in (distance, depth))
        server = torch.cat((server, distance.unsqueeze(-1), depth.unsqueeze(-1)), dim=-1)
        both = torch.cat((user.unsqueeze(-2).expand(*server.shape[:-1], -1), server), dim=-1)
        return torch.cat((of_rows(self.device_score, user).unsqueeze(-1), of_rows(self.server_scores, both)), dim=-1)


class _AtPlace(nn.Module):
    """The actor of one user, by its place on the ring."""

    def __init__(self, actor: EquivariantActor, place: float) -> None:
        super().__init__()
        self.actor = actor
        self.register_buffer("place", torch.tensor([place]), persistent=False)

    def forward(self, obs: Tensor) -> Tensor:
        """Return ``[batch, A]`` for observations ``[batch, D]``."""
        return self.actor.scores(self.actor.reader(obs.unsqueeze(1)), self.place)[:, 0]


class EquivariantTeamCritic(Critics):
    """The team's value: a sum over servers of what was sent to them, and over users of what stays with them.

    Q(x, a) = (sum_m q(server m, pooled tasks sent to m, K) + sum_n local_n d(n) + sum_n u(n)) / N, which is what the
    physics is: tasks meet at servers and on the uplink. A user's other actions change two pools and K, so the values
    of all N (M + 1) of them, everyone else's kept, are exact and cost about N M rows of q. Where users choose powers
    and shares, w(n, power, share) is added for those who offload, for the part on the device and the uplink's queue.
    """

    team = True

    def __init__(self, sizes: GameSizes, hidden: Sequence[int], *, seed: int | None = None) -> None:
        super().__init__()
        self.reader = InputReader(config_of(sizes))
        self.levels = has_levels(self.reader.config)
        generator = seeded_generator(seed)
        pooled = SERVER_STATE + TASK_INPUTS + LEVEL_TASK_INPUTS * self.levels + _POOL_INPUTS
        self.server_values = StackedMLP(1, (pooled, *hidden, 1), generator=generator)
        self.device_values = StackedMLP(1, (USER_INPUTS, *hidden, 1), generator=generator)
        self.queue_values = StackedMLP(1, (USER_INPUTS, *hidden, 1), generator=generator)
        if self.levels:
            self.way_values = StackedMLP(1, (USER_INPUTS + LEVEL_INPUTS, *hidden, 1), generator=generator)

    def for_game(self, config: EdgeOffloadConfig, reader: InputReader | None = None) -> "EquivariantTeamCritic":
        """See :meth:`EquivariantActor.for_game`."""
        check_levels(self.levels, config)
        other = copy.copy(self)
        other.reader = reader or InputReader(config)
        return other

    def forward(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """See :meth:`Critics.forward`; ``[1, batch]``. The state is not used."""
        game = _TeamGame(self.reader(obs), actions)
        servers = self._q(game.server, game.pool, game.senders).sum(dim=-1)
        return ((servers + self._of_users(game).sum(dim=-1)) / obs.shape[1])[None]

    def for_each_own_action(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """See :meth:`Critics.for_each_own_action`."""
        game = _TeamGame(self.reader(obs), actions)
        users = obs.shape[1]
        here, chosen = game.here, game.here.sum(dim=-1)  # [R, N, M], [R, N]
        stay, go = game.senders_without, game.senders_without_but_sending  # K if the user stays, or offloads: [R, N]
        # q of every server with its present pool, at every K that occurs: one less, the same, one more
        around = torch.stack([game.senders + change for change in (-1.0, 0.0, 1.0)], dim=1)  # [R, 3]
        table = self._q(game.server.unsqueeze(1), game.pool.unsqueeze(1), around)  # [R, 3, M]
        others_stay, others_go = (table.gather(1, self._place(game, k, here.shape[2])) for k in (stay, go))  # [R, N, M]
        own_server = (here.unsqueeze(-1) * game.server.unsqueeze(1)).sum(dim=2)  # [R, N, S]
        left = (here.unsqueeze(-1) * (game.pool.unsqueeze(1) - game.own)).sum(dim=2)  # [R, N, E]
        left_stay, left_go = (self._q_rows(own_server, left, k) * chosen for k in (stay, go))
        joined = self._q_rows(
            game.each_way(game.server, 1).unsqueeze(1).expand(-1, users, -1, -1),
            game.each_way(game.pool, 1).unsqueeze(1) + (game.task - game.each_way(game.own, 2)),
            go.unsqueeze(-1).expand(-1, -1, game.task.shape[2]),
        )  # [R, N, M P R]
        rest_stay = (others_stay * (1.0 - here)).sum(dim=-1) + left_stay
        rest_go = (others_go * (1.0 - here)).sum(dim=-1) + left_go
        # without server m's present value: that of its pool without the user where the user is there now
        replaced = here * left_go.unsqueeze(-1) + (1.0 - here) * others_go
        device, queues = self._device(game), of_rows(self.queue_values, game.user)
        of_own_part = game.local * device
        away = rest_go.unsqueeze(-1) - game.each_way(replaced, 2) + joined
        if self.levels:
            by_action = self._of_ways(game)
            of_own_part = of_own_part + (game.sent * by_action).sum(dim=-1)
            away = away + by_action
        of_others = (of_own_part.sum(dim=1, keepdim=True) - of_own_part) + queues.sum(dim=1, keepdim=True)
        at_home = rest_stay + device
        values = torch.cat((at_home.unsqueeze(-1), away), dim=-1) + of_others.unsqueeze(-1)
        return (values / users).transpose(0, 1)

    def with_own_action(self, obs: Tensor, state: Tensor, actions: Tensor, own: Tensor) -> Tensor:
        """See :meth:`Critics.with_own_action`: the mixture of the values of each action."""
        return (own * self.for_each_own_action(obs, state, actions)).sum(dim=-1)

    @staticmethod
    def _place(game: "_TeamGame", senders: Tensor, servers: int) -> Tensor:
        """Return where K ``[R, N]`` is in the table around the present one, ``[R, N, M]``."""
        change = (senders - game.senders.unsqueeze(-1)).round().long()
        return (change + 1).unsqueeze(-1).expand(-1, -1, servers)

    def _of_users(self, game: "_TeamGame") -> Tensor:
        values = game.local * self._device(game) + of_rows(self.queue_values, game.user)
        return values + (game.sent * self._of_ways(game)).sum(dim=-1) if self.levels else values

    def _of_ways(self, game: "_TeamGame") -> Tensor:
        """Return the own part of each action but the device, ``[R, N, M P R]``: the same at every server."""
        return of_rows(self.way_values, game.user_ways).repeat(1, 1, game.server.shape[1])

    def _device(self, game: "_TeamGame") -> Tensor:
        return of_rows(self.device_values, game.user)

    def _q(self, server: Tensor, pool: Tensor, senders: Tensor) -> Tensor:
        """Return ``[..., M]`` for servers ``[..., M, S]``, pools ``[..., M, E]`` and K ``[...]``."""
        return self._q_rows(server, pool, senders.unsqueeze(-1).expand(*senders.shape, pool.shape[-2]))

    def _q_rows(self, server: Tensor, pool: Tensor, senders: Tensor) -> Tensor:
        """Return ``[...]`` for servers ``[..., S]``, pools ``[..., E]`` and K ``[...]``."""
        server, pool = (part.expand(*senders.shape, -1) for part in (server, pool))
        senders = senders.unsqueeze(-1)
        share, count = senders / self.reader.config.num_users, pool[..., :1]
        inputs = (server, scaled(pool), 0.25 * count, share, scaled(senders), share * count)
        return of_rows(self.server_values, torch.cat(inputs, dim=-1))


class _TeamGame:
    """Pools of a batch of joint actions."""

    def __init__(self, read: Inputs, actions: Tensor) -> None:
        seen = read.seen
        self.user = read.user
        self.server = read.server_state[:, 0]
        self.task = read.task  # [R, N, M P R, E]
        self.user_ways = None if read.ways is None else read.user_ways
        servers, away = self.server.shape[1], self.task.shape[2]
        self._ways = away // servers
        places = torch.arange(1, away + 1, device=actions.device)
        self.sent = (actions.unsqueeze(-1) == places).to(self.user.dtype) * seen.active.unsqueeze(-1)  # [R, N, M P R]
        self.here = self.sent.unflatten(2, (servers, self._ways)).sum(dim=3)  # [R, N, M]
        offloads = self.here.sum(dim=-1)
        self.local = seen.active * (1.0 - offloads)
        still_sending = (seen.uplink_load_s > 1e-6).to(self.user.dtype)
        sends = torch.maximum(offloads, still_sending)
        self.senders = sends.sum(dim=-1)  # [R]
        self.senders_without = self.senders.unsqueeze(-1) - sends + still_sending
        self.senders_without_but_sending = self.senders.unsqueeze(-1) - sends + 1.0
        sent_tasks = self.sent.unsqueeze(-1) * self.task
        self.own = sent_tasks.unflatten(2, (servers, self._ways)).sum(dim=3)  # [R, N, M, E]
        self.pool = self.own.sum(dim=1)  # [R, M, E]

    def each_way(self, of_servers: Tensor, dim: int) -> Tensor:
        """Repeat the servers' values for each power and share."""
        return of_servers if self._ways == 1 else of_servers.repeat_interleave(self._ways, dim=dim)


def check_levels(levels: bool, config: EdgeOffloadConfig) -> None:
    """Refuse games with levels for networks of games without, and the other way round.

    Raises:
        ValueError: one of the two alone has powers or shares to choose from.
    """
    if levels != has_levels(config):
        fail("levels", config.levels, f"{'given' if levels else 'None'}, as in the game that the network was made for")


def config_of(sizes: GameSizes) -> EdgeOffloadConfig:
    """Return the game's configuration.

    Raises:
        ValueError: the game is not of this package.
    """
    if sizes.config is None:
        fail("env", "another game", "an environment of edgeoffload_env, whose observations the network decodes")
    return sizes.config
