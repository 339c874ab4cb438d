"""Export trained actors as files that plain torch runs without this package, one for each user."""

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgeoffload_env import EdgeOffloadConfig, observation
from edgeoffload_env._files import atomic_write
from edgeoffload_env.model.channel import path_gain
from recipes.files import write_json, write_text
from recipes.networks.acting import ActingNetwork
from recipes.networks.stacked_mlp import argmax
from recipes.offpolicy.policy import NetworkPolicy

_USE = """# {name}, exported

{scope}

    import torch

    actor = torch.export.load("{first}").module()
    actions = actor({argument})  # {shapes}

Actions: 0 = the user's own device, m >= 1 = server m. The files need only torch.

## Features

All numbers are float32 and in SI units before scaling. `z(x; low, high)` is `u / (1 + |u|)` with
`u = (x - (low + high) / 2) / ((high - low) / 2)`; where low = high, the half width is a tenth of the middle.

{features}
"""


class _OneUser(nn.Module):
    """One user's network: observations ``[batch, D]`` to actions ``[batch]``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.layers = network

    def forward(self, obs: Tensor) -> Tensor:
        return self.layers(obs).argmax(dim=-1)


class _Everyone(nn.Module):
    """A central network: states ``[batch, S]`` to everyone's actions ``[batch, N]``."""

    def __init__(self, acting: ActingNetwork) -> None:
        super().__init__()
        self.acting = acting

    def forward(self, state: Tensor) -> Tensor:
        return self.acting.actions_of(argmax(self.acting.values(state)))


def export_policy(policy: NetworkPolicy, config: EdgeOffloadConfig, folder: Path) -> list[Path]:
    """Write a file for each user (``everyone.pt2`` where execution is central), a README and the game's constants.

    Args:
        policy: the policy to export.
        config: the game that it was trained on.
        folder: where to write; made if missing.

    Returns:
        The network files.

    Raises:
        FileExistsError: the folder is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    acting: Any = policy.acting
    sizes = acting.sizes
    if policy.central:
        files: dict[Path, tuple[nn.Module, int]] = {folder / "everyone.pt2": (_Everyone(acting), sizes.state_size)}
    else:
        files = {
            folder / f"{user}.pt2": (_OneUser(acting.single(n)), sizes.obs_size) for n, user in enumerate(policy.users)
        }
    for path, (network, size) in files.items():
        network.requires_grad_(False)
        # Two rows, because torch.export would fix a batch size of one as a constant
        with torch.no_grad():
            program = torch.export.export(
                network, (torch.zeros(2, size),), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},)
            )
        with atomic_write(path) as unfinished:
            torch.export.save(program, unfinished)
    write_text(folder / "README.md", _readme(policy, config, next(iter(files)).name))
    write_json(folder / "game.json", dataclasses.asdict(config))
    return list(files)


def _readme(policy: NetworkPolicy, config: EdgeOffloadConfig, first: str) -> str:
    sizes = policy.acting.sizes
    if policy.central:
        scope = "One network for all users: it needs the global state."
        argument, shapes = "state", f"float32 [batch, {sizes.state_size}] -> int64 [batch, {sizes.num_users}]"
        features = _state_features(config)
    else:
        scope = "A network for each user: it needs only that user's own observation."
        argument, shapes = "observation", f"float32 [batch, {sizes.obs_size}] -> int64 [batch]"
        features = _observation_features(config)
    lines = [f"{place}. {text}" for place, text in enumerate(features)]
    return _USE.format(
        name=policy.name, scope=scope, first=first, argument=argument, shapes=shapes, features="\n".join(lines)
    )


def _loads(config: EdgeOffloadConfig) -> list[str]:
    scale = observation.LOAD_SCALE_S
    return [
        f"load of server {m + 1}: (q - {scale:g}) / (q + {scale:g}), q = cycles queued / cycles per second, in s"
        for m in range(config.servers)
    ]


def _speeds(config: EdgeOffloadConfig) -> list[str]:
    low, high = config.speed_bounds_hz
    return [f"speed of server {m + 1}: z(cycles/s; {low:g}, {high:g})" for m in range(config.servers)]


def _own(config: EdgeOffloadConfig) -> list[str]:
    gains = path_gain(config.cell_radius_m), path_gain(config.min_distance_m)
    return [
        "task length: z(bit; {:g}, {:g})".format(*config.task_bits),
        "task work: z(CPU cycles; {:g}, {:g})".format(*config.task_cycles),
        "own device's speed: z(cycles/s; {:g}, {:g})".format(*config.device_hz),
        "link quality: z(ln g; ln {:.9g}, ln {:.9g}), g = channel gain".format(*gains),
    ]


def _observation_features(config: EdgeOffloadConfig) -> list[str]:
    own = _own(config) if config.observation == "full" else []
    speeds = _speeds(config) if config.observation == "full" and config.server_hz_range is not None else []
    return [*_loads(config), *own, *speeds]


def _state_features(config: EdgeOffloadConfig) -> list[str]:
    users = [f"user {n}'s {text}" for n in range(config.num_users) for text in _own(config)]
    return [*_loads(config), *_speeds(config), *users]
