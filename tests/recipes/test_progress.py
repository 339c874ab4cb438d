import io
import math

import pytest

from recipes.progress import ProgressReport, format_metrics


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_without_a_terminal() -> None:
    stream = io.StringIO()
    report = ProgressReport("an algorithm", 2_000, 500, stream)
    report.update(1_000, format_metrics(-20.0, 0.5))  # within ten seconds of the line before: not shown
    report.update(2_048, format_metrics(-12.345, 0.912))
    report.close()
    first, last = stream.getvalue().splitlines()
    assert first == "an algorithm: 2,000 env steps, 500 done"
    assert last.startswith("      2,048 env steps (100%), ")
    assert last.endswith(" per second, utility -12.35, score 0.91")


def test_a_line_has_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 120.0])
    monkeypatch.setattr("recipes.progress.time.monotonic", lambda: next(now))
    stream = io.StringIO()
    ProgressReport("an algorithm", 5_000, 1_000, stream).update(2_000, format_metrics(math.nan, math.nan))
    assert stream.getvalue().splitlines()[1] == "      2,000 env steps ( 40%), 50 per second, utility -, 01:00 left"


def test_a_bar_in_a_terminal() -> None:
    stream = Terminal()
    report = ProgressReport("an algorithm", 2_000, 500, stream)
    report.update(1_000, format_metrics(-20.0, math.nan))
    report.update(2_048, format_metrics(-12.345, 0.912))  # the last iteration may go past the end, the bar does not
    report.close()
    last = stream.getvalue().split("\r")[-1]
    assert "an algorithm: 100%" in last
    assert "2.00k/2.00k" in last
    assert "utility -12.35, score 0.91" in last
