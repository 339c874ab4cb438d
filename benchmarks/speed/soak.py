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
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.speed import report
from edgeoffload_env import edgeoffload_v0
from edgeoffload_env.agents import action_count

COLUMNS = ("part", "env_steps", "elapsed_s", "memory_mb", "mean_delay_s")
SAMPLES, GAMES = 100, 256
STEPS = {"vector numpy": 10_000_000, "vector torch": 10_000_000, "single": 1_000_000, "aec": 200_000}
_TRAIN = [sys.executable, "-m", "recipes", "train", "dtomalb", "--env-steps", "3000000", "--out"]

Play = Callable[[int], float]
"""``play(k)`` plays k env steps and returns their mean delay in s."""


def player(part: str) -> Play:
    """Return the function that plays a part's view."""
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

    def step_vector() -> float:
        *_, info = env.step(convert(rng.integers(0, choices, (GAMES, users))))
        return float(info["delay_s"].mean())

    def step_single() -> float:
        if not env.agents:
            env.reset()
        *_, infos = env.step(dict(zip(env.agents, rng.integers(0, choices, users), strict=True)))
        return float(sum(info["delay_s"] for info in infos.values()) / users)

    def step_turns() -> float:
        for action in rng.integers(0, choices, users):
            env.step(action)
        mean_delay_s = sum(info["delay_s"] for info in env.infos.values()) / users
        if env.truncations[env.agent_selection]:
            env.reset()
        return float(mean_delay_s)

    step = {"vector": step_vector, "single": step_single, "aec": step_turns}[view]

    def play(count: int) -> float:
        turns = -(-count // GAMES) if view == "vector" else count
        return sum(step() for _ in range(turns)) / turns

    return play


def samples_of(part: str, env_steps: int) -> Iterator[dict[str, Any]]:
    """Play a part and yield a sample after each hundredth of the steps."""
    play = player(part)
    began, each = time.monotonic(), env_steps // SAMPLES
    for i in range(1, SAMPLES + 1):
        mean_delay_s = play(each)
        yield _sample(part, i * each, time.monotonic() - began, os.getpid(), mean_delay_s)


def train(minutes: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return samples of a training, and how it ended when interrupted, what it left behind, and how it resumed."""
    with tempfile.TemporaryDirectory() as folder:
        run, temporary = Path(folder, "run"), Path(folder, "tmp")
        temporary.mkdir()
        before = _shared_memory()
        samples, first = _interrupted(run, temporary, minutes, SAMPLES)
        files = [path for path in run.parent.iterdir() if path not in (run, temporary)]
        # Ray's logs and torch's cache stay on purpose
        files += [path for path in temporary.iterdir() if not path.name.startswith(("ray", "torchinductor_"))]
        left = [path.relative_to(folder).as_posix() for path in files] + sorted(_shared_memory() - before)
        reached = _checkpoint(run)
        _, second = _interrupted(run, temporary, min(1.0, minutes / 2), 4)
        return samples, {
            "exit_status": [first["exit_status"], second["exit_status"]],
            "stopped_s": first["stopped_s"],
            "left_processes": first["left_processes"] + second["left_processes"],
            "left_files": sorted(left),
            "checkpoint_env_steps": [reached, _checkpoint(run)],
        }


def _interrupted(run: Path, temporary: Path, minutes: float, count: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Train for some minutes with ``count`` samples of memory, then press Ctrl-C."""
    import psutil

    quiet: dict[str, Any] = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "start_new_session": True}
    with subprocess.Popen([*_TRAIN, str(run)], env=os.environ | {"TMPDIR": str(temporary)}, **quiet) as process:
        samples, family, began = [], set(), time.monotonic()
        for i in range(1, count + 1):
            time.sleep(max(0.0, began + i * minutes * 60 / count - time.monotonic()))
            family |= {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
            samples.append(_sample("training", _progress(run), time.monotonic() - began, process.pid, None))
        interrupted = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=120)
        finally:
            process.kill()
        stopped_s = time.monotonic() - interrupted
    time.sleep(5)
    left = [pid for pid in family if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    return samples, {"exit_status": process.returncode, "stopped_s": stopped_s, "left_processes": len(left)}


def _shared_memory() -> set[str]:
    """Return the files in shared memory, where Ray keeps its objects."""
    folder = Path("/dev/shm")
    return {str(path) for path in folder.iterdir()} if folder.is_dir() else set()


def _checkpoint(run: Path) -> int:
    """Return the env steps of the last complete checkpoint."""
    from recipes.runs import RunFolder

    last = RunFolder.open(run).last_checkpoint()
    return 0 if last is None else last[1].env_steps


def _progress(run: Path) -> int:
    """Return the env steps of the last evaluation."""
    try:
        with (run / "progress.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return int(rows[-1]["env_steps"]) if rows else 0
    except FileNotFoundError:
        return 0


def _sample(part: str, env_steps: int, elapsed_s: float, pid: int, mean_delay_s: float | None) -> dict[str, Any]:
    import psutil

    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    memory_mb = sum(process.memory_info().rss for process in processes) / 2**20
    values = (part, env_steps, round(elapsed_s, 2), round(memory_mb, 1), mean_delay_s)
    return dict(zip(COLUMNS, values, strict=True))


def summary(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return length and memory of a part, and the mean delay of both halves with standard errors."""
    frame = pd.DataFrame(samples)
    memory, delays = frame["memory_mb"], frame["mean_delay_s"].astype(float)
    settled = memory.iloc[len(frame) // 2 :]
    found: dict[str, Any] = {
        "env_steps": samples[-1]["env_steps"],
        "minutes": samples[-1]["elapsed_s"] / 60,
        "memory_mb": {"after half": settled.iloc[0], "at the end": settled.iloc[-1], "most": memory.max()},
    }
    if delays.notna().all():
        halves = {"first half": delays[: len(frame) // 2], "second half": delays[len(frame) // 2 :]}
        found["mean_delay_s"] = {
            name: {"mean": float(half.mean()), "standard_error": float(half.sem())} for name, half in halves.items()
        }
    return found


def length(env_steps: int | None, minutes: float) -> str:
    """Return the length of a part, in minutes where env steps were not recorded."""
    return f"{env_steps:,} env steps" if env_steps else f"{minutes:.0f} minutes"


def draw(samples: list[dict[str, Any]], folder: Path) -> None:
    """Draw the memory over each part, relative to its value after half."""
    from benchmarks.analysis.figures import save, style

    parts = [part for _, part in pd.DataFrame(samples).groupby("part", sort=False)]
    figure, axes = style.axes(len(parts), width=2.6)
    for axis, part in zip(axes, parts, strict=True):
        memory, last = part["memory_mb"], part.iloc[-1]
        share, settled_mb = np.arange(1, len(part) + 1) * 100 / len(part), memory.iloc[len(part) // 2]
        axis.plot(share, 100 * memory / settled_mb, color=style.STYLES["dtomalb"][0])
        axis.axhline(100.0, color="0.7", linewidth=0.8, zorder=0)
        axis.set(xlabel="part of the run / %", ylim=(80, 120))
        text = length(last["env_steps"], last["elapsed_s"] / 60)
        axis.set_title(f"{last['part']}\n{text}\n{settled_mb:.0f} MB")
    axes[0].set_ylabel("memory / % of that after half")
    save(figure, folder, "soak")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    text = "length of the training; 0 leaves it out (30)"
    parser.add_argument("--training-minutes", type=float, default=30.0, metavar="MIN", help=text)
    parser.add_argument("--results", type=Path, metavar="DIR", help="folder to write to (benchmarks/results)")
    parser.add_argument("--quick", action="store_true", help="a hundredth of the steps: a smoke test")
    parser.add_argument("--part", choices=list(STEPS), help=argparse.SUPPRESS)  # of the processes of single parts


def run(options: argparse.Namespace) -> None:
    """Play all parts, each in its own process; write samples, summary and figure."""
    from benchmarks.study.store import RESULTS, write_table

    if options.part:
        for sample in samples_of(options.part, STEPS[options.part] // (100 if options.quick else 1)):
            print(json.dumps(sample), flush=True)
        return
    samples: list[dict[str, Any]] = []
    found: dict[str, Any] = {"machine": report.machine()}

    def add(part: str, own: list[dict[str, Any]], more: dict[str, Any]) -> None:
        samples.extend(own)
        found[part] = summary(own) | more
        print(part, json.dumps(found[part]), file=sys.stderr)

    for part in STEPS:
        command = [sys.executable, "-m", "benchmarks", "soak", "--part", part, *["--quick"] * options.quick]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        add(part, [json.loads(line) for line in output.splitlines()], {})
    if options.training_minutes > 0:
        add("training", *train(options.training_minutes))
    folder = options.results or RESULTS
    write_table(folder / "soak.csv", samples, COLUMNS)
    report.write_json(found, folder / "soak.json")
    draw(samples, folder / "figures")
