"""``summary.json``: scenario -> algorithm -> metric -> {iqm, low, high} of the last checkpoints in ``final.csv``.

Interquartile means over seeds with 95 % intervals; a scenario with another number of users than its own is called
"paper, N = 20".
"""

from typing import Any

import numpy as np

from benchmarks.analysis.formatting import named
from benchmarks.analysis.statistics import CONFIDENCE, REPETITIONS, estimate, rng
from benchmarks.study.provenance import note
from benchmarks.study.store import Results, select
from edgeoffload_env.evaluation import METRICS
from recipes.files import finite_or_none, write_json

_METRICS = (*METRICS, "score")


def summary_of(final: Any) -> dict[str, Any]:
    """Return the summary of the rows of ``final.csv``; None where there is no score, or no interval of one seed."""
    found: dict[str, Any] = {}
    rows = named(select(final, checkpoint="last"))
    for (game, name), group in rows.sort_values("seed", kind="stable").groupby(["game", "name"]):
        found.setdefault(game, {})[name] = {metric: _interval(group[metric].to_numpy(float)) for metric in _METRICS}
    return found


def _interval(values: Any) -> dict[str, float] | None:
    if np.isnan(values).any():
        return None
    found: dict[str, float] = finite_or_none(dict(zip(("iqm", "low", "high"), estimate(values, rng()), strict=True)))
    return found


def summarise(results: Results, command: str) -> None:
    """Write ``summary.json`` and the origins of the tables that ``command`` makes."""
    final = results.table("final")
    write_json(results.folder / "summary.json", summary_of(final))
    made_with = [group["versions"] for group in results.configurations().values()]
    draws = sorted({int(draws) for draws in final["draws"]})
    for file in ("final.csv", "curves.csv", "servers.csv", "generalization.csv"):
        if (results.folder / file).exists():
            text = "of each algorithm, variant and game: configurations.json"
            note(results.folder, file, command, text, made_with, draws=draws)
    bootstrap: dict[str, Any] = {"rows": "final.csv", "checkpoint": "last", "metrics": [*_METRICS]}
    bootstrap |= {"confidence": CONFIDENCE, "repetitions": REPETITIONS, "seed": 0}
    note(results.folder, "summary.json", f"{command} --no-training", bootstrap, draws=draws)
