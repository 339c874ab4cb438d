"""Tables of shipped policies and of the leaderboard."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.analysis.formatting import TABLES, Rows, bootstrapped, gains, iqm, markdown, table
from benchmarks.analysis.learning_tables import as_published, marked
from benchmarks.analysis.statistics import Estimate
from benchmarks.study.plan import SEVERAL_SCENARIOS
from benchmarks.study.store import Results, select
from benchmarks.submissions import PREFIX
from edgeoffload_env import policies as shipped
from edgeoffload_env import scenarios
from recipes import registry

_METRICS = {"score": 3, "gain_over_fixed": 3, "mean_delay_s": 3}
"""Metrics beside the utility, with their decimals; ``leaderboard.csv`` has them all."""
_HEAD = ("policy", "utility", "score", "gain over fixed", "mean delay (s)")


def policies(results: Results) -> pd.DataFrame:
    """Utility of every shipped policy in every scenario."""
    rows = results.table("policies")
    half = (rows["utility_high"] - rows["utility_low"]) / 2
    rows["cell"] = list(map("{:.1f} ± {:.1f}".format, rows["utility_mean"], half))
    rows["scenario"], rows["policy"] = ("`" + rows[column] + "`" for column in ("scenario", "policy"))
    table = rows.pivot(index="scenario", columns="policy", values="cell").fillna("not run")
    return table.loc[rows["scenario"].unique(), rows["policy"].unique()].rename_axis(columns=None).reset_index()


def leaders(results: Results) -> str:
    """Every policy and trained algorithm under the protocol, best first, scenario by scenario."""
    entries, parts = results.table("leaderboard"), []
    trained, elsewhere = marked(results, as_published(results.last())), results.table("generalization")
    several = elsewhere["variant"].isin(SEVERAL_SCENARIOS)
    elsewhere = elsewhere[
        elsewhere["game"].isin(scenarios.names()) & several | elsewhere["game"].isin(scenarios.names(held_out=True))
    ]
    if len(elsewhere):
        trained = pd.concat([trained, marked(results, elsewhere).assign(game=elsewhere["game"])])
    for scenario in scenarios.names():
        board: list[tuple[Any, ...]] = []
        for row in select(entries, scenario=scenario).to_dict("records"):
            found = Estimate(row["utility"], row["utility_low"], row["utility_high"])
            known = row["policy"].split(":")[0]
            name = f"`{row['policy']}`" if known in shipped.names() else row["policy"].removeprefix(PREFIX)
            about = row["about"]
            if known in shipped.names() and "--about" not in str(row["command"]):
                about = shipped.describe(known).replace("``", "")  # as it is now, not as on the day of the row
            metrics = [f"{row[metric]:.{digits}f}" for metric, digits in _METRICS.items()]
            board.append((found.value, _described(name, about), bootstrapped(found), *metrics))
        here = select(trained, game=scenario)
        for _, rows in here.assign(gain_over_fixed=gains(scenario, here["utility"])).groupby("name", sort=False):
            found, first, seeds = iqm(rows["utility"]), rows.iloc[0], len(rows)
            where = "" if first["scenario"] == scenario else f" on `{first['scenario']}`"
            if several := SEVERAL_SCENARIOS.get(first["variant"]):
                where = f" on {1 + len(several['also'])} scenarios at once"
            known = registry.ALGORITHMS.get(first["algorithm"])
            about = f"trained{where}: {known.summary if known else first['algorithm']}; "
            about += "global state" if first["algorithm"] == "dqn-tolb" else "own observation"
            metrics = [f"{iqm(rows[metric]).value:.{digits}f}" for metric, digits in _METRICS.items()]
            worst = f"worst of {seeds} seeds {rows['utility'].min():.2f}" if seeds > 1 else "1 seed"
            utility = f"{bootstrapped(found, seeds)}<br>{worst}"
            board.append((found.value, _described(first["marked"], about), utility, *metrics))
        if board:
            table = pd.DataFrame([cells for _, *cells in sorted(board, key=lambda row: -row[0])], columns=_HEAD)
            table.insert(0, "", range(1, len(table) + 1))
            parts.append(f"\n## {scenario}\n\n{scenarios.get(scenario).description}\n\n{markdown(table)}")
    return "".join(parts) + "\n"


def _described(name: str, about: str) -> str:
    """Return a policy's name with what it is below, so that tables stay narrow."""
    return f"{name}<br><small>{about}</small>"


@table()
def who_wins(results: Results) -> Rows:
    """Utilities of shipped policies in the scenarios with effects, and what looking ahead gains over ``greedy``."""
    rows = results.table("effects")
    names = [*dict.fromkeys(rows["policy"])]
    yield "scenario", *(f"`{name}`" for name in names), "`lookahead` - `greedy`", "missed by `greedy`", "by `lookahead`"
    for scenario, here in rows.groupby("scenario", sort=False):
        by_policy = here.set_index("policy")
        utilities = (f"{by_policy.loc[name, 'utility']:.1f}" for name in names)
        ahead = by_policy.loc["lookahead", ["above_greedy", "above_greedy_low", "above_greedy_high"]]
        missed = (by_policy.loc[name, "miss_fraction"] for name in ("greedy", "lookahead"))
        shown = ("-" if np.isnan(share) else f"{100 * share:.1f} %" for share in missed)
        yield f"`{scenario}`", *utilities, "{:.2f} [{:.2f}, {:.2f}]".format(*ahead), *shown


_EXTENDS = {
    "urban-outages": "urban",
    "continuous": "bursty",
    "power-control": "urban",
    "split": "urban",
    "vehicles": "urban",
}
"""Scenarios that extend another one, and that one."""


@table("scenario | extends | in | ranking | ranking in what it extends | moves past `greedy`")
def ranking(results: Results) -> Rows:
    """Rankings of the shipped policies in scenarios that extend another one, and in that one."""
    rows = results.table("effects")
    for scenario, base in _EXTENDS.items():
        here, there = (select(rows, scenario=name).set_index("policy") for name in (scenario, base))
        if len(here) and len(there):
            orders = [" > ".join(one["utility"].sort_values(ascending=False).index) for one in (here, there)]
            signs = [_sides_of_greedy(one) for one in (here, there)]
            moved = [
                f"`{name}` ({signs[1][name]}, now {side})"
                for name, side in signs[0].items()
                if {side, signs[1][name]} == {"above", "below"}
            ]
            yield f"`{scenario}`", f"`{base}`", _differing(scenario, base), *orders, ", ".join(moved) or "none"


def _differing(scenario: str, base: str) -> str:
    """Return the names of the fields in which two scenarios differ."""
    one, other = (scenarios.configure(name) for name in (scenario, base))
    names = [field.name for field in dataclasses.fields(one)]
    return ", ".join(f"`{name}`" for name in names if getattr(one, name) != getattr(other, name))


def _sides_of_greedy(rows: pd.DataFrame) -> dict[str, str]:
    """Return whether each policy is above or below ``greedy`` by its 95 % interval, else level with it."""
    low, high = (rows[f"above_greedy_{end}"].drop("greedy") for end in ("low", "high"))
    return {name: "above" if low[name] > 0.0 else "below" if high[name] < 0.0 else "level" for name in low.index}


TABLES |= {"policies": policies, "leaders": leaders}
