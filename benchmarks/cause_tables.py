"""Tables of what the claims' measurements depend on: choices that the paper leaves open, budget, hyper-parameters."""

import math

import numpy as np

from benchmarks.effects import difference, ratio
from benchmarks.figures import style
from benchmarks.rows import Results, Row
from benchmarks.run_tables import Table
from benchmarks.statistics import Estimate
from benchmarks.studies import CAUSES, LONGER, OWN, PAPERS, SENSITIVITY, SMALLER_REWARDS, SMALLEST, STEADINESS


def sensitivity(results: Results) -> Table:
    """DTOMALB beside its rivals where the environment's open parameters are chosen otherwise."""
    rows, body = style.last(results.final()), []
    for variant in ("", *SENSITIVITY):
        found = {name: style.finals(rows, name, "paper", 10, variant, "utility") for name in PAPERS}
        if not all(map(len, found.values())):
            continue
        ours = found["dtomalb"]
        means = [f"{values.mean():.2f}" for values in found.values()]
        ahead = [_by(difference(ours, found[name])) for name in PAPERS[1:]]
        body.append([variant or "as it is", str(len(ours)), *means, *ahead])
    head = [f"dtomalb above {name} by" for name in PAPERS[1:]]
    return ["", "seeds", *(f"{name}, mean utility" for name in PAPERS), *head], body


def causes(results: Results) -> Table:
    """DTOMALB with other budgets and hyper-parameters, against itself; ``crowded`` is the game of 20 users."""
    rows = style.last(results.final())
    body = _against(rows, 10, [(v, "paper", v) for v in (*LONGER, *CAUSES, *SMALLER_REWARDS)])
    return (
        ["`paper` with", "DTOMALB", "seeds", "mean utility", "worst to best", "above as it is by"],
        [*body, *_against(rows, 20, [("discount 0.9", "paper", "discount 0.9"), ("100,800 env steps", "crowded", "")])],
    )


def smaller_rewards(results: Results) -> Table:
    """Every algorithm with rewards so small that no setting of the tuning had them."""
    rows, body = style.last(results.final()), []
    found = {name: style.finals(rows, name, "paper", 10, SMALLEST, "utility") for name in ("dtomalb", *OWN)}
    for name, values in found.items():
        base = style.finals(rows, name, "paper", 10, "", "utility")
        if min(len(values), len(base)) > 1:
            body.append(
                [
                    name,
                    f"{base.mean():.2f} ({style.seeds(base)})",
                    f"{values.mean():.2f} ({style.seeds(values)})",
                    f"{values.min():.2f} to {values.max():.2f}",
                    _by(difference(values, base)),
                    *("-" if name == "dtomalb" else _by(difference(found["dtomalb"], v)) for v in (values, base)),
                ]
            )
    head = ["", "as it is, mean utility", SMALLEST, "worst to best", "above as it is by"]
    ours = f"dtomalb ({SMALLEST}) above"
    return [*head, f"{ours} it by", f"{ours} it as it is by"], body


def steadiness(results: Results) -> Table:
    """How much runs wander when one thing is taken away that may keep independent learners steady."""
    curves, rows, body = results.curves(), style.last(results.final()), []
    base = style.wandering(curves, "paper", "idql-tolb")
    for variant in ("", *STEADINESS):
        theirs, ours = (style.wandering(curves, "paper", name, variant) for name in ("idql-tolb", "dtomalb"))
        if min(len(theirs), len(ours)) > 1:
            body.append(
                [
                    variant or "as it is",
                    str(len(theirs)),
                    *(f"{np.median(v):.2f} ({v.min():.2f} to {v.max():.2f})" for v in (theirs, ours)),
                    *(f"{_mean(rows, name, variant):.2f}" for name in ("idql-tolb", "dtomalb")),
                    _by(ratio(theirs, ours)),
                    _by(ratio(theirs, base)) if variant else "-",
                ]
            )
    head = ["`paper` with", "seeds", "deviation of idql-tolb", "of dtomalb", "mean utility of idql-tolb", "of dtomalb"]
    return [*head, "idql-tolb's deviation over dtomalb's", "over its own as it is"], body


def _mean(rows: list[Row], algorithm: str, variant: str) -> float:
    values = style.finals(rows, algorithm, "paper", 10, variant, "utility")
    return float(values.mean()) if len(values) else math.nan


def _against(rows: list[Row], users: int, others: list[tuple[str, str, str]]) -> list[list[str]]:
    base = style.finals(rows, "dtomalb", "paper", users, "", "utility")
    found = {"as it is": base} | {
        text: style.finals(rows, "dtomalb", scenario, users, variant, "utility") for text, scenario, variant in others
    }
    return [
        [
            f"N = {users}",
            text,
            str(len(values)),
            f"{values.mean():.2f}",
            f"{values.min():.2f} to {values.max():.2f}",
            "-" if values is base else _by(difference(values, base)),
        ]
        for text, values in found.items()
        if len(values) > 1
    ]


def _by(found: Estimate) -> str:
    return "-" if math.isnan(found.value) else f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
