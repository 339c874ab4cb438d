"""Text and JSON files written atomically: after a crash a file is either complete or as it was before."""

import json
import math
from pathlib import Path
from typing import Any

from edgeoffload_env._files import atomic_write, sync, temporary_path

__all__ = ["UNFINISHED", "atomic_write", "finite_or_none", "sync", "temporary_path", "write_json", "write_text"]

UNFINISHED = ".unfinished"
"""Name of a folder while it is being written."""


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, with line endings unchanged."""
    with atomic_write(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, with null for NaN and infinite numbers."""
    write_text(path, json.dumps(finite_or_none(value), indent=2, allow_nan=False) + "\n")


def finite_or_none(value: Any) -> Any:
    """Replace NaN and infinite floats by None, also within dicts, lists and tuples."""
    if isinstance(value, dict):
        return {name: finite_or_none(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [finite_or_none(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
