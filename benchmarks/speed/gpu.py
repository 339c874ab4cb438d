"""The torch backend on a GPU against the limit of the memory's bandwidth.

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
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.speed import report
from benchmarks.speed.timing import ENDLESS, Timing, cycle, rates, ratios, repeat, spread, take_turns
from edgeoffload_env import edgeoffload_v0
from edgeoffload_env._validation import fail
from edgeoffload_env.agents import action_count
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

MODES = ("eager", "compiled")
FULL, QUICK = Timing(rounds=15, turn_s=0.2), Timing(rounds=3, turn_s=0.02)
_COPY_BYTES = {"cuda": 2**30, "cpu": 2**26}  # far beyond the caches


def bytes_per_step(env: EdgeOffloadVectorEnv, actions: Any) -> dict[str, int]:
    """Play a step; return the bytes of its unavoidable traffic, ``read`` and ``written``."""
    before = env.snapshot()
    *returned, info = env.step(actions)
    after = env.snapshot()
    read = [before[name] for name in env.config.schema.snapshot] + [actions]
    written = [*returned, *info.values(), *(after[name] for name in ("task_bits", "task_cycles", "backlog_cycles"))]
    parts = {"read": read, "written": written}
    return {name: sum(array.numel() * array.element_size() for array in arrays) for name, arrays in parts.items()}


def measure(games: int, device: Any, modes: Sequence[str], timing: Timing) -> dict[str, Any]:
    """Measure B games in each mode, in turns with copying."""
    import torch

    def clock() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    source = torch.zeros(_COPY_BYTES[device.type] // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    contestants = {"copy": repeat(lambda: target.copy_(source))}
    rng, traffic, agents = np.random.default_rng(0), dict[str, int](), 0
    for mode in modes:
        options = {"backend": "torch", "device": device, "compile": mode == "compiled"}
        env = edgeoffload_v0.vector_env(games, max_cycles=ENDLESS, **options)
        shape, agents = (games, env.config.num_users), games * env.config.num_users
        actions = [torch.as_tensor(rng.integers(0, action_count(env.config), shape), device=device) for _ in range(2)]
        env.reset(seed=0)
        traffic = bytes_per_step(env, actions[0])
        contestants[mode] = cycle(env.step, actions)
    seconds = take_turns(contestants, timing._replace(clock=clock))
    step_bytes, copy_bytes = sum(traffic.values()), 2 * _COPY_BYTES[device.type]  # a copy reads and writes
    copied = seconds.pop("copy")
    allowed = [step_bytes / copy_bytes * s for s in copied]
    return {
        "bytes_per_agent_step": {name: value / agents for name, value in traffic.items()},
        "copy_bytes_per_s": spread([copy_bytes / s for s in copied]),
        "agent_steps_per_s": {"allowed": spread([agents / s for s in allowed])} | rates(agents, seconds),
        "of_allowed": {mode: ratios(allowed, values) for mode, values in seconds.items()},
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, ..., or cpu to try the command")
    parser.add_argument("--num-envs", type=int, nargs="+", default=[10**4, 10**5, 10**6], help="numbers of games")
    parser.add_argument("--modes", nargs="+", default=MODES, choices=MODES)
    report.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, print and store; return 1 without a GPU."""
    import torch

    if options.device.split(":")[0] not in _COPY_BYTES:
        fail("--device", options.device, "cuda or cpu")
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no GPU: torch sees no CUDA device here, so nothing was measured (--device cpu tries the command)")
        return 1
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    timing = QUICK if options.quick else FULL
    settings = {"device": str(device), "rounds": timing.rounds, "turn_s": timing.turn_s}
    result = {"machine": report.machine() | {"device": name, "cuda": torch.version.cuda}, "settings": settings}
    result |= {f"B={games}": measure(games, device, options.modes, timing) for games in options.num_envs}
    report.show(result, options)
    return 0
