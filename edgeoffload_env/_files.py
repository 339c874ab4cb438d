"""Files that are there whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def in_one_move(path: Path) -> Iterator[Path]:
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
    unfinished = path.with_name(f"{path.stem}.unfinished{path.suffix}")
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
