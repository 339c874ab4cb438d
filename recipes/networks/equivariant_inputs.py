"""Inputs of the networks for any number of users and servers, from quantities in seconds."""

import functools
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env.model import channel
from edgeoffload_env.model.effects.queues import full_cell_rate_bps
from edgeoffload_env.policies import costs
from recipes.networks.decoding import Decoded, Decoder

USER_INPUTS = 13
SERVER_INPUTS = 11
"""With the position of the user as seen from the server's arc."""
SERVER_STATE = 5
TASK_INPUTS = 7
LEVEL_INPUTS = 5
"""Further inputs where users choose powers and shares."""
LEVEL_TASK_INPUTS = 2
_SCALE_S = 0.05
_REMEMBERED = 2  # observations of a batch and the next ones


def has_levels(config: EdgeOffloadConfig) -> bool:
    """Return whether a server alone does not say what an action does."""
    return config.levels_per_server > 1 or config.offload_ratios != (1.0,)


class Ways(NamedTuple):
    """Servers by each power and share: one place for each action but the device, in their order."""

    seen: Decoded
    """Of servers, and the uploads and costs of their energy, ``[B, N, M P R]``."""
    stay_s: Tensor
    """Time until the device has done its part, 0 without one; ``[B, N, M P R]``."""
    rest_s: Tensor
    """Work of that part, ``[B, N, M P R]``."""
    ratio: Tensor
    """Share of the task that is offloaded, ``[B, N, M P R]``."""

    @staticmethod
    def of(seen: Decoded, config: EdgeOffloadConfig) -> "Ways":
        """Spread what users see of servers."""
        servers, ways = config.servers, config.levels_per_server
        power_w, ratio = (seen.gain.new_tensor(values) for values in (costs.powers_w(config), costs.ratios(config)))
        last_bps = full_cell_rate_bps(seen.gain, config, xp=torch).unsqueeze(-1)
        slower = last_bps / channel.uplink_rate_bps(
            float(config.num_users),
            seen.gain.unsqueeze(-1),
            bandwidth_hz=config.bandwidth_hz,
            tx_power_w=power_w,
            noise_w_per_hz=config.noise_w_per_hz,
            xp=torch,
        )  # [B, N, P R]

        def each_server(of_ways: Tensor) -> Tensor:
            return of_ways.unsqueeze(2).expand(*of_ways.shape[:2], servers, ways).flatten(2)

        def each_way(of_servers: Tensor) -> Tensor:
            return of_servers.repeat_interleave(ways, dim=-1)

        stays = 1.0 - ratio
        latency_s = seen.gain.new_tensor(costs.forward_s(np.array(0.0), config))
        forward_s = (seen.forward_s - latency_s).unsqueeze(-1) * ratio + latency_s.unsqueeze(-1)
        send_cost_s = seen.send_cost_s.unsqueeze(-1) * (ratio * slower * (power_w / config.tx_powers_w[-1]))
        rest_s = seen.device_s.unsqueeze(-1) * stays
        stay_s = (seen.device_load_s.unsqueeze(-1) + rest_s) * (rest_s > 0.0)
        spread = seen._replace(
            upload_s=each_server(seen.upload_s.unsqueeze(-1) * ratio * slower),
            uplink_load_s=each_server(seen.uplink_load_s.unsqueeze(-1) * slower),
            send_cost_s=each_server(send_cost_s + seen.device_cost_s.unsqueeze(-1) * stays),
            service_s=(seen.service_s.unsqueeze(-1) * ratio).flatten(2),
            forward_s=forward_s.flatten(2),
            load_s=each_way(seen.load_s),
            up=each_way(seen.up),
            queues=each_way(seen.queues),
            speed_share=each_way(seen.speed_share),
        )
        return Ways(spread, *map(each_server, (stay_s, rest_s, ratio.expand(stay_s.shape))))


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
        """See :func:`server_inputs`; with levels one row for each action, and :func:`level_inputs` beside it."""
        if self.ways is None:
            return server_inputs(self.seen, self._config)
        return torch.cat((server_inputs(self.ways.seen, self._config), level_inputs(self.ways)), dim=-1)

    @functools.cached_property
    def server_state(self) -> Tensor:
        """See :func:`server_state`."""
        return server_state(self.seen)

    @functools.cached_property
    def task(self) -> Tensor:
        """See :func:`task_inputs`; with levels one row for each action, and what its two parts cost beside it."""
        if self.ways is None:
            return task_inputs(self.seen, self._config)
        late_s = torch.relu(self.ways.stay_s - quickest_s(self.ways.seen, self._config))
        return torch.cat(
            (task_inputs(self.ways.seen, self._config), torch.stack((late_s, self.ways.ratio), dim=-1)), dim=-1
        )

    @functools.cached_property
    def ways(self) -> Ways | None:
        """The servers by each power and share, where users choose them."""
        return Ways.of(self.seen, self._config) if has_levels(self._config) else None

    @functools.cached_property
    def user_ways(self) -> Tensor:
        """Inputs of each user by each power and share, wherever it sends: ``[B, N, P R, 18]``."""
        assert self.ways is not None
        columns = level_inputs(self.ways)[:, :, : self._config.levels_per_server]
        return torch.cat((self.user.unsqueeze(2).expand(*columns.shape[:3], -1), columns), dim=-1)


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
    finish_s = quickest_s(seen, config)
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


def quickest_s(seen: Decoded, config: EdgeOffloadConfig) -> Tensor:
    """Return the delay at each server if nobody else sent anything to it and all uploaded, ``[B, N, M]``.

    With the continuous clock a download counts as part of the way there.
    """
    arrival_s = _of_server(seen.upload_s + seen.uplink_load_s) + seen.forward_s
    start_s = arrival_s + seen.load_s
    if config.queue_clock == "continuous":
        start_s = torch.maximum(arrival_s, seen.load_s)
    return start_s + seen.service_s


def _of_server(values: Tensor) -> Tensor:
    """Return a user's values ``[B, N]`` for servers, ``[B, N, 1]``; those of :class:`Ways` are already."""
    return values if values.dim() == 3 else values.unsqueeze(-1)


def server_inputs(seen: Decoded, config: EdgeOffloadConfig) -> Tensor:
    """Return ``[B, N, M, 9]``: each server as a user sees it."""
    finish_s = quickest_s(seen, config)
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


def level_inputs(ways: Ways) -> Tensor:
    """Return ``[B, N, M P R, 5]``: the sending, the part on the device, the energy of both, and the share."""
    seen = ways.seen
    columns = (
        scaled(seen.upload_s + seen.uplink_load_s),
        scaled(ways.stay_s),
        scaled(ways.rest_s),
        scaled(seen.send_cost_s),
        ways.ratio,
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


def task_inputs(seen: Decoded, config: EdgeOffloadConfig) -> Tensor:
    """Return ``[B, N, M, 7]``: what a task adds to a server's pool; the first is 1, so that it counts tasks."""
    shape = seen.service_s.shape
    arrival_s = _of_server(seen.upload_s + seen.uplink_load_s) + seen.forward_s
    late_s = (quickest_s(seen, config) - seen.deadline_s.unsqueeze(-1)) * (seen.deadline_s > 0.0).unsqueeze(-1)
    columns = (
        torch.ones_like(arrival_s),
        seen.service_s,
        arrival_s,
        seen.service_s.square(),
        torch.relu(late_s),
        torch.sigmoid(late_s / 0.1) * (seen.deadline_s > 0.0).unsqueeze(-1),
        _of_server(seen.send_cost_s).expand(shape),
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
