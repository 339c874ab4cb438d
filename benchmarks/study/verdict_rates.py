"""Simulate runs with known differences and store how often each verdict follows: ``verdict_rates.csv``.

Scores of runs are normal with a standard deviation of 0.02, the margin of equivalence. A claim compares one algorithm
with one or two rivals in each of its games.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.analysis.effects import MARGIN
from benchmarks.analysis.statistics import Evidence, compare
from benchmarks.analysis.verdicts import VERDICTS, outcomes, verdict
from benchmarks.study.provenance import note
from benchmarks.study.store import RESULTS, Results

SEEDS, CLAIMS, SPREAD = (3, 5, 10, 30), 400, MARGIN
CASES: dict[str, tuple[int, int, float, float]] = {
    "no difference": (1, 1, 0.0, 1.0),
    "ahead by the margin": (1, 1, 1.0, 1.0),
    "ahead by twice the margin": (1, 1, 2.0, 1.0),
    "no difference, ten times as spread": (1, 1, 0.0, 10.0),
    "no difference, five games, two rivals": (5, 2, 0.0, 1.0),
    "ahead by twice the margin, five games, two rivals": (5, 2, 2.0, 1.0),
}
"""Games, rivals in each, true difference in margins, and spread as a multiple of the rivals', by the truth in words."""


def rates(case: str, seeds: int, claims: int = CLAIMS) -> dict[str, Any]:
    """Return the share of each verdict over simulated claims."""
    games, rivals, apart, wider = CASES[case]
    rng = np.random.default_rng((list(CASES).index(case), seeds))
    ours = rng.normal(apart * MARGIN, wider * SPREAD, (claims, games, 1, seeds))
    theirs = rng.normal(0.0, SPREAD, (claims, games, rivals, seeds))
    found = compare(np.broadcast_to(ours, theirs.shape), theirs, rng, MARGIN)
    p_values = np.stack(found[:3], axis=-1).tolist()
    tested = [[[Evidence(e[0], e[1], e[2], found.least) for e in game] for game in claim] for claim in p_values]
    shown = [verdict(outcomes(claim)) for claim in tested]
    return {"truth": case, "seeds": seeds} | {name: shown.count(name) / claims for name in VERDICTS}


def simulate() -> list[dict[str, Any]]:
    """Return the rates of every case with each number of seeds."""
    return [rates(case, seeds) for case in CASES for seeds in SEEDS]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="(benchmarks/results)")


def run(options: argparse.Namespace) -> None:
    """Simulate, and write the table."""
    Results(options.results).write("verdict_rates", simulate())
    configuration = {"claims": CLAIMS, "spread": SPREAD, "margin": MARGIN}
    note(options.results, "verdict_rates.csv", "python -m benchmarks verdicts", configuration, draws=())
