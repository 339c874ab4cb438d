"""Plots of one episode: parts of the delays, load factors and choices."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._files import atomic_write
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.evaluate import as_policy, name_of
from edgeoffload_env.evaluation.rollout import policy_rng, rollout
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.reward import utility
from edgeoffload_env.model.servers import load_factor_s
from edgeoffload_env.rendering.picture import colour_of
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

PARTS = ("upload_s", "forward_s", "wait_s", "compute_s", "download_s")
PART_COLOURS = ("#6F42B5", "#CDB9EE", "#8C564B", "#C9A27E", "#9C74D8")
"""Violets for the network, browns for the server: no part looks like one of the first servers."""
_IDLE_COLOUR = (1.0, 1.0, 1.0)
_BELOW: dict[str, Any] = {
    "fontsize": 8,
    "loc": "upper center",
    "bbox_to_anchor": (0.5, -0.14),
    "ncols": 6,
    "frameon": False,
    "handlelength": 1.2,
    "handletextpad": 0.4,
    "columnspacing": 0.9,
}
"""Places a legend below its axes, where it covers nothing."""


class Episode(NamedTuple):
    """T slots of one game."""

    targets: NDArray[np.int64]
    """``[T, N]``"""
    parts_s: dict[str, NDArray[np.float64]]
    """Each of ``PARTS`` that the game has, ``[T, N]``; they add up to the delay, of the offloaded part if a task is
    split."""
    delay_s: NDArray[np.float64]
    """``[T, N]``"""
    active: NDArray[np.bool_]
    """Whether each user had a task, ``[T, N]``."""
    load_s: NDArray[np.float64]
    """Load factors (13) at the start of each slot, ``[T, M]``."""
    utility: float
    """System utility of the episode."""


def episode_of(policy: Any, config: EdgeOffloadConfig, seed: int = 0) -> Episode:
    """Play an episode and record it.

    Args:
        policy: as ``evaluate`` takes it.
        config: the game.
        seed: seed of the game; the policy draws from a separate stream.

    Raises:
        ValueError: the policy cannot play the game.
    """
    player = as_policy(policy)
    if hasattr(player, "check"):
        player.check(config)
    env = EdgeOffloadVectorEnv(config, 1, dtype="float64")
    env.reset(seed=seed)
    steps = list(rollout(player, name_of(player), env, policy_rng(seed), config.max_cycles))
    infos = [step.returned[-1] for step in steps]
    queues = [step.view.snapshot for step in steps]
    return Episode(
        targets=np.stack([slot["target"][0] for slot in infos]),
        parts_s={name: np.stack([slot[name][0] for slot in infos]) for name in PARTS if name in infos[0]},
        delay_s=np.stack([slot["delay_s"][0] for slot in infos]),
        active=np.stack([slot.get("active", np.ones_like(slot["target"], dtype=np.bool_))[0] for slot in infos]),
        load_s=np.stack([load_factor_s(queue["backlog_cycles"], queue["server_hz"])[0] for queue in queues]),
        utility=float(sum(utility(slot, config, xp=xp)[0] for slot in infos)),
    )


def draw(episode: Episode, title: str, path: Path) -> None:
    """Write a figure with three plots of an episode.

    Args:
        episode: the recorded episode.
        title: title of the figure.
        path: file to write; its extension selects the format.

    Raises:
        ImportError: matplotlib is not installed; the message says how to get it.
        ValueError: an extension that matplotlib does not support.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'edgeoffload-env[plot]'") from error
    slots, users = episode.targets.shape
    servers = episode.load_s.shape[1]
    figure = Figure(figsize=(13.0, 4.6), layout="constrained")
    figure.suptitle(f"{title}: utility {episode.utility:.2f}")
    delays, loads, choices = figure.subplots(1, 3)

    below, tasks = np.zeros(users), np.maximum(episode.active.sum(axis=0), 1)
    colour_of_part = dict(zip(PARTS, PART_COLOURS, strict=True))
    for name, values in episode.parts_s.items():
        mean = values.sum(axis=0) / tasks
        delays.bar(range(users), mean, bottom=below, color=colour_of_part[name], label=name.removesuffix("_s"))
        below += mean
    longer = episode.delay_s.sum(axis=0) / tasks
    if np.any(longer > below + 1e-9):  # of parts on the device, while the others are elsewhere
        delays.scatter(range(users), longer, color="black", marker="_", label="task")
    delays.set(xlabel="user", ylabel="mean delay (s)", title="delay by part")
    delays.legend(**_BELOW)

    for m in range(servers):
        shade = _unit(colour_of(m + 1, servers))
        loads.plot(range(1, slots + 1), episode.load_s[:, m], color=shade, label=f"server {m + 1}")
    loads.set(xlabel="slot", ylabel="load factor (s)", title="load at the start of the slot", ylim=(0, None))
    if servers <= 12:
        loads.legend(**_BELOW)

    colours = np.asarray([_unit(colour_of(target, servers)) for target in range(servers + 1)])
    chosen = np.where(episode.active.T[:, :, None], colours[episode.targets.T], _IDLE_COLOUR)
    choices.imshow(chosen, aspect="auto", interpolation="nearest")
    step = max(1, slots // 5)
    choices.set_xticks(range(0, slots, step), [str(slot + 1) for slot in range(0, slots, step)])
    choices.set(
        xlabel="slot",
        ylabel="user",
        title="choices (grey: device)" if episode.active.all() else "choices (grey: device, white: no task)",
    )
    with atomic_write(path) as unfinished:
        figure.savefig(unfinished, dpi=130, format=path.suffix[1:] or None)


def _unit(colour: tuple[int, int, int]) -> tuple[float, ...]:
    return tuple(part / 255 for part in colour)
