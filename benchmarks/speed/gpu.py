"""The torch backend on a GPU against what the memory's bandwidth allows.

``python -m benchmarks.gpu [--device cuda] [--num-envs 10000,100000,1000000] [--modes eager,compiled] [--json FILE]``

A step cannot be faster than its unavoidable traffic: it must read the snapshot and the actions, and write what it
returns and the next snapshot. Temporaries, random numbers, the actions' range check and features kept for the episode
are not counted, since a single fused pass needs none of them. With 10 users, 5 servers, float32 and int64 actions that
is, in bytes for each agent and step (:func:`bytes_per_step` counts them from the arrays themselves):

=======  =====================================================================================  =====
read     task bits, task cycles, device speed, channel gain (4 each); the action (8)               24
read     a tenth of the game's server speeds and queues (20 each)                                   4
written  nine features of the observation, the reward, five delays, the target (4 each)            64
written  the next task (8); a tenth of the next queues (20), the imbalance (4) and two flags       10.6
=======  =====================================================================================  =====

The bandwidth is that of copying a large array, measured in turns with the steps. Seconds are wall-clock, from before
the first launch until the device is done. Episodes do not end while the clock runs.
"""

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import report
from benchmarks.timing import Steps, Timing, rates, ratios, spread, take_turns
from edgeoffload_env import edgeoffload_v0
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

ENDLESS = 10**9
MODES = ("eager", "compiled")
FULL = Timing(rounds=15, turn_s=0.2, clock=time.perf_counter)
QUICK = Timing(rounds=3, turn_s=0.02, clock=time.perf_counter)
_COPY_BYTES = {"cuda": 2**30, "cpu": 2**26}  # far beyond the caches


def bytes_per_step(env: EdgeOffloadVectorEnv, actions: Any) -> dict[str, int]:
    """Unavoidable traffic of one step of all games; plays a step.

    Returns:
        Bytes ``read`` and ``written``.
    """
    before = env.snapshot()
    *returned, info = env.step(actions)
    after = env.snapshot()
    read = [before[name] for name in Snapshot._fields] + [actions]
    written = [*returned, *info.values(), *(after[name] for name in ("task_bits", "task_cycles", "backlog_cycles"))]
    return {
        "read": sum(array.numel() * array.element_size() for array in read),
        "written": sum(array.numel() * array.element_size() for array in written),
    }


def measure_games(games: int, device: torch.device, modes: Sequence[str], timing: Timing) -> dict[str, Any]:
    """B games in each mode, in turns with copying."""
    rng = np.random.default_rng(0)
    contestants = {"copy": _copying(device)}
    traffic: dict[str, int] = {}
    for mode in modes:
        env = edgeoffload_v0.vector_env(
            games, backend="torch", device=device, compile=mode == "compiled", max_cycles=ENDLESS
        )
        users, servers = env.config.num_users, env.config.servers
        actions = [torch.as_tensor(rng.integers(0, servers + 1, (games, users)), device=device) for _ in range(2)]
        env.reset(seed=0)
        traffic = bytes_per_step(env, actions[0])
        contestants[mode] = _stepping(env, actions)
    seconds = take_turns(contestants, timing)
    agents = games * users
    step_bytes, copy_bytes = sum(traffic.values()), 2 * _COPY_BYTES[device.type]  # a copy reads and writes
    copied = seconds.pop("copy")
    allowed = [step_bytes / copy_bytes * s for s in copied]
    return {
        "bytes_per_agent_step": {name: value / agents for name, value in traffic.items()},
        "copy_bytes_per_s": spread([copy_bytes / s for s in copied]),
        "agent_steps_per_s": {"allowed": spread([agents / s for s in allowed])} | rates(agents, seconds),
        "of_allowed": {mode: ratios(allowed, values) for mode, values in seconds.items()},
    }


def _copying(device: torch.device) -> Steps:
    source = torch.zeros(_COPY_BYTES[device.type] // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)

    def steps(count: int) -> None:
        for _ in range(count):
            target.copy_(source)
        _wait_for(device)

    return steps


def _stepping(env: EdgeOffloadVectorEnv, actions: list[Any]) -> Steps:
    def steps(count: int) -> None:
        for i in range(count):
            env.step(actions[i % len(actions)])
        _wait_for(env.backend.device)

    return steps


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(device: torch.device, sizes: Sequence[int], modes: Sequence[str], timing: Timing) -> dict[str, Any]:
    """All sizes, and what they ran on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    result: dict[str, Any] = {
        "machine": report.machine() | {"device": name, "cuda": torch.version.cuda},
        "settings": {"device": str(device), "rounds": timing.rounds, "turn_s": timing.turn_s},
    }
    for games in sizes:
        result[f"B={games}"] = measure_games(games, device, modes, timing)
    return result


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, ..., or cpu to try the script")
    parser.add_argument("--num-envs", default="10000,100000,1000000", help="numbers of games, with commas between")
    parser.add_argument("--modes", default=",".join(MODES), help=f"some of {','.join(MODES)}")
    parser.add_argument("--quick", action="store_true", help="few and short turns: a smoke test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements there")
    options = parser.parse_args(arguments)
    modes = options.modes.split(",")
    if unknown := [mode for mode in modes if mode not in MODES]:
        parser.error(f"--modes {unknown[0]!r} is not allowed; allowed: {', '.join(MODES)}")
    if not all(size.isdecimal() and int(size) > 0 for size in options.num_envs.split(",")):
        parser.error(f"--num-envs {options.num_envs!r} is not allowed; allowed: integers > 0 with commas between")
    device = torch.device(options.device)
    if device.type not in _COPY_BYTES:
        parser.error(f"--device {options.device!r} is not allowed; allowed: {', '.join(_COPY_BYTES)}")
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no GPU: torch sees no CUDA device here, so nothing was measured (--device cpu tries the script)")
        return 1
    sizes = [int(size) for size in options.num_envs.split(",")]
    result = measure(device, sizes, modes, QUICK if options.quick else FULL)
    print(report.table(result))
    if options.json is not None:
        report.write_json(result, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
