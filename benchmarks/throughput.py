"""Steps per second of every view, as ratios to yardsticks measured in the same run.

``python -m benchmarks.throughput [--quick] [--json FILE] [--only single,vector,growth,peers]``

* ``single``: ``parallel_env().step`` with 10 users, all dicts and infos, against MPE2's ``simple_spread_v3`` with 10
  agents.
* ``vector``: ``vector_env`` with 4,096 games of 10 users in float32, task drawing included, against the same step
  compiled by hand (:mod:`benchmarks.numba_step`), which must first give the same numbers. Episodes do not end, in
  either.
* ``growth``: time per agent-step as users grow from 10 to 1,000 before 5 servers, B N about constant.
* ``peers``: other vectorised environments that happen to be installed.

One thread throughout. Times are CPU seconds; contestants take turns, and medians and quartiles over the rounds are
reported.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch and numba are imported
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks import machine
from benchmarks.hand_compiled import check_against_view
from benchmarks.timing import Steps, Timing, ratios, spread, take_turns
from edgeoffload_env import edgeoffload_v0
from edgeoffload_env.config import PAPER_SERVER_HZ

ENDLESS = 10**9
GROWTH_USERS = (10, 30, 100, 300, 1000)
GROWTH_AGENTS = 40_960
FULL, QUICK = Timing(rounds=15, turn_s=0.3), Timing(rounds=3, turn_s=0.05)


def single(timing: Timing, *, quick: bool) -> dict[str, Any]:
    """``parallel_env`` against MPE2, 10 agents each."""
    from mpe2 import simple_spread_v3

    contestants = {
        "edgeoffload": edgeoffload_v0.parallel_env(num_users=10, max_cycles=ENDLESS),
        "simple_spread": simple_spread_v3.parallel_env(N=10, max_cycles=ENDLESS),
    }
    seconds = take_turns({name: _parallel_steps(env) for name, env in contestants.items()}, timing)
    return {
        "steps_per_s": {name: spread([1.0 / s for s in values]) for name, values in seconds.items()},
        "times_simple_spread": ratios(seconds["simple_spread"], seconds["edgeoffload"]),
    }


def _parallel_steps(env: Any) -> Steps:
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    choices = {agent: int(env.action_space(agent).n) for agent in env.agents}
    actions = [{agent: int(rng.integers(n)) for agent, n in choices.items()} for _ in range(64)]

    def steps(count: int) -> None:
        for i in range(count):
            env.step(actions[i % 64])

    return steps


def vector(timing: Timing, *, quick: bool) -> dict[str, Any]:
    """``vector_env`` against the hand-compiled loop."""
    games = 256 if quick else 4096
    variants: dict[str, dict[str, Any]] = {"numpy": {"backend": "numpy"}, "torch": {"backend": "torch"}}
    if not quick:  # torch.compile takes half a minute
        variants["torch compiled"] = {"backend": "torch", "compile": True}
    envs = {
        name: edgeoffload_v0.vector_env(games, max_cycles=ENDLESS, dtype="float32", **options)
        for name, options in variants.items()
    }
    loop, largest_difference = check_against_view(envs["numpy"], seed=0)
    contestants = {"hand-compiled": _vector_steps(loop.step, games, 10, 5, "numpy")}
    for name, env in envs.items():
        env.reset(seed=0)
        contestants[name] = _vector_steps(env.step, games, 10, 5, env.backend.name)
    seconds = take_turns(contestants, timing)
    return {
        "games": games,
        "largest_difference_to_hand_compiled": largest_difference,
        "agent_steps_per_s": {name: spread([games * 10 / s for s in values]) for name, values in seconds.items()},
        "of_hand_compiled": {name: ratios(seconds["hand-compiled"], seconds[name]) for name in envs},
    }


def _vector_steps(step: Callable[[Any], object], games: int, users: int, servers: int, backend: str) -> Steps:
    rng = np.random.default_rng(0)
    actions: list[Any] = [rng.integers(0, servers + 1, (games, users)) for _ in range(8)]
    if backend == "torch":
        actions = [torch.as_tensor(array) for array in actions]

    def steps(count: int) -> None:
        for i in range(count):
            step(actions[i % 8])

    return steps


def growth(timing: Timing, *, quick: bool) -> dict[str, Any]:
    """Time per agent-step against the number of users, and one large game."""
    sizes = [(users, 5) for users in GROWTH_USERS] + [(1000, 100)]
    result: dict[str, Any] = {}
    for backend in ("numpy", "torch"):
        contestants = {}
        agents = {}
        for users, servers in sizes:
            games = max(1, GROWTH_AGENTS // users // (10 if quick else 1))
            speeds = PAPER_SERVER_HZ * (servers // len(PAPER_SERVER_HZ))
            env = edgeoffload_v0.vector_env(
                games, num_users=users, server_hz=speeds, max_cycles=ENDLESS, backend=backend, dtype="float32"
            )
            env.reset(seed=0)
            name = f"N={users}, M={servers}"
            contestants[name] = _vector_steps(env.step, games, users, servers, backend)
            agents[name] = games * users
        seconds = take_turns(contestants, timing)
        per_agent = {name: [s / agents[name] for s in values] for name, values in seconds.items()}
        small, large = (per_agent[f"N={users}, M=5"] for users in (GROWTH_USERS[0], GROWTH_USERS[-1]))
        result[backend] = {
            "ns_per_agent_step": {name: spread([1e9 * s for s in values]) for name, values in per_agent.items()},
            "N=1000_over_N=10": ratios(large, small),
        }
    return result


def peers(timing: Timing, *, quick: bool) -> dict[str, Any]:
    """VMAS ``simple_spread`` with 10 agents where it is installed."""
    if machine.package_version("vmas") is None:
        return {"skipped": "vmas is not installed"}
    import vmas

    games = 64 if quick else 4096
    env = vmas.make_env("simple_spread", num_envs=games, n_agents=10, device="cpu", continuous_actions=False, seed=0)
    actions = [torch.randint(0, 5, (games,)) for _ in range(10)]

    def steps(count: int) -> None:
        for _ in range(count):
            env.step(actions)

    seconds = take_turns({"vmas simple_spread": steps}, timing)
    rates = {name: spread([games * 10 / s for s in values]) for name, values in seconds.items()}
    return {"games": games, "agent_steps_per_s": rates}


PARTS = {"single": single, "vector": vector, "growth": growth, "peers": peers}


def measure(parts: Iterable[str], *, quick: bool) -> dict[str, Any]:
    """All measurements asked for, and what they ran on."""
    torch.set_num_threads(1)
    timing = QUICK if quick else FULL
    result: dict[str, Any] = {
        "machine": machine.describe(),
        "settings": {"quick": quick, "rounds": timing.rounds, "turn_s": timing.turn_s},
    }
    for name in parts:
        result[name] = PARTS[name](timing, quick=quick)
    return result


def table(result: dict[str, Any]) -> str:
    """The measurements, one a line: median and quartiles."""
    lines = [f"{result['machine']['cpu']}, {result['settings']['rounds']} rounds, median [quartiles]"]

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and "median" in value:
            low, high = value["quartiles"]
            lines.append(f"{prefix:58s} {value['median']:12.4g}  [{low:.4g}, {high:.4g}]")
        elif isinstance(value, dict):
            for name, inner in value.items():
                walk(f"{prefix}  {name}".strip(), inner)
        else:
            lines.append(f"{prefix:58s} {value:12.4g}" if not isinstance(value, str) else f"{prefix}: {value}")

    for name in PARTS:
        if name in result:
            walk(name, result[name])
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small and short, without torch.compile: a smoke test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements there")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    options = parser.parse_args(arguments)
    parts = options.only.split(",")
    if unknown := [name for name in parts if name not in PARTS]:
        parser.error(f"--only {unknown[0]!r} is not allowed; allowed: {', '.join(PARTS)}")
    result = measure(parts, quick=options.quick)
    print(table(result))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
