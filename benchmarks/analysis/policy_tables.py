"""Tables of shipped policies and of the leaderboard."""

import numpy as np
import pandas as pd

from benchmarks.analysis.formatting import bootstrapped, iqm, markdown
from benchmarks.analysis.learning_tables import as_published, with_names
from benchmarks.analysis.statistics import Estimate
from benchmarks.study.store import Results, select
from edgeoffload_env import policies as shipped
from edgeoffload_env import scenarios
from recipes import registry

_HEAD = ("policy", "seeds", "utility", "worst seed", "mean delay / s", "p95 / s", "offloaded", "score", "description")


def policies(results: Results) -> pd.DataFrame:
    """Utility of every shipped policy in every scenario."""
    rows = results.table("policies")
    half = (rows["utility_high"] - rows["utility_low"]) / 2
    cells = [f"{mean:.1f} ± {width:.1f}" for mean, width in zip(rows["utility_mean"], half, strict=True)]
    rows = pd.DataFrame({"scenario": rows["scenario"], "policy": rows["policy"], "cell": cells})
    table = rows.pivot(index="scenario", columns="policy", values="cell").fillna("not run")
    table = table.loc[[*dict.fromkeys(rows["scenario"])], [*dict.fromkeys(rows["policy"])]]
    table.columns, table.index = [f"`{name}`" for name in table.columns], [f"`{name}`" for name in table.index]
    return table.rename_axis("scenario").reset_index()


def leaders(results: Results) -> str:
    """Every policy and trained algorithm under the protocol, best first, scenario by scenario."""
    entries, parts = results.table("leaderboard"), []
    trained = as_published(results.last()).assign(game=lambda rows: rows["scenario"])
    elsewhere = results.table("generalization")
    elsewhere = elsewhere[elsewhere["game"].isin(scenarios.names(held_out=True))]
    trained = with_names(results, pd.concat([trained, elsewhere]) if len(elsewhere) else trained)
    for scenario in scenarios.names():
        board = []
        for _, row in select(entries, scenario=scenario).iterrows():
            found = Estimate(row["utility"], row["utility_low"], row["utility_high"])
            name = f"`{row['policy']}`" if row["policy"] in shipped.names() else row["policy"]
            board.append((found.value, _cells(name, "-", found, row.to_frame().T, row["about"])))
        for name, rows in select(trained, game=scenario).groupby("name", sort=False):
            found, algorithm, source = iqm(rows["utility"]), rows["algorithm"].iloc[0], rows["scenario"].iloc[0]
            where = "" if source == scenario else f" on `{source}`"
            known = registry.ALGORITHMS.get(algorithm)
            about = f"trained{where}: {known.summary if known else algorithm}; "
            about += "global state" if algorithm == "dqn-tolb" else "own observation"
            board.append((found.value, _cells(str(name) + rows["mark"].iloc[0], str(len(rows)), found, rows, about)))
        if board:
            ordered = [cells for _, cells in sorted(board, key=lambda entry: -entry[0])]
            table = pd.DataFrame(ordered, columns=_HEAD)
            table.insert(0, "", range(1, len(table) + 1))
            parts.append(f"\n## {scenario}\n\n{scenarios.get(scenario).description}\n\n{markdown(table)}")
    return "".join(parts) + "\n"


def _cells(name: str, seeds: str, utility: Estimate, rows: pd.DataFrame, about: str) -> list[str]:
    metrics = {"mean_delay_s": 3, "p95_delay_s": 3, "offload_fraction": 2, "score": 3}
    means = {metric: iqm(rows[metric].to_numpy(dtype=float)).value for metric in metrics}
    return [
        name,
        seeds,
        bootstrapped(utility) if seeds == "-" else bootstrapped(utility, int(seeds)),
        "-" if seeds == "-" else f"{np.min(rows['utility']):.2f}",
        *(f"{means[metric]:.{digits}f}" for metric, digits in metrics.items()),
        about,
    ]
