"""The record of searches for hyper-parameters."""

from pathlib import Path

import pytest

from benchmarks.study import provenance, tuning
from recipes.sweep import plan
from tests.benchmarks.test_store import finished


def searched(folder: Path, seeds: list[int], utility: float) -> Path:
    """A sweep over two discounts, finished, and the file that asked for it."""
    file = folder / "search.yaml"
    file.write_text("gamma: [0.5, 0.9]\n")
    for gamma in (0.5, 0.7, 0.9):  # 0.7 was not asked for
        for run in plan(["dtomalb"], ["paper"], seeds, search=[{"gamma": gamma}], env_steps=1_000):
            finished(folder / "runs", run, utility - gamma)
    return file


def test_a_search_is_added_to_those_before(tmp_path: Path) -> None:
    (tmp_path / tuning.FILE).write_text(
        "algorithm,scenario,seed,huber,env_steps,episodes,utility,score,wall_s\nidql-tolb,paper,100,False,5,32,-9,,1\n"
    )
    first = tmp_path / "first"
    first.mkdir()
    assert tuning.add(first, searched(first, [100, 101], -10.0), tmp_path) == 4
    rows = tuning.entries(tmp_path)
    assert [*rows[["algorithm", "seed", "gamma", "huber"]].itertuples(index=False, name=None)] == [
        ("dtomalb", "100", "0.5", ""),
        ("dtomalb", "100", "0.9", ""),
        ("dtomalb", "101", "0.5", ""),
        ("dtomalb", "101", "0.9", ""),
        ("idql-tolb", "100", "", "False"),
    ]
    assert rows["utility"].astype(float).tolist() == pytest.approx([-10.5, -10.9, -10.5, -10.9, -9.0])

    again = tmp_path / "again"
    again.mkdir()
    assert tuning.add(again, searched(again, [100], -20.0), tmp_path) == 2
    utilities = tuning.entries(tmp_path)["utility"].astype(float).tolist()
    assert utilities == pytest.approx([-20.5, -20.9, -10.5, -10.9, -9.0])
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "search.yaml").write_text("hidden: [[8, 4]]\n")
    for run in plan(["dtomalb"], ["paper"], [100], search=[{"hidden": [8, 4]}], env_steps=1_000):
        finished(lists / "runs", run, -1.0)
    assert tuning.add(lists, lists / "search.yaml", tmp_path) == 1
    assert provenance.read(tmp_path)[tuning.FILE]["command"].startswith("python -m recipes sweep")
