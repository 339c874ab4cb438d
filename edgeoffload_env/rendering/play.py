"""Playback of policies in a window, and recording to a film or a web page."""

import os
import sys
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
from edgeoffload_env.rendering import page
from edgeoffload_env.rendering.picture import Picture, _import_pygame
from edgeoffload_env.rendering.scene import scales_of
from edgeoffload_env.views.parallel import EdgeOffloadParallelEnv

EXTENSIONS = (".gif", ".mp4", page.EXTENSION)


def play(
    policies: Sequence[Any],
    config: EdgeOffloadConfig,
    *,
    seed: int = 0,
    slots: int | None = None,
    record: Path | None = None,
    fps: int = 5,
    captions: Sequence[str] | None = None,
    title: str = "",
) -> list[float]:
    """Play an episode of the same game with each policy, side by side.

    Args:
        policies: as ``evaluate`` takes them; only one in a window.
        config: the game.
        seed: seed of the game; each policy draws from a separate stream.
        slots: maximum number of slots; the whole episode by default.
        record: .gif, .mp4 or .html file to write instead of opening a window; an .html page plays in a browser.
        fps: slots per second.
        captions: names of the policies in the pictures; by default their own.
        title: title of an .html page; by default the captions.

    Returns:
        Each policy's system utility over the slots played: the user may close a window early.

    Raises:
        ValueError: an unsupported extension, a policy that cannot play the game, or several policies in a window.
        ImportError: a missing package; the message says how to install it.
        RuntimeError: there is no display for a window.
    """
    if record is not None and record.suffix not in EXTENSIONS:
        fail("record", str(record), f"a file with the extension {' or '.join(EXTENSIONS)}")
    if record is None and len(policies) > 1:
        fail("the number of policies", len(policies), "1 in a window; use --record for several")
    if record is None:
        _check_display()
    if record is not None and record.suffix == page.EXTENSION:
        return page.write_page(
            record, policies, config, seed=seed, slots=slots, captions=captions, title=title, fps=fps
        )
    players = [as_policy(policy) for policy in policies]
    captions = [name_of(player) for player in players] if captions is None else captions
    render_mode = "human" if record is None else "rgb_array"
    games = [
        _game(player, caption, config, seed, render_mode, fps)
        for player, caption in zip(players, captions, strict=True)
    ]
    picture = Picture(window=False)
    frames = [] if record is None else [_side_by_side(games, picture)]
    slots = config.max_cycles if slots is None else min(slots, config.max_cycles)
    rollouts = [
        rollout(player, name_of(player), game, policy_rng(seed, number), slots)
        for number, (player, game) in enumerate(zip(players, games, strict=True))
    ]
    for _ in range(slots):
        if games[0].closed:
            break
        for played in rollouts:
            next(played)
        if record is not None:
            frames.append(_side_by_side(games, picture))
    for game in games:
        game.close()
    if record is not None:
        _write(record, frames, fps)
    return [game.history.utility for game in games]


def _check_display() -> None:
    """Refuse to open a window without a display, where SDL draws what nobody sees.

    A driver that the user names is taken as it is: SDL_VIDEODRIVER=dummy plays without a window.

    Raises:
        RuntimeError: there is no display.
        ImportError: pygame is not installed.
    """
    environment = os.environ
    if environment.get("SDL_VIDEODRIVER"):
        return
    found = sys.platform != "linux" or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    if not found or _driver() in ("", "offscreen", "dummy"):
        raise RuntimeError(
            "there is no display to open a window on; write a recording with --record FILE, .html without any extra"
        )


def _driver() -> str:
    """Return the name of the display's driver, empty if there is none."""
    pygame = _import_pygame()
    try:
        pygame.display.init()
    except pygame.error:
        return ""
    return str(pygame.display.get_driver())


def _game(
    player: Any, caption: str, config: EdgeOffloadConfig, seed: int, render_mode: str, fps: int
) -> EdgeOffloadParallelEnv:
    if hasattr(player, "check"):
        player.check(config)
    game = EdgeOffloadParallelEnv(config, render_mode)
    game.caption, game.render_fps = caption, fps
    game.reset(seed=seed)
    return game


def _side_by_side(games: Sequence[EdgeOffloadParallelEnv], picture: Picture) -> NDArray[Any]:
    """Draw the games beside each other, with the same axes."""
    scenes = [game.scene() for game in games]
    scales = scales_of(scenes)
    return np.concatenate([picture.frame(scene, scales) for scene in scenes], axis=1)


def _write(path: Path, frames: Sequence[NDArray[Any]], fps: int) -> None:
    try:
        import imageio.v3 as imageio
    except ImportError as error:
        raise ImportError("recordings need imageio: pip install 'edgeoffload-env[render]'") from error
    how = {"duration": 1000 / fps, "loop": 0} if path.suffix == ".gif" else {"fps": fps}
    with atomic_write(path) as unfinished:
        imageio.imwrite(unfinished, np.stack(frames), **how)
