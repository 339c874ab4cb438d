"""Measured costs on the smallest games."""

import pytest

from benchmarks.speed import complexity
from tests.recipes.noise import RAY_NOISE

pytestmark = [pytest.mark.slow, *RAY_NOISE]


def test_outputs_grow_as_they_should(local_session: None) -> None:
    rows = {(row["algorithm"], row["num_users"]): row for row in complexity.costs((2, 3, 10), repetitions=3)}
    assert ("dqn-tolb (joint head)", 10) not in rows  # 60 million outputs
    assert [rows["dqn-tolb (joint head)", n]["outputs"] for n in (2, 3)] == [36, 216]
    for name in ("dtomalb", "idql-tolb", "dqn-tolb"):
        assert [rows[name, n]["outputs"] for n in (2, 3, 10)] == [12, 18, 60]
    # hidden layers of 64 and 64 on the state of 2 M + 4 N numbers, and a value beside the advantages
    assert rows["dqn-tolb", 2]["parameters"] == (18 + 1) * 64 + (64 + 1) * 64 + (64 + 1) * 13
    assert all(row["update_s"] > 0 and row["decision_s"] > 0 for row in rows.values())
