"""Tables of what the claims' measurements depend on: choices that the paper leaves open, budget, hyper-parameters."""

from benchmarks.effects import difference
from benchmarks.figures import style
from benchmarks.rows import Results, Row
from benchmarks.run_tables import Table
from benchmarks.statistics import Estimate
from benchmarks.studies import CAUSES, LONGER, PAPERS, SENSITIVITY, SMALLER_REWARDS


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
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
