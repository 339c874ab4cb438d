"""Origin of the files in ``benchmarks/results``: the command that makes each one, its configuration, its versions.

Measurements of speed (``throughput.json`` and others) hold the same in themselves, with the machine.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from recipes.files import write_json
from recipes.versions import versions

FILE = "provenance.json"
DRAWS = 2
"""Version of the environment's random streams: the same seed gives other episodes under another version."""


def note(
    results: Path,
    file: str,
    command: str,
    configuration: Any,
    made_with: Iterable[dict[str, Any]] | None = None,
    *,
    extends: bool = False,
    draws: Sequence[int] = (DRAWS,),
) -> None:
    """Record the origin of a file.

    Args:
        results: the folder of results.
        file: the file's name.
        command: the command that makes it again.
        configuration: parameters that the command does not name.
        made_with: package versions; those of this process by default.
        extends: rows were added to the file: keep the versions of the rows before.
        draws: versions of the random streams behind the file; none if it does not depend on episodes.
    """
    known = read(results)
    before = known[file] if extends and file in known else {}
    every = [*before.get("versions", []), *([versions()] if made_with is None else made_with)]
    distinct = [found for place, found in enumerate(every) if found not in every[:place]]
    entry: dict[str, Any] = {"command": command, "configuration": configuration, "versions": distinct}
    if draws:
        entry["draws"] = sorted({*before.get("draws", []), *draws})
    known[file] = entry
    results.mkdir(parents=True, exist_ok=True)
    write_json(results / FILE, dict(sorted(known.items())))


def read(results: Path) -> dict[str, Any]:
    """Return the recorded origins by file name."""
    path = results / FILE
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known
