"""Files that are there whole or not at all, whatever dies while they are written."""

import contextlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

UNFINISHED = ".unfinished"


@contextlib.contextmanager
def in_one_move(path: Path) -> Iterator[Path]:
    """Gives a file beside ``path`` to write; at the end of the block it is on the disk and takes the place of ``path``.

    If the block fails, ``path`` stays as it was.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        yield unfinished
        sync(unfinished)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one move, its line ends as they are."""
    with in_one_move(path) as unfinished:
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


def sync(path: Path) -> None:
    """Wait until a file, or the list of a folder's files, is on the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # folders on Windows, which needs no such thing
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
