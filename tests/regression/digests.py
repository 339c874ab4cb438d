"""Digests of recordings that hold on any processor and still move with every value.

A digest of a float array is its product with fixed random weights, beside the sum of the absolute products. Logarithms
and powers differ in their last bits between processors. A hash of rounded values would break wherever such a bit lies
at the edge of rounding, once in some thousand values in float32; a weighted sum moves by as much as its terms do.
Choices of policies and all other integers are hashed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.regression import recording

FILE = Path(__file__).with_name("digests.json")
TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-5}
"""Relative to the sum of the absolute products: 12 significant digits, and 5."""


def digest(array: np.ndarray) -> Any:
    """A hash of integers and flags; the weighted sum and the sum of its absolute terms of floats."""
    if array.dtype.kind in "iub":
        text = f"{array.shape}{np.ascontiguousarray(array, dtype=np.int64).tobytes().hex()}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]
    terms = array.ravel().astype(np.float64) * np.random.default_rng(array.size).uniform(0.5, 1.5, array.size)
    # whole digits beyond the tolerance: a double in JSON is 17
    return [float(f"{terms.sum():.14g}"), float(f"{np.abs(terms).sum():.14g}")]


def agrees(array: np.ndarray, stored: Any, single: bool) -> bool:
    """Whether an array has the stored digest, in double or single precision."""
    found = digest(array)
    if isinstance(stored, str) or isinstance(found, str):
        return bool(found == stored)
    tolerance = TOLERANCE[np.dtype(np.float32 if single else array.dtype)]
    return bool(np.all(np.abs(np.subtract(found, stored)) <= tolerance * stored[1]))


def all_digests(scenarios: list[str]) -> dict[str, Any]:
    """Digests of every scenario, view and quantity."""
    content: dict[str, Any] = {"transitions": {}, "games": {}, "choices": {}}
    for scenario in scenarios:
        for kind, record in (("transitions", recording.record_transitions), ("games", recording.record_games)):
            content[kind][scenario] = {
                view: {name: digest(array) for name, array in record(scenario, view).items()}
                for view in recording.VIEWS
            }
        choices = recording.record_choices(scenario)
        content["choices"][scenario] = {name: digest(array) for name, array in choices.items()}
    return content


def stored() -> dict[str, Any]:
    """The committed digests."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content
