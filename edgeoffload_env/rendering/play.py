"""Playback of policies in a window, and recording to a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._files import atomic_write
from edgeoffload_env._validation import fail
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.evaluate import as_policy, name_of
from edgeoffload_env.evaluation.rollout import policy_rng, rollout
from edgeoffload_env.views.parallel import EdgeOffloadParallelEnv

EXTENSIONS = (".gif", ".mp4")


def play(
    policies: Sequence[Any],
    config: EdgeOffloadConfig,
    *,
    seed: int = 0,
    slots: int | None = None,
    record: Path | None = None,
    fps: int = 5,
) -> list[float]:
    """Play an episode of the same game with each policy, side by side.

    Args:
        policies: as ``evaluate`` takes them; only one in a window.
        config: the game.
        seed: seed of the game; each policy draws from a separate stream.
        slots: maximum number of slots; the whole episode by default.
        record: .gif or .mp4 file to write instead of opening a window.
        fps: slots per second.

    Returns:
        Each policy's system utility over the slots played: the user may close a window early.

    Raises:
        ValueError: an unsupported extension, a policy that cannot play the game, or several policies in a window.
        ImportError: a missing package; the message says how to install it.
    """
    if record is not None and record.suffix not in EXTENSIONS:
        fail("record", str(record), f"a file with the extension {' or '.join(EXTENSIONS)}")
    if record is None and len(policies) > 1:
        fail("the number of policies", len(policies), "1 in a window; use --record for several")
    players = [as_policy(policy) for policy in policies]
    render_mode = "human" if record is None else "rgb_array"
    games = [_game(player, config, seed, render_mode, fps) for player in players]
    frames = [] if record is None else [_side_by_side(games)]
    slots = config.max_cycles if slots is None else min(slots, config.max_cycles)
    rollouts = [
        rollout(player, name_of(player), game, policy_rng(seed, number), slots)
        for number, (player, game) in enumerate(zip(players, games, strict=True))
    ]
    for _ in zip(*rollouts, strict=True):
        if record is not None:
            frames.append(_side_by_side(games))
        if games[0].closed:
            break
    for game in games:
        game.close()
    if record is not None:
        _write(record, frames, fps)
    return [game.history.utility for game in games]


def _game(player: Any, config: EdgeOffloadConfig, seed: int, render_mode: str, fps: int) -> EdgeOffloadParallelEnv:
    if hasattr(player, "check"):
        player.check(config)
    game = EdgeOffloadParallelEnv(config, render_mode)
    game.caption, game.render_fps = name_of(player), fps
    game.reset(seed=seed)
    return game


def _side_by_side(games: Sequence[EdgeOffloadParallelEnv]) -> NDArray[Any]:
    return np.concatenate([np.asarray(game.render()) for game in games], axis=1)


def _write(path: Path, frames: Sequence[NDArray[Any]], fps: int) -> None:
    try:
        import imageio.v3 as imageio
    except ImportError as error:
        raise ImportError("recordings need imageio: pip install 'edgeoffload-env[render]'") from error
    how = {"duration": 1000 / fps, "loop": 0} if path.suffix == ".gif" else {"fps": fps}
    with atomic_write(path) as unfinished:
        imageio.imwrite(unfinished, np.stack(frames), **how)
