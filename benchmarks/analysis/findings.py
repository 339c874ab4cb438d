"""The results in five sentences, from the rows."""

from collections import Counter

import pandas as pd

from benchmarks.analysis.claims import claims
from benchmarks.analysis.effects import LEAST_SEEDS, SLOTS, mean_difference
from benchmarks.analysis.formatting import TABLES, bootstrapped, iqm
from benchmarks.analysis.leaderboard import utility_of
from benchmarks.analysis.suite import BASELINE, aggregates
from benchmarks.analysis.verdicts import CONTRADICTED, EQUIVALENT, HOLDS, IN_PART, INCONCLUSIVE, NOT_MEASURED
from benchmarks.study.plan import PAPER_ALGORITHMS
from benchmarks.study.store import Results, select, values
from edgeoffload_env import scenarios

_VERBS = {
    HOLDS: ("holds", "hold"),
    IN_PART: ("holds in part", "hold in part"),
    EQUIVALENT: ("is equivalent", "are equivalent"),
    CONTRADICTED: ("is contradicted", "are contradicted"),
    INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
    NOT_MEASURED: ("is not measured", "are not measured"),
}
"""Verdicts as one claim or several have them."""


def findings(results: Results) -> str:
    """Return the results in five sentences, fewer where there are no rows."""
    judged = [claim for claim in claims(results) if claim.effects]
    texts = []
    for slot in SLOTS:
        found = Counter(claim.verdict(slot) for claim in judged)
        counts = [
            f"{found[verdict]} {forms[found[verdict] > 1]}" for verdict, forms in _VERBS.items() if found[verdict]
        ]
        texts.append(f"with slots of {slot} {_listed(counts)}")
    sentences = [f"Of the {len(judged)} claims of the paper that runs can decide, {'; '.join(texts)}."]
    sentences += filter(None, (_ranking(results), _best(results), _above_greedy(results), _many_users(results)))
    return "".join(f"{number}. {text}\n" for number, text in enumerate(sentences, 1))


def _ranking(results: Results) -> str:
    rows, texts = results.last(), []
    for slot, variant in SLOTS.items():
        for rival in PAPER_ALGORITHMS[1:]:
            for effect in mean_difference(rows, "paper", None, (BASELINE, variant), (rival, variant)):
                texts.append(f"{effect.interval} above {rival}'s with slots of {slot}")
    about = f"On `paper`, the interquartile mean of {BASELINE}'s utility is"
    return f"{about} {_listed(texts)}." if texts else ""


def _best(results: Results) -> str:
    texts = []
    for suite, found in aggregates(results).items():
        scores = {name: algorithm.score for name, algorithm in found.items() if algorithm.runs >= LEAST_SEEDS}
        if BASELINE in scores:
            best = max(scores, key=lambda name: scores[name].value)
            found_best, base = bootstrapped(scores[best]), bootstrapped(scores[BASELINE])
            texts.append(f"{found_best} on {suite} ({best}; {BASELINE}: {base})")
    about = f"The highest interquartile mean of the score, of algorithms with {LEAST_SEEDS} seeds or more, is"
    return f"{about} {_listed(texts)}." if texts else ""


def _above_greedy(results: Results) -> str:
    rows, greedy = _defaults(results.last(), "paper"), utility_of(results, "greedy", "paper")
    above = int((rows["utility"] > greedy).sum())
    return (
        f"{above} of {len(rows)} runs on `paper` end above `greedy`, which sees the whole state." if len(rows) else ""
    )


def _defaults(rows: pd.DataFrame, scenario: str) -> pd.DataFrame:
    """Return the rows of all algorithms on a scenario with its own number of users and default settings."""
    return select(rows, scenario=scenario, num_users=scenarios.configure(scenario).num_users, variant="")


def _many_users(results: Results) -> str:
    rows, users = results.last(), scenarios.configure("crowded").num_users
    found = {name: values(rows, name, "paper", users) for name in PAPER_ALGORITHMS}
    texts = [f"{iqm(utilities).value:.1f} ({name})" for name, utilities in found.items() if len(utilities)]
    shipped = select(results.table("users"), num_users=users).set_index("policy")["utility"]
    known = [f"{shipped[name]:.1f} (`{name}`)" for name in ("local", "drift-plus-penalty") if name in shipped]
    about = f"With {users} users, more than the servers can serve, interquartile means of utility are"
    return f"{about} {_listed([*texts, *known])}." if texts else ""


def _listed(texts: list[str]) -> str:
    """Join texts with commas and a last "and"."""
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


TABLES["findings"] = findings
