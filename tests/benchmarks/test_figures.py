"""The published figures are what the rows make of them."""

import re
import shutil
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from benchmarks.figures import draw
from benchmarks.rows import Results
from benchmarks.studies import FIGURES

PUBLISHED = Path(__file__).parents[2] / "benchmarks" / "results"
_NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"


def content(path: Path) -> tuple[str, list[float]]:
    """A picture's text without names of its parts, which are hashes, and its numbers."""
    text = re.sub(r'(id="[^"]*"|url\(#[^)]*\)|href="#[^"]*")', "", path.read_text(encoding="utf-8"))
    return re.sub(_NUMBER, "#", text), [float(number) for number in re.findall(_NUMBER, text)]


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES)
def test_a_published_figure_follows_from_the_rows(figure: str, tmp_path: Path) -> None:
    published = PUBLISHED / "figures" / f"figure-{figure}.svg"
    if f"Matplotlib v{mpl.__version__}," not in published.read_text(encoding="utf-8"):
        pytest.skip("drawn by another version of matplotlib, whose text and ticks may lie elsewhere")
    for path in PUBLISHED.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    svg, png = draw(figure, Results(tmp_path))
    text, numbers = content(svg)
    shown, there = content(published)
    assert text == shown
    np.testing.assert_allclose(numbers, there, atol=0.02)  # points: room for another machine's rounding
    assert png.stat().st_size > 10_000
