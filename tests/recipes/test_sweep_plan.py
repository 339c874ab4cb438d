"""What a sweep trains, and where."""

from pathlib import Path
from typing import Any

import pytest

from recipes.cli import REFUSED, main
from recipes.sweep import combinations, plan, read_search


def search(tmp_path: Path, text: str) -> list[dict[str, Any]]:
    file = tmp_path / "search.yaml"
    file.write_text(text)
    return read_search(file)


def test_every_combination_once_in_a_folder_of_its_own() -> None:
    runs = plan(["dtomalb", "idql-tolb"], ["paper", "sparse"], range(3), num_users=[2, 3], env_steps=500)
    assert len(runs) == len({run.folder for run in runs}) == 2 * 2 * 2 * 3
    settings = runs[-1].settings
    assert (settings.algorithm, settings.scenario, settings.seed) == ("idql-tolb", "sparse", 2)
    assert settings.env == {"num_users": 3}
    assert settings.env_steps == 500
    assert runs[-1].name == "runs/idql-tolb/sparse/num_users=3/seed-2"
    (alone,) = plan(["dtoma"], ["paper"], [7])
    assert alone.name == "runs/dtoma/paper/seed-7"
    assert alone.settings.env_steps == 60_000


def test_what_is_set_for_all_runs() -> None:
    (run,) = plan(["dtomalb"], ["paper"], [0], assigned={"gamma": 0.5, "env.max_cycles": 9})
    assert run.settings.hyperparameters.gamma == 0.5  # type: ignore[attr-defined]
    assert run.settings.env == {"max_cycles": 9}
    for count in (3, 10):  # ten is the scenario's own
        with pytest.raises(ValueError, match=r"env\.num_users is set or varied twice"):
            plan(["dtomalb"], ["paper"], [0], num_users=[count], assigned={"env.num_users": 4})
        with pytest.raises(ValueError, match=r"env\.num_users is set or varied twice"):
            plan(["dtomalb"], ["paper"], [0], num_users=[count], search=[{"env.num_users": 4}])
    with pytest.raises(ValueError, match="gamma is set for all runs and varied"):
        plan(["dtomalb"], ["paper"], [0], assigned={"gamma": 0.5}, search=[{"gamma": 0.9}])


def test_what_is_asked_for_twice_is_trained_once() -> None:
    assert len(plan(["dtomalb", "dtomalb"], ["paper"], [0, 0], search=[{"gamma": 0.5}, {"gamma": 0.5}])) == 1


def test_lists_are_combined_and_runs_named_by_them(tmp_path: Path) -> None:
    values = search(tmp_path, "lr: [1e-3, 0.0003]\nhidden: [[8], [8, 8]]\nenv.observation: [load]\n")
    chosen = list(combinations(values))
    assert chosen[0] == {"lr": 1e-3, "hidden": [8], "env.observation": "load"}
    assert len(chosen) == 4
    runs = plan(["idql-tolb"], ["paper"], [0], search=chosen)
    assert len({run.folder for run in runs}) == 4
    assert runs[1].settings.hyperparameters.hidden == (8, 8)  # type: ignore[attr-defined]
    assert runs[1].settings.env == {"observation": "load"}
    assert "lr=0.001" in runs[0].name


def test_mappings_are_searched_one_after_the_other(tmp_path: Path) -> None:
    values = search(tmp_path, "- gamma: [0.5, 0.9]\n- gamma: [0.9]\n  huber: [true]\n- {}\n")
    assert list(combinations(values)) == [{"gamma": 0.5}, {"gamma": 0.9}, {"gamma": 0.9, "huber": True}, {}]


def test_ranges_are_drawn_alike_for_all_and_again(tmp_path: Path) -> None:
    values = search(
        tmp_path,
        "lr: {low: 1e-4, high: 1e-2, log: true}\ntrain_batch_size_per_learner: {low: 16, high: 20}\ngamma: [0.5, 0.9]\n",
    )
    drawn = list(combinations(values, samples=200, seed=3))
    assert len(drawn) == 400
    assert drawn == list(combinations(values, samples=200, seed=3))
    assert drawn != list(combinations(values, samples=200, seed=4))
    rates = [value["lr"] for value in drawn]
    assert 1e-4 <= min(rates) < 2e-4
    assert 5e-3 < max(rates) <= 1e-2
    assert 0.4 < sum(rate < 1e-3 for rate in rates) / len(rates) < 0.6  # as a logarithm
    sizes = {value["train_batch_size_per_learner"] for value in drawn}
    assert all(isinstance(size, int) for size in sizes)
    assert sizes == {16, 17, 18, 19, 20}
    assert rates[:200] == rates[200:]  # the same draws for each of the list's values


def test_like_values_do_not_share_a_folder() -> None:
    runs = plan(["dtomalb"], ["paper"], [0], search=[{"env.server_hz": (1e9, 2e9)}, {"env.server_hz": (1e9, 3e9)}])
    assert len({run.folder for run in runs}) == 2
    long = [{"env.server_hz": tuple(1e9 + i for i in range(40))}, {"env.server_hz": tuple(2e9 + i for i in range(40))}]
    runs = plan(["dtomalb"], ["paper"], [0], search=long)
    assert len({run.folder for run in runs}) == 2
    assert all(len(part) < 200 for run in runs for part in run.folder.parts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no fields"),
        ("just words", "holds no fields"),
        ("gamma: 0.5", "gamma = 0.5 is not allowed; allowed: a list, or low, high"),
        ("gamma: []", "gamma = \\[\\] is not allowed"),
        ("gamma: {low: 1}", "is not allowed; allowed: a list, or low, high"),
        ("gamma: [0.5", "cannot be read"),
    ],
)
def test_a_file_that_is_no_search(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search(tmp_path, text)


def test_a_range_the_wrong_way_round(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"high of gamma = 0\.1 is not allowed"):
        list(combinations(search(tmp_path, "gamma: {low: 0.9, high: 0.1}")))
    with pytest.raises(ValueError, match="low of gamma"):
        list(combinations(search(tmp_path, "gamma: {low: 0, high: 0.1, log: true}")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--algorithms", "sarsa"), "algorithm = 'sarsa' is not allowed"),
        (("--algorithms", "dtomalb", "--scenarios", "moon"), "moon"),
        (("--algorithms", "dtomalb", "--seeds", "0"), "--seeds = 0 is not allowed"),
        (("--algorithms", "dtomalb", "--num-users", "0"), "num_users = 0 is not allowed"),
        (("--algorithms", "dtomalb", "idql-tolb", "--set", "temperature=1.0"), "unknown hyper-parameter 'temperature'"),
        (("--algorithms", "dtomalb", "--env-steps", "0"), "env_steps = 0 is not allowed"),
        (("--algorithms", "dtomalb", "--jobs", "0"), "--jobs = 0 is not allowed"),
    ],
)
def test_nothing_is_started_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "sweep"
    assert main(["sweep", "--out", str(out), *arguments]) == REFUSED
    assert message in capsys.readouterr().err
    assert not out.exists()
