"""Figures from the published rows, and with algorithms that have no style of their own."""

import itertools
import re
import shutil
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from benchmarks.analysis import style
from benchmarks.analysis.figures import FIGURES, draw
from benchmarks.study.store import COLUMNS, Results
from tests.benchmarks.tables import MadeUp, curve_rows

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


def test_an_unknown_algorithm_has_a_fallback_style() -> None:
    assert style.of("my-algorithm") == style.of("my-algorithm") in style.FALLBACKS
    assert style.ordered(["my-algorithm", "dtomalb", "another"]) == ["dtomalb", "another", "my-algorithm"]


def test_names_of_lines_lie_beside_the_axes_and_apart() -> None:
    """In figure 7: those of policies at the ends of their lines, those of algorithms in a legend below."""
    figure = FIGURES["7"].draw(Results(PUBLISHED))
    figure.draw_without_rendering()
    policies = set(Results(PUBLISHED).table("users")["policy"])
    (legend,) = figure.legends
    listed = {text.get_text() for text in legend.get_texts()}
    for axes in figure.axes:
        assert axes.get_legend() is None
        inside = axes.get_window_extent()
        assert legend.get_window_extent().y1 < inside.y0
        boxes = {text.get_text(): Text.get_window_extent(text) for text in axes.texts}  # without their lines
        assert boxes.keys() | listed >= policies
        assert not boxes.keys() & listed
        assert all(box.x0 > inside.x1 for box in boxes.values())
        assert not [pair for pair in itertools.combinations(boxes.values(), 2) if Bbox.intersection(*pair)]


@pytest.mark.slow
def test_every_figure_draws_an_unknown_algorithm(tmp_path: Path) -> None:
    """Beside the published ones, and alone, as in a first quick run."""
    shutil.copytree(PUBLISHED, tmp_path / "beside", ignore=shutil.ignore_patterns("figures"))
    alone = Results(tmp_path / "alone")
    for name in ("final", "curves", "servers", "generalization"):
        rows = Results(PUBLISHED).table(name)
        rows = rows[(rows["algorithm"] == "idql-tolb") & (rows["seed"] < 2) & (rows["variant"] == "")]
        assert len(rows)
        alone.write(name, rows.assign(algorithm="my-algorithm"))
        text = (alone.folder / f"{name}.csv").read_text().partition("\n")[2]
        with (tmp_path / "beside" / f"{name}.csv").open("a", encoding="utf-8") as file:
            file.write(text)
    for results in (Results(tmp_path / "beside"), alone):
        for figure in FIGURES:
            svg, _ = draw(figure, results)
            assert svg.exists()
    assert set(COLUMNS["final"]) == {*alone.table("final").columns}


def test_variants_of_an_algorithm_have_lines_of_their_own() -> None:
    names, rows = [("dtomalb", variant) for variant in ("", "selfish", "overload")], []
    for _, variant in names:
        rows += curve_rows("dtomalb", "crowded", [[-130, -110], [-120, -100]], variant)
    _, (axis, _) = style.axes(2)
    style.learning_curves(axis, MadeUp(curves=rows).table("curves"), "crowded", names)
    assert len({line.get_linestyle() for line in axis.lines}) == len(axis.lines) == len(names)
