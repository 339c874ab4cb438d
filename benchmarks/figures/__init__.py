"""The figures, from the rows alone."""

from pathlib import Path
from typing import Any

from benchmarks.figures import beyond, paper
from benchmarks.rows import Results
from edgeoffload_env._files import atomic_write

_FIGURES = {
    "5": paper.convergence,
    "6": paper.balancing,
    "7": paper.users,
    "8": paper.servers,
    "crowded": paper.crowded,
    "profile": beyond.profile,
    "held-out": beyond.held_out,
    "optimum": beyond.optimum_gap,
    "anarchy": beyond.anarchy,
    "joint-head": beyond.joint_head,
    "sensitivity": beyond.sensitivity,
}


def draw(figure: str, results: Results, *, quick: bool = False) -> list[Path]:
    """Draw a figure as SVG and PNG.

    Args:
        figure: a name from ``FIGURES``.
        results: the rows, and where to draw: ``figures/`` in their folder.
        quick: say on it that it is a quick one.
    """
    _prepare()
    drawn = _FIGURES[figure](results)
    if quick:
        drawn.suptitle("quick: 2 seeds, a tenth of the steps; not a result", color="#D55E00", fontsize=9)
    return save(drawn, results.folder / "figures", figure)


def save(drawn: Any, folder: Path, name: str) -> list[Path]:
    """Write a figure as SVG and PNG, the same bytes for the same figure."""
    _prepare()
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"figure-{name}.{ending}" for ending in ("svg", "png")]
    for path in paths:
        with atomic_write(path) as unfinished:
            drawn.savefig(unfinished, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def _prepare() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {
        "svg.hashsalt": "edgeoffload",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
