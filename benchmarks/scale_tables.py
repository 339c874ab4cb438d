"""Tables of how cost grows and of long runs, from ``scale.json`` and ``soak.json``."""

import itertools
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.soak import length

Table = tuple[Iterable[str], Iterable[Iterable[str]]]

MACHINES, CORES = 100, 8
TRIALS, TRIAL_S = 10_000, 80.0
"""The study that is calculated: as many trials as ten algorithms on ten games with a hundred seeds, each as long as
DTOMALB's on ``paper``."""


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def games(results: Path) -> Table:
    """Every size of the vector view."""
    rows = _read(results / "scale.json")["games"]["sizes"]
    return ("games", "users", "servers", "ns per agent-step", "env steps a second", "peak memory / MB"), [
        [f"{row['games']:,}", f"{row['users']:,}", f"{row['servers']:,}", *_measured(row)] for row in rows
    ]


def single(results: Path) -> Table:
    """Every size of the parallel game."""
    rows = _read(results / "scale.json")["single"]["sizes"]
    return ("users", "ns per agent-step", "env steps a second", "peak memory / MB"), [
        [f"{row['users']:,}", *_measured(row)] for row in rows
    ]


def _measured(row: dict[str, Any]) -> list[str]:
    rate = row["env_steps_per_s"]["median"]
    shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
    return [f"{row['agent_step_ns']['median']:,.0f}", shown, f"{row['peak_memory_mb']:,.0f}"]


def growth(results: Path) -> Table:
    """The exponents over the last tenfold of each range, and the steepest between two neighbouring sizes of it."""
    content = _read(results / "scale.json")
    games, single_game = content["games"], content["single"]
    body = []
    for what in ("games", "users", "servers"):
        over = games["exponent_over_the_last_tenfold"][what]
        body.append([f"`vector_env`, {what}", f"{over:.2f}", f"{_steepest(_range_of(games['sizes'], what), what):.2f}"])
    over = single_game["exponent_over_the_last_tenfold"]["users"]
    body.append(["`parallel_env`, users", f"{over:.2f}", f"{_steepest(single_game['sizes'], 'users'):.2f}"])
    return ("a step's time grows like", "to the power of", "steepest between neighbours"), body


def _range_of(sizes: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """The sizes that were measured to see one number grow: its first run of rising values."""
    rising: list[list[dict[str, Any]]] = [[]]
    for row in sizes:
        if rising[-1] and row[what] <= rising[-1][-1][what]:
            rising.append([])
        rising[-1].append(row)
    return max(rising, key=len)


def _steepest(rows: list[dict[str, Any]], what: str) -> float:
    """Over the last tenfold."""
    last = [row for row in rows if 10 * row[what] >= rows[-1][what]]
    together = what == "games"  # a step of all, else of one
    times = [(row[what], (row["games"] if together else 1) / row["env_steps_per_s"]["median"]) for row in last]
    return max(
        math.log(later[1] / earlier[1]) / math.log(later[0] / earlier[0])
        for earlier, later in itertools.pairwise(times)
    )


def sweep(results: Path) -> Table:
    """What a sweep costs beside the training itself, and what follows for many machines."""
    found = _read(results / "scale.json")["sweep"]
    workers = MACHINES * CORES
    rounds = -(-TRIALS // workers)
    ideal_s = TRIALS * TRIAL_S / workers
    expected_s = found["once_s"] + rounds * (TRIAL_S + found["overhead_s_each"])
    return ("measured, calculated", "value"), [
        ["once for a sweep (Ray's start, its end, the table)", f"{found['once_s']:.1f} s"],
        [
            "with each trial (a process, its imports, its networks; evaluations at its end)",
            f"{found['overhead_s_each']:.1f} s",
        ],
        [
            f"training of {found['env_steps_each']:,} env steps (`idql-tolb` on `sparse`)",
            f"{found['training_s_each']:.1f} s",
        ],
        ["the same sweep with two workers on two cores", f"{found['times_as_fast_with_two']:.2f} times as fast"],
        [
            f"{TRIALS:,} trials of {TRIAL_S:.0f} s on {MACHINES} machines of {CORES} cores, calculated",
            f"at least {expected_s / 60:.0f} min, where perfect use would take {ideal_s / 60:.0f} min",
        ],
        [
            "rows that the one driver has to take meanwhile, one for each 1 % of a trial, calculated",
            f"{100 * TRIALS / expected_s:,.0f} a second",
        ],
    ]


def soak(results: Path) -> Table:
    """Memory and mean delays of long runs."""
    content = _read(results / "soak.json")
    rows = []
    for name, found in content.items():
        if name == "machine":
            continue
        memory, delay = found["memory_mb"], found.get("mean_delay_s")
        halves = [f"{half['mean']:.4f} ± {1.96 * half['standard_error']:.4f}" for half in (delay or {}).values()]
        shown = [f"{memory[when]:,.0f}" for when in ("after half", "at the end", "most")]
        rows.append([name, length(found["env_steps"], found["minutes"]), *shown, *(halves or ["-", "-"])])
    head = ("run", "length", "MB after half", "MB at the end", "most", "mean delay / s, first half", "second half")
    return head, rows
