"""A second Ctrl-C stops at once, wherever the program is."""

import signal
import sys
import time
from collections.abc import Callable
from types import FunctionType

import pytest

from recipes.stopping import StopSignals


class Interrupted:
    """Its finaliser is where the signal comes, and Python only prints what is raised there."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def within_logging() -> None:
    """As if the signal came in a function of that module, whose lock others wait for."""

    def release() -> None:
        signal.raise_signal(signal.SIGINT)
        held.clear()

    held = [True]
    FunctionType(release.__code__, {"__name__": "logging", "signal": signal}, closure=release.__closure__)()
    assert not held


def within_a_finaliser() -> None:
    Interrupted()


@pytest.mark.parametrize("somewhere", [within_a_finaliser, within_logging])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_is_not_lost(
    somewhere: Callable[[], None], number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    stop, reached = StopSignals(), []
    before = signal.getsignal(signal.SIGINT)

    def work() -> None:
        with stop.caught():
            signal.raise_signal(number)
            assert stop.asked
            somewhere()
            reached.append(True)
            time.sleep(60.0)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached
    assert capfd.readouterr().err == ""
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_comes_too_late_does_nothing() -> None:
    stop, late = StopSignals(), []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)}
    for number in before:
        signal.signal(number, lambda number, _: late.append(number))
    try:
        with stop.caught():
            signal.raise_signal(signal.SIGINT)
            within_a_finaliser()
            within_a_finaliser()
        time.sleep(0.2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert stop.asked
    assert late == []


def test_logging_that_waits_is_not_waited_for() -> None:
    waits = FunctionType((lambda: time.sleep(60.0)).__code__, {"__name__": "logging", "time": time})
    stop = StopSignals()

    def work() -> None:
        with stop.caught():
            signal.raise_signal(signal.SIGINT)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            waits()

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        work()
    assert 0.5 < time.monotonic() - began < 30.0


def test_what_else_a_finaliser_raises_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty:
        def __del__(self) -> None:
            raise ValueError("of a finaliser")

    told: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(str(lost.exc_value)))
    with StopSignals().caught():
        Faulty()
    assert told == ["of a finaliser"]
