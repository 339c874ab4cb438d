"""Export trained actors as files that plain torch runs without this package, one for each user."""

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env._files import atomic_write
from edgeoffload_env.model.channel import path_gain
from edgeoffload_env.model.features import LOAD_SCALE_S
from edgeoffload_env.model.quantities import Feature
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


def _observation_features(config: EdgeOffloadConfig) -> list[str]:
    return [line for feature in config.schema.columns for line in _lines(feature, config)]


def _state_features(config: EdgeOffloadConfig) -> list[str]:
    found = []
    for block in config.schema.state_blocks:
        own = [line for feature in block for line in _lines(feature, config)]
        of_users = block[0].scope == "user"
        found += [f"user {n}'s {line}" for n in range(config.num_users) for line in own] if of_users else own
    return found


def _lines(feature: Feature, config: EdgeOffloadConfig) -> list[str]:
    """Describe a user's feature, or the feature of each server."""
    text, formula = _in_numbers(config).get(feature.name, (feature.text, feature.formula))
    if feature.scope == "user":
        return [f"{text}: {formula}"]
    return [f"{text} {m}: {formula}" for m in range(1, config.servers + 1)]


def _in_numbers(config: EdgeOffloadConfig) -> dict[str, tuple[str, str]]:
    """Text and formula of the paper's features with this game's numbers; those of effects speak for themselves."""
    gains = path_gain(config.cell_radius_m), path_gain(config.min_distance_m)
    scale = f"{LOAD_SCALE_S:g}"
    return {
        "load": ("load of server", f"(q - {scale}) / (q + {scale}), q = cycles queued / cycles per second, in s"),
        "task_bits": ("task length", "z(bit; {:g}, {:g})".format(*config.task_bits)),
        "task_cycles": ("task work", "z(CPU cycles; {:g}, {:g})".format(*config.task_cycles)),
        "device_speed": ("own device's speed", "z(cycles/s; {:g}, {:g})".format(*config.device_hz)),
        "link_quality": ("link quality", "z(ln g; ln {:.9g}, ln {:.9g}), g = channel gain".format(*gains)),
        "server_speed": ("speed of server", "z(cycles/s; {:g}, {:g})".format(*config.speed_bounds_hz)),
    }
