"""What a measurement ran on, and how its numbers are shown and stored."""

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

import edgeoffload_env
from recipes.files import write_text

PACKAGES = ("numpy", "torch", "numba", "mpe2", "pettingzoo", "gymnasium", "vmas")


def machine() -> dict[str, Any]:
    """Python, the packages that are installed, and the processor."""
    versions = {name: package_version(name) for name in PACKAGES}
    return {
        "python": platform.python_version(),
        "edgeoffload-env": edgeoffload_env.__version__,  # also where it runs from a checkout, not installed
        "packages": {name: version for name, version in versions.items() if version is not None},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
    }


def package_version(name: str) -> str | None:
    """The installed version, or None."""
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


def table(result: dict[str, Any]) -> str:
    """The measurements one a line, medians with their quartiles."""
    lines: list[str] = []
    for name, value in result.items():
        if name != "machine":
            lines += _rows(name, value)
    return "\n".join(lines)


def _rows(name: str, value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [f"{name:66s} {value:>10.4g}" if isinstance(value, float) else f"{name:66s} {value:>10}"]
    if "median" in value:
        low, high = value["quartiles"]
        return [f"{name:66s} {value['median']:>10.4g}  [{low:.4g}, {high:.4g}]"]
    return [row for inner, item in value.items() for row in _rows(f"{name} | {inner}", item)]


def write_json(result: dict[str, Any], path: Path) -> None:
    """Store the measurements, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(result, indent=2) + "\n")
