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


FIGURES: dict[str, FigureSpec] = {
    "5": FigureSpec(draw=paper.convergence, studies=plan.CONVERGENCE),
    "6": FigureSpec(draw=paper.balancing, studies=plan.BALANCING),
    "7": FigureSpec(draw=paper.users, studies=plan.USERS),
    "8": FigureSpec(draw=paper.servers, studies=plan.SERVERS),
    "crowded": FigureSpec(draw=paper.crowded, studies=plan.CROWDED),
    "profile": FigureSpec(draw=beyond.profile, studies=plan.CONVERGENCE),
    "held-out": FigureSpec(draw=beyond.held_out, studies=plan.ON_PAPER),
    "optimum": FigureSpec(draw=beyond.optimum_gap, studies=(*plan.CONVERGENCE, *plan.CROWDED)),
    "price-of-anarchy": FigureSpec(draw=beyond.price_of_anarchy),
    "joint-head": FigureSpec(draw=beyond.joint_head),
    "sensitivity": FigureSpec(draw=beyond.sensitivity, studies=plan.SENSITIVITY_STUDIES),
}
"""By the number in the paper, or by name. To add a figure, write a function that draws it and add a line here."""


_STYLE = config.FOLDER / "figures.mplstyle"


def draw(figure: str, results: Results, *, quick: bool = False) -> list[Path]:
    """Draw a figure as SVG and PNG into ``figures/`` in the folder of the results; a quick one is labelled as such."""
    import matplotlib as mpl

    with mpl.rc_context(fname=_STYLE):
        drawn = FIGURES[figure].draw(results)
        if quick:
            drawn.suptitle("quick: 2 seeds, a tenth of the steps; not a result", color="#D55E00", fontsize=9)
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
