"""The registry of figures: the function that draws each, and the runs that it needs.

Measurements that a figure needs beside trained runs are in ``benchmarks/study/measurements.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import config
from benchmarks.analysis.figures import beyond, paper
from benchmarks.study import plan
from benchmarks.study.plan import Study
from benchmarks.study.store import Results
from edgeoffload_env._files import atomic_write


@dataclass(frozen=True, kw_only=True)
class FigureSpec:
    """A figure of the results."""

    draw: Callable[[Results], Any]
    """Draws it from the stored rows."""
    studies: tuple[Study, ...] = ()
    """Runs that it shows."""


_DRAW: dict[str, Callable[[Results], Any]] = {
    "5": paper.convergence,
    "6": paper.balancing,
    "7": paper.users,
    "8": paper.servers,
    "crowded": paper.crowded,
    "profile": beyond.profile,
    "held-out": beyond.held_out,
    "optimum": beyond.optimum_gap,
    "price-of-anarchy": beyond.price_of_anarchy,
    "joint-head": beyond.joint_head,
    "sensitivity": beyond.sensitivity,
    "estimators": beyond.estimators,
    "equivariant": beyond.equivariant,
}
"""By the number in the paper, or by name. To add a figure, write a function that draws it and add a line here."""
FIGURES = {name: FigureSpec(draw=draw, studies=plan.studies(name)) for name, draw in _DRAW.items()}
_STYLE = config.FOLDER / "figures.mplstyle"


def draw(figure: str, results: Results, *, quick: bool = False) -> list[Path]:
    """Draw a figure as SVG and PNG into ``figures/`` in the folder of the results; a quick one is labelled as such."""
    import matplotlib as mpl

    with mpl.rc_context(fname=_STYLE):
        drawn = FIGURES[figure].draw(results)
        if quick:
            drawn.suptitle("quick: 2 seeds, a thirtieth of the steps; not a result", color="#D55E00", fontsize=9)
        return save(drawn, results.folder / "figures", figure)


def save(drawn: Any, folder: Path, name: str) -> list[Path]:
    """Write a figure as SVG and PNG, with the same bytes for the same figure."""
    import matplotlib as mpl

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"figure-{name}.{ending}" for ending in ("svg", "png")]
    for path in paths:
        with atomic_write(path) as unfinished, mpl.rc_context(fname=_STYLE):
            drawn.savefig(unfinished, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths
