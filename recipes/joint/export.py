"""Export trained actors as files that plain torch runs without this package, one for each user."""

import dataclasses
import textwrap
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgeoffload_env import EdgeOffloadConfig, observation
from edgeoffload_env._files import atomic_write
from edgeoffload_env.agents import action_meaning
from recipes.files import write_json, write_text
from recipes.joint.policy import NetworkPolicy
from recipes.networks.acting import ActingNetwork
from recipes.networks.equivariant import EquivariantActor
from recipes.networks.stacked_mlp import argmax

_USE = """# {name}, exported

{scope}

    import torch

    actor = torch.export.load("{first}").module()
    actions = actor({argument})  # {shapes}

Actions: {actions}. The files need only torch. Inputs with other numbers of columns are refused as "Guard failed".

## Play an episode

From this folder, with the package `edgeoffload_env`, and without Ray or the recipes:

{loop}

## Features

All numbers are float32. The formulas are of the fields of a snapshot in SI units: of server m in columns that end with
_m, of the user in the others.

{features}
"""

_LOOP = """import json
from pathlib import Path

import torch

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0

config = EdgeOffloadConfig(**json.loads(Path("game.json").read_text()))
env = edgeoffload_v0.parallel_env(config)
{load}
observations, infos = env.reset(seed=0)
utility = 0.0
while env.agents:
    {act}
    observations, rewards, terminations, truncations, infos = env.step(actions)
    utility += env.unwrapped.utility()
print(utility)
"""
_LOOPS = {
    "everyone": (
        'actor = torch.export.load("everyone.pt2").module()',
        "chosen = actor(torch.from_numpy(env.state())[None])[0].tolist()\n"
        "    actions = dict(zip(env.agents, chosen, strict=True))",
    ),
    "any_user": (
        'actor = torch.export.load("any_user.pt2").module()\n'
        "places = (torch.arange(config.num_users) + 0.5) / config.num_users",
        "rows = torch.stack([torch.from_numpy(observations[user]) for user in env.agents])\n"
        "    actions = dict(zip(env.agents, actor(rows, places).tolist(), strict=True))",
    ),
    "user_0": (
        'actors = {user: torch.export.load(f"{user}.pt2").module() for user in env.possible_agents}',
        "rows = {user: torch.from_numpy(row)[None] for user, row in observations.items()}\n"
        "    actions = {user: int(actor(rows[user])) for user, actor in actors.items()}",
    ),
}
"""Lines of the program for each kind of file: loading the networks, and choosing with them."""


class _OneUser(nn.Module):
    """One user's network: observations ``[batch, D]`` to actions ``[batch]``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.layers = network

    def forward(self, obs: Tensor) -> Tensor:
        return self.layers(obs).argmax(dim=-1)


class _AnyUser(nn.Module):
    """The network of all users: observations ``[batch, D]`` and places ``[batch]`` to actions ``[batch]``."""

    def __init__(self, acting: EquivariantActor) -> None:
        super().__init__()
        self.acting = acting

    def forward(self, obs: Tensor, place: Tensor) -> Tensor:
        read = self.acting.reader(obs.unsqueeze(1))
        return self.acting.scores(read, place.unsqueeze(1))[:, 0].argmax(dim=-1)


class _Everyone(nn.Module):
    """A central network: states ``[batch, S]`` to everyone's actions ``[batch, N]``."""

    def __init__(self, acting: ActingNetwork) -> None:
        super().__init__()
        self.acting = acting

    def forward(self, state: Tensor) -> Tensor:
        return self.acting.actions_of(argmax(self.acting.values(state)))


def export_policy(policy: NetworkPolicy, config: EdgeOffloadConfig, folder: Path) -> list[Path]:
    """Write a file for each user, a README and the game's constants.

    It is one file for everyone, ``everyone.pt2``, where execution is central, and one file for any user,
    ``any_user.pt2``, where all act with one network and their places on the ring.

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
    # Two rows, because torch.export would fix a batch size of one as a constant
    row, state, place = torch.zeros(2, sizes.obs_size), torch.zeros(2, sizes.state_size), torch.zeros(2)
    files: dict[Path, tuple[nn.Module, tuple[Tensor, ...]]]
    if policy.central:
        files = {folder / "everyone.pt2": (_Everyone(acting), (state,))}
    elif isinstance(acting, EquivariantActor):
        files = {folder / "any_user.pt2": (_AnyUser(acting), (row, place))}
    else:
        files = {folder / f"{user}.pt2": (_OneUser(acting.single(n)), (row,)) for n, user in enumerate(policy.users)}
    batch = {0: torch.export.Dim("batch", min=1)}
    for path, (network, inputs) in files.items():
        network.requires_grad_(False)
        with torch.no_grad():
            program = torch.export.export(network, inputs, dynamic_shapes=(batch,) * len(inputs))
        with atomic_write(path) as unfinished:
            torch.export.save(program, unfinished)
    write_text(folder / "README.md", _readme(policy, config, next(iter(files)).name))
    write_json(folder / "game.json", dataclasses.asdict(config))
    return list(files)


def loop(kind: str) -> str:
    """Return a program that plays an episode with exported networks.

    Args:
        kind: the name of the first file, "everyone", "any_user" or "user_0".
    """
    load, act = _LOOPS[kind]
    return _LOOP.format(load=load, act=act)


def _readme(policy: NetworkPolicy, config: EdgeOffloadConfig, first: str) -> str:
    sizes = policy.acting.sizes
    if policy.central:
        scope = "One network for all users: it needs the global state."
        argument, shapes = "state", f"float32 [batch, {sizes.state_size}] -> int64 [batch, {sizes.num_users}]"
        features = observation.state_formulas(config)
    elif isinstance(policy.acting, EquivariantActor):
        scope = (
            "One network for all users: it needs that user's own observation and its place (n + 1/2) / N, where n is\n"
            "its number, from 0, and N is the number of users."
        )
        argument, shapes = "observation, place", f"float32 [batch, {sizes.obs_size}], [batch] -> int64 [batch]"
        features = observation.formulas(config)
    else:
        scope = "A network for each user: it needs only that user's own observation."
        argument, shapes = "observation", f"float32 [batch, {sizes.obs_size}] -> int64 [batch]"
        features = observation.formulas(config)
    actions = "0 = the user's own device, m >= 1 = server m"
    if config.levels_per_server > 1:
        actions = f"{action_meaning(config)};\npowers {config.tx_powers_w} W, shares {config.offload_ratios}"
    lines = [f"{place}. {name}: {formula}" for place, (name, formula) in enumerate(features.items())]
    return _USE.format(
        name=policy.name,
        scope=scope,
        first=first,
        argument=argument,
        shapes=shapes,
        features="\n".join(lines),
        loop=textwrap.indent(loop(Path(first).stem), "    ").rstrip(),
        actions=actions,
    )
