"""Stopping when a person or a system asks for it, at a moment when nothing is lost."""

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

from recipes.runs import StoppedError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Turns the first SIGINT or SIGTERM into a request to stop; a second one stops at once.

    Attributes:
        asked: whether a signal came.
    """

    def __init__(self) -> None:
        self.asked = False
        self._catching = False

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals within the block."""
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        self._catching = True
        self.renew()
        try:
            yield
        finally:
            self._catching = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def renew(self) -> None:
        """Within :meth:`caught`, catch them again: Ray's start takes SIGTERM for itself, and aborts at it."""
        if self._catching:
            for number in _SIGNALS:
                signal.signal(number, self._ask)

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
