"""Cost over users, servers and games, and of trials on more than one core.

* ``games``: time per agent-step and peak memory of the numpy ``vector_env`` from 10 to 10,000 users, 5 to 1,000 servers
  and 1 to 100,000 games.
* ``single``: the same of the parallel game, with its dicts and infos, from 10 to 10,000 users.
* ``sweep``: seconds of a sweep of short runs with one worker and with two, split into a fixed cost, the overhead of a
  trial, and training.

Every size runs in its own process, since a process does not give memory back. Times are CPU seconds of one thread;
those of sweeps are wall-clock.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from benchmarks.speed import report
from benchmarks.speed.timing import ENDLESS, Steps, Timing, repeat, spread, take_turns
from edgeoffload_env import edgeoffload_v0
from edgeoffload_env.agents import action_count

FULL, QUICK = Timing(rounds=7, turn_s=0.5), Timing(rounds=2, turn_s=0.05)
_USERS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
RANGES = {
    "games": {
        "games": [(games, 10, 5) for games in (1, 10, 100, 1_000, 10_000, 100_000)],
        "users": [(max(1, 10_000 // users), users, 5) for users in _USERS],
        "servers": [(100, 100, servers) for servers in (5, 10, 30, 100, 300, 1_000)],
    },
    "single": {"users": [(0, users, 5) for users in _USERS]},
}
"""Games (0: the parallel view), users and servers of each size: each range on its own, the others held."""
RUN_STEPS, FEWEST_STEPS, RUNS = 40_000, 200, 4


def _steps(games: int, users: int, servers: int) -> Steps:
    """Return the steps of a vector view, or of the parallel view for 0 games."""
    config: dict[str, Any] = {"num_users": users, "server_hz": tuple(np.linspace(12e9, 20e9, servers))}
    config["max_cycles"] = ENDLESS
    if not games:
        env = edgeoffload_v0.parallel_env("paper", **config)
        env.reset(seed=0)
        actions = {user: i % action_count(env.config) for i, user in enumerate(env.possible_agents)}
        return repeat(lambda: env.step(actions))
    vector = edgeoffload_v0.vector_env(games, "paper", **config)
    vector.reset(seed=0)
    drawn = np.random.default_rng(0).integers(0, servers + 1, (games, users))
    return repeat(lambda: vector.step(drawn))


def measure(games: int, users: int, servers: int, timing: Timing) -> dict[str, Any]:
    """Measure time and memory of a size in this process; 0 games stand for the parallel view."""
    import resource

    seconds = take_turns({"steps": _steps(games, users, servers)}, timing)["steps"]
    agents = max(games, 1) * users
    return {
        "games": games,
        "users": users,
        "servers": servers,
        "agent_step_ns": spread([1e9 * value / agents for value in seconds]),
        "env_steps_per_s": spread([max(games, 1) / value for value in seconds]),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,  # KiB on Linux
    }


def growth(rows: list[dict[str, Any]], name: str) -> float:
    """Return the exponent of a whole step's time over the last tenfold of a size: 1 is in proportion."""
    last = rows[-1]
    first = max((row for row in rows if row[name] * 10 <= last[name]), key=lambda row: row[name])
    games = [max(row["games"], 1) if name == "games" else 1 for row in (first, last)]
    times = [row["agent_step_ns"]["median"] * row["users"] * n for row, n in zip((first, last), games, strict=True)]
    return float(np.log(times[1] / times[0]) / np.log(last[name] / first[name]))


def sizes(part: str, *, quick: bool) -> dict[str, Any]:
    """Measure all sizes of a view, and the growth of its cost."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, each in RANGES[part].items():
        rows[name] = []
        for size in each[:2] if quick else each:
            rows[name].append(report.in_process(measure, *size, QUICK if quick else FULL))
            print(f"{size}: {rows[name][-1]['agent_step_ns']['median']:.0f} ns per agent-step", file=sys.stderr)
    exponents = {} if quick else {name: growth(found, name) for name, found in rows.items()}
    return {"sizes": [row for found in rows.values() for row in found], "exponent_over_the_last_tenfold": exponents}


def sweep(*, quick: bool) -> dict[str, Any]:
    """Measure sweeps of some runs with one worker and with two, and of runs with almost no steps."""
    steps = RUN_STEPS // (10 if quick else 1)
    wall_s = {
        "one run, almost no steps": _sweep_s(1, 1, FEWEST_STEPS),
        "1 worker, almost no steps": _sweep_s(RUNS, 1, FEWEST_STEPS),
        "1 worker": _sweep_s(RUNS, 1, steps),
        "2 workers": _sweep_s(RUNS, 2, steps),
    }
    one, empty, whole, parallel = wall_s.values()
    overhead_s = (empty - one) / (RUNS - 1)
    return {
        "runs": RUNS,
        "env_steps_each": steps,
        "wall_s": wall_s,
        "once_s": one - overhead_s,
        "overhead_s_each": overhead_s,
        "training_s_each": (whole - empty) / RUNS,
        "times_as_fast_with_two": whole / parallel,
    }


def _sweep_s(runs: int, workers: int, env_steps: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "recipes", "sweep", "--algorithms", "idql-tolb", "--scenarios", "sparse"]
        command += ["--seeds", str(runs), "--env-steps", str(env_steps), "--jobs", str(workers), "--out", folder]
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.monotonic() - began


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    report.add_options(parser, (*RANGES, "sweep"))


def run(options: argparse.Namespace) -> None:
    """Measure, print and store."""
    found: dict[str, Any] = {"machine": report.machine()}
    for name in options.only:
        found[name] = sizes(name, quick=options.quick) if name in RANGES else sweep(quick=options.quick)
    report.show(found, options)
