"""Data of the benchmarks: claims, styles of figures, settings and searches, as YAML."""

from pathlib import Path
from typing import Any

import yaml  # comes with Ray

FOLDER = Path(__file__).parent


def read(name: str) -> Any:
    """Return the content of a YAML file of this folder."""
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
