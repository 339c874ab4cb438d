"""The results to expect that recipes name are those of the published rows."""

import re
import statistics
from pathlib import Path

import pytest

from benchmarks.rows import Results
from recipes import registry

RESULTS = Results(Path(__file__).parents[2] / "benchmarks" / "results")
OWN = ("dtomalb", "dtoma", "dtomalb-exact", "idql-tolb", "dqn-tolb")


@pytest.mark.parametrize("name", OWN)
def test_a_recipes_results_to_expect(name: str) -> None:
    text = " ".join((registry.get(name).load().__doc__ or "").split())
    said = re.findall(r"``([a-z-]+)`` \(seeds 0 to 4.*?: utility ([-\d., ]+) \(mean (-[\d.]+)", text)
    assert said[0][0] == "paper"
    for scenario, listed, mean in said:
        rows = [
            row
            for row in RESULTS.final()
            if (row["algorithm"], row["scenario"], row["checkpoint"]) == (name, scenario, "last")
            and row["variant"] == ("" if scenario == "paper" else "team")
            and row["num_users"] == (10 if scenario == "paper" else 20)
            and row["seed"] < 5
        ]
        utilities = [row["utility"] for row in sorted(rows, key=lambda row: row["seed"])]
        assert listed.split(", ") == [f"{utility:.1f}" for utility in utilities]
        assert mean == f"{statistics.fmean(utilities):.1f}"


@pytest.mark.parametrize("variant", ["slot 0.3 s", "slot 1 s"])
def test_what_the_results_page_says_of_long_slots(variant: str) -> None:
    rows = [row for row in RESULTS.final() if (row["variant"], row["checkpoint"]) == (variant, "last")]
    ours, theirs = ([row["utility"] for row in rows if (row["algorithm"] == "dtomalb") == own] for own in (True, False))
    assert len(ours) == 2
    assert len(theirs) == 4
    assert min(ours) > max(theirs)
