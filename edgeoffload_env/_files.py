"""Atomic writes: a file is complete or absent, never partial."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary file with the same extension, which replaces ``path`` after the block.

    If the block fails, ``path`` is left unchanged, and an error of the temporary file names ``path``. Symbolic links
    are followed. A path that is not a regular file, such as ``/dev/stdout``, is written directly.

    Args:
        path: file to write; its folder must exist.

    Raises:
        OSError: the file cannot be written.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    given, path = path, path.resolve()
    unfinished = temporary_path(path)
    try:
        yield unfinished
        sync(unfinished)
        unfinished.replace(path)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(unfinished)):
            error.filename = str(given)  # a full disk has no name, and the temporary file's is gone
        raise
    sync(path.parent)


def temporary_path(path: Path) -> Path:
    """Return the name of a file while it is being written."""
    return path.with_name(f"{path.stem}.unfinished{path.suffix}")


def sync(path: Path) -> None:
    """Flush a file or a directory to disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # directories on Windows, where this is not needed
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
