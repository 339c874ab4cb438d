"""How cost grows: users, servers and games, and trials on more than one core.

``python -m benchmarks.scale [--quick] [--json FILE] [--only games,single,sweep]``

* ``games``: time per agent-step and peak memory of the numpy ``vector_env`` from 10 to 10,000 users, 5 to 1,000 servers
  and 1 to 100,000 games.
* ``single``: the same of the parallel game, with its dicts and infos, from 10 to 10,000 users.
* ``sweep``: seconds of a sweep of short runs with one worker and with two, split into what comes once, what comes with
  each trial, and the trials themselves.

Every size runs in a process of its own, since memory that was once asked for stays. Times are CPU seconds of one thread
but for sweeps, whose seconds are the clock's.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks import report
from benchmarks.timing import Timing, spread, take_turns
from edgeoffload_env import edgeoffload_v0

FULL, QUICK = Timing(rounds=7, turn_s=0.5), Timing(rounds=2, turn_s=0.05)
ENDLESS = 10**9
SIZES = (
    *((games, 10, 5) for games in (1, 10, 100, 1_000, 10_000, 100_000)),
    *((max(1, 10_000 // users), users, 5) for users in (10, 30, 100, 300, 1_000, 3_000, 10_000)),
    *((100, 100, servers) for servers in (5, 10, 30, 100, 300, 1_000)),
)
"""Games, users, servers: each range by itself, the others held."""
SINGLE_USERS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
RUN_STEPS, FEWEST_STEPS, RUNS = 40_000, 200, 4


def vector_steps(games: int, users: int, servers: int) -> Callable[[int], None]:
    """The step of so many games, every fifth user on its device."""
    config: dict[str, Any] = {"num_users": users, "server_hz": tuple(np.linspace(12e9, 20e9, servers))}
    env = edgeoffload_v0.vector_env(games, "paper", max_cycles=ENDLESS, **config)
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, servers + 1, (games, users))

    def steps(count: int) -> None:
        for _ in range(count):
            env.step(actions)

    return steps


def single_steps(users: int) -> Callable[[int], None]:
    """The parallel game's step."""
    env = edgeoffload_v0.parallel_env("paper", num_users=users, max_cycles=ENDLESS)
    env.reset(seed=0)
    actions = {user: i % 6 for i, user in enumerate(env.possible_agents)}

    def steps(count: int) -> None:
        for _ in range(count):
            env.step(actions)

    return steps


def measure(games: int, users: int, servers: int, timing: Timing) -> dict[str, Any]:
    """A size's time and memory, in this process; no games at all stand for the parallel game."""
    import resource

    steps = vector_steps(games, users, servers) if games else single_steps(users)
    seconds = take_turns({"steps": steps}, timing)["steps"]
    # on Linux in KiB
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    agents = max(games, 1) * users
    return {
        "games": games,
        "users": users,
        "servers": servers,
        "agent_step_ns": spread([1e9 * value / agents for value in seconds]),
        "env_steps_per_s": spread([max(games, 1) / value for value in seconds]),
        "peak_memory_mb": peak_mb,
    }


def in_own_process(sizes: tuple[int, int, int], *, quick: bool) -> dict[str, Any]:
    """The same in a process that does nothing else."""
    command = [sys.executable, "-m", "benchmarks.scale", "--size", *map(str, sizes), *(["--quick"] if quick else [])]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    found: dict[str, Any] = json.loads(output)
    print(
        f"{sizes}: {found['agent_step_ns']['median']:.0f} ns an agent-step, {found['peak_memory_mb']:.0f} MB",
        file=sys.stderr,
    )
    return found


def growth(rows: list[dict[str, Any]], name: str) -> float:
    """How the time of a whole step grows over the last tenfold of a size: 1 is in proportion."""
    last = rows[-1]
    first = max((row for row in rows if row[name] * 10 <= last[name]), key=lambda row: row[name])
    whole = [row["agent_step_ns"]["median"] * max(row["games"], 1) * row["users"] for row in (first, last)]
    per_game = [value / max(row["games"], 1) for value, row in zip(whole, (first, last), strict=True)]
    times = whole if name == "games" else per_game
    return float(np.log(times[1] / times[0]) / np.log(last[name] / first[name]))


def games_part(*, quick: bool) -> dict[str, Any]:
    """All sizes of the vector view, and how its cost grows."""
    sizes = SIZES[:3] + SIZES[6:9] + SIZES[13:15] if quick else SIZES
    rows = [in_own_process(size, quick=quick) for size in sizes]
    parts = {
        "games": [row for row, size in zip(rows, sizes, strict=True) if size[1:] == (10, 5)],
        "users": [row for row, size in zip(rows, sizes, strict=True) if size in SIZES[6:13]],
        "servers": [row for row, size in zip(rows, sizes, strict=True) if size in SIZES[13:]],
    }
    exponents = (
        {} if quick else {name: growth(sorted(found, key=lambda r: r[name]), name) for name, found in parts.items()}
    )
    return {"sizes": rows, "exponent_over_the_last_tenfold": exponents}


def single_part(*, quick: bool) -> dict[str, Any]:
    """The parallel game."""
    rows = [in_own_process((0, users, 5), quick=quick) for users in (SINGLE_USERS[:2] if quick else SINGLE_USERS)]
    return {"sizes": rows, "exponent_over_the_last_tenfold": {} if quick else {"users": growth(rows, "users")}}


def sweep_part(*, quick: bool) -> dict[str, Any]:
    """Sweeps of some runs with one worker and with two, and of one and as many that do next to nothing."""
    steps = RUN_STEPS // (10 if quick else 1)
    wall_s = {
        "one run, almost no steps": _sweep_s(1, 1, FEWEST_STEPS),
        "1 worker, almost no steps": _sweep_s(RUNS, 1, FEWEST_STEPS),
        "1 worker": _sweep_s(RUNS, 1, steps),
        "2 workers": _sweep_s(RUNS, 2, steps),
    }
    one, empty, whole = (wall_s[name] for name in list(wall_s)[:3])
    overhead_s = (empty - one) / (RUNS - 1)
    return {
        "runs": RUNS,
        "env_steps_each": steps,
        "wall_s": wall_s,
        "once_s": one - overhead_s,
        "overhead_s_each": overhead_s,
        "training_s_each": (whole - empty) / RUNS,
        "times_as_fast_with_two": whole / wall_s["2 workers"],
    }


def _sweep_s(runs: int, workers: int, env_steps: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "recipes", "sweep", "--algorithms", "idql-tolb", "--scenarios", "sparse"]
        command += ["--seeds", str(runs), "--env-steps", str(env_steps), "--jobs", str(workers), "--out", folder]
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.monotonic() - began


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few sizes and short turns, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements there")
    parser.add_argument("--only", metavar="NAMES", default="games,single,sweep", help="some of games,single,sweep")
    parser.add_argument("--size", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.size:
        games, users, servers = options.size
        print(json.dumps(measure(games, users, servers, QUICK if options.quick else FULL)))
        return
    parts = {"games": games_part, "single": single_part, "sweep": sweep_part}
    result = {"machine": report.machine()}
    result |= {name: parts[name](quick=options.quick) for name in options.only.split(",")}
    print(report.table({name: value for name, value in result.items() if name not in ("games", "single")}))
    if options.json:
        report.write_json(result, options.json)


if __name__ == "__main__":
    main()
