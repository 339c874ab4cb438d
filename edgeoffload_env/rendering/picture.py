"""Pictures of a scene, drawn with pygame: in a window, or as an array without a display."""

import colorsys
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.rendering.scene import Scales, Scene, scales_of

WIDTH, HEIGHT = 960, 560
_CELL = (280, 290, 225)  # x and y of the eNB, radius of the cell
_SERVERS = (590, 80, 340, 290)  # x, y, width, height
_CURVES = (590, 398, 340, 108)
_BACKGROUND, _INK, _FAINT, _DEVICE = (250, 250, 248), (40, 40, 40), (205, 205, 200), (120, 120, 120)
# Okabe and Ito's colours for the first servers; the rest go around the wheel
_COLOURS = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (213, 94, 0), (86, 180, 233))
_DELAY, _IMBALANCE, _LATE = (0, 114, 178), (213, 94, 0), (190, 20, 40)
_MOST_LABELS = 60


class Picture:
    """A drawing surface and an optional window.

    pygame has one window per process, which shows the picture drawn last.

    Attributes:
        closed: whether the user has closed the window.

    Raises:
        ImportError: pygame is not installed; the message says how to get it. Without a window it is raised at the first
            picture, since some learners set a render mode and never render.
    """

    def __init__(self, *, window: bool) -> None:
        """Prepare a picture; nothing is opened before the first one is drawn.

        Args:
            window: whether to show pictures in a window.
        """
        self._pygame: Any = _import_pygame() if window else None
        self._shows = window
        self._surface: Any = None
        self.closed = False

    def __reduce__(self) -> Any:
        return _picture, (self._shows,)

    def frame(self, scene: Scene, scales: Scales | None = None) -> NDArray[np.uint8]:
        """Draw a scene and return it as ``[height, width, 3]``.

        Args:
            scene: what to draw.
            scales: of the axes, for pictures that are compared; by default the scene's own.
        """
        self._draw(scene, scales)
        return self._pixels()

    def thumbnail(self, scene: Scene) -> NDArray[np.uint8]:
        """Draw a scene to be shown small, ``[height, width, 3]``: users and servers, large and almost without text."""
        self._open_once()
        self._surface.fill(_BACKGROUND)
        self._draw_users(scene, (280, 280, 255), 15)
        count = len(scene.server_hz)
        tops, thick = self._draw_bars(scene, (640, 50, 290, 490), _axis_end_s(scales_of([scene])), 60)
        if 490 / count >= 40:
            font = self._pygame.font.Font(None, 56)
            for m, top in enumerate(tops):
                number = font.render(str(m + 1), True, colour_of(m + 1, count))
                self._surface.blit(number, (620 - number.get_width(), top + (thick - number.get_height()) // 2 + 2))
        return self._pixels()

    def show(self, scene: Scene, fps: int) -> None:
        """Draw a scene in the window, at most ``fps`` times a second."""
        self._draw(scene)
        if any(event.type == self._pygame.QUIT for event in self._pygame.event.get()):
            self.closed = True
        self._pygame.display.flip()
        self._clock.tick(fps)

    def close(self) -> None:
        """Close the window; the next picture opens a new one."""
        if self._surface is not None:
            self._surface = None
            if self._shows:
                self._pygame.display.quit()

    def _open(self) -> None:
        self._pygame = pygame = _import_pygame()
        pygame.font.init()
        if self._shows:
            pygame.display.init()
            pygame.display.set_caption("EdgeOffload")
            self._surface = pygame.display.set_mode((WIDTH, HEIGHT))
            self._clock = pygame.time.Clock()
        else:
            self._surface = pygame.Surface((WIDTH, HEIGHT))
        self._large, self._small = pygame.font.Font(None, 26), pygame.font.Font(None, 19)

    def _open_once(self) -> None:
        if self._surface is None or (self._shows and self._pygame.display.get_surface() is not self._surface):
            self._open()  # also if another picture has closed or replaced the window

    def _pixels(self) -> NDArray[np.uint8]:
        pixels = self._pygame.surfarray.array3d(self._surface)
        return np.ascontiguousarray(np.swapaxes(pixels, 0, 1), dtype=np.uint8)

    def _draw(self, scene: Scene, scales: Scales | None = None) -> None:
        self._open_once()
        self._surface.fill(_BACKGROUND)
        config = scene.config
        self._text((24, 18), f"{scene.caption}  slot {scene.slot} of {config.max_cycles}".strip(), large=True)
        self._draw_cell(scene)
        scales = scales_of([scene]) if scales is None else scales
        self._draw_servers(scene, scales)
        self._draw_curves(scene, scales)

    def _draw_users(self, scene: Scene, cell: tuple[int, int, int], size: float) -> list[list[int]]:
        """Draw the users at their positions in a cell, coloured by target; return where they are."""
        pygame, surface, config = self._pygame, self._surface, scene.config
        x, y, radius = cell
        pygame.draw.circle(surface, (255, 255, 255), (x, y), radius)
        pygame.draw.circle(surface, _FAINT, (x, y), radius, 1)
        places = np.rint(scene.users_m * (radius / config.cell_radius_m) + (x, y)).astype(int)
        places = np.clip(places, (x - 260, y - 240), (x + 260, y + 240))  # snapshots may put users outside the cell
        count = len(places)
        size = round(size) if count <= _MOST_LABELS else max(2, round(size * (_MOST_LABELS / count) ** 0.5))
        line = max(1, size // 9)
        for n, place in enumerate(places.tolist()):
            target = int(scene.targets[n]) if len(scene.targets) else None
            colour = _FAINT if target is None else colour_of(target, len(scene.server_hz))
            if target:
                pygame.draw.aaline(surface, colour, place, (x, y))
            pygame.draw.circle(surface, colour, place, size, 0 if scene.active[n] else line)  # idle: a ring
            if scene.missed[n]:
                pygame.draw.circle(surface, _LATE, place, size + 3, 2 * line)
            for side, load_s in ((-1, scene.device_s[n]), (1, scene.uplink_s[n])):  # left: device, right: uplink
                if load_s > 0.0:
                    height = max(1, round(2.0 * size * min(1.0, load_s)))
                    bar = (place[0] + side * (size + 3) - 1, place[1] + size - height, 3, height)
                    pygame.draw.rect(surface, _DEVICE if side < 0 else _INK, bar)
        pygame.draw.polygon(surface, _INK, [(x, y - 14), (x - 9, y + 11), (x + 9, y + 11)])
        drawn: list[list[int]] = places.tolist()
        return drawn

    def _draw_cell(self, scene: Scene) -> None:
        """Draw the users, with their numbers, and the shared uplink."""
        pygame, surface, config = self._pygame, self._surface, scene.config
        places = self._draw_users(scene, _CELL, 9)
        count = len(places)
        if count <= _MOST_LABELS:
            for n, place in enumerate(places):  # above all circles
                self._text((place[0] + 10, place[1] - 7), str(n), outlined=True)
        sharing = scene.sends
        text = f"uplink {config.bandwidth_hz / 1e6:g} MHz"
        if len(scene.targets):
            shares = sharing if config.channel_sharing == "active" else count
            part = f", {config.bandwidth_hz / 1e6 / shares:.3g} MHz each" if sharing else ""
            text += f": {sharing} of {count} users send{part}"
        self._text((24, HEIGHT - 28), text)
        pygame.draw.circle(surface, _DEVICE, (430, HEIGHT - 22), 7)
        self._text((443, HEIGHT - 28), "on the device")
        self._text((24, 42), _legend(config))

    def _draw_bars(
        self, scene: Scene, area: tuple[int, int, int, int], longest_s: float, thickest: int
    ) -> tuple[list[int], int]:
        """Draw each server's queue and new work of the slot; return the bars' upper ends and their thickness."""
        pygame, surface = self._pygame, self._surface
        x, y, width, height = area
        count = len(scene.server_hz)
        step = height / count
        thick = max(1, round(min(thickest, 0.6 * step)))
        tops = [round(y + m * step) for m in range(count)]
        for m, top in enumerate(tops):
            queued, arrived = (round(width * min(1.0, s[m] / longest_s)) for s in (scene.queue_s, scene.arrived_s))
            pygame.draw.rect(surface, colour_of(m + 1, count), (x, top, queued, thick))
            if arrived and thick > 4:
                outline = (x, top + thick // 4, arrived, max(2, thick // 2))
                pygame.draw.rect(surface, _INK, outline, max(1, thick // 20))
            if max(scene.queue_s[m], scene.arrived_s[m]) > longest_s:
                end, middle = x + width + 2, top + thick // 2
                pygame.draw.polygon(surface, _INK, [(end, middle - 5), (end + 7, middle), (end, middle + 5)])
            if scene.down_s[m] > 0.0:
                pygame.draw.rect(surface, _LATE, (x - 5, top, 4, thick))
        return tops, thick

    def _draw_servers(self, scene: Scene, scales: Scales) -> None:
        """Draw each server's speed, queue and new work of the slot."""
        x, y, width, height = _SERVERS
        count = len(scene.server_hz)
        step = height / count
        longest_s = _axis_end_s(scales)
        self._text((x, y - 58), "servers", large=True)
        self._text((x, y - 32), f"full: queue; outline: new; 0 to {longest_s:.2g} s; arrow: more")
        tops, thick = self._draw_bars(scene, (x + 95, y, width - 105, height), longest_s, 26)
        for m, top in enumerate(tops):
            down_s = scene.down_s[m]
            if step >= 14:
                speed = f"{m + 1}: {scene.server_hz[m] / 1e9:.3g} GHz"
                crowded = down_s > 0.0 and step < 40  # no room below the bar
                text = f"{m + 1}: down {down_s:.2g} s" if crowded else speed
                self._text((x, top + thick // 2 - 7), text, colour=_LATE if crowded else _INK)
            if step >= 40:
                if down_s > 0.0:
                    self._text((x + 95, top + thick + 4), f"down for {down_s:.2g} s", colour=_LATE)
                users = np.count_nonzero(scene.targets == m + 1)
                text, colour = f"+ {users} tasks" if users != 1 else "+ 1 task", colour_of(m + 1, count)
                self._text((x, top + thick // 2 + 9), text, colour=colour)

    def _draw_curves(self, scene: Scene, scales: Scales) -> None:
        """Draw mean delay and imbalance over the slots so far, each with its upper limit in a corner."""
        pygame, surface = self._pygame, self._surface
        x, y, width, height = _CURVES
        pygame.draw.rect(surface, (255, 255, 255), (x, y, width, height))
        pygame.draw.rect(surface, _FAINT, (x, y, width, height), 1)
        history = scene.history
        curves = (
            (history.mean_delay_s, max(1.0, scales.delay_s), "s", _DELAY, x + 5),
            (history.imbalance, max(0.1, scales.imbalance), "s^2", _IMBALANCE, x + 60),
        )
        for values, longest, unit, colour, label_x in curves:
            if len(values) > 1:
                top = _round_up(longest)  # the same for most games, which makes pictures comparable
                self._text((label_x, y + 3), f"{top:g} {unit}", colour=colour)
                places = [
                    (x + width * i / max(1, scene.config.max_cycles - 1), y + height - 4 - (height - 8) * v / top)
                    for i, v in enumerate(values)
                ]
                pygame.draw.aalines(surface, colour, False, places)
        if history.mean_delay_s:
            delay, imbalance = history.mean_delay_s, history.imbalance
            text = f"mean delay {delay[-1]:.3f} s (so far {history.delay_s / max(1, history.tasks):.3f} s)"
            self._text((x, y - 22), text, colour=_DELAY)
            text = f"var(LD) {imbalance[-1]:.4f} s^2 (so far {np.mean(imbalance):.4f} s^2)"
            self._text((x, y + height + 8), text, colour=_IMBALANCE)
            self._text((x + 245, y - 22), f"utility {history.utility:.2f}")
            totals = [] if history.energy_j is None else [f"{history.energy_j / max(1, history.tasks):.3g} J per task"]
            totals += [] if history.misses is None else [f"{history.misses} of {history.tasks} tasks late"]
            self._text((x, y + height + 26), ", ".join(totals))

    def _text(
        self, place: tuple[int, int], text: str, *, large: bool = False, colour: Any = _INK, outlined: bool = False
    ) -> None:
        font = self._large if large else self._small
        if outlined:
            around = font.render(text, True, (255, 255, 255))
            for shift in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
                self._surface.blit(around, (place[0] + shift[0], place[1] + shift[1]))
        self._surface.blit(font.render(text, True, colour), place)


def _legend(config: EdgeOffloadConfig) -> str:
    """Explain the marks of the effects that are on."""
    marks = [
        (config.schema.masked, "ring: no task"),
        (config.deadline is not None, "red: late"),
        (config.device_queue, "left bar: device's queue"),
        (config.uplink_queue, "right bar: uplink's"),
    ]
    return "; ".join(text for on, text in marks if on)


def colour_of(target: int, servers: int) -> tuple[int, int, int]:
    """Return the colour of a target: grey for the device, one for each server."""
    if target == 0:
        return _DEVICE
    if servers <= len(_COLOURS):
        return _COLOURS[target - 1]
    red, green, blue = colorsys.hsv_to_rgb((target - 1) / servers, 0.75, 0.8)
    return round(255 * red), round(255 * green), round(255 * blue)


def _axis_end_s(scales: Scales) -> float:
    """Return the end of the axis of queues."""
    return _round_up(max(0.5, scales.queue_s))


def _round_up(value: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten, for the end of an axis."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * digit for digit in (1.0, 2.0, 5.0, 10.0) if power * digit >= value * (1.0 - 1e-9))


def _import_pygame() -> Any:
    try:
        import pygame
    except ImportError as error:
        raise ImportError("pictures need pygame: pip install 'edgeoffload-env[render]'") from error
    return pygame


def _picture(window: bool) -> Picture:
    return Picture(window=window)
