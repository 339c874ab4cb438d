"""Writes the tables of the README and docs/ from the files in ``benchmarks/results``: ``python -m benchmarks pages``.

Each table stands between two marks, ``<!-- NAME -->`` and ``<!-- /NAME -->``; a test sees that what is there is what
this makes of the files.
"""

import itertools
import json
import re
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cause_tables, claims, leaderboard, run_tables, scale_tables
from benchmarks.effects import LEAST_SEEDS
from benchmarks.figures import style
from benchmarks.rows import Results, Row, game_name, label, read_rows
from benchmarks.statistics import Estimate, estimate, probability_of_improvement
from benchmarks.studies import is_variation
from edgeoffload_env import policies, scenarios
from recipes import registry
from recipes.files import write_text

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = ("README.md", "docs/results.md", "docs/leaderboard.md", "docs/scale.md")
Table = tuple[Iterable[str], Iterable[Iterable[str]]]


def with_tables(text: str) -> str:
    """A page with its tables made anew.

    Raises:
        ValueError: a mark of no table, or one that is not closed.
    """
    for name in re.findall(r"^<!-- (\w[\w-]*) -->$", text, flags=re.MULTILINE):
        before, opening, rest = text.partition(f"<!-- {name} -->\n")
        _, closing, after = rest.partition(f"<!-- /{name} -->")
        if not closing or name not in _TABLES:
            raise ValueError(f"the mark {name!r} is of no table, or is not closed; tables: {', '.join(_TABLES)}")
        text = before + opening + _TABLES[name](Results(RESULTS)) + closing + after
    return text


def main() -> None:
    """Write the tables into all pages."""
    for page in PAGES:
        path = ROOT / page
        write_text(path, with_tables(path.read_text(encoding="utf-8")))


def _policies(_: Results) -> str:
    """Utility of every shipped policy in every scenario."""
    rows = read_rows(RESULTS / "policies.csv")
    names = list(dict.fromkeys(row["scenario"] for row in rows))
    columns = list(dict.fromkeys(row["policy"] for row in rows))
    cells = {(row["scenario"], row["policy"]): _policy_cell(row) for row in rows}
    body = [[f"`{name}`", *(cells.get((name, policy), "not run") for policy in columns)] for name in names]
    return _markdown((["scenario", *(f"`{name}`" for name in columns)], body))


def _policy_cell(row: Row) -> str:
    return f"{row['utility_mean']:.1f} ± {(row['utility_high'] - row['utility_low']) / 2:.1f}"


def _throughput(_: Results) -> str:
    """The ratios of ``throughput.json`` with their quartiles."""
    content = json.loads((RESULTS / "throughput.json").read_text(encoding="utf-8"))
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
    return _ratios(rows)


def _training(_: Results) -> str:
    """The figures of ``training.json``."""
    content = json.loads((RESULTS / "training.json").read_text(encoding="utf-8"))
    rows = [
        *(
            [f"env steps a second sampled, {games}", rate]
            for games, rate in content["sampling_env_steps_per_s"].items()
        ),
        ["time of a DTOMALB update over that of bare torch", content["update_times_bare_torch"]],
        ["env steps a second of DTOMALB's whole training", content["loop_env_steps_per_s"]],
    ]
    for games, rates in content.get("agilerl", {}).items():
        rows.append([f"env steps a second of AgileRL's MADDPG, {games}", rates["agilerl"]])
        rows.append([f"DTOMALB's over AgileRL's, {games}", rates["ours_times_agilerl"]])
    return _ratios(rows)


def _ratios(rows: Iterable[list[Any]]) -> str:
    def text(value: float) -> str:
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"

    body = [[what, text(r["median"]), " to ".join(map(text, r["quartiles"]))] for what, r in rows]
    return _markdown((["measured", "median", "quartiles"], body))


def _learned(results: Results, everything: bool = False) -> str:
    """Trained algorithms' last checkpoints: all games and variants, or the scenarios as they are."""
    groups: dict[tuple[str, int, str], list[Row]] = {}
    for row in style.last(results.final()):
        own = scenarios.configure(row["scenario"]).num_users == row["num_users"]
        if everything or (own and not is_variation(row["variant"])):
            key = (row["scenario"], row["num_users"], label(row["algorithm"], row["variant"]))
            groups.setdefault(key, []).append(row)
    body = []
    for (scenario, num_users, name), members in sorted(groups.items()):
        utilities, scores = ([row[metric] for row in members] for metric in ("utility", "score"))
        body.append(
            [
                f"`{scenario}`",
                str(num_users),
                name,
                f"{members[0]['env_steps']:,}",
                str(len(members)),
                f"{statistics.fmean(utilities):.2f}",
                _interval(_estimate(utilities), len(members)),
                f"{min(utilities):.2f} to {max(utilities):.2f}",
                "" if None in scores else f"{statistics.fmean(scores):.3f}",
            ]
        )
    head = ["scenario", "users", "algorithm", "env steps", "seeds", "mean utility", "IQM", "worst to best", "score"]
    return _markdown((head, body))


def _cost(results: Results) -> str:
    """Wall-clock of whole runs, their evaluations included, on machines that did other work beside."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in style.last(results.final()):
        if not is_variation(row["variant"]):
            key = (label(row["algorithm"], row["variant"]), game_name(row["scenario"], row["num_users"]))
            groups.setdefault(key, []).append(row)
    body = []
    for (algorithm, game), members in sorted(groups.items()):
        wall = statistics.median(row["wall_s"] for row in members)
        rate = statistics.median(row["env_steps"] / row["wall_s"] for row in members)
        body.append([algorithm, f"`{game}`", str(len(members)), f"{wall:.0f}", f"{rate:,.0f}"])
    return _markdown((["algorithm", "game", "runs", "median wall-clock / s", "env steps / s"], body))


def _improvement(results: Results) -> str:
    """How probably a run of the row's algorithm ends above one of the column's, and how many end above ``greedy``."""
    rows = style.last(results.final())
    body = []
    for scenario in ("paper", "paper-load-only"):
        users = scenarios.configure(scenario).num_users
        found = {name: style.finals(rows, name, scenario, users, "", "utility") for name in style.STYLES}
        found = {name: values for name, values in found.items() if len(values)}
        greedy = leaderboard.utility_of(results.folder, "greedy", scenario)
        for ours, values in found.items():
            cells = []
            for theirs in style.STYLES:
                if theirs == ours or theirs not in found:
                    cells.append("-")
                    continue
                pair = values[:, None], found[theirs][:, None]
                cells.append(_interval(probability_of_improvement(*pair, style.rng()), min(map(len, pair))))
            above = "-" if np.isnan(greedy) else f"{int(np.sum(values > greedy))} of {len(values)}"
            body.append([f"`{scenario}`", ours, *cells, above])
    return _markdown((["scenario", "P(above)", *style.STYLES, "runs above `greedy`"], body))


def _held_out(results: Results) -> str:
    """Interquartile means of scores where nothing was trained."""
    rows = results.elsewhere()
    games = list(dict.fromkeys(row["game"] for row in rows))
    body = []
    for algorithm, game in itertools.product(style.STYLES, games):
        here = [row for row in rows if (row["algorithm"], row["game"]) == (algorithm, game)]
        if here:
            utility, score = (_estimate([row[metric] for row in here]) for metric in ("utility", "score"))
            body.append([algorithm, game, str(len(here)), *(_interval(e, len(here)) for e in (utility, score))])
    return _markdown((["trained on `paper`", "played on", "seeds", "utility", "score"], body))


def _leaders(results: Results) -> str:
    """Every policy and trained algorithm under the protocol, best first, scenario by scenario."""
    parts = []
    entries = leaderboard.entries(results.folder)
    trained: dict[tuple[str, str], list[Row]] = {}
    for row in style.last(results.final()):
        if not is_variation(row["variant"]) and scenarios.configure(row["scenario"]).num_users == row["num_users"]:
            trained.setdefault((row["scenario"], label(row["algorithm"], row["variant"])), []).append(row)
    for row in results.elsewhere():
        if row["game"] in scenarios.names(held_out=True):
            trained.setdefault((row["game"], label(row["algorithm"], row["variant"])), []).append(row)
    for scenario in scenarios.names():
        board: list[tuple[float, list[str]]] = []
        for row in entries:
            if row["scenario"] == scenario:
                found = Estimate(row["utility"], row["utility_low"], row["utility_high"])
                board.append((found.value, _leader(row["policy"], "-", found, [row], row["about"])))
        for (game, name), rows in trained.items():
            if game == scenario:
                found = _estimate([row["utility"] for row in rows])
                knows = "global state" if rows[0]["algorithm"] == "dqn-tolb" else "own observation"
                where = "" if rows[0]["scenario"] == game else f" on `{rows[0]['scenario']}`"
                about = f"trained{where}: {registry.get(rows[0]['algorithm']).summary}; {knows}"
                board.append((found.value, _leader(name, str(len(rows)), found, rows, about)))
        if board:
            head = [
                "",
                "policy",
                "seeds",
                "utility",
                "worst seed",
                "mean delay / s",
                "p95 / s",
                "offloaded",
                "score",
                "what it is",
            ]
            ordered = sorted(board, key=lambda entry: -entry[0])
            body = [[str(place), *cells] for place, (_, cells) in enumerate(ordered, 1)]
            parts.append(f"\n## {scenario}\n\n{scenarios.get(scenario).description}\n\n{_markdown((head, body))}")
    return "".join(parts) + "\n"


def _leader(name: str, seeds: str, utility: Estimate, rows: list[Row], about: str) -> list[str]:
    delay, tail, offloaded, score = (
        _estimate([row[metric] for row in rows]).value
        for metric in ("mean_delay_s", "p95_delay_s", "offload_fraction", "score")
    )
    shown = f"`{name}`" if name in policies.names() else name
    return [
        shown,
        seeds,
        _interval(utility, LEAST_SEEDS if seeds == "-" else int(seeds)),
        "-" if seeds == "-" else f"{min(row['utility'] for row in rows):.2f}",
        f"{delay:.3f}",
        f"{tail:.3f}",
        f"{offloaded:.2f}",
        f"{score:.3f}",
        about,
    ]


def _estimate(values: Iterable[float | None]) -> Estimate:
    numbers = np.asarray([np.nan if value is None else value for value in values], dtype=float)
    return estimate(numbers[:, None], style.rng())


def _interval(found: Estimate, seeds: int = LEAST_SEEDS) -> str:
    """With its interval, if there are seeds enough: a bootstrap of fewer goes from the worst to the best."""
    if np.isnan(found.value):
        return "-"
    alone = np.isnan(found.low) or seeds < LEAST_SEEDS
    return f"{found.value:.2f}" if alone else f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _markdown(table: Table) -> str:
    head, body = list(table[0]), table[1]
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_TABLES: dict[str, Callable[[Results], str]] = {
    "policies": _policies,
    "throughput": _throughput,
    "training": _training,
    "learned": _learned,
    "all-learned": lambda results: _learned(results, everything=True),
    "claims": lambda results: _markdown(claims.table(results)),
    "claims-in-short": lambda results: _markdown(claims.short_table(results)),
    "improvement": _improvement,
    "convergence": lambda results: _markdown(run_tables.convergence(results)),
    "balance-weight": lambda results: _markdown(run_tables.balance_weight(results)),
    "users": lambda results: _markdown(run_tables.users(results)),
    "crowded": lambda results: _markdown(run_tables.crowded(results)),
    "sensitivity": lambda results: _markdown(cause_tables.sensitivity(results)),
    "causes": lambda results: _markdown(cause_tables.causes(results)),
    "smaller-rewards": lambda results: _markdown(cause_tables.smaller_rewards(results)),
    "steadiness": lambda results: _markdown(cause_tables.steadiness(results)),
    "best-and-last": lambda results: _markdown(run_tables.best_and_last(results)),
    "held-out": _held_out,
    "cost": _cost,
    "leaders": _leaders,
    "scale-games": lambda _: _markdown(scale_tables.games(RESULTS)),
    "scale-single": lambda _: _markdown(scale_tables.single(RESULTS)),
    "scale-growth": lambda _: _markdown(scale_tables.growth(RESULTS)),
    "scale-sweep": lambda _: _markdown(scale_tables.sweep(RESULTS)),
    "soak": lambda _: _markdown(scale_tables.soak(RESULTS)),
}
