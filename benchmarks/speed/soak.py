"""Long runs: memory, agreement of backends, and a clean end by Ctrl-C.

* ``vector numpy``, ``vector torch``: 10 million env steps of 256 games with automatic resets; the mean delay of each
  hundredth is stored, which would show a drift of a backend.
* ``single``: 1 million env steps of the parallel view; ``aec``: 200,000 env steps of the turn-based view.
* ``training``: ``python -m recipes train dtomalb`` for some minutes, then Ctrl-C as a terminal sends it: it must end by
  itself and leave no process and no file but its run; re-running the command must resume.

Users choose at random among the device and the servers. Each part runs in its own process. A hundred times in each the
resident memory (of the process and its children) is written to ``soak.csv``; ``soak.json`` holds its growth over the
second half, when the training's replay buffer is full, and the mean delays.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.speed import report
from edgeoffload_env import edgeoffload_v0
from edgeoffload_env.agents import action_count
from recipes.runs import RunFolder

COLUMNS = ("part", "env_steps", "elapsed_s", "memory_mb", "mean_delay_s")
SAMPLES, GAMES = 100, 256
STEPS = {"vector numpy": 10_000_000, "vector torch": 10_000_000, "single": 1_000_000, "aec": 200_000}
_TRAIN = [sys.executable, "-m", "recipes", "train", "dtomalb", "--env-steps", "3000000", "--out"]
_KEPT = ("ray", "torchinductor_")
"""Starts of the names of Ray's logs and torch's cache, which stay on purpose."""


def player(part: str) -> Callable[[int], float]:
    """Return ``play(k)``, which plays k env steps of a part's view and returns their mean delay in s."""
    view, _, backend = part.partition(" ")
    rng = np.random.default_rng(0)
    env: Any
    if view == "vector":
        env, convert = edgeoffload_v0.vector_env(GAMES, "paper", backend=backend), np.asarray
        if backend == "torch":
            import torch

            torch.set_num_threads(1)
            convert = torch.from_numpy
    else:
        env = edgeoffload_v0.env("paper") if view == "aec" else edgeoffload_v0.parallel_env("paper")
    env.reset(seed=0)
    config = env.unwrapped.config if view == "aec" else env.config
    users, choices = config.num_users, action_count(config)

    def step() -> float:
        actions: Any = rng.integers(0, choices, (GAMES, users) if view == "vector" else users)
        if view == "vector":
            *_, info = env.step(convert(actions))
            return float(info["delay_s"].mean())
        if env.truncations[env.agent_selection] if view == "aec" else not env.agents:
            env.reset()
        if view == "single":
            *_, infos = env.step(dict(zip(env.agents, actions, strict=True)))
        else:
            for action in actions:
                env.step(action)
            infos = env.infos
        return float(sum(info["delay_s"] for info in infos.values()) / users)

    def play(count: int) -> float:
        turns = -(-count // GAMES) if view == "vector" else count
        return sum(step() for _ in range(turns)) / turns

    return play


def samples_of(part: str, env_steps: int) -> list[dict[str, Any]]:
    """Play a part and return a sample after each hundredth of the steps."""
    play, began, each = player(part), time.monotonic(), env_steps // SAMPLES
    return [_sample(part, i * each, began, os.getpid(), play(each)) for i in range(1, SAMPLES + 1)]


def _sample(part: str, env_steps: int, began: float, pid: int, mean_delay_s: float | None) -> dict[str, Any]:
    import psutil

    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    memory_mb = sum(process.memory_info().rss for process in processes) / 2**20
    values = (part, env_steps, round(time.monotonic() - began, 2), round(memory_mb, 1), mean_delay_s)
    return dict(zip(COLUMNS, values, strict=True))


def train(minutes: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return samples of a training, and how it ended when interrupted, what it left behind, and how it resumed."""
    shared = Path("/dev/shm")  # where Ray keeps its objects
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, temporary = folder / "run", folder / "tmp"
        temporary.mkdir()
        before = set(shared.glob("*"))
        samples, first = _interrupted(run, temporary, minutes, SAMPLES)
        files = {*folder.iterdir()} - {run, temporary} | {
            f for f in temporary.iterdir() if not f.name.startswith(_KEPT)
        }
        left = [str(path.relative_to(folder)) for path in files] + [str(path) for path in {*shared.glob("*")} - before]
        _, second = _interrupted(run, temporary, min(1.0, minutes / 2), 4)
        return samples, {
            "exit_status": [first["exit_status"], second["exit_status"]],
            "stopped_s": first["stopped_s"],
            "left_processes": first["left_processes"] + second["left_processes"],
            "left_files": sorted(left),
            "checkpoint_env_steps": [first["checkpoint"], second["checkpoint"]],
        }


def _interrupted(run: Path, temporary: Path, minutes: float, count: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Train for some minutes with ``count`` samples of memory, then press Ctrl-C."""
    import psutil

    quiet: dict[str, Any] = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "start_new_session": True}
    folder = RunFolder(run)
    with psutil.Popen([*_TRAIN, str(run)], env=os.environ | {"TMPDIR": str(temporary)}, **quiet) as process:
        samples, family, began = [], set[Any](), time.monotonic()
        for i in range(1, count + 1):
            time.sleep(max(0.0, began + i * minutes * 60 / count - time.monotonic()))
            family |= {*process.children(recursive=True)}
            reached = int(folder.rows()[-1]["env_steps"]) if folder.rows() else 0
            samples.append(_sample("training", reached, began, process.pid, None))
        interrupted = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=120)
        finally:
            stopped_s = time.monotonic() - interrupted
            if process.is_running():
                process.kill()
    _, left = psutil.wait_procs(family, timeout=5)
    left = [child for child in left if child.status() != psutil.STATUS_ZOMBIE]
    last = folder.last_checkpoint()
    found = {"exit_status": process.returncode, "stopped_s": stopped_s, "left_processes": len(left)}
    return samples, found | {"checkpoint": 0 if last is None else last[1].env_steps}


def summary(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return length and memory of a part, and the mean delay of both halves with standard errors."""
    frame = pd.DataFrame(samples)
    memory, delays, half = frame["memory_mb"], frame["mean_delay_s"].astype(float), len(frame) // 2
    found: dict[str, Any] = {
        "env_steps": samples[-1]["env_steps"],
        "minutes": samples[-1]["elapsed_s"] / 60,
        "memory_mb": {"after half": memory[half], "at the end": memory.iloc[-1], "most": memory.max()},
    }
    if delays.notna().all():
        found["mean_delay_s"] = {
            name: {"mean": float(part.mean()), "standard_error": float(part.sem())}
            for name, part in (("first half", delays[:half]), ("second half", delays[half:]))
        }
    return found


def length(env_steps: int | None, minutes: float) -> str:
    """Return the length of a part, in minutes where env steps were not recorded."""
    return f"{env_steps:,} env steps" if env_steps else f"{minutes:.0f} minutes"


def draw(samples: list[dict[str, Any]], folder: Path) -> None:
    """Draw the memory over each part, relative to its value after half."""
    from benchmarks.analysis import style
    from benchmarks.analysis.figures import save

    parts = [part for _, part in pd.DataFrame(samples).groupby("part", sort=False)]
    figure, axes = style.axes(len(parts), columns=3, width=2.8, height=3.2)
    for axis, part in zip(axes, parts, strict=True):
        memory, last = part["memory_mb"], part.iloc[-1]
        share, settled_mb = np.arange(1, len(part) + 1) * 100 / len(part), memory.iloc[len(part) // 2]
        axis.plot(share, 100 * memory / settled_mb, color=style.STYLES["dtomalb"][0])
        axis.axhline(100.0, color="0.7", linewidth=0.8, zorder=0)
        axis.set(xlabel="part of the run / %", ylim=(80, 120))
        text = length(last["env_steps"], last["elapsed_s"] / 60)
        axis.set_title(f"{last['part']}\n{text}\n{settled_mb:.0f} MB", fontsize=9)
    figure.supylabel("memory / % of that after half", fontsize=9)
    save(figure, folder, "soak")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    text = "length of the training; 0 leaves it out (30)"
    parser.add_argument("--training-minutes", type=float, default=30.0, metavar="MIN", help=text)
    parser.add_argument("--results", type=Path, metavar="DIR", help="folder to write to (benchmarks/results)")
    parser.add_argument("--quick", action="store_true", help="a hundredth of the steps: a smoke test")


def run(options: argparse.Namespace) -> None:
    """Play all parts, each in its own process; write samples, summary and figure."""
    from benchmarks.study.store import RESULTS, write_table

    samples: list[dict[str, Any]] = []
    found: dict[str, Any] = {"machine": report.machine()}
    for part in (*STEPS, *["training"] * (options.training_minutes > 0)):
        if part == "training":
            own, more = train(options.training_minutes)
        else:
            own, more = report.in_process(samples_of, part, STEPS[part] // (100 if options.quick else 1)), {}
        samples += own
        found[part] = summary(own) | more
        print(part, json.dumps(found[part]), file=sys.stderr)
    folder = options.results or RESULTS
    write_table(folder / "soak.csv", samples, COLUMNS)
    report.write_json(found, folder / "soak.json")
    draw(samples, folder / "figures")
