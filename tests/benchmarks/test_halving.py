"""The search for hyper-parameters by successive halving."""

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.study import halving, provenance
from benchmarks.study.halving import PROTOCOL, SPACES, Protocol, Round, draws, ranking, search
from benchmarks.study.store import Results
from recipes import registry
from recipes.errors import RunError
from recipes.sweep import PlannedRun
from tests.benchmarks.test_store import finished

SMALL = Protocol(
    games=(("paper", 2_000), ("sparse", 1_000)),
    rounds=(
        Round(settings=5, seeds=1, budget=0.5),
        Round(settings=3, seeds=2, budget=1.0),
        Round(settings=2, seeds=1, budget=1.0),
    ),
    first_seed=100,
)


def trains(score: Any) -> tuple[Any, list[PlannedRun]]:
    """In place of training: runs end with the score of a function of the run; and the list of runs."""
    trained: list[PlannedRun] = []

    def train(missing: list[PlannedRun], folder: Path, jobs: int | None, store: Any) -> None:
        for planned in missing:
            trained.append(planned)
            finished(folder, planned, score(planned))
            store(planned)

    return train, trained


def lr(planned: PlannedRun) -> float:
    return float(planned.settings.to_json()["hyperparameters"]["lr"])


def test_the_best_go_on_to_fresh_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, trained = trains(lambda planned: 0.5 - 100 * lr(planned) + 0.1 * (planned.settings.scenario == "paper"))
    monkeypatch.setattr(halving, "_train", train)
    stored = Results(tmp_path / "results")
    best = search("idql-tolb", tmp_path, stored, SMALL)
    settings = draws("idql-tolb", 5)
    rates = {number: values.get("lr", 1e-3) for number, values in settings.items()}
    order = sorted(rates, key=lambda number: rates[number])
    assert [values for values, _ in best] == [settings[number] for number in order[:2]]
    assert best[0][1] == pytest.approx(0.55 - 100 * rates[order[0]])
    rows = stored.table(halving.TABLE)
    assert rows.groupby("round").size().tolist() == [5 * 2, 3 * 2 * 2, 2 * 2]
    assert rows.groupby("round")["seed"].unique().map(list).tolist() == [[100], [101, 102], [103]]
    assert set(rows[rows["round"] == 2]["setting"]) == set(order[:3])
    assert [planned.settings.env_steps for planned in trained[:4]] == [1_000, 500, 1_000, 500]
    assert {planned.settings.env_steps for planned in trained[10:]} == {2_000, 1_000}
    assert f"{halving.TABLE}.csv" in provenance.read(stored.folder)


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_an_interrupted_search_goes_on_where_it_stood(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the table alone, of another machine, as with the runs."""
    train, trained = trains(lr)
    stored = Results(tmp_path / "results")
    monkeypatch.setattr(halving, "_train", lambda missing, *rest: train(missing[:7], *rest))
    assert search("idql-tolb", tmp_path / "here", stored, SMALL) == []
    assert len(stored.table(halving.TABLE)) == 7
    monkeypatch.setattr(halving, "_train", train)
    assert len(search("idql-tolb", tmp_path / where, stored, SMALL)) == 2
    assert len(trained) == len({(planned.settings.env_steps, planned.folder) for planned in trained})


def test_a_run_that_ended_without_its_row_is_stored_and_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, trained = trains(lr)
    stored = Results(tmp_path / "results")
    monkeypatch.setattr(halving, "_train", lambda missing, folder, jobs, store: train(missing[:3], folder, jobs, str))
    assert search("idql-tolb", tmp_path, stored, SMALL) == []
    assert stored.table(halving.TABLE).empty
    monkeypatch.setattr(halving, "_train", train)
    assert len(search("idql-tolb", tmp_path, stored, SMALL)) == 2
    assert len(trained) == len({(planned.settings.env_steps, planned.folder) for planned in trained})


def test_runs_of_an_earlier_protocol_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, _ = trains(lr)
    monkeypatch.setattr(halving, "_train", train)
    search("idql-tolb", tmp_path, Results(tmp_path / "results"), SMALL)
    longer = dataclasses.replace(SMALL, games=(("paper", 4_000), ("sparse", 1_000)))
    with pytest.raises(RunError, match="env_steps"):
        search("idql-tolb", tmp_path, Results(tmp_path / "others"), longer)


def test_rows_of_an_earlier_protocol_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, _ = trains(lambda planned: 0.5 - 100 * lr(planned))
    monkeypatch.setattr(halving, "_train", train)
    stored = Results(tmp_path / "results")
    best = search("idql-tolb", tmp_path, stored, SMALL)
    rows = stored.table(halving.TABLE)
    worst = rows[rows["round"] == 1].sort_values("score").iloc[[0]]
    stored.write(halving.TABLE, pd.concat([rows, worst.assign(seed=99, score=1.0, settings="other")]))
    assert search("idql-tolb", tmp_path, stored, SMALL) == best


def test_scores_are_clipped_and_ties_go_to_the_better_worst_run() -> None:
    rows = pd.DataFrame(
        [(0, 0.9), (0, -90.0), (1, 0.9), (1, -1.0), (2, 0.4), (2, 0.4), (3, 0.3), (3, 0.5), (4, None), (4, 1.0)],
        columns=["setting", "score"],
    )
    found = ranking(rows)
    assert [setting for setting, _ in found] == [2, 3, 4, 0, 1]
    assert [score for _, score in found] == pytest.approx([0.4, 0.4, 0.0, -0.05, -0.05])


@pytest.mark.parametrize("algorithm", SPACES)
def test_all_drawn_settings_are_allowed(algorithm: str) -> None:
    """Hyper-parameters validate them; the first is the defaults."""
    hyperparameters = registry.get(algorithm).load().Hyperparameters
    settings = draws(algorithm, 200)
    assert settings[0] == {}
    for values in settings.values():
        hyperparameters.of(values)
    assert draws(algorithm, 16) == draws(algorithm, 16)
    assert len({str(values) for values in draws(algorithm, PROTOCOL.rounds[0].settings).values()}) == 16


def test_every_algorithm_has_a_space() -> None:
    assert set(SPACES) == set(registry.ALGORITHMS)
