"""The path of other devices, games on torch's backend, on the one device that every machine has."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recipes.envs import batched_games
from tests.recipes.offpolicy.test_algorithms import small
from tests.recipes.trainings import assert_equal, weights

pytestmark = [pytest.mark.usefixtures("ray_session"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def torch_games(monkeypatch: pytest.MonkeyPatch) -> None:
    """Games that compute with torch, as on a GPU."""
    monkeypatch.setattr(batched_games, "backend_for", lambda device: "torch")


def trained(name: str, **options: Any) -> Any:
    algorithm = small(name, **options).build_algo()
    for _ in range(2):
        result = algorithm.train()
    return algorithm, result


@pytest.mark.parametrize("name", ["dtomalb", "dtomalb-team", "idql-tolb", "dqn-tolb", "qmix"])
def test_training_where_games_are_torchs(name: str, torch_games: None) -> None:
    algorithm, result = trained(name)
    runner, replay = algorithm.env_runner, algorithm.replay
    assert runner.games.on_device
    assert all(isinstance(array, torch.Tensor) for array in runner._seen[:2])
    (fragment,) = runner.sample()
    users, actions, obs_size, state_size, _ = runner.games.sizes
    shapes = [(users, obs_size), (state_size,), (users,), (users,), (users, obs_size), (state_size,), (users,)]
    assert [tuple(column.shape) for column in fragment.transitions[:7]] == [(8, *shape) for shape in shapes]
    assert fragment.transitions[7:] == (None, None)
    assert 0 <= int(fragment.transitions.actions.min()) <= int(fragment.transitions.actions.max()) < actions
    assert len(replay) == 208
    for column in replay.sample(64)[:7]:
        assert torch.isfinite(column.to(torch.float64)).all()
    learned = result["learners"]["default_policy"]
    found = {key: value for key, value in learned.items() if key.endswith("loss")}
    assert found
    assert np.isfinite(list(found.values())).all()
    assert np.isfinite(result["env_runners"]["utility"]).all()
    for module in weights(algorithm)["module"].values():
        assert np.isfinite(module).all()
    algorithm.stop()


def test_games_of_torch_and_of_numpy_give_rows_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their games have streams of their own, so rows agree in kind and on average."""
    played = []
    for backend in ("numpy", "torch"):
        monkeypatch.setattr(batched_games, "backend_for", lambda device, backend=backend: backend)
        algorithm = small("idql-tolb").training(epsilon=1.0).build_algo()
        assert algorithm.env_runner.games.on_device == (backend == "torch")
        (fragment,) = algorithm.env_runner.sample(num_timesteps=8_000)
        played.append(fragment.transitions)
        algorithm.stop()
    for ours, theirs in zip(*(rows[:7] for rows in played), strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    for name in ("obs", "state", "rewards", "next_obs", "next_state"):
        mine, other = (getattr(rows, name) for rows in played)
        assert (mine.mean() - other.mean()).abs() < 0.05 * other.std()
        assert mine.std() == pytest.approx(float(other.std()), rel=0.05)


def test_a_run_on_torchs_games_goes_on_from_its_checkpoint(torch_games: None, tmp_path: Path) -> None:
    first, _ = trained("dtomalb")
    path = first.save_to_path(str(tmp_path / "checkpoint"))
    second = small("dtomalb", seed=9).build_algo()
    second.restore_from_path(path)
    for algorithm in (first, second):
        algorithm.train()
    assert_equal(weights(first), weights(second))
    first.stop()
    second.stop()
