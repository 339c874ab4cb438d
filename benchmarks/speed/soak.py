"""Long runs: is memory flat, do backends stay together, and does Ctrl-C leave nothing behind?

``python -m benchmarks.soak [--quick] [--training-minutes 30] [--results DIR]``

* ``vector numpy``, ``vector torch``: 10 million env steps of 256 games, episodes restarting by
  themselves; the mean delay of each hundredth is kept, so that a drift of a backend would show.
* ``single``: 1 million env steps of the parallel game; ``aec``: 200,000 env steps of the turn-based one.
* ``training``: ``python -m recipes train dtomalb`` for so many minutes, then Ctrl-C as a terminal sends it: it must end
  by itself and leave no process and no file but its run. The same command must then go on.

Users choose at random among the device and the servers. Each part runs in a process of its own. A hundred times in each
the resident memory (of the process and its children) is written to ``soak.csv``; ``soak.json`` holds how much it grew
over the second half, when the training's replay is full, and the means.
"""

import argparse
import csv
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import numpy as np

from benchmarks import report
from edgeoffload_env import edgeoffload_v0
from recipes.files import atomic_write

RESULTS = Path(__file__).parent / "results"
COLUMNS = ("part", "env_steps", "elapsed_s", "memory_mb", "mean_delay_s")
SAMPLES = 100
GAMES = 256
STEPS = {"vector numpy": 10_000_000, "vector torch": 10_000_000, "single": 1_000_000, "aec": 200_000}

Steps = Callable[[int], float]
"""``steps(k)`` plays k env steps and returns their mean delay in s."""


def vector(backend: str) -> Steps:
    """Many games at once."""
    games = edgeoffload_v0.vector_env(GAMES, "paper", backend=backend)
    rng = np.random.default_rng(0)
    shape = (GAMES, games.config.num_users)
    convert: Callable[[Any], Any] = np.asarray
    if backend == "torch":
        import torch

        torch.set_num_threads(1)
        convert = torch.from_numpy
    games.reset(seed=0)

    def steps(count: int) -> float:
        total, turns = 0.0, -(-count // GAMES)
        for _ in range(turns):
            *_, info = games.step(convert(rng.integers(0, games.config.servers + 1, shape)))
            total += float(info["delay_s"].mean())
        return total / turns

    return steps


def single() -> Steps:
    """The parallel game."""
    env = edgeoffload_v0.parallel_env("paper")
    rng = np.random.default_rng(0)
    env.reset(seed=0)

    def steps(count: int) -> float:
        total = 0.0
        for _ in range(count):
            if not env.agents:
                env.reset()
            chosen = rng.integers(0, 6, len(env.agents))
            *_, infos = env.step(dict(zip(env.agents, chosen, strict=True)))
            total += sum(info["delay_s"] for info in infos.values()) / len(infos)
        return total / count

    return steps


def turn_based() -> Steps:
    """The turn-based game."""
    env = edgeoffload_v0.env("paper")
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    users = len(env.possible_agents)

    def steps(count: int) -> float:
        total = 0.0
        for _ in range(count):
            for action in rng.integers(0, 6, users):
                env.step(action)
            total += sum(info["delay_s"] for info in env.infos.values()) / users
            if env.truncations[env.agent_selection]:
                env.reset()
        return total / count

    return steps


MAKERS: dict[str, Callable[[], Steps]] = {
    "vector numpy": lambda: vector("numpy"),
    "vector torch": lambda: vector("torch"),
    "single": single,
    "aec": turn_based,
}


def play(part: str, env_steps: int) -> Iterator[dict[str, Any]]:
    """A sample after each hundredth of the steps."""
    steps = MAKERS[part]()
    began, each = time.monotonic(), env_steps // SAMPLES
    for i in range(1, SAMPLES + 1):
        mean_delay_s = steps(each)
        yield _sample(part, i * each, time.monotonic() - began, os.getpid(), mean_delay_s)


def train(minutes: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Samples of a training, how it ended when interrupted, what it left behind and whether it went on."""
    with tempfile.TemporaryDirectory() as folder:
        run, temporary = Path(folder, "run"), Path(folder, "tmp")
        temporary.mkdir()
        shared = _shared_memory()
        samples, first = _trained(run, temporary, minutes, SAMPLES)
        left = [path.relative_to(folder).as_posix() for path in _others(run, temporary)]
        left += sorted(_shared_memory() - shared)
        reached = _checkpoint(run)
        _, second = _trained(run, temporary, min(1.0, minutes / 2), 4)
        ended = {"exit_status": [first["exit_status"], second["exit_status"]], "stopped_s": first["stopped_s"]}
        ended |= {"left_processes": first["left_processes"] + second["left_processes"], "left_files": left}
        return samples, ended | {"checkpoint_env_steps": [reached, _checkpoint(run)]}


def _trained(run: Path, temporary: Path, minutes: float, count: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Train for some minutes, with so many samples, and press Ctrl-C."""
    import psutil

    command = [sys.executable, "-m", "recipes", "train", "dtomalb", "--env-steps", "3000000", "--out", str(run)]
    with subprocess.Popen(
        command,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(temporary)},
        start_new_session=True,
    ) as process:
        samples, family, began = [], set(), time.monotonic()
        for i in range(1, count + 1):
            time.sleep(max(0.0, began + i * minutes * 60 / count - time.monotonic()))
            family |= {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
            samples.append(_sample("training", _progress(run), time.monotonic() - began, process.pid, None))
        asked = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=120)
        finally:
            process.kill()
        stopped_s = time.monotonic() - asked
    time.sleep(5)
    left = [pid for pid in family if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    return samples, {"exit_status": process.returncode, "stopped_s": stopped_s, "left_processes": len(left)}


def _others(run: Path, temporary: Path) -> list[Path]:
    """Files that are not the run's, nor Ray's logs or torch's cache, which both keep on purpose."""
    mine = [path for path in run.parent.iterdir() if path not in (run, temporary)]
    kept = [path for path in temporary.iterdir() if path.name != "ray" and not path.name.startswith("torchinductor_")]
    return sorted(mine + kept)


def _shared_memory() -> set[str]:
    """What lies in shared memory, where Ray keeps its objects."""
    folder = Path("/dev/shm")
    return {str(path) for path in folder.iterdir()} if folder.is_dir() else set()


def _checkpoint(run: Path) -> int:
    """Env steps of the last whole checkpoint."""
    from recipes.runs import RunFolder

    last = RunFolder.open(run).last_checkpoint()
    return 0 if last is None else last[1].env_steps


def _progress(run: Path) -> int:
    """Env steps at the last evaluation."""
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
    """How much the memory grew in the second half, and the mean delay of the two halves with its standard errors."""
    memory = [sample["memory_mb"] for sample in samples]
    settled = memory[len(memory) // 2 :]
    found: dict[str, Any] = {
        "env_steps": samples[-1]["env_steps"],
        "minutes": samples[-1]["elapsed_s"] / 60,
        "memory_mb": {"after half": settled[0], "at the end": settled[-1], "most": max(memory)},
    }
    delays = [sample["mean_delay_s"] for sample in samples]
    if None not in delays:
        halves = {"first half": delays[: len(delays) // 2], "second half": delays[len(delays) // 2 :]}
        found["mean_delay_s"] = {
            name: {"mean": statistics.mean(half), "standard_error": statistics.stdev(half) / len(half) ** 0.5}
            for name, half in halves.items()
        }
    return found


def length(env_steps: int | None, minutes: float) -> str:
    """How long a part was; env steps that were not recorded are None."""
    return f"{minutes:.0f} minutes" if not env_steps else f"{env_steps:,} env steps"


def draw(samples: list[dict[str, Any]], folder: Path) -> None:
    """Memory over the course of each part, over what it was when half was done."""
    from benchmarks.figures import save, style

    parts = list(dict.fromkeys(sample["part"] for sample in samples))
    figure, axes = style.axes(len(parts), width=2.6)
    for axis, part in zip(axes, parts, strict=True):
        own = [sample for sample in samples if sample["part"] == part]
        share = [100 * (i + 1) / len(own) for i in range(len(own))]
        settled_mb = own[len(own) // 2]["memory_mb"]
        axis.plot(share, [100 * sample["memory_mb"] / settled_mb for sample in own], color=style.STYLES["dtomalb"][0])
        axis.axhline(100.0, color="0.7", linewidth=0.8, zorder=0)
        axis.set(xlabel="part of the run / %", ylim=(80, 120))
        axis.set_title(f"{part}\n{length(own[-1]['env_steps'], own[-1]['elapsed_s'] / 60)}\n{settled_mb:.0f} MB")
    axes[0].set_ylabel("memory / % of that after half")
    save(figure, folder, "soak")


def main() -> None:
    """Play all parts, each in its process; write samples and summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the steps, to see that it works")
    parser.add_argument(
        "--training-minutes", type=float, default=30.0, metavar="MIN", help="0 leaves training out (30)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="where to write")
    parser.add_argument("--part", choices=list(STEPS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    shorter = 100 if options.quick else 1
    if options.part:
        for sample in play(options.part, STEPS[options.part] // shorter):
            print(json.dumps(sample), flush=True)
        return
    samples: list[dict[str, Any]] = []
    found: dict[str, Any] = {"machine": report.machine()}
    for part in STEPS:
        command = [sys.executable, "-m", "benchmarks.soak", "--part", part, *(["--quick"] if options.quick else [])]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        own = [json.loads(line) for line in output.splitlines()]
        samples += own
        found[part] = summary(own)
        print(part, json.dumps(found[part]), file=sys.stderr)
    if options.training_minutes > 0:
        own, ended = train(options.training_minutes)
        samples += own
        found["training"] = summary(own) | ended
        print("training", json.dumps(found["training"]), file=sys.stderr)
    options.results.mkdir(parents=True, exist_ok=True)
    with (
        atomic_write(options.results / "soak.csv") as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(samples)
    report.write_json(found, options.results / "soak.json")
    draw(samples, options.results / "figures")


if __name__ == "__main__":
    main()
