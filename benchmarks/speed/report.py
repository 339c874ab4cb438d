"""Machine and versions in the record of a measurement, its options and its output."""

import argparse
import importlib.metadata
import multiprocessing
import os
import platform
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import edgeoffload_env
from recipes import files


def in_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a fresh process, since a process does not give memory back."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def machine(*packages: str) -> dict[str, Any]:
    """Return Python, installed packages and processor."""
    names = ("numpy", "torch", "numba", "mpe2", "pettingzoo", "gymnasium", "vmas", *packages)
    return {
        "python": platform.python_version(),
        "edgeoffload-env": edgeoffload_env.__version__,  # also if it runs from a checkout
        "packages": {name: version for name in names if (version := package_version(name)) is not None},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
    }


def package_version(name: str) -> str | None:
    """Return the installed version of a package, None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")  # on Linux
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def add_options(parser: argparse.ArgumentParser, parts: Iterable[str] = ()) -> None:
    """Declare the options of all measurements of speed, and the choice among parts."""
    if parts:
        parser.add_argument("--only", nargs="+", default=[*parts], choices=[*parts], help="parts to measure (all)")
    parser.add_argument("--quick", action="store_true", help="few, short turns and small sizes: a smoke test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements there")


def show(result: dict[str, Any], options: argparse.Namespace) -> None:
    """Print measurements one a line, medians with quartiles, and write them as JSON if asked for."""

    def show_item(name: str, value: Any) -> None:
        if isinstance(value, dict) and "median" in value:
            low, high = value["quartiles"]
            print(f"{name:66s} {value['median']:>10.4g}  [{low:.4g}, {high:.4g}]")
        elif isinstance(value, dict):
            for inner, item in value.items():
                show_item(f"{name} | {inner}", item)
        elif not isinstance(value, list):  # of sizes
            print(f"{name:66s} {value:>10.4g}" if isinstance(value, float) else f"{name:66s} {value!s:>10}")

    for name, value in result.items():
        if name != "machine":
            show_item(name, value)
    if options.json is not None:
        write_json(result, options.json)


def write_json(result: dict[str, Any], path: Path) -> None:
    """Write measurements, creating the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, result)
