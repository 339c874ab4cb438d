"""Text and JSON files that are there whole or not at all, whatever dies while they are written."""

import json
import math
from pathlib import Path
from typing import Any

from edgeoffload_env._files import atomic_write, sync, temporary_path

__all__ = ["UNFINISHED", "finite", "atomic_write", "sync", "temporary_path", "write_json", "write_text"]

UNFINISHED = ".unfinished"


def write_text(path: Path, text: str) -> None:
    """Write a text file in one move, its line ends as they are."""
    with atomic_write(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file in one move; what is not finite becomes null."""
    write_text(path, json.dumps(finite(value), indent=2, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """The same value with None for every number that is not finite, as JSON has no word for them."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
