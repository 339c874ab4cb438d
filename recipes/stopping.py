"""Stopping when a person or a system asks for it, at a moment when nothing is lost."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from recipes.runs import StoppedError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN_S = 0.05
_PATIENCE = 20


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
        self._put_off = 0

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals within the block, and SIGALRM, by which they come again."""
        before = {number: signal.getsignal(number) for number in (*_SIGNALS, signal.SIGALRM)}
        unraisable = sys.unraisablehook
        self._catching = True
        self.renew()
        signal.signal(signal.SIGALRM, self._ask_again)
        sys.unraisablehook = lambda lost: self._lost(lost, unraisable)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            sys.unraisablehook = unraisable
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

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            self._ask_again(number, frame)
        self.asked = True

    def _ask_again(self, _: int, frame: FrameType | None) -> None:
        # logging may be about to give its lock back, for which Ray's threads wait at their end; but it may wait itself
        if frame is not None and frame.f_globals.get("__name__") == "logging" and self._put_off < _PATIENCE:
            self._put_off += 1
            self._later()
        else:
            raise KeyboardInterrupt

    def _lost(self, lost: "sys.UnraisableHookArgs", otherwise: Callable[["sys.UnraisableHookArgs"], Any]) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            self._later()
        else:
            otherwise(lost)

    @staticmethod
    def _later() -> None:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
