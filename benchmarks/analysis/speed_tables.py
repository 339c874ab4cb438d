"""Tables of speed: throughput, training, scaling and long runs."""

import itertools
import json
import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from benchmarks.study.store import Results

MACHINES, CORES = 100, 8
TRIALS, TRIAL_S = 10_000, 80.0
"""The calculated study: ten algorithms on ten games with a hundred seeds, trials as long as DTOMALB's on ``paper``."""


def _read(results: Results, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((results.folder / f"{name}.json").read_text(encoding="utf-8"))
    return content


def _ratios(rows: Iterable[tuple[str, dict[str, Any]]]) -> pd.DataFrame:
    def text(value: float) -> str:
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"

    body = [[what, text(r["median"]), " to ".join(map(text, r["quartiles"]))] for what, r in rows]
    return pd.DataFrame(body, columns=["measured", "median", "quartiles"])


def throughput(results: Results) -> pd.DataFrame:
    """Ratios of throughput to the yardsticks."""
    content = _read(results, "throughput")
    single = content["single"]["times_simple_spread"]
    rows = [("steps of one game, in steps of MPE2's `simple_spread_v3` (both N = 10)", single)]
    for name, ratio in content["vector"]["of_hand_compiled"].items():
        rows.append((f"4,096 games on {name}, as a fraction of a loop compiled by hand", ratio))
    for name, backend in content["growth"].items():
        rows.append((f"time per agent-step at N = 1,000 over that at N = 10, {name}", backend["N=1000 over N=10"]))
    return _ratios(rows)


def training(results: Results) -> pd.DataFrame:
    """Speed of training."""
    content = _read(results, "training")
    sampled = content["sampling_env_steps_per_s"].items()
    rows = [(f"env steps a second sampled, {games}", rate) for games, rate in sampled]
    rows.append(("time of a DTOMALB update over that of bare torch", content["update_times_bare_torch"]))
    rows.append(("env steps a second of DTOMALB's whole training", content["loop_env_steps_per_s"]))
    for games, rates in content.get("agilerl", {}).items():
        rows.append((f"env steps a second of AgileRL's MADDPG, {games}", rates["agilerl"]))
        rows.append((f"DTOMALB's over AgileRL's, {games}", rates["ours_times_agilerl"]))
    return _ratios(rows)


def sizes(results: Results, part: str) -> pd.DataFrame:
    """Time and memory of every size of the vector view (``games``) or of the parallel view (``single``)."""
    names, body = ["games", "users", "servers"] if part == "games" else ["users"], []
    for row in _read(results, "scale")[part]["sizes"]:
        rate = row["env_steps_per_s"]["median"]
        measured = (f"{row['agent_step_ns']['median']:,.0f}", f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}")
        body.append([*(f"{row[name]:,}" for name in names), *measured, f"{row['peak_memory_mb']:,.0f}"])
    return pd.DataFrame(body, columns=[*names, "ns per agent-step", "env steps a second", "peak memory / MB"])


def growth(results: Results) -> pd.DataFrame:
    """Exponents over the last tenfold of each range, and the steepest between neighbouring sizes."""
    content, body = _read(results, "scale"), []
    parts = {"vector_env": "games", "parallel_env": "single"}
    pairs = [("vector_env", "games"), ("vector_env", "users"), ("vector_env", "servers"), ("parallel_env", "users")]
    for view, what in pairs:
        part = parts[view]
        over = content[part]["exponent_over_the_last_tenfold"][what]
        steepest = _steepest(_range_of(content[part]["sizes"], what), what)
        body.append([f"`{view}`, {what}", f"{over:.2f}", f"{steepest:.2f}"])
    return pd.DataFrame(body, columns=["time of a step over", "exponent", "steepest between neighbours"])


def _range_of(sizes: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """Return the sizes along one dimension: the longest run of rising values."""
    rising: list[list[dict[str, Any]]] = [[]]
    for row in sizes:
        if rising[-1] and row[what] <= rising[-1][-1][what]:
            rising.append([])
        rising[-1].append(row)
    return max(rising, key=len)


def _steepest(rows: list[dict[str, Any]], what: str) -> float:
    """Return the steepest exponent between neighbours over the last tenfold."""
    last = [row for row in rows if 10 * row[what] >= rows[-1][what]]
    together = what == "games"  # a step of all games, else of one
    times = [(row[what], (row["games"] if together else 1) / row["env_steps_per_s"]["median"]) for row in last]
    return max(math.log(b[1] / a[1]) / math.log(b[0] / a[0]) for a, b in itertools.pairwise(times))


def sweep(results: Results) -> pd.DataFrame:
    """Overhead of a sweep, and the calculated time of a large study."""
    found, workers = _read(results, "scale")["sweep"], MACHINES * CORES
    ideal_s = TRIALS * TRIAL_S / workers
    expected_s = found["once_s"] + -(-TRIALS // workers) * (TRIAL_S + found["overhead_s_each"])
    rate = 100 * TRIALS / expected_s
    steps, study = f"{found['env_steps_each']:,}", f"{TRIALS:,} trials of {TRIAL_S:.0f} s"
    minutes = f"at least {expected_s / 60:.0f} min, against {ideal_s / 60:.0f} min at perfect utilization"
    rows = {
        "fixed cost of a sweep (start and end of Ray, the table)": f"{found['once_s']:.1f} s",
        "overhead of a trial (process, imports, networks; final evaluations)": f"{found['overhead_s_each']:.1f} s",
        f"training of {steps} env steps (`idql-tolb` on `sparse`)": f"{found['training_s_each']:.1f} s",
        "the same sweep with two workers on two cores": f"{found['times_as_fast_with_two']:.2f} times as fast",
        f"{study} on {MACHINES} machines of {CORES} cores, calculated": minutes,
        "rows received by the driver, one for each 1 % of a trial, calculated": f"{rate:,.0f} a second",
    }
    return pd.DataFrame(rows.items(), columns=["measured or calculated", "value"])


def soak(results: Results) -> pd.DataFrame:
    """Memory and mean delays of long runs."""
    body = []
    for name, found in _read(results, "soak").items():
        if name != "machine":
            delays = found.get("mean_delay_s", {}).values()
            halves = [f"{half['mean']:.4f} ± {1.96 * half['standard_error']:.4f}" for half in delays]
            memory = [f"{found['memory_mb'][when]:,.0f}" for when in ("after half", "at the end", "most")]
            steps = found["env_steps"]
            length = f"{steps:,} env steps" if steps else f"{found['minutes']:.0f} minutes"
            body.append([name, length, *memory, *(halves or ["-", "-"])])
    head = ["run", "length", "MB after half", "MB at the end", "peak MB", "mean delay / s, first half", "second half"]
    return pd.DataFrame(body, columns=head)
