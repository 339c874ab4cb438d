"""Tables of what the claims' measurements depend on: choices that the paper leaves open, budget, hyper-parameters."""

import math

from scipy import stats

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
    """Each of our own algorithms with rewards so small that no setting of the tuning had them."""
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
    for variant in ("", *STEADINESS):
        for algorithm in ("idql-tolb", "dtomalb"):
            now, base = (style.wandering(curves, "paper", algorithm, v) for v in (variant, ""))
            ours = style.wandering(curves, "paper", "dtomalb", variant)
            ends, before = (style.finals(rows, algorithm, "paper", 10, v, "utility") for v in (variant, ""))
            if min(map(len, (now, base, ours, ends, before))) > 1:
                body.append(
                    [
                        variant or "as it is",
                        algorithm,
                        str(len(now)),
                        f"{stats.gmean(now):.2f} ({now.min():.2f} to {now.max():.2f})",
                        _by(ratio(now, base)) if variant else "-",
                        _by(ratio(now, ours)) if algorithm != "dtomalb" else "-",
                        f"{ends.mean():.2f} ({ends.min():.2f} to {ends.max():.2f})",
                        _by(difference(ends, before)) if variant else "-",
                    ]
                )
    head = ["`paper` with", "", "seeds", "deviation", "over its own as it is", "over dtomalb's"]
    return [*head, "mean utility (worst to best)", "above as it is by"], body


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
