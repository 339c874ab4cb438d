"""Progress that a person can read: a bar in a terminal, a line every few seconds elsewhere."""

import math
import sys
import time
from typing import Any, TextIO

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0


class ProgressReport:
    """Shows env steps, share done, steps a second, time left, and what else is to say."""

    def __init__(self, title: str, total: int, done: int = 0, stream: TextIO | None = None) -> None:
        """Start to report.

        Args:
            title: what is being trained.
            total: env steps of the whole run.
            done: env steps of earlier sessions.
            stream: where to write; standard error by default.
        """
        self._stream = stream or sys.stderr
        self._total, self._started_at, self._done = total, done, done
        self._began = self._last_line = time.monotonic()
        self._bar: Any = None
        if self._stream.isatty():
            self._bar = tqdm(
                desc=title,
                total=total,
                initial=done,
                unit=" env steps",
                unit_scale=True,
                dynamic_ncols=True,
                file=self._stream,
            )
        else:
            self._write(f"{title}: {total:,} env steps, {done:,} done")

    def update(self, env_steps: int, latest: str) -> None:
        """Show how far the work is.

        Args:
            env_steps: of the whole work.
            latest: what else there is to say.
        """
        if self._bar is not None:
            self._bar.set_postfix_str(latest, refresh=False)
            self._bar.update(min(env_steps, self._total) - min(self._done, self._total))
        self._done = env_steps
        now = time.monotonic()
        finished = env_steps >= self._total
        if self._bar is None and (finished or now - self._last_line >= _SECONDS_BETWEEN_LINES):
            self._last_line = now
            rate = (env_steps - self._started_at) / max(now - self._began, 1e-9)
            left_s = max(0, self._total - env_steps) / rate if rate > 0 else math.inf
            left = "" if finished or math.isinf(left_s) else f", {tqdm.format_interval(left_s)} left"
            share = min(1.0, env_steps / self._total)
            self._write(f"{env_steps:>11,} env steps ({share:4.0%}), {rate:,.0f} a second, {latest}{left}")

    def say(self, line: str) -> None:
        """A line of its own, beside the bar."""
        if self._bar is None:
            self._write(line)
        else:
            self._bar.write(line, file=self._stream)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def latest(utility: float, score: float) -> str:
    """What to say of the latest training episodes.

    Args:
        utility: their mean; NaN while there are none.
        score: theirs; NaN where the game has none.
    """
    text = "utility -" if math.isnan(utility) else f"utility {utility:.2f}"
    return text if math.isnan(score) else f"{text}, score {score:.2f}"
