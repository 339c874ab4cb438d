"""Files that are there whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a file of the same ending beside ``path`` to write, which takes the place of ``path`` after the block.

    If the block fails, ``path`` stays as it was. Links are followed; what is no regular file, such as ``/dev/stdout``,
    is written itself.

    Args:
        path: what to write; its folder must exist.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = path.resolve()
    unfinished = temporary_path(path)
    try:
        yield unfinished
        sync(unfinished)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync(path.parent)


def temporary_path(path: Path) -> Path:
    """The name that a file has while it is written."""
    return path.with_name(f"{path.stem}.unfinished{path.suffix}")


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
