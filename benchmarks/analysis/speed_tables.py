"""Tables of speed: throughput, training, scaling and long runs."""

import functools
import json
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.analysis.formatting import TABLES, Rows, table
from benchmarks.speed.soak import length
from benchmarks.speed.updates import AS_IT_IS, FORMS
from benchmarks.study.store import Results
from edgeoffload_env import scenarios

MACHINES, CORES = 100, 8
TRIALS, TRIAL_S = 10_000, 80.0
"""The calculated study: ten algorithms on ten games with a hundred seeds, trials as long as DTOMALB's on ``paper``."""


def _read(results: Results, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((results.folder / f"{name}.json").read_text(encoding="utf-8"))
    return content


def _spread(text: str, found: dict[str, Any]) -> tuple[str, ...]:
    median, *quartiles = (f"{x:,.0f}" if x >= 100 else f"{x:.2f}" for x in (found["median"], *found["quartiles"]))
    return text, median, " to ".join(quartiles)


@table("measured | median | quartiles")
def throughput(results: Results) -> Rows:
    """Ratios of throughput to the yardsticks."""
    content = _read(results, "throughput")
    single = content["single"]["times_simple_spread"]
    yield _spread("steps of one game, in steps of MPE2's `simple_spread_v3` (both N = 10)", single)
    for name, ratio in content["vector"]["of_hand_compiled"].items():
        yield _spread(f"4,096 games on {name}, as a fraction of a loop compiled by hand", ratio)
    for name, backend in content["growth"].items():
        yield _spread(f"time per agent-step at N = 1,000 over that at N = 10, {name}", backend["N=1000 over N=10"])


@table("scenario | users | one game | many games on numpy")
def effects_speed(results: Results) -> Rows:
    """Time of a step with effects, over that of ``paper`` with as many users."""
    found = _read(results, "throughput").get("effects", {"single": {}, "vector": {}})
    for name in found["single"]:
        cells = [_spread("", view[name]) for view in (found["single"], found["vector"])]
        yield (
            f"`{name}`",
            scenarios.configure(name).num_users,
            *(f"{median} ({low_high})" for _, median, low_high in cells),
        )


@table("measured | median | quartiles")
def training(results: Results) -> Rows:
    """Speed of training."""
    content = _read(results, "training")
    for games, rate in content["sampling_env_steps_per_s"].items():
        yield _spread(f"env steps a second sampled, {games}", rate)
    yield _spread("time of a DTOMALB update over that of bare torch", content["update_times_bare_torch"])
    yield _spread("env steps a second of DTOMALB's whole training", content["loop_env_steps_per_s"])
    for games, rates in content.get("agilerl", {}).items():
        yield _spread(f"env steps a second of AgileRL's MADDPG, {games}", rates["agilerl"])
        yield _spread(f"DTOMALB's over AgileRL's, {games}", rates["ours_times_agilerl"])


@table("env steps a second of a training on `paper` | median | quartiles | times rllib-ppo's")
def training_speed(results: Results) -> Rows:
    """Speed of every algorithm with its defaults, against RLlib's own PPO."""
    found = _read(results, "training").get("algorithms", {"env_steps_per_s": {}, "times_rllib_ppo": {}})
    for name, rate in found["env_steps_per_s"].items():
        times = found["times_rllib_ppo"].get(name)
        yield *_spread(f"`{name}`", rate), "-" if times is None else f"{times['median']:.2f}"


@table("an update of | form | time, of the default's | quartiles | first update / s")
def updates(results: Results) -> Rows:
    """Updates in other forms."""
    for name, forms in _read(results, "updates").items():
        for form, found in forms.items() if name in FORMS else ():
            if form != AS_IT_IS:
                _, median, quartiles = _spread(form, found["times_as_it_is"])
                first_s = found["first_update_s"]
                yield f"`{name}`", form, median, quartiles, f"{first_s:.2f}" if first_s < 1 else f"{first_s:.0f}"


@table(name="scale-games")
def sizes(results: Results, part: str = "games") -> Rows:
    """Time and memory of every size of the vector view (``games``) or of the parallel view (``single``)."""
    names = ["games", "users", "servers"] if part == "games" else ["users"]
    yield *names, "ns per agent-step", "env steps a second", "peak memory / MB"
    for row in _read(results, "scale")[part]["sizes"]:
        rate = row["env_steps_per_s"]["median"]
        measured = (f"{row['agent_step_ns']['median']:,.0f}", f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}")
        yield *(f"{row[name]:,}" for name in names), *measured, f"{row['peak_memory_mb']:,.0f}"


TABLES["scale-single"] = functools.partial(sizes, part="single")


@table("time of a step over | exponent | steepest between neighbours", name="scale-growth")
def growth(results: Results) -> Rows:
    """Exponents over the last tenfold of each range, and the steepest between neighbouring sizes."""
    content = _read(results, "scale")
    for view, part in (("vector_env", "games"), ("parallel_env", "single")):
        for what, exponent in content[part]["exponent_over_the_last_tenfold"].items():
            yield f"`{view}`, {what}", f"{exponent:.2f}", f"{_steepest(content[part]['sizes'], what):.2f}"


def _steepest(sizes: list[dict[str, Any]], what: str) -> float:
    """Return the steepest exponent between neighbours over the last tenfold of the longest run of rising values."""
    rows = pd.json_normalize(sizes)
    falls = (rows[what].diff() <= 0).cumsum()
    rows = rows[falls == falls.mode()[0]]
    last = rows[10 * rows[what] >= rows[what].iloc[-1]]
    together = last["games"] if what == "games" else 1  # a step of all games, else of one
    times = together / last["env_steps_per_s.median"]
    return float((np.diff(np.log(times)) / np.diff(np.log(last[what]))).max())


@table("measured or calculated | value", name="scale-sweep")
def sweep(results: Results) -> Rows:
    """Overhead of a sweep, and the calculated time of a large study."""
    found, workers = _read(results, "scale")["sweep"], MACHINES * CORES
    ideal_s = TRIALS * TRIAL_S / workers
    expected_s = found["once_s"] + -(-TRIALS // workers) * (TRIAL_S + found["overhead_s_each"])
    study, trained = f"{TRIALS:,} trials of {TRIAL_S:.0f} s", f"training of {found['env_steps_each']:,} env steps"
    minutes = f"at least {expected_s / 60:.0f} min, against {ideal_s / 60:.0f} min at perfect utilization"
    yield "fixed cost of a sweep (start and end of Ray, the table)", f"{found['once_s']:.1f} s"
    trial = "overhead of a trial (process, imports, networks; final evaluations)"
    yield trial, f"{found['overhead_s_each']:.1f} s"
    yield f"{trained} (`idql-tolb` on `sparse`)", f"{found['training_s_each']:.1f} s"
    yield "the same sweep with two workers on two cores", f"{found['times_as_fast_with_two']:.2f} times as fast"
    yield f"{study} on {MACHINES} machines of {CORES} cores, calculated", minutes
    rows = "rows received by the driver, one for each 1 % of a trial, calculated"
    yield rows, f"{100 * TRIALS / expected_s:,.0f} a second"


@table("run | length | MB after half | MB at the end | peak MB | mean delay / s, first half | second half")
def soak(results: Results) -> Rows:
    """Memory and mean delays of long runs."""
    for name, found in _read(results, "soak").items():
        if name != "machine":
            delays = found.get("mean_delay_s", {}).values()
            halves = [f"{half['mean']:.4f} ± {1.96 * half['standard_error']:.4f}" for half in delays]
            memory = [f"{found['memory_mb'][when]:,.0f}" for when in ("after half", "at the end", "most")]
            yield name, length(found["env_steps"], found["minutes"]), *memory, *(halves or ["-", "-"])
