"""The small trace that comes with the package: made-up requests to a language model, in bursts.

``python -m edgeoffload_env.example_trace`` writes it anew.
"""

import random
from pathlib import Path

EXAMPLE_TRACE = str(Path(__file__).parent / "data" / "example_trace.csv")
"""Path of the file: 2000 tasks in about 80 s, with columns ``time_s``, ``tokens_in``, ``tokens_out``, ``bits`` and
``cycles``."""

TASKS, SEED = 2000, 0
BITS = {"tokens_in": 2000.0, "constant": 8e5}
"""Bits of a task, as factors of the tokens."""
CYCLES = {"tokens_in": 5e5, "tokens_out": 1e7, "constant": 2e8}
"""CPU cycles of a task, as factors of the tokens."""
_BURST_S, _PAUSE_S = 2.0, 3.0  # mean lengths
_BURST_HZ, _PAUSE_HZ = 45.0, 12.0  # arrivals a second


def example_trace() -> str:
    """Return the file's text: arrivals at a rate that switches between two levels, tokens of heavy-tailed numbers.

    Drawn by Python's own generator, whose numbers stay the same from version to version.
    """
    rng = random.Random(SEED)
    lines = ["time_s,tokens_in,tokens_out,bits,cycles"]
    time_s, bursting = 0.0, False
    switch_s = rng.expovariate(1.0 / _PAUSE_S)
    while len(lines) <= TASKS:
        gap_s = rng.expovariate(_BURST_HZ if bursting else _PAUSE_HZ)
        if time_s + gap_s > switch_s:
            time_s, bursting = switch_s, not bursting
            switch_s += rng.expovariate(1.0 / (_BURST_S if bursting else _PAUSE_S))
            continue
        time_s += gap_s
        tokens = {
            "tokens_in": min(4000, round(rng.lognormvariate(6.0, 0.8))),
            "tokens_out": min(1000, 1 + round(rng.lognormvariate(4.0, 0.9))),
        }
        bits, cycles = (
            factors["constant"] + sum(factors[name] * count for name, count in tokens.items() if name in factors)
            for factors in (BITS, CYCLES)
        )
        lines.append(f"{time_s:.3f},{tokens['tokens_in']},{tokens['tokens_out']},{bits:.0f},{cycles:.0f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(EXAMPLE_TRACE).write_text(example_trace(), encoding="utf-8")
