"""Verdicts on the paper's claims (``config/claims.yaml``), by rule from effects with confidence intervals.

A claim consists of statements, each of one or more effects with a 95 % interval and a neutral value. A statement is
true where all of its intervals lie on the claimed side: to be the fastest is to be faster than every rival. A claim
holds where all of its statements are true, holds in part where some are, and does not hold where none is. An effect
whose whole interval lies on the other side is marked as contradicted.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks import config
from benchmarks.analysis import effects
from benchmarks.analysis.effects import Effect, Name
from benchmarks.analysis.formatting import Rows, table
from benchmarks.study.store import Results


@dataclass(frozen=True)
class Claim:
    """A claim of the paper with its measured effects."""

    claim: str
    figure: str
    effects: list[Effect]

    @property
    def statements(self) -> list[bool]:
        """Truth of each statement."""
        parts: dict[str, list[bool]] = {}
        for number, effect in enumerate(self.effects):
            parts.setdefault(effect.group or str(number), []).append(effect.holds)
        return [all(held) for held in parts.values()]

    @property
    def verdict(self) -> str:
        """The verdict by the rule of this module."""
        held = self.statements
        if not held:
            return "not measured"
        return "holds" if all(held) else "holds in part" if any(held) else "does not hold"


def claims(results: Results) -> list[Claim]:
    """Return all of the paper's claims."""
    tables = {name: results.table(name) for name in ("curves", "servers", "complexity", "generalization")}
    tables["final"] = results.last()

    def measured(measure: str, rows: str, games: list[str], pairs: list[list[str]], **options: Any) -> Iterator[Effect]:
        function = getattr(effects, measure)
        if not games:
            yield from function(tables[rows])
        every = {"paper, N = *": [("paper", n) for n in effects.user_counts(tables["final"])]}
        for game in itertools.chain.from_iterable(every.get(name, [(name, None)]) for name in games):
            for ours, theirs in pairs:
                yield from function(tables[rows], *game, _name(ours), _name(theirs), **options)

    return [
        Claim(c["claim"], c["figure"], [*measured(games=c.get("games", []), pairs=c.get("pairs", []), **c["effect"])])
        for c in config.read("claims.yaml")
    ]


def _name(label: str) -> Name:
    algorithm, _, variant = label.removesuffix(")").partition(" (")
    return algorithm, variant


@table("the paper's claim | figure | measured effects with 95 % intervals | verdict", name="claims")
def full_table(results: Results) -> Rows:
    """Yield all claims with all effects."""
    for claim in claims(results):
        yield claim.claim, claim.figure, "<br>".join(map(str, claim.effects)) or "-", f"**{claim.verdict}**"


@table(
    "the paper's claim | figure | first measured effect with its 95 % interval | true statements | verdict",
    name="claims-in-short",
)
def short_table(results: Results) -> Rows:
    """Yield all claims with the first effect of each and the number of true statements."""
    for claim in claims(results):
        true = f"{sum(claim.statements)} of {len(claim.statements)}"
        yield claim.claim, claim.figure, str([*claim.effects, "-"][0]), true, f"**{claim.verdict}**"
