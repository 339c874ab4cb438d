"""Learning curves, figures and recordings of small runs."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes.cli import main
from recipes.commands.exit_codes import REFUSED
from recipes.errors import RunError
from recipes.plots import learning_curves
from recipes.runs import RunFolder
from tests.recipes.noise import RAY_NOISE

pytestmark = [*RAY_NOISE, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def runs(local_session: None, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    command = ["train", "idql-tolb", "--scenario", "sparse", "--env-steps", "1500", "--set", "env.max_cycles=20"]
    for seed in range(2):
        assert main([*command, "--seed", str(seed), "--out", str(folder / str(seed))]) == 0
    return [folder / "0", folder / "1"]


def test_seeds_are_one_curve(runs: list[Path]) -> None:
    found = learning_curves(map(RunFolder.open, runs))
    ((name, (steps, utilities)),) = found.items()
    assert name == "idql-tolb on sparse env.max_cycles=20"
    assert utilities.shape == (2, len(steps))
    rows = RunFolder.open(runs[1]).rows()
    np.testing.assert_array_equal(utilities[1], [float(row["eval_utility"]) for row in rows])
    assert steps == [int(row["env_steps"]) for row in rows]


def test_plots_are_written(runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, arguments in {"curves.svg": [*map(str, runs)], "episode.png": [str(runs[0]), "--episode"]}.items():
        path = tmp_path / name
        assert main(["plot", *arguments, "--out", str(path)]) == 0
        assert path.stat().st_size > 5_000
        assert str(path) in capsys.readouterr().out


def test_a_run_is_recorded_beside_a_shipped_policy(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import imageio.v3 as imageio

    path = tmp_path / "play.gif"
    assert main(["play", str(runs[0]), "--beside", "random", "--slots", "3", "--record", str(path)]) == 0
    *printed, written = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["idql-tolb", "random"]  # left, right
    assert written == str(path)
    assert imageio.imread(path, index=None).shape[0] == 4


@pytest.mark.parametrize("words", ["play RUN --slots 2 --record FILE.html", "plot RUN --episode --out FILE.png"])
def test_no_file_is_overwritten_unless_asked(
    words: str, runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / words.rpartition(" ")[2].replace("FILE", "shown")
    arguments = [*words.replace("RUN", str(runs[0])).split()[:-1], str(path)]
    path.write_text("mine")
    assert main(arguments) == REFUSED
    assert f"{path} exists; add --force to overwrite it" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert main([*arguments, "--force"]) == 0
    assert path.stat().st_size > 4


def test_the_runs_policy_is_on_the_left(runs: list[Path], tmp_path: Path) -> None:
    """As the first policy of `python -m edgeoffload_env play` is."""
    path = tmp_path / "play.html"
    assert main(["play", str(runs[0]), "--beside", "random", "--slots", "2", "--record", str(path)]) == 0
    (text,) = re.findall(r'id="episode">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
    assert [played["caption"] for played in json.loads(text)["plays"]] == ["idql-tolb", "random"]


@pytest.mark.parametrize(
    "arguments",
    [["plot", "--episode", "RUN", "RUN"], ["plot", "RUN", "--out", "plot.none"], ["play", "RUN", "--record", "p.txt"]],
)
def test_invalid_figures_are_refused(
    arguments: list[str], runs: list[Path], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(runs[0]) if word == "RUN" else word for word in arguments]) == REFUSED
    assert "error" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_run_without_evaluations_has_no_curve(runs: list[Path], tmp_path: Path) -> None:
    settings = RunFolder.open(runs[0]).settings
    empty = RunFolder.begin(tmp_path / "empty", settings)
    empty.release()
    with pytest.raises(RunError, match="no evaluations yet"):
        learning_curves([empty])
