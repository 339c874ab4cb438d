"""Verdicts on the paper's claims, by rule from effects with confidence intervals.

A claim consists of statements, each of one or more effects with a 95 % interval and a neutral value. A statement is
true where all of its intervals lie on the claimed side: to be the fastest is to be faster than every rival. A claim
holds where all of its statements are true, holds in part where some are, and does not hold where none is. An effect
whose whole interval lies on the other side is marked as contradicted.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from benchmarks.analysis import effects
from benchmarks.analysis.effects import Effect
from benchmarks.study.store import Results, select

_GAMES = ("paper", "paper-load-only")
_OURS, _DTOMA, _DQN, _IDQL = (("dtomalb", ""), ("dtoma", ""), ("dqn-tolb", ""), ("idql-tolb", ""))
_JOINT = ("dqn-tolb", "joint head")


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
    rows, curves, servers = results.last(), results.table("curves"), results.table("servers")
    counts = sorted(set(select(rows, algorithm="dtomalb", scenario="paper")["num_users"]))
    by_users = [(game, n) for game, n in [*(("paper", n) for n in counts), ("paper-load-only", None)]]
    rivals = (_DQN, _IDQL)

    def faster(games: Iterable[str], *pairs: tuple[effects.Name, effects.Name]) -> list[Effect]:
        return [e for g in games for pair in pairs for e in effects.time_to_threshold(curves, g, *pair)]

    def ahead(
        games: Iterable[tuple[str, int | None]], *pairs: tuple[effects.Name, effects.Name], metric: str = "utility"
    ) -> list[Effect]:
        found = (effects.mean_difference(rows, g, *pair, metric, n) for g, n in games for pair in pairs)
        return [effect for part in found for effect in part]

    both = [(game, None) for game in _GAMES]
    ours = [(_OURS, rival) for rival in rivals]
    joint = [(_OURS, _JOINT), (_IDQL, _JOINT)]
    unstable = [e for game in _GAMES for e in effects.instability(curves, game, "idql-tolb", "dtomalb")]
    return [
        Claim("DTOMALB converges fastest", "5", faster(_GAMES, *ours)),
        Claim("DTOMALB reaches the highest utility", "5", ahead(both, *ours)),
        Claim("DTOMALB has the highest utility with any number of users", "7", ahead(by_users[:-1], *ours)),
        Claim("DQN-TOLB (the paper's joint head, `sparse`) is slow", "5", faster(["sparse"], *joint)),
        Claim("DQN-TOLB (the same) gets stuck below the others", "5", ahead([("sparse", None)], *joint)),
        Claim("IDQL-TOLB is unstable", "5", unstable),
        Claim("the balancing term speeds up convergence", "6", faster(_GAMES, (_OURS, _DTOMA))),
        Claim("the balancing term raises the utility", "6, 7", ahead(by_users, (_OURS, _DTOMA))),
        Claim("the balancing term lowers var(LD)", "6", ahead(both, (_OURS, _DTOMA), metric="imbalance")),
        Claim("the utility falls with the number of users", "7", [*effects.utility_over_users(rows)]),
        Claim("faster servers get more tasks", "8", [*effects.task_share_by_speed(servers)]),
        Claim("load factors even out over the servers", "8", [*effects.load_evenness(servers)]),
        Claim("DTOMALB has the lower delay", "7", ahead(by_users, *ours, metric="mean_delay_s")),
        Claim(
            "DTOMALB is less complex than a centralised DQN",
            "joint-head",
            [*effects.lower_complexity(results.table("complexity"))],
        ),
        Claim("there is no single point of failure", "", [*effects.fault_tolerance(results.table("generalization"))]),
    ]


def table(results: Results) -> pd.DataFrame:
    """Return the table of all claims with all effects."""
    return pd.DataFrame(
        [
            (claim.claim, claim.figure, "<br>".join(map(str, claim.effects)) or "-", f"**{claim.verdict}**")
            for claim in claims(results)
        ],
        columns=["the paper's claim", "figure", "measured effects with 95 % intervals", "verdict"],
    )


def short_table(results: Results) -> pd.DataFrame:
    """Return the table of all claims with the first effect of each and the number of true statements."""
    body = []
    for claim in claims(results):
        true = f"{sum(claim.statements)} of {len(claim.statements)}"
        first = str(claim.effects[0]) if claim.effects else "-"
        body.append((claim.claim, claim.figure, first, true, f"**{claim.verdict}**"))
    head = ["the paper's claim", "figure", "first measured effect with its 95 % interval", "true statements", "verdict"]
    return pd.DataFrame(body, columns=head)
