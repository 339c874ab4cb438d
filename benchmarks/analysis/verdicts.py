"""Verdicts from rank tests, by rule, with the error rates that the rule has on simulated runs.

A statement consists of one or more comparisons and has one of four outcomes:

* **holds**: every comparison is above neutral;
* **contradicted**: one of them is below it;
* **equivalent**: all are within the margin, by two one-sided tests;
* **inconclusive**: none of these is shown.

Each direction is tested at 2.5 %, equivalence at 5 %, with Holm's correction over the statements of a claim. A claim
holds where all of its statements do, and holds in part where some do. Where none does, it is contradicted if one
statement is, equivalent if all are, and inconclusive otherwise.
"""

import math
from collections.abc import Sequence

from benchmarks.analysis.statistics import Evidence, holm

HOLDS, IN_PART, CONTRADICTED, EQUIVALENT = "holds", "holds in part", "contradicted", "equivalent"
INCONCLUSIVE, NOT_MEASURED = "inconclusive", "not measured"
VERDICTS = (HOLDS, IN_PART, CONTRADICTED, EQUIVALENT, INCONCLUSIVE)
ALPHA = 0.05


def outcomes(statements: Sequence[Sequence[Evidence]]) -> list[str]:
    """Return the outcome of each statement of a claim."""
    least = [max(e.least for e in s) for s in statements]
    above = holm([max(e.above for e in s) for s in statements], least, ALPHA / 2)
    below = [len(s) * min(e.below for e in s) for s in statements]
    contradicted = holm(below, [len(s) * min(e.least for e in s) for s in statements], ALPHA / 2)
    unknown = [any(math.isnan(e.equal) for e in s) for s in statements]
    equal = holm(
        [math.inf if no_margin else max(e.equal for e in s) for no_margin, s in zip(unknown, statements, strict=True)],
        [math.inf if no_margin else p for no_margin, p in zip(unknown, least, strict=True)],
        ALPHA,
    )
    names = (HOLDS, CONTRADICTED, EQUIVALENT)
    found = zip(above, contradicted, equal, strict=True)
    return [next((name for name, shown in zip(names, s, strict=True) if shown), INCONCLUSIVE) for s in found]


def verdict(found: Sequence[str]) -> str:
    """Return the verdict on a claim with these outcomes of its statements."""
    if not found:
        return NOT_MEASURED
    if HOLDS in found:
        return HOLDS if set(found) == {HOLDS} else IN_PART
    if CONTRADICTED in found:
        return CONTRADICTED
    return EQUIVALENT if set(found) == {EQUIVALENT} else INCONCLUSIVE
