"""Ctrl-C and SIGTERM as a request to stop at the next safe point."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from recipes.errors import StoppedError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_RETRY_S = 0.05
_MAX_RETRIES_IN_LOGGING = 20


class StopSignals:
    """Handlers that turn the first SIGINT or SIGTERM into a request to stop; the second one stops immediately.

    The second signal raises KeyboardInterrupt in the code that is running. Where Python would only print that exception
    (in a finaliser or a fork hook), SIGALRM raises it again a moment later.

    Attributes:
        requested: whether a signal has arrived.
    """

    def __init__(self) -> None:
        self.requested = False
        self._installed = False
        self._retries_in_logging = 0

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Handle SIGINT, SIGTERM and SIGALRM within the block, and restore the previous handlers after it."""
        before = {number: signal.getsignal(number) for number in (*_SIGNALS, signal.SIGALRM)}
        unraisable = sys.unraisablehook
        self._installed = True
        self.reinstall()
        signal.signal(signal.SIGALRM, self._interrupt)
        sys.unraisablehook = lambda lost: self._retry_if_lost(lost, unraisable)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            sys.unraisablehook = unraisable
            self._installed = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def reinstall(self) -> None:
        """Within :meth:`installed`, install the handlers again, because starting Ray replaces that of SIGTERM."""
        if self._installed:
            for number in _SIGNALS:
                signal.signal(number, self._request)

    def check(self, progress: str = "before training began") -> None:
        """Raise if a signal has arrived.

        Args:
            progress: how far the run has come, for the message.

        Raises:
            StoppedError: a signal has arrived.
        """
        if self.requested:
            raise StoppedError(f"stopped {progress}")

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            self._interrupt(number, frame)
        self.requested = True

    def _interrupt(self, _: int, frame: FrameType | None) -> None:
        # An exception inside logging can leave its lock held, and Ray's threads need that lock to end. The code in
        # logging may be waiting for the lock itself, so it gets a limited number of retries.
        in_logging = frame is not None and frame.f_globals.get("__name__") == "logging"
        if in_logging and self._retries_in_logging < _MAX_RETRIES_IN_LOGGING:
            self._retries_in_logging += 1
            self._retry()
        else:
            raise KeyboardInterrupt

    def _retry_if_lost(
        self, lost: "sys.UnraisableHookArgs", otherwise: Callable[["sys.UnraisableHookArgs"], Any]
    ) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            self._retry()
        else:
            otherwise(lost)

    @staticmethod
    def _retry() -> None:
        signal.setitimer(signal.ITIMER_REAL, _RETRY_S)
