"""Plans of sweeps: combinations, folders, invalid arguments."""

from pathlib import Path
from typing import Any

import pytest

from recipes.cli import main
from recipes.commands.exit_codes import REFUSED
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


def test_fields_that_are_set_for_all_runs() -> None:
    (run,) = plan(["dtomalb"], ["paper"], [0], assigned={"gamma": 0.5, "env.max_cycles": 9})
    assert run.settings.hyperparameters.gamma == 0.5  # type: ignore[attr-defined]
    assert run.settings.env == {"max_cycles": 9}
    for count in (3, 10):  # ten is the scenario's number
        with pytest.raises(ValueError, match=r"env\.num_users is given twice"):
            plan(["dtomalb"], ["paper"], [0], num_users=[count], assigned={"env.num_users": 4})
        with pytest.raises(ValueError, match=r"env\.num_users is given twice"):
            plan(["dtomalb"], ["paper"], [0], num_users=[count], search=[{"env.num_users": 4}])
    with pytest.raises(ValueError, match="gamma is given twice"):
        plan(["dtomalb"], ["paper"], [0], assigned={"gamma": 0.5}, search=[{"gamma": 0.9}])


def test_duplicates_are_trained_once() -> None:
    assert len(plan(["dtomalb", "dtomalb"], ["paper"], [0, 0], search=[{"gamma": 0.5}, {"gamma": 0.5}])) == 1


def test_lists_are_combined_and_runs_are_named_by_their_values(tmp_path: Path) -> None:
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


def test_draws_from_ranges_are_the_same_for_all_and_repeatable(tmp_path: Path) -> None:
    values = search(
        tmp_path,
        "lr: {low: 1e-4, high: 1e-2, log: true}\nslots_per_update: {low: 16, high: 20}\ngamma: [0.5, 0.9]\n",
    )
    drawn = list(combinations(values, samples=200, seed=3))
    assert len(drawn) == 400
    assert drawn == list(combinations(values, samples=200, seed=3))
    assert drawn != list(combinations(values, samples=200, seed=4))
    rates = [value["lr"] for value in drawn]
    assert 1e-4 <= min(rates) < 2e-4
    assert 5e-3 < max(rates) <= 1e-2
    assert 0.4 < sum(rate < 1e-3 for rate in rates) / len(rates) < 0.6  # uniform in the logarithm
    sizes = {value["slots_per_update"] for value in drawn}
    assert all(isinstance(size, int) for size in sizes)
    assert sizes == {16, 17, 18, 19, 20}
    assert rates[:200] == rates[200:]  # the same draws for each value of the list


def test_similar_values_do_not_share_a_folder() -> None:
    runs = plan(["dtomalb"], ["paper"], [0], search=[{"env.server_hz": (1e9, 2e9)}, {"env.server_hz": (1e9, 3e9)}])
    assert len({run.folder for run in runs}) == 2
    long = [{"env.server_hz": tuple(1e9 + i for i in range(40))}, {"env.server_hz": tuple(2e9 + i for i in range(40))}]
    runs = plan(["dtomalb"], ["paper"], [0], search=long)
    assert len({run.folder for run in runs}) == 2
    assert all(len(part) < 200 for run in runs for part in run.folder.parts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold lines such as"),
        ("just words", "must hold lines such as"),
        ("gamma: 0.5", r"gamma in --search .* must be a non-empty list, a range .*, got 0\.5"),
        ("gamma: []", r"must be a non-empty list, a range .*, got \[\]"),
        ("gamma: {low: 1}", r"must be a non-empty list, a range .*, got \{'low': 1\}"),
        ("gamma: {choice: []}", r"or \{choice: \[\.\.\.\]\}, got \{'choice': \[\]\}"),
        ("gamma: {choice: [1], low: 0}", r"or \{choice: \[\.\.\.\]\}, got \{'choice': \[1\], 'low': 0\}"),
        ("gamma: [0.5", "cannot be read"),
    ],
)
def test_an_invalid_search_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search(tmp_path, text)


def test_draws_of_a_choice(tmp_path: Path) -> None:
    fields = search(tmp_path, "huber: {choice: [true, false]}\nreward_scale: {choice: [1, 1e-1, 1e-2]}\n")
    drawn = list(combinations(fields, samples=60, seed=1))
    assert drawn == list(combinations(fields, samples=60, seed=1))
    pairs = {(values["huber"], values["reward_scale"]) for values in drawn}
    assert len(drawn) == 60
    assert pairs == {(huber, scale) for huber in (True, False) for scale in (1, 0.1, 0.01)}


def test_invalid_bounds_of_a_range(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"high of gamma must be a number in \[0\.9, 1e\+12\], got 0\.1"):
        list(combinations(search(tmp_path, "gamma: {low: 0.9, high: 0.1}")))
    with pytest.raises(ValueError, match="low of gamma must be a number in"):
        list(combinations(search(tmp_path, "gamma: {low: 0, high: 0.1, log: true}")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--algorithms", "sarsa"), "unknown algorithm 'sarsa'. Known: dtomalb, "),
        (
            ("--algorithms", "dtomalb", "--scenarios", "moon"),
            "unknown scenario 'moon'. Known: paper, ",
        ),
        (("--algorithms", "dtomalb", "--seeds", "0"), "--seeds must be an integer in [1, 1000000], got 0"),
        (("--algorithms", "dtomalb", "--num-users", "0"), "num_users must be an integer in [1, "),
        (("--algorithms", "dtomalb", "idql-tolb", "--set", "temperature=1.0"), "unknown hyper-parameter 'temperature'"),
        (("--algorithms", "dtomalb", "--env-steps", "0"), "env_steps must be an integer in [1, "),
        (("--algorithms", "dtomalb", "--jobs", "0"), "--jobs must be an integer in [1, 1000000], got 0"),
    ],
)
def test_invalid_arguments_start_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "sweep"
    assert main(["sweep", "--out", str(out), *arguments]) == REFUSED
    assert message in capsys.readouterr().err
    assert not out.exists()
