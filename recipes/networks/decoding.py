"""Physical quantities that users read off their own observations, for networks that play any game.

Observations scale each quantity over its own game's range, so the same number means other seconds in another game.
Networks for any number of users and servers read seconds instead, computed by the model's own functions.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env._validation import fail
from edgeoffload_env.model import channel
from edgeoffload_env.model.effects.download import download_s
from edgeoffload_env.model.effects.energy import compute_j, offload_j
from edgeoffload_env.model.effects.queues import full_cell_rate_bps
from edgeoffload_env.model.features import LOAD_SCALE_S, middle_and_half_width
from edgeoffload_env.model.paper import link_bounds
from edgeoffload_env.policies import costs


class Decoded(NamedTuple):
    """Observations of B games in seconds; ``[B, N]`` of a user, ``[B, N, M]`` of a user at a server."""

    active: Tensor
    """1.0 where the user has a task, else 0.0."""
    upload_s: Tensor
    """(7) of the whole task, at the last power, if all users upload."""
    device_s: Tensor
    """(6) of the own task."""
    device_load_s: Tensor
    """Work queued on the own device."""
    uplink_load_s: Tensor
    """Bits that are still to be sent, as seconds if all users upload."""
    device_cost_s: Tensor
    """Costs of the energy of computing on the device."""
    send_cost_s: Tensor
    """Costs of the energy of sending, likewise."""
    deadline_s: Tensor
    """Deadline of the own task; 0 where tasks have none."""
    load_s: Tensor
    """Load factors (13)."""
    service_s: Tensor
    """The own task's work at each server."""
    forward_s: Tensor
    """(9) with latency, and the download."""
    up: Tensor
    """1.0 where the server runs, 0.0 where it is down."""
    queues: Tensor
    """1.0 where the server has a queue, 0.0 where it is elastic."""
    speed_share: Tensor
    """Each server's share of all servers' speed."""
    gain: Tensor
    """Channel gain of the own link, linear; ``[B, N]``."""


class Decoder:
    """Decodes observations of one game.

    Args:
        config: the game.

    Raises:
        ValueError: the game's users observe loads alone.
    """

    def __init__(self, config: EdgeOffloadConfig) -> None:
        if config.observation != "full":
            fail("observation of the game", config.observation, "'full': the network reads users' own tasks")
        self.config = config
        self._slices = {feature.name: config.schema.slices[feature.name] for feature in config.schema.columns}

    def __call__(self, obs: Tensor) -> Decoded:
        """Decode observations ``[B, N, D]``."""
        config = self.config
        zero = torch.zeros_like(obs[..., 0])
        active = 0.5 + 0.5 * self._user(obs, "has_task") if config.schema.masked else zero + 1.0
        bits = active * _uncentred(self._user(obs, "task_bits"), config.bits_range)
        cycles = active * _uncentred(self._user(obs, "task_cycles"), config.cycles_range)
        device_hz = _uncentred(self._user(obs, "device_speed"), config.device_hz)
        gain = torch.exp(_uncentred(self._user(obs, "link_quality"), link_bounds(config)))
        upload_s = channel.upload_s(bits, full_cell_rate_bps(gain, config, xp=torch))
        server_hz = self._server_hz(obs)
        rates, latencies = self._hops(obs)
        forward_s = bits[..., None] * rates + latencies
        if config.result_ratio:
            forward_s = forward_s + download_s(bits, config.result_ratio, config.downlink_bps)[..., None]
        device_cost_s = send_cost_s = zero
        if config.energy is not None:
            energy = config.energy
            device_cost_s = energy.cost_s_per_j * compute_j(energy.switched_capacitance, device_hz, cycles)
            send_cost_s = energy.cost_s_per_j * offload_j(config.tx_powers_w[-1], upload_s, energy.idle_power_w, 0.0)
        return Decoded(
            active=active,
            upload_s=upload_s,
            device_s=cycles / device_hz,
            device_load_s=_unsquashed(self._user(obs, "device_load")) if config.device_queue else zero,
            uplink_load_s=_unsquashed(self._user(obs, "uplink_load")) if config.uplink_queue else zero,
            device_cost_s=device_cost_s,
            send_cost_s=send_cost_s,
            deadline_s=_uncentred(self._user(obs, "deadline"), config.deadline.range_s) * active
            if config.deadline is not None
            else zero,
            load_s=_unsquashed(obs[..., self._slices["load"]]),
            service_s=cycles[..., None] / server_hz,
            forward_s=forward_s.expand(server_hz.shape),
            up=0.5 + 0.5 * obs[..., self._slices["up"]] if config.failures is not None else torch.ones_like(server_hz),
            queues=obs.new_tensor(costs.queues(config)).expand(server_hz.shape),
            speed_share=server_hz / server_hz.sum(dim=-1, keepdim=True),
            gain=gain,
        )

    def _user(self, obs: Tensor, name: str) -> Tensor:
        return obs[..., self._slices[name].start]

    def _server_hz(self, obs: Tensor) -> Tensor:
        if "server_speed" in self._slices:
            return _uncentred(obs[..., self._slices["server_speed"]], self.config.speed_bounds_hz)
        assert self.config.server_hz is not None
        return obs.new_tensor(self.config.server_hz).expand(*obs.shape[:-1], -1)

    def _hops(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Return seconds per bit, and latency, of the way from server 1 to each server, ``[M]``."""
        latency_s, of_a_bit_s = (costs.forward_s(np.array(bits), self.config) for bits in (0.0, 1.0))
        return obs.new_tensor(of_a_bit_s - latency_s), obs.new_tensor(latency_s)


def _uncentred(feature: Tensor, bounds: tuple[float, float]) -> Tensor:
    """Invert :func:`edgeoffload_env.model.features.centred`."""
    middle, half = middle_and_half_width(bounds)
    return middle + half * feature / (1.0 - feature.abs()).clamp_min(1e-6)


def _unsquashed(feature: Tensor) -> Tensor:
    """Invert :func:`edgeoffload_env.model.features.squashed` at the scale of loads."""
    return LOAD_SCALE_S * (1.0 + feature) / (1.0 - feature).clamp_min(1e-6)
