"""Stopping when a person or a system asks for it, at a moment when nothing is lost."""

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

from recipes.runs import StoppedError


class StopSignals:
    """Turns the first SIGINT or SIGTERM into a request to stop; a second one stops at once.

    Attributes:
        asked: whether a signal came.
    """

    def __init__(self) -> None:
        self.asked = False

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals within the block."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def check(self, done: str = "before training began") -> None:
        """Stop here if asked.

        Args:
            done: how far things are, for the message.

        Raises:
            StoppedError: a signal came.
        """
        if self.asked:
            raise StoppedError(f"stopped {done}")

    def _ask(self, *_: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
