"""Progress output: a bar in a terminal, a line every few seconds elsewhere."""

import math
import sys
import time
from typing import Any, TextIO

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0


class ProgressReport:
    """Env steps, fraction done, steps per second, time left and current metrics."""

    def __init__(self, title: str, total: int, done: int = 0, stream: TextIO | None = None) -> None:
        """Start the report.

        Args:
            title: the run's or sweep's title.
            total: env steps of the whole run.
            done: env steps of earlier sessions.
            stream: where to write; standard error by default.
        """
        self._stream = stream or sys.stderr
        self._total, self._initial, self._done = total, done, done
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

    def update(self, env_steps: int, status: str) -> None:
        """Show progress.

        Args:
            env_steps: env steps so far, earlier sessions included.
            status: text to append, such as the current metrics.
        """
        if self._bar is not None:
            self._bar.set_postfix_str(status, refresh=False)
            self._bar.update(min(env_steps, self._total) - min(self._done, self._total))
        self._done = env_steps
        now = time.monotonic()
        finished = env_steps >= self._total
        if self._bar is None and (finished or now - self._last_line >= _SECONDS_BETWEEN_LINES):
            self._last_line = now
            rate = (env_steps - self._initial) / max(now - self._began, 1e-9)
            left_s = max(0, self._total - env_steps) / rate if rate > 0 else math.inf
            left = "" if finished or math.isinf(left_s) else f", {tqdm.format_interval(left_s)} left"
            fraction = min(1.0, env_steps / self._total)
            self._write(f"{env_steps:>11,} env steps ({fraction:4.0%}), {rate:,.0f} per second, {status}{left}")

    def print_line(self, line: str) -> None:
        """Print a line without disturbing the bar."""
        if self._bar is None:
            self._write(line)
        else:
            self._bar.write(line, file=self._stream)

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def format_metrics(utility: float, score: float) -> str:
    """Format the current utility and score; NaN means that there is none yet, or none for this game."""
    text = "utility -" if math.isnan(utility) else f"utility {utility:.2f}"
    return text if math.isnan(score) else f"{text}, score {score:.2f}"
