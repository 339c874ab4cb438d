"""The paper's claims (``config/claims.yaml``) with effects and verdicts, for each slot length that there are runs of.

The rule is in :mod:`benchmarks.analysis.verdicts`. What follows from how an algorithm is built, or was measured once,
is listed apart as properties.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks import config
from benchmarks.analysis import effects, verdicts
from benchmarks.analysis.effects import SLOTS, Effect, Name, Property
from benchmarks.analysis.formatting import Rows, p_value, table
from benchmarks.study.store import Results, cached, game_name

_PROPERTIES = (effects.lower_complexity, effects.fault_tolerance)


@dataclass(frozen=True)
class Claim:
    """A claim of the paper with its measured effects by slot length, and its properties by construction."""

    claim: str
    figure: str
    effects: dict[str, list[Effect]]
    properties: list[Property] = field(default_factory=list)

    def outcomes(self, slot: str) -> dict[str, str]:
        """Return the outcome of each statement, by its group."""
        parts: dict[str, list[Effect]] = {}
        for effect in self.effects.get(slot, ()):
            parts.setdefault(effect.statement, []).append(effect)
        evidence = [[effect.evidence for effect in part] for part in parts.values()]
        return dict(zip(parts, verdicts.outcomes(evidence), strict=True))

    def verdict(self, slot: str) -> str:
        """Return the verdict with a slot length."""
        return verdicts.verdict([*self.outcomes(slot).values()])

    def decisive(self, slot: str) -> Effect | None:
        """Return the effect that says most on the verdict: the weakest that holds, or the one most against it."""
        shown, by_statement = self.effects.get(slot, []), self.outcomes(slot)
        if not shown:
            return None
        kind = self.verdict(slot).removesuffix(" in part")
        here = [effect for effect in shown if by_statement[effect.statement] == kind] or shown
        if kind == verdicts.HOLDS:
            return max(here, key=lambda effect: effect.evidence.above)
        return min(here, key=lambda effect: effect.evidence.below)


@cached
def claims(results: Results) -> list[Claim]:
    """Return all of the paper's claims."""
    tables = {name: results.table(name) for name in ("curves", "servers", "complexity", "generalization")}
    tables["final"] = results.last()
    every = {"paper, N = *": [("paper", n) for n in effects.user_counts(tables["final"])]}

    def measured(variant: str, measure: str, rows: str, games: list[str], pairs: Any, **options: Any) -> Iterator[Any]:
        function = getattr(effects, measure)
        if not games:
            yield from function(tables[rows], variant)
        for game in itertools.chain.from_iterable(every.get(name, [(name, None)]) for name in games):
            for ours, theirs in pairs:
                yield from function(tables[rows], *game, _name(ours, variant), _name(theirs, variant), **options)

    found = []
    for entry in config.read("claims.yaml"):
        about, measure = (entry["claim"], entry["figure"]), entry["effect"]
        function = getattr(effects, measure["measure"])
        if function in _PROPERTIES:
            found.append(Claim(*about, {}, [*function(tables[measure["rows"]])]))
            continue
        over = {"games": entry.get("games", []), "pairs": entry.get("pairs", [])}
        shown = {slot: [*measured(variant, **over, **measure)] for slot, variant in SLOTS.items()}
        least = entry.get("least_numbers_of_users", 0)
        counts = {game_name(*game) for games in every.values() for game in games}
        for slot, effects_here in shown.items():
            if len(counts & {effect.game for effect in effects_here}) < least:
                shown[slot] = []
        found.append(Claim(*about, shown))
    return found


def _name(text: str, variant: str) -> Name:
    """Return algorithm and variant; one with a variant of its own has no runs with another slot length."""
    algorithm, _, own = text.removesuffix(")").partition(" (")
    return algorithm, ", ".join(filter(None, (own, variant)))


def _counted(claim: Claim, slot: str) -> str:
    """Return a verdict with the number of statements behind it."""
    found, verdict = [*claim.outcomes(slot).values()], claim.verdict(slot)
    return f"**{verdict}** ({found.count(verdict.removesuffix(' in part'))} of {len(found)})" if found else verdict


@table(name="claims")
def short_table(results: Results) -> Rows:
    """Yield each claim with its verdict and its decisive effect for each slot length."""
    yield "the paper's claim", *itertools.chain.from_iterable((f"slots of {s}", "effect") for s in SLOTS), "figure"
    for claim in claims(results):
        if claim.properties:
            true = sum(found.as_claimed for found in claim.properties)
            shown = ["by construction", f"as claimed in {true} of {len(claim.properties)} comparisons", "-", "-"]
        else:
            shown = [text for s in SLOTS for text in (_counted(claim, s), str(claim.decisive(s) or "-"))]
        yield claim.claim, *shown, claim.figure or "-"


@table(
    "claim | slots | game | effect | seeds | value with 95 % interval | p above | p below | p equal | statement",
    name="effects-of-claims",
)
def full_table(results: Results) -> Rows:
    """Yield every effect with its p-values and the outcome of its statement."""
    for claim in claims(results):
        for slot, measured in claim.effects.items():
            found = claim.outcomes(slot)
            for e in measured:
                tested = map(p_value, e.evidence[:3])
                outcome = found[e.statement]
                yield claim.claim, slot, f"`{e.game}`", e.text, e.seeds, e.interval, *tested, outcome


@table("claim | property | dtomalb | the other | as claimed")
def properties(results: Results) -> Rows:
    """Yield what follows from construction or was measured once."""
    for claim in claims(results):
        for found in claim.properties:
            shown = (f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}" for value in found[1:3])
            yield claim.claim, found.text, *shown, "yes" if found.as_claimed else "no"


@table()
def verdict_rates(results: Results) -> Rows:
    """Yield the shares of verdicts on simulated claims."""
    yield "truth", "seeds", *verdicts.VERDICTS
    for truth, seeds, *shares in results.table("verdict_rates").itertuples(index=False):
        yield truth, seeds, *("-" if share == 0.0 else f"{100 * share:.1f} %" for share in shares)
