"""Stopping when a person or a system asks for it, at a moment when nothing is lost."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from recipes.runs import StoppedError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN_S = 0.05


class StopSignals:
    """Turns the first SIGINT or SIGTERM into a request to stop; a second one stops at once.

    It does so by a KeyboardInterrupt wherever the program is. Where Python would only print it (a fork's hooks, a
    finaliser) it is raised again a moment later.

    Attributes:
        asked: whether a signal came.
    """

    def __init__(self) -> None:
        self.asked = False
        self._catching = False
        self._timer: threading.Timer | None = None

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals within the block."""
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        self._catching = True
        self.renew()
        unraisable = sys.unraisablehook
        sys.unraisablehook = lambda lost: self._lost(lost, unraisable)
        try:
            yield
        finally:
            sys.unraisablehook = unraisable
            self._catching = False
            if self._timer is not None:
                self._timer.cancel()
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

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
        elif frame is not None and frame.f_globals.get("__name__") == "logging":
            self._again()  # it may be about to give its lock back, and Ray's threads wait for that at their end
        else:
            raise KeyboardInterrupt

    def _lost(self, lost: "sys.UnraisableHookArgs", otherwise: Callable[["sys.UnraisableHookArgs"], Any]) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            self._again()
        else:
            otherwise(lost)

    def _again(self) -> None:
        self._timer = threading.Timer(_AGAIN_S, os.kill, (os.getpid(), signal.SIGINT))
        self._timer.daemon = True
        self._timer.start()
