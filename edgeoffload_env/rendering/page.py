"""Episodes as a web page, to walk through slot by slot: one file that needs no network.

The page shows the declared quantities of the game, so that it shows those of added effects too.
"""

import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._files import atomic_write
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.evaluate import as_policy, name_of
from edgeoffload_env.evaluation.rollout import policy_rng, rollout
from edgeoffload_env.model.quantities import Quantity
from edgeoffload_env.rendering.ansi import numbers_of, title_of
from edgeoffload_env.rendering.inspect import PART_COLOURS, PARTS
from edgeoffload_env.rendering.picture import colour_of
from edgeoffload_env.rendering.scene import History, LastSlot, Scene, scene_of
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

EXTENSION = ".html"

_DRAWN = ("users_m", "queue_s", "arrived_s", "device_s", "uplink_s")
"""Fields of the scenes that the page draws."""
_DRAWN_DIGITS = 4
_SCRIPTS = ("data.js", "pictures.js", "tables.js", "page.js")


class Recording(NamedTuple):
    """T slots of one game, played by one policy."""

    caption: str
    snapshot: dict[str, NDArray[Any]]
    """Fields at the start of each slot, ``[T, N]``, ``[T, M]``; of vectors one for each component."""
    infos: dict[str, NDArray[Any]]
    """Infos of each slot, ``[T, N]``, or ``[T]`` where there is one for the game."""
    metrics: dict[str, NDArray[np.float64]]
    """Metrics of the slots up to and including each, ``[T]``."""
    drawn: dict[str, NDArray[np.float64]]
    """Places and loads in the pictures of each slot; ``[T, ...]``."""


def write_page(
    path: Path,
    policies: Sequence[Any],
    config: EdgeOffloadConfig,
    *,
    seed: int = 0,
    slots: int | None = None,
    captions: Sequence[str] | None = None,
    title: str = "",
    fps: int = 5,
) -> list[float]:
    """Play an episode of the same game with each policy, and write the page.

    Args:
        path: .html file to write.
        policies: as ``evaluate`` takes them.
        config: the game.
        seed: seed of the game; each policy draws from a separate stream.
        slots: maximum number of slots; the whole episode by default.
        captions: names of the policies on the page; by default their own.
        title: title of the page, by default the captions.
        fps: slots per second at first.

    Returns:
        Each policy's system utility over the slots played.

    Raises:
        ValueError: a policy that cannot play the game.
    """
    players = [as_policy(policy) for policy in policies]
    captions = [name_of(player) for player in players] if captions is None else captions
    recordings = [
        record(player, config, seed=seed, player=number, slots=slots, caption=caption)
        for number, (player, caption) in enumerate(zip(players, captions, strict=True))
    ]
    text = page(recordings, config, title=title or f"{' and '.join(captions)}, seed {seed}", fps=fps)
    with atomic_write(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return [float(recording.metrics["utility"][-1]) for recording in recordings]


def record(
    policy: Any,
    config: EdgeOffloadConfig,
    *,
    seed: int = 0,
    player: int = 0,
    slots: int | None = None,
    caption: str | None = None,
) -> Recording:
    """Play an episode and keep everything that a page shows.

    Args:
        policy: as ``evaluate`` takes it.
        config: the game.
        seed: seed of the game.
        player: number of the policy where several play the same game; each draws from a separate stream.
        slots: maximum number of slots; the whole episode by default.
        caption: name of the policy on the page; by default its own.

    Raises:
        ValueError: the policy cannot play the game.
    """
    agent = as_policy(policy)
    if hasattr(agent, "check"):
        agent.check(config)
    env = EdgeOffloadVectorEnv(config, 1, dtype="float64")
    env.reset(seed=seed)
    accumulators = {metric.name: metric.accumulator(config, 1) for metric in config.schema.metrics}
    snapshots, infos, metrics, scenes = [], [], [], []
    slots = config.max_cycles if slots is None else min(slots, config.max_cycles)
    for number, step in enumerate(rollout(agent, name_of(agent), env, policy_rng(seed, player), slots)):
        before, outcome = step.view.arrays, step.returned[-1]
        for accumulator in accumulators.values():
            accumulator.add(outcome)
        snapshots.append(before)
        infos.append(outcome)
        metrics.append({name: float(accumulator.result()[0]) for name, accumulator in accumulators.items()})
        scene = scene_of(config, before, number, LastSlot(before, outcome["target"], outcome), History())
        scenes.append(_drawn(scene))
    return Recording(
        caption=name_of(agent) if caption is None else caption,
        snapshot={
            one.name: values
            for quantity in config.schema.snapshot.values()
            for one, values in numbers_of(quantity, np.stack([slot[quantity.name][0] for slot in snapshots]))
        },
        infos={name: np.stack([slot[name][0] for slot in infos]) for name in config.schema.infos},
        metrics={name: np.array([slot[name] for slot in metrics]) for name in accumulators},
        drawn={name: np.stack([slot[name] for slot in scenes]) for name in _DRAWN},
    )


def page(recordings: Sequence[Recording], config: EdgeOffloadConfig, *, title: str, fps: int = 5) -> str:
    """Return the page of one or more recordings of the same game.

    Args:
        recordings: the game as each policy played it; the same number of slots in each.
        config: the game.
        title: title of the page.
        fps: slots per second at first.
    """
    text = json.dumps(content(recordings, config, title=title, fps=fps), allow_nan=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c")  # no end tag within the data
    parts = {
        "title": html.escape(title),
        "style": _asset("page.css"),
        "script": "\n".join(map(_asset, _SCRIPTS)),
        "episode": text,
    }
    template = _asset("page.html").split("@@")  # text, name of a part, text, ...
    template[1::2] = [parts[name] for name in template[1::2]]
    return "".join(template)


def content(recordings: Sequence[Recording], config: EdgeOffloadConfig, *, title: str, fps: int = 5) -> dict[str, Any]:
    """Return the content of a page: values that JSON can hold.

    A series is ``{"constant": false, "values": [T][...]}``, or ``{"constant": true, "values": [...]}`` where all slots
    have the same values. Fields of the snapshot that are the same in all recordings are in ``shared``.

    Args:
        recordings: as for :func:`page`.
        config: the game.
        title: title of the page.
        fps: slots per second at first.
    """
    schema = config.schema
    first = recordings[0]
    shared = [
        n for n, values in first.snapshot.items() if all(np.array_equal(r.snapshot[n], values) for r in recordings)
    ]
    colours = [_hex(colour_of(target, config.servers)) for target in range(config.servers + 1)]
    return {
        "title": title,
        "fps": fps,
        "slots": len(first.infos["target"]),
        "slot_s": config.slot_s,
        "users": config.num_users,
        "servers": config.servers,
        "cell_radius_m": config.cell_radius_m,
        "colours": colours,
        "parts": [
            {"name": name, "colour": colour}
            for name, colour in zip(PARTS, PART_COLOURS, strict=False)
            if name in schema.infos
        ],
        "snapshot": [
            _declaration(one)
            for quantity in schema.snapshot.values()
            for one, _ in numbers_of(quantity, np.zeros((1, max(1, len(quantity.components)))))
        ],
        "infos": [_declaration(quantity) for quantity in schema.infos.values()],
        "metrics": [{"name": m.name, "heading": m.heading, "text": m.text} for m in schema.metrics],
        "shared": _series_of({name: first.snapshot[name] for name in shared}),
        "plays": [
            {
                "caption": recording.caption,
                "snapshot": _series_of({n: v for n, v in recording.snapshot.items() if n not in shared}),
                "infos": _series_of(recording.infos),
                "metrics": _series_of(recording.metrics),
                "drawn": _series_of(recording.drawn),
            }
            for recording in recordings
        ],
    }


def _drawn(scene: Scene) -> dict[str, NDArray[np.float64]]:
    """Return the numbers that are drawn but not read, with few digits."""
    return {name: _rounded(getattr(scene, name)) for name in _DRAWN}


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    flat = [float(f"{value:.{_DRAWN_DIGITS}g}") for value in values.ravel().tolist()]
    return np.array(flat).reshape(values.shape)


def _declaration(quantity: Quantity) -> dict[str, str]:
    return {
        "name": quantity.name,
        "heading": title_of(quantity),
        "unit": quantity.unit,
        "scope": quantity.scope,
        "type": quantity.type.__name__,
        "text": quantity.text,
    }


def _series_of(fields: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, Any]]:
    return {name: _series(values) for name, values in fields.items()}


def _series(values: NDArray[Any]) -> dict[str, Any]:
    constant = bool((values == values[0]).all())
    kept: NDArray[Any] = np.asarray(values[0] if constant else values)
    if kept.dtype.kind == "f" and not np.isfinite(kept).all():  # JSON has no NaN: a mean over no tasks is null
        numbers, kept = kept, kept.astype(object)
        kept[~np.isfinite(numbers)] = None
    return {"constant": constant, "values": kept.tolist()}


def _hex(colour: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)


def _asset(name: str) -> str:
    return (files("edgeoffload_env.rendering") / "assets" / name).read_text(encoding="utf-8")
