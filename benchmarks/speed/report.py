"""Machine and versions in the record of a measurement, and its output."""

import argparse
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import edgeoffload_env
from recipes import files


def machine(*packages: str) -> dict[str, Any]:
    """Return Python, installed packages and processor."""
    names = ("numpy", "torch", "numba", "mpe2", "pettingzoo", "gymnasium", "vmas", *packages)
    versions = {name: package_version(name) for name in names}
    return {
        "python": platform.python_version(),
        "edgeoffload-env": edgeoffload_env.__version__,  # also if it runs from a checkout
        "packages": {name: version for name, version in versions.items() if version is not None},
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
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of all measurements of speed."""
    parser.add_argument("--quick", action="store_true", help="few, short turns and small sizes: a smoke test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements there")


def show(result: dict[str, Any], options: argparse.Namespace) -> None:
    """Print measurements one a line, medians with quartiles, and write them as JSON if asked for."""

    def lines(name: str, value: Any) -> list[str]:
        if isinstance(value, list):  # rows of sizes
            return []
        if not isinstance(value, dict):
            return [f"{name:66s} {value:>10.4g}" if isinstance(value, float) else f"{name:66s} {value!s:>10}"]
        if "median" in value:
            low, high = value["quartiles"]
            return [f"{name:66s} {value['median']:>10.4g}  [{low:.4g}, {high:.4g}]"]
        return [line for inner, item in value.items() for line in lines(f"{name} | {inner}", item)]

    for name, value in result.items():
        if name != "machine":
            print(*lines(name, value), sep="\n")
    if options.json is not None:
        write_json(result, options.json)


def write_json(result: dict[str, Any], path: Path) -> None:
    """Write measurements, creating the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, result)
