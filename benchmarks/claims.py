"""Does the paper hold? Each claim as a measurement with an interval, and a verdict by rule.

A claim is put as statements, each of one or more effects with a 95 % interval and the value that says "no effect". A
statement is true where all of its intervals lie on the claimed side of that value: to be the fastest is to be sooner
than every rival. A claim holds where all of its statements are true, holds in part where some are, and does not hold
where none is. An interval wholly on the other side is told as the opposite.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import effects
from benchmarks.effects import Effect
from benchmarks.figures import style
from benchmarks.rows import Results

_GAMES = ("paper", "paper-load-only")


@dataclass(frozen=True)
class Claim:
    """One of the paper's, with what was measured."""

    claim: str
    figure: str
    effects: Sequence[Effect]

    @property
    def statements(self) -> list[bool]:
        """Which of them are true."""
        parts: dict[str, list[bool]] = {}
        for number, effect in enumerate(self.effects):
            parts.setdefault(effect.group or str(number), []).append(effect.holds)
        return [all(held) for held in parts.values()]

    @property
    def verdict(self) -> str:
        """By the rule of this module."""
        held = self.statements
        if not held:
            return "not measured"
        return "holds" if all(held) else "holds in part" if any(held) else "does not hold"


def claims(results: Results) -> list[Claim]:
    """All of the paper's claims."""
    rows, curves = style.last(results.final()), results.curves()
    others = ("dqn-tolb", "idql-tolb")
    pairs = list(itertools.product(_GAMES, others))
    counts = sorted({row["num_users"] for row in rows if (row["algorithm"], row["scenario"]) == ("dtomalb", "paper")})
    by_users = list(itertools.product(counts, others))
    joint = ("dqn-tolb", "joint head")
    return [
        Claim(
            "DTOMALB converges fastest",
            "5",
            [*_flat(effects.sooner(curves, game, ("dtomalb", ""), (other, "")) for game, other in pairs)],
        ),
        Claim(
            "DTOMALB reaches the highest utility",
            "5",
            [*_flat(effects.better(rows, game, ("dtomalb", ""), (other, "")) for game, other in pairs)],
        ),
        Claim(
            "DTOMALB has the highest utility with any number of users",
            "7",
            [*_flat(effects.better(rows, "paper", ("dtomalb", ""), (o, ""), num_users=n) for n, o in by_users)],
        ),
        Claim(
            "DQN-TOLB (the paper's joint head, `sparse`) is slow",
            "5",
            [
                *effects.sooner(curves, "sparse", ("dtomalb", ""), joint),
                *effects.sooner(curves, "sparse", ("idql-tolb", ""), joint),
            ],
        ),
        Claim(
            "DQN-TOLB (the same) gets stuck below the others",
            "5",
            [
                *effects.better(rows, "sparse", ("dtomalb", ""), joint),
                *effects.better(rows, "sparse", ("idql-tolb", ""), joint),
            ],
        ),
        Claim(
            "IDQL-TOLB is unstable",
            "5",
            [*_flat(effects.unsteady(curves, game, "idql-tolb", "dtomalb") for game in _GAMES)],
        ),
        Claim(
            "the balancing term speeds up convergence",
            "6",
            [*_flat(effects.sooner(curves, game, ("dtomalb", ""), ("dtoma", "")) for game in _GAMES)],
        ),
        Claim(
            "the balancing term raises the utility",
            "6, 7",
            [
                *_flat(
                    effects.better(rows, game, ("dtomalb", ""), ("dtoma", ""), num_users=num_users)
                    for game, num_users in [*(("paper", n) for n in counts), ("paper-load-only", None)]
                )
            ],
        ),
        Claim(
            "the balancing term lowers var(LD)",
            "6",
            [*_flat(effects.better(rows, game, ("dtomalb", ""), ("dtoma", ""), "imbalance") for game in _GAMES)],
        ),
        Claim("the utility falls with the number of users", "7", [*effects.falling(rows)]),
        Claim("faster servers get more tasks", "8", [*effects.faster_get_more(results.servers())]),
        Claim("load factors even out over the servers", "8", [*effects.even(results.servers())]),
        Claim(
            "DTOMALB has the lower delay",
            "7",
            [
                *_flat(
                    effects.better(rows, game, ("dtomalb", ""), (other, ""), "mean_delay_s", num_users)
                    for game, num_users, other in [
                        *(("paper", n, o) for n, o in by_users),
                        *(("paper-load-only", None, o) for o in others),
                    ]
                )
            ],
        ),
        Claim("DTOMALB is less complex than a centralised DQN", "joint-head", [*effects.cheaper(results.complexity())]),
        Claim("there is no single point of failure", "", [*effects.survives(results.elsewhere())]),
    ]


def table(results: Results) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of all claims."""
    body = [
        [claim.claim, claim.figure, "<br>".join(map(str, claim.effects)) or "-", f"**{claim.verdict}**"]
        for claim in claims(results)
    ]
    return ["the paper's claim", "figure", "measured, with its 95 % interval", "verdict"], body


def short_table(results: Results) -> tuple[list[str], list[list[str]]]:
    """The same with the first effect of each claim alone, and how many of its statements are true."""
    body = []
    for claim in claims(results):
        true = f"{sum(claim.statements)} of {len(claim.statements)}"
        first = str(claim.effects[0]) if claim.effects else "-"
        body.append([claim.claim, claim.figure, first, true, f"**{claim.verdict}**"])
    head = ["the paper's claim", "figure", "first of what was measured, with its 95 % interval"]
    return [*head, "statements that are true", "verdict"], body


def _flat(parts: Any) -> Iterator[Effect]:
    return itertools.chain.from_iterable(parts)
