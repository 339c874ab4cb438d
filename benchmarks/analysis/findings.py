"""The results in a few sentences, from the rows."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd

from benchmarks.analysis.claims import claims
from benchmarks.analysis.effects import LEAST_SEEDS, SLOTS, mean_difference
from benchmarks.analysis.formatting import TABLES, bootstrapped, iqm, listed
from benchmarks.analysis.leaderboard import utility_of
from benchmarks.analysis.learning_tables import EARLIER, are_earlier, draws_note
from benchmarks.analysis.suite import BASELINE, SUITES, aggregates, counted, own_aggregates
from benchmarks.analysis.verdicts import CONTRADICTED, EQUIVALENT, HOLDS, IN_PART, INCONCLUSIVE, NOT_MEASURED
from benchmarks.study.plan import PAPER_ALGORITHMS
from benchmarks.study.store import Results, select
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
_MORE_TRIALS = (
    "Settings of `dtomalb`, `dtoma` and `dtomalb-equivariant` are from more trials than those of the others.\n"
)
"""True until the search by rounds, alike for all, has been run."""


def findings(results: Results) -> str:
    """Return the results as numbered findings of one or two sentences, fewer where there are no rows.

    Below them are notes: on rows from earlier random streams, and on settings until all are searched alike.
    """
    found = [_verdicts(results), _ranking(results), *_best(results), _headline(results), _above_greedy(results)]
    text = "".join(f"{number}. {text}\n" for number, text in enumerate(filter(None, found), 1))
    notes = [draws_note(results)] if EARLIER in text else []
    notes += [_MORE_TRIALS] if text and not len(results.table("tuning_rounds")) else []
    return "\n".join([text, *notes])


def _verdicts(results: Results) -> str:
    judged = [claim for claim in claims(results) if claim.effects]
    texts = []
    for slot in SLOTS:
        found = Counter(claim.verdict(slot) for claim in judged)
        counts = [
            f"{found[verdict]} {forms[found[verdict] > 1]}" for verdict, forms in _VERBS.items() if found[verdict]
        ]
        texts.append(f"with slots of {slot}, {listed(counts)}")
    return f"Runs can decide {len(judged)} of the paper's claims: {'; '.join(texts)}."


def _ranking(results: Results) -> str:
    """Compare the paper's algorithm with the better of its rivals, at the first slot length."""
    slot, variant = next(iter(SLOTS.items()))
    rows, found = select(results.last(), scenario="paper"), {}
    for rival in PAPER_ALGORITHMS[1:]:
        for effect in mean_difference(rows, "paper", None, (BASELINE, variant), (rival, variant)):
            found[rival] = effect
    if not found:
        return ""
    best = min(found, key=lambda rival: found[rival].found.value)
    ours, theirs = (_called(results, name, ["paper"], variant) for name in (BASELINE, best))
    about = f"On `paper`, the utility of {ours} minus that of its best rival in the paper, {theirs}, is"
    return f"{about} {found[best].interval} (interquartile means over seeds with a 95 % interval, slots of {slot})."


def _best(results: Results) -> Iterator[str]:
    """Yield for each suite the algorithm with the highest score, and its score on all games that it has played."""
    for suite, found in aggregates(results).items():
        scores = {name: one.score for name, one in found.items() if one.runs >= LEAST_SEEDS}
        if BASELINE not in scores:
            continue
        best = max(scores, key=lambda name: scores[name].value)
        trained = SUITES[suite] if set(SUITES[suite]) <= set(results.last()["scenario"]) else ["paper"]
        base, shown = (_called(results, name, trained) for name in (BASELINE, best))
        others = "" if best == BASELINE else f"; that of {base} is {scores[BASELINE].value:.2f}"
        where = counted(suite, found[best].games)
        about = f"Of algorithms with {LEAST_SEEDS} seeds or more on each, {shown} has the best score on {where}"
        text = f"{about}: {bootstrapped(scores[best])}{others}."
        own = own_aggregates(results).get(suite, {}).get(best)
        wider = f" Over all {len(own.games)} that {best} has played, its score is {own.score.value:.2f}." if own else ""
        yield text + wider


def _called(results: Results, algorithm: str, games: Sequence[str], variant: str = "") -> str:
    """Return an algorithm's name, marked if its runs on these games are from earlier random streams."""
    rows = select(results.last(), algorithm=algorithm, variant=variant)
    own = {game: scenarios.configure(game).num_users for game in games}
    rows = rows[rows["num_users"] == rows["scenario"].map(own)]
    return algorithm + (EARLIER if are_earlier(results, rows).any() else "")


def _above_greedy(results: Results) -> str:
    rows, greedy = _defaults(results.last(), "paper"), utility_of(results, "greedy", "paper")
    above = int((rows["utility"] > greedy).sum())
    return (
        f"{above} of {len(rows)} runs on `paper` end above `greedy`, which sees the whole state." if len(rows) else ""
    )


def _defaults(rows: pd.DataFrame, scenario: str) -> pd.DataFrame:
    """Return the rows of all algorithms on a scenario with its own number of users and default settings."""
    return select(rows, scenario=scenario, num_users=scenarios.configure(scenario).num_users, variant="")


def _headline(results: Results) -> str:
    """Name the utilities on the game that the README recommends, the algorithms' and some shipped policies'."""
    rows = _defaults(results.last(), "urban")
    found = {}
    for name, runs in rows.groupby("algorithm"):
        if len(runs) >= LEAST_SEEDS:
            mark = EARLIER if are_earlier(results, runs).any() else ""
            found[f"{name}{mark}"] = iqm(runs["utility"]).value
    shipped = {f"`{name}`": utility_of(results, name, "urban") for name in ("lookahead", "greedy", "fixed")}
    best_first = sorted(found.items(), key=lambda item: -item[1])
    texts = [f"{utility:.1f} ({name})" for name, utility in [*best_first, *shipped.items()] if utility == utility]
    return f"On `urban`, the game to start with, utilities are {listed(texts)}." if found else ""


TABLES["findings"] = findings
