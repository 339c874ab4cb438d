"""Writes the README's tables of results from the files in ``benchmarks/results``: ``python -m benchmarks.readme``.

Each table stands between two marks, ``<!-- NAME -->`` and ``<!-- /NAME -->``; a test sees that what is there is what
this makes of the files.
"""

import csv
import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.rows import Results, label

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def policies_table() -> str:
    """Utility and score of every shipped policy in every scenario, from ``policies.csv``."""
    with (RESULTS / "policies.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    scenarios, policies = (list(dict.fromkeys(row[key] for row in rows)) for key in ("scenario", "policy"))
    cells = {(row["scenario"], row["policy"]): _utility(row) for row in rows}
    body = [[f"`{name}`", *(cells.get((name, policy), "not run") for policy in policies)] for name in scenarios]
    return _markdown(["scenario", *(f"`{name}`" for name in policies)], body)


def throughput_table() -> str:
    """The ratios of ``throughput.json`` with their quartiles."""
    content = json.loads((RESULTS / "throughput.json").read_text(encoding="utf-8"))
    return _markdown(*_throughput_rows(content))


def learned_table() -> str:
    """Every trained algorithm's last checkpoints, from ``final.csv``."""
    rows = [row for row in Results(RESULTS).final() if row["checkpoint"] == "last"]
    groups: dict[tuple[str, int, str], list[Any]] = {}
    for row in rows:
        key = (row["scenario"], row["num_users"], label(row["algorithm"], row["variant"]))
        groups.setdefault(key, []).append(row)
    body = []
    for (scenario, num_users, name), members in sorted(groups.items()):
        utilities = [row["utility"] for row in members]
        scores = [row["score"] for row in members]
        body.append(
            [
                f"`{scenario}`",
                str(num_users),
                name,
                f"{members[0]['env_steps']:,}",
                str(len(members)),
                f"{statistics.fmean(utilities):.2f}",
                f"{min(utilities):.2f} to {max(utilities):.2f}",
                "" if None in scores else f"{statistics.fmean(scores):.3f}",
            ]
        )
    header = [
        "scenario",
        "users",
        "algorithm",
        "env steps",
        "seeds",
        "mean utility",
        "worst to best seed",
        "mean score",
    ]
    return _markdown(header, body)


def with_tables(readme: str) -> str:
    """The README with its tables made anew."""
    for name, make in (("policies", policies_table), ("throughput", throughput_table), ("learned", learned_table)):
        before, opening, rest = readme.partition(f"<!-- {name} -->\n")
        _, closing, after = rest.partition(f"<!-- /{name} -->")
        if not closing:
            raise ValueError(f"README.md lacks the place for the table {name!r}")
        readme = before + opening + make() + closing + after
    return readme


def main() -> None:
    """Write the tables into the README."""
    path = ROOT / "README.md"
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


def _utility(row: dict[str, str]) -> str:
    half = (float(row["utility_high"]) - float(row["utility_low"])) / 2
    return f"{float(row['utility_mean']):.1f} ± {half:.1f}"


def _throughput_rows(content: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    single, vector, growth = content["single"], content["vector"], content["growth"]
    rows = [
        ["steps of one game, in steps of MPE2's `simple_spread_v3` (both N = 10)", single["times_simple_spread"]],
        *(
            [f"4,096 games on {name}, as a fraction of a loop compiled by hand", ratio]
            for name, ratio in vector["of_hand_compiled"].items()
        ),
        *(
            [f"time per agent-step at N = 1,000 over that at N = 10, {name}", backend["N=1000 over N=10"]]
            for name, backend in growth.items()
        ),
    ]
    body = [[what, f"{ratio['median']:.2f}", "{:.2f} to {:.2f}".format(*ratio["quartiles"])] for what, ratio in rows]
    return ["ratio", "median", "quartiles"], body


def _markdown(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
