"""Inputs of the networks for any number of users and servers, from quantities in seconds."""

import functools

import torch
from torch import Tensor

from edgeoffload_env import EdgeOffloadConfig
from recipes.networks.decoding import Decoded, Decoder

USER_INPUTS = 13
SERVER_INPUTS = 11
"""With the position of the user as seen from the server's arc."""
SERVER_STATE = 5
TASK_INPUTS = 7
_SCALE_S = 0.05
_REMEMBERED = 2  # observations of a batch and the next ones


class Inputs:
    """Inputs of B games, each computed when it is first read."""

    def __init__(self, seen: Decoded, config: EdgeOffloadConfig) -> None:
        self.seen, self._config = seen, config

    @functools.cached_property
    def user(self) -> Tensor:
        """See :func:`user_inputs`."""
        return user_inputs(self.seen, self._config)

    @functools.cached_property
    def server(self) -> Tensor:
        """See :func:`server_inputs`."""
        return server_inputs(self.seen)

    @functools.cached_property
    def server_state(self) -> Tensor:
        """See :func:`server_state`."""
        return server_state(self.seen)

    @functools.cached_property
    def task(self) -> Tensor:
        """See :func:`task_inputs`."""
        return task_inputs(self.seen)


class InputReader:
    """Reads the inputs off observations of one game.

    Args:
        config: the game.

    Raises:
        ValueError: the game's users observe loads alone.
    """

    def __init__(self, config: EdgeOffloadConfig) -> None:
        self.config = config
        self._decode = Decoder(config)

    def __call__(self, obs: Tensor) -> Inputs:
        """Read observations ``[B, N, D]``."""
        return Inputs(self._decode(obs), self.config)


class RememberingReader(InputReader):
    """An :class:`InputReader` that several networks share in an update, which read the same observations."""

    def __init__(self, config: EdgeOffloadConfig) -> None:
        super().__init__(config)
        self._read: list[tuple[Tensor, Inputs]] = []

    def __call__(self, obs: Tensor) -> Inputs:
        """Read observations; those that were read last are remembered."""
        for known, inputs in self._read:
            if known is obs:
                return inputs
        inputs = super().__call__(obs)
        self._read = [*self._read, (obs, inputs)][-_REMEMBERED:]
        return inputs


def scaled(seconds: Tensor) -> Tensor:
    """Return ``log1p(x / 0.05 s) / 2``, of order 1 for delays from 10 ms to minutes."""
    return 0.5 * torch.log1p(seconds.clamp_min(0.0) / _SCALE_S)


def user_inputs(seen: Decoded, config: EdgeOffloadConfig) -> Tensor:
    """Return ``[B, N, 13]``: the own task, device and link, totals over servers, and the game's constants."""
    finish_s = quickest_s(seen)
    servers = seen.load_s.shape[-1]
    slot = torch.full_like(seen.active, config.slot_s)
    crowd = torch.full_like(seen.active, config.num_users / servers)
    columns = (
        scaled(seen.upload_s),
        scaled(seen.device_s),
        scaled(seen.device_load_s),
        scaled(seen.uplink_load_s),
        seen.active,
        scaled(seen.device_cost_s),
        scaled(seen.send_cost_s),
        scaled(seen.deadline_s),
        scaled(finish_s.amin(dim=-1)),
        scaled(seen.load_s.mean(dim=-1)),
        scaled(seen.load_s.amin(dim=-1)),
        scaled(slot),
        0.5 * torch.log(crowd),
    )
    return torch.stack(columns, dim=-1)


def quickest_s(seen: Decoded) -> Tensor:
    """Return the delay at each server if nobody else sent anything to it and all uploaded, ``[B, N, M]``."""
    return (seen.upload_s + seen.uplink_load_s).unsqueeze(-1) + seen.forward_s + seen.load_s + seen.service_s


def server_inputs(seen: Decoded) -> Tensor:
    """Return ``[B, N, M, 9]``: each server as a user sees it."""
    finish_s = quickest_s(seen)
    late_s = (finish_s - seen.deadline_s.unsqueeze(-1)) * (seen.deadline_s > 0.0).unsqueeze(-1)
    columns = (
        scaled(seen.load_s),
        scaled(seen.service_s),
        scaled(seen.forward_s),
        seen.up,
        seen.queues,
        scaled(finish_s),
        scaled(late_s) - scaled(-late_s),
        scaled(seen.load_s) - scaled(seen.load_s.mean(dim=-1, keepdim=True)),
        scaled(finish_s) - scaled(finish_s.amin(dim=-1, keepdim=True)),
    )
    return torch.stack(columns, dim=-1)


def server_state(seen: Decoded) -> Tensor:
    """Return ``[B, N, M, 5]``: each server by itself."""
    columns = (
        scaled(seen.load_s),
        seen.up,
        seen.queues,
        seen.speed_share * seen.speed_share.shape[-1],
        scaled(seen.load_s) - scaled(seen.load_s.mean(dim=-1, keepdim=True)),
    )
    return torch.stack(columns, dim=-1)


def task_inputs(seen: Decoded) -> Tensor:
    """Return ``[B, N, M, 7]``: what a task adds to a server's pool; the first is 1, so that it counts tasks."""
    shape = seen.service_s.shape
    arrival_s = (seen.upload_s + seen.uplink_load_s).unsqueeze(-1) + seen.forward_s
    late_s = (quickest_s(seen) - seen.deadline_s.unsqueeze(-1)) * (seen.deadline_s > 0.0).unsqueeze(-1)
    columns = (
        torch.ones_like(arrival_s),
        seen.service_s,
        arrival_s,
        seen.service_s.square(),
        torch.relu(late_s),
        torch.sigmoid(late_s / 0.1) * (seen.deadline_s > 0.0).unsqueeze(-1),
        seen.send_cost_s.unsqueeze(-1).expand(shape),
    )
    return torch.stack(columns, dim=-1)


def ring_position(place: Tensor, speed_share: Tensor) -> tuple[Tensor, Tensor]:
    """Locate users on the ring as seen from each server's arc.

    Args:
        place: of the users, in [0, 1), ``[N]``.
        speed_share: lengths of the arcs, which follow one another from 0, ``[B, N, M]``.

    Returns:
        The distance to the arc, 0 inside, and the depth inside it in units of half its length, 0 outside;
        ``[B, N, M]``.
    """
    end = speed_share.cumsum(dim=-1)
    half = 0.5 * speed_share
    offset = (place.unsqueeze(-1) - (end - half)).abs()
    offset = torch.minimum(offset, 1.0 - offset)  # the short way round
    outside = offset - half
    return 4.0 * torch.relu(outside), torch.relu(-outside) / half.clamp_min(1e-6)
