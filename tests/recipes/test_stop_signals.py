"""A second Ctrl-C stops immediately, also in finalisers and in logging."""

import signal
import sys
import time
from collections.abc import Callable
from types import FunctionType

import pytest

from recipes.stop_signals import StopSignals


class Interrupted:
    """Receives a signal in its finaliser, where Python only prints exceptions."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def in_logging() -> None:
    """Receive a signal in a function of the logging module, which holds a lock."""

    def release() -> None:
        signal.raise_signal(signal.SIGINT)
        held.clear()

    held = [True]
    FunctionType(release.__code__, {"__name__": "logging", "signal": signal}, closure=release.__closure__)()
    assert not held


def in_a_finaliser() -> None:
    Interrupted()


@pytest.mark.parametrize("location", [in_a_finaliser, in_logging])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_is_not_lost(
    location: Callable[[], None], number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    stop, reached = StopSignals(), []
    before = signal.getsignal(signal.SIGINT)

    def work() -> None:
        with stop.installed():
            signal.raise_signal(number)
            assert stop.requested
            location()
            reached.append(True)
            time.sleep(60.0)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached
    assert capfd.readouterr().err == ""
    assert signal.getsignal(signal.SIGINT) is before


def test_a_retry_does_not_outlive_the_handlers() -> None:
    stop, late = StopSignals(), []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)}
    for number in before:
        signal.signal(number, lambda number, _: late.append(number))
    try:
        with stop.installed():
            signal.raise_signal(signal.SIGINT)
            in_a_finaliser()
            in_a_finaliser()
        time.sleep(0.2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert stop.requested
    assert late == []


def test_retries_in_logging_are_limited() -> None:
    waits = FunctionType((lambda: time.sleep(60.0)).__code__, {"__name__": "logging", "time": time})
    stop = StopSignals()

    def work() -> None:
        with stop.installed():
            signal.raise_signal(signal.SIGINT)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            waits()

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        work()
    assert 0.5 < time.monotonic() - began < 30.0


def test_other_errors_in_a_finaliser_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty:
        def __del__(self) -> None:
            raise ValueError("in a finaliser")

    printed: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: printed.append(str(lost.exc_value)))
    with StopSignals().installed():
        Faulty()
    assert printed == ["in a finaliser"]
