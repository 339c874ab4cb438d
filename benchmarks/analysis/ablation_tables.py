"""Tables of ablations: open environment parameters, budget, hyper-parameters, reward scale."""

import pandas as pd
from scipy import stats

from benchmarks.analysis.figures import style
from benchmarks.analysis.formatting import extremes, interval
from benchmarks.analysis.statistics import difference, ratio
from benchmarks.study.plan import HYPERPARAMETERS, LONGER, OWN, SENSITIVITY, SMALLER_REWARDS, SMALLEST, STEADINESS
from benchmarks.study.plan import PAPER_ALGORITHMS as PAPERS
from benchmarks.study.store import Results, values

_GAIN = "difference to default"


def sensitivity(results: Results) -> pd.DataFrame:
    """DTOMALB and its rivals under other values of the environment's open parameters."""
    rows, body = results.last(), []
    for variant in ("", *SENSITIVITY):
        found = [values(rows, name, "paper", variant=variant) for name in PAPERS]
        if all(map(len, found)):
            ahead = [interval(difference(found[0], theirs)) for theirs in found[1:]]
            means = [f"{utilities.mean():.2f}" for utilities in found]
            body.append([variant or "default", len(found[0]), *means, *ahead])
    head = [*(f"{name}, mean utility" for name in PAPERS), *(f"dtomalb above {name} by" for name in PAPERS[1:])]
    return pd.DataFrame(body, columns=["", "seeds", *head])


def hyperparameters(results: Results) -> pd.DataFrame:
    """DTOMALB with other budgets and hyper-parameters; ``crowded`` is the game of 20 users."""
    rows, body = results.last(), []
    variants = [(name, "paper", name) for name in (*LONGER, *HYPERPARAMETERS, *SMALLER_REWARDS)]
    larger = [("discount 0.9", "paper", "discount 0.9"), ("100,800 env steps", "crowded", "")]
    for users, others in ((10, variants), (20, larger)):
        base = values(rows, "dtomalb", "paper", users)
        for text, scenario, variant in [("default", "paper", ""), *others]:
            found = values(rows, "dtomalb", scenario, users, variant)
            if len(found) > 1:
                gain = "-" if text == "default" else interval(difference(found, base))
                body.append([f"N = {users}", text, len(found), f"{found.mean():.2f}", extremes(found), gain])
    head = ["`paper` with", "DTOMALB", "seeds", "mean utility", "worst to best", _GAIN]
    return pd.DataFrame(body, columns=head)


def smaller_rewards(results: Results) -> pd.DataFrame:
    """Each own algorithm with rewards smaller than any in the tuning."""
    rows, body = results.last(), []
    ours = values(rows, "dtomalb", "paper", variant=SMALLEST)
    for name in OWN:
        base, found = (values(rows, name, "paper", variant=variant) for variant in ("", SMALLEST))
        if min(len(found), len(base)) > 1:
            means = [f"{utilities.mean():.2f} ({style.seeds(utilities)})" for utilities in (base, found)]
            ahead = ["-" if name == "dtomalb" else interval(difference(ours, theirs)) for theirs in (found, base)]
            body.append([name, *means, extremes(found), interval(difference(found, base)), *ahead])
    head = ["", "default, mean utility", SMALLEST, "worst to best", _GAIN]
    ahead = [f"dtomalb ({SMALLEST}) above {which} by" for which in ("it", "its default")]
    return pd.DataFrame(body, columns=[*head, *ahead])


def steadiness(results: Results) -> pd.DataFrame:
    """Deviations within runs without each component that may keep independent learners steady."""
    curves, rows, body = results.table("curves"), results.last(), []
    for variant in ("", *STEADINESS):
        ours = style.deviations(curves, "paper", "dtomalb", variant)
        for algorithm in ("idql-tolb", "dtomalb"):
            now, base = (style.deviations(curves, "paper", algorithm, v) for v in (variant, ""))
            ends, before = (values(rows, algorithm, "paper", variant=v) for v in (variant, ""))
            if min(map(len, (now, base, ours, ends, before))) > 1:
                body.append(
                    [
                        variant or "default",
                        algorithm,
                        len(now),
                        f"{stats.gmean(now):.2f} ({extremes(now)})",
                        interval(ratio(now, base)) if variant else "-",
                        interval(ratio(now, ours)) if algorithm != "dtomalb" else "-",
                        f"{ends.mean():.2f} ({extremes(ends)})",
                        interval(difference(ends, before)) if variant else "-",
                    ]
                )
    head = ["`paper` with", "", "seeds", "deviation", "ratio to default", "ratio to dtomalb's"]
    return pd.DataFrame(body, columns=[*head, "mean utility (worst to best)", _GAIN])
