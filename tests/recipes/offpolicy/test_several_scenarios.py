"""One network that learns several scenarios at once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgeoffload_env import scenarios
from recipes import DTOMALBEquivariantConfig
from recipes.algorithms.dtomalb_equivariant import Hyperparameters
from recipes.cli import main
from recipes.commands.exit_codes import REFUSED
from recipes.networks.equivariant import EquivariantActor, EquivariantTeamCritic
from recipes.networks.sizes import sizes_of
from recipes.plots import group_name
from recipes.runs import RunFolder
from tests.recipes.trainings import assert_equal, weights

pytestmark = [pytest.mark.usefixtures("ray_session"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

NAMES = ("sparse", "urban", "random-servers")


def small(seed: int = 0, **options: Any) -> Any:
    return (
        DTOMALBEquivariantConfig()
        .environment(f"edgeoffload/{NAMES[0]}-v0")
        .env_runners(num_envs_per_env_runner=2)
        .reporting(min_sample_timesteps_per_iteration=120)
        .training(
            also=NAMES[1:],
            train_batch_size_per_learner=16,
            hidden=(16, 16),
            num_steps_sampled_before_learning_starts=60,
            replay_capacity=300,
            total_env_steps=1_000,
            **options,
        )
        .debugging(seed=seed, log_level="ERROR", log_sys_usage=False)
    )


def test_each_scenario_is_played_and_learned_in_equal_shares() -> None:
    algorithm = small().build_algo()
    learned: list[int] = []
    learner = algorithm.learner_group._learner.learner
    update = learner.update
    learner.update = lambda batch: (learned.append(batch.actions.shape[1]), update(batch))
    result = algorithm.train()
    users = [scenarios.configure(name).num_users for name in NAMES]
    assert [len(replay) for replay in algorithm.replays] == [len(algorithm.replays[0])] * 3
    assert [replay.sample(1).actions.shape[1] for replay in algorithm.replays] == users
    assert result["env_runners"]["num_env_steps_sampled_lifetime"] == sum(map(len, algorithm.replays))
    assert len(learned) > 10
    assert learned == (users * len(learned))[: len(learned)]
    main_game, *others = (runner.module.acting for runner in (algorithm.env_runner, *algorithm.other_runners))
    for acting in others:  # all play by the present network
        for mine, theirs in zip(acting.parameters(), main_game.parameters(), strict=True):
            assert torch.equal(mine, theirs)
    algorithm.stop()


def test_episodes_are_reported_of_the_first_scenario() -> None:
    algorithm = small().build_algo()
    for _ in range(3):  # 60 slots of each of 2 games, and random-servers ends after 50 too
        result = algorithm.train()
    assert len(algorithm.replay) == 120
    assert result["env_runners"]["num_episodes_lifetime"] == 2
    assert result["env_runners"]["episode_len_mean"] == 50
    algorithm.stop()


def test_games_are_drawn_by_streams_of_their_own() -> None:
    algorithm = small().training(also=("sparse", "sparse")).build_algo()
    algorithm.train()
    first, second, third = (replay.get_state()["transitions"][0] for replay in algorithm.replays)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    algorithm.stop()


def test_a_batch_is_learned_as_of_its_own_game() -> None:
    algorithm = small(reward_scales=(1.0, 0.5, 0.25), reward_scale=0.1).build_algo()
    algorithm.train()
    learner = algorithm.learner_group._learner.learner
    for game, name in enumerate(NAMES):
        batch = algorithm.replays[game].sample(8)
        sizes = sizes_of(scenarios.configure(name))
        critic, actor = EquivariantTeamCritic(sizes, (16, 16)), EquivariantActor(sizes, (16, 16))
        critic.load_state_dict(algorithm.learner_group._learner.networks.critics.state_dict())
        actor.load_state_dict(algorithm.learner_group._learner.networks.acting.state_dict())
        values, logits = critic(batch.obs, batch.state, batch.actions), actor.values(batch.obs, batch.mask)
        seen: list[Any] = []
        learner.update = seen.append
        learner.learn(batch, 0, game)
        torch.testing.assert_close(learner.networks.critics(batch.obs, batch.state, batch.actions), values)
        torch.testing.assert_close(learner.networks.acting.values(batch.obs, batch.mask), logits)
        torch.testing.assert_close(seen[0].rewards, 0.1 * (1.0, 0.5, 0.25)[game] * batch.rewards)
    algorithm.stop()


def test_restoring_and_going_on_is_never_having_stopped(tmp_path: Path) -> None:
    first = small().build_algo()
    for _ in range(2):
        first.train()
    path = first.save_to_path(str(tmp_path / "checkpoint"))
    first.train()
    second = small(seed=9).build_algo()
    second.restore_from_path(path)
    second.train()
    assert_equal(weights(first), weights(second))
    for mine, theirs in zip(first.replays, second.replays, strict=True):
        assert_equal(mine.get_state(), theirs.get_state())
    first.stop()
    second.stop()


TINY = ("--set", "num_envs_per_env_runner=4", "--set", "hidden=(8,)", "--set", "train_batch_size_per_learner=8")


def test_the_command_trains_on_several_scenarios(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    train = ["train", "dtomalb-equivariant", "--scenario", "sparse", "paper", "--env-steps", "1200", "--out", str(out)]
    assert main([*train, *TINY]) == 0
    printed, progress = capsys.readouterr()
    assert "dtomalb-equivariant on sparse + paper, seed 0: " in progress
    folder = RunFolder.open(out)
    assert folder.settings.scenarios == ("sparse", "paper")
    assert "\ndtomalb-equivariant (sparse + paper) " in printed
    assert group_name(folder).startswith("dtomalb-equivariant on sparse + paper hidden=(8,) ")
    assert "also" not in group_name(folder)
    assert "--scenario sparse paper --seed 1" in printed  # the next seed's command
    summary = json.loads((out / "summary.json").read_text())
    assert summary["evaluation"]["scenario"] == "sparse"
    utility = summary["also"]["paper"]["utility"]["mean"]
    assert f"\npaper: utility {utility:.2f}, score " in printed
    assert f"(320 episodes, seed 1; evaluate {out} --scenario paper prints its table)" in printed
    assert main(["evaluate", str(out), "--scenario", "paper", "--episodes", "320", "--seed", "1", "--json"]) == 0
    evaluated = capsys.readouterr().out
    assert f"{utility!r}" in evaluated
    assert '"dtomalb-equivariant (sparse + paper)"' in evaluated
    assert main(["evaluate", str(out), "--scenario", "paper", "--episodes", "1"]) == 0
    assert "\ndtomalb-equivariant (sparse + paper) " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dtomalb", "--scenario", "paper", "sparse"], "dtomalb trains on one scenario, got --scenario paper sparse"),
        (["dtomalb-equivariant", "--scenario", "paper", "urbann"], "unknown scenario 'urbann'; did you mean 'urban'"),
        (
            ["dtomalb-equivariant", "--scenario", "paper", "sparse", "--env-runners", "2"],
            "--env-runners must be 0 where several scenarios are trained on, got 2",
        ),
        (
            ["dtomalb-equivariant", "--scenario", "paper", "sparse", "--set", "reward_scales=(1.0,)"],
            "reward_scales must be a factor for each of 2 scenarios, got (1.0,)",
        ),
        (["dtomalb-equivariant", "--scenario", "paper", "paper"], "scenarios must be different from one another"),
        (
            ["dtomalb-equivariant", "--scenario", "paper", "sparse", "--set", "also=('urban',)"],
            "scenarios are given twice: by --scenario, and by --set also; give them once",
        ),
        (
            ["dtomalb-equivariant", "--scenario", "paper", "paper-load-only"],
            "also must be scenarios with observation='full', which the networks decode, got 'paper-load-only'",
        ),
        (
            ["dtomalb-equivariant", "--scenario", "paper", "sparse", "--set", "env.num_users=5"],
            "env.num_users must be left as it is where several scenarios are trained on, got 5",
        ),
        (
            ["dtomalb-equivariant", "--scenario", "paper", "power-control"],
            "levels of power-control must be None as in paper: one network trains on both, got Levels(",
        ),
        (
            ["dtomalb-equivariant", "--scenario", "split", "power-control", "urban"],
            "levels of urban must be given as in split: one network trains on both, got None",
        ),
        (
            ["dtomalb-equivariant", "--scenario", "paper-load-only", "paper"],
            "observation of paper-load-only must be 'full', which the networks decode, got 'load'",
        ),
        (
            ["dtomalb-equivariant", "--set", "env.observation=load"],
            "observation of paper must be 'full', which the networks decode, got 'load'",
        ),
    ],
)
def test_refused(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *arguments, "--out", str(tmp_path / "run")]) == REFUSED
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()  # a corrected command may have the same folder


def test_games_that_one_network_cannot_play_are_refused_from_python() -> None:
    config = small().training(also=("power-control",))
    with pytest.raises(ValueError, match=r"^levels of power-control must be None as in edgeoffload/sparse-v0: "):
        config.validate()
    config = small().training(also=None).environment("edgeoffload/paper-load-only-v0")
    with pytest.raises(ValueError, match=r"^observation of edgeoffload/paper-load-only-v0 must be 'full', "):
        config.validate()


def test_env_runner_processes_are_refused() -> None:
    config = small().env_runners(num_env_runners=2)
    with pytest.raises(ValueError, match="num_env_runners must be 0 where several scenarios are trained on"):
        config.validate()


def test_a_scenario_by_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown scenario 'papers'"):
        Hyperparameters(also=("papers",))
    with pytest.raises(TypeError, match=r"also must be a non-empty tuple such as \('sparse', 'urban'\), got 'sparse'"):
        Hyperparameters(also="sparse")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="also must be a string, got 3"):
        Hyperparameters(also=(3,))  # type: ignore[arg-type]
