"""Where the files of ``benchmarks/results`` come from.

``provenance.json`` has, for each file of rows, the command that makes it again, what that was told, and the versions it
ran with. Measurements of speed (``throughput.json`` and others) have the same in themselves, with the machine.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recipes.files import write_json
from recipes.versions import versions

FILE = "provenance.json"


def note(
    results: Path,
    file: str,
    command: str,
    configuration: Any,
    made_with: Iterable[dict[str, Any]] | None = None,
    *,
    extends: bool = False,
) -> None:
    """Say where a file comes from, in place of what was said before.

    Args:
        results: the folder.
        file: the file's name.
        command: what makes it again.
        configuration: what the command does not say.
        made_with: versions; those of this process by default.
        extends: the file was added to, so that the versions before were in use as well.
    """
    known = read(results)
    before = known[file]["versions"] if extends and file in known else []
    every = [*before, *([versions()] if made_with is None else made_with)]
    distinct = [found for place, found in enumerate(every) if found not in every[:place]]
    known[file] = {"command": command, "configuration": configuration, "versions": distinct}
    results.mkdir(parents=True, exist_ok=True)
    write_json(results / FILE, dict(sorted(known.items())))


def read(results: Path) -> dict[str, Any]:
    """What is known, by file."""
    path = results / FILE
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known
