from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recipes import (
    DQNTOLBConfig,
    DTOMALBConfig,
    DTOMALBEquivariantConfig,
    DTOMALBExactConfig,
    IDQLConfig,
    QMIXConfig,
    VDNConfig,
)
from recipes.joint.transitions import TransitionBatch
from recipes.offpolicy import losses
from recipes.offpolicy.config import OffPolicyConfig
from tests.recipes.trainings import Trainings, assert_equal, differ, weights

pytestmark = [pytest.mark.usefixtures("ray_session"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ALGORITHMS: dict[str, Any] = {
    "dtomalb": lambda: DTOMALBConfig().training(
        temperature=1.0, entropy_coeff=0.1, final_entropy_coeff=0.1, grad_clip=10.0
    ),
    "dtomalb-reinforce": lambda: DTOMALBConfig().training(estimator="reinforce", symlog_rewards=True),
    "dtomalb-exact": lambda: DTOMALBExactConfig().training(entropy_coeff=0.01, final_entropy_coeff=0.01),
    "dtomalb-shared": lambda: DTOMALBExactConfig().training(
        entropy_coeff=0.1, final_entropy_coeff=0.1, share_actors=True, critic="shared"
    ),
    "dtomalb-team": lambda: DTOMALBExactConfig().training(
        critic="team",
        normalize_advantages=True,
        entropy_coeff=0.1,
        final_entropy_coeff=0.1,
        reward_scale=0.5,
        actor_batch_size=64,
    ),
    "dtomalb-equivariant": lambda: DTOMALBEquivariantConfig(),
    "idql-tolb": lambda: IDQLConfig(),
    "idql-tolb-double": lambda: IDQLConfig().training(double_q=True, huber=True, share_actors=True),
    "dqn-tolb": lambda: DQNTOLBConfig(),
    "dqn-tolb-joint": lambda: DQNTOLBConfig().training(head="joint"),
    "vdn": lambda: VDNConfig(),
    "qmix": lambda: QMIXConfig(),
}
on_any_game = pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "dtomalb-equivariant"])


def small(name: str, env: str = "edgeoffload/sparse-v0", seed: int = 0, **env_config: Any) -> OffPolicyConfig:
    config: OffPolicyConfig = ALGORITHMS[name]()
    if not name.startswith("dtomalb"):
        config.training(epsilon=1.0, final_epsilon=0.1, exploration_fraction=0.8)
    if env.startswith("edgeoffload"):
        env_config = {"num_users": 3, "server_hz": (12e9, 20e9), "max_cycles": 7} | env_config
    return (
        config.environment(env, env_config=env_config)
        .env_runners(num_envs_per_env_runner=4)
        .reporting(min_sample_timesteps_per_iteration=100)
        .training(
            train_batch_size_per_learner=32,
            hidden=(16, 16),
            num_steps_sampled_before_learning_starts=50,
            slots_per_update=2,
            replay_capacity=300,
            lr=1e-3,
            final_lr=1e-4,
            total_env_steps=1_000,
        )
        .debugging(seed=seed, log_level="ERROR", log_sys_usage=False)
    )


@pytest.fixture(scope="module", params=ALGORITHMS)
def trainings(request: pytest.FixtureRequest, ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings.of(small, request.param, tmp_path_factory.mktemp("trainings"))


def test_restoring_and_going_on_is_never_having_stopped(trainings: Trainings) -> None:
    first, second = trainings.going_on, trainings.resumed
    assert differ(trainings.fresh, second.weights)
    assert_equal(first.weights, second.weights)
    assert first.replay is not None
    assert_equal(first.replay, second.replay)
    assert_equal(first.transitions, second.transitions)
    for one, other in zip(first.results, second.results, strict=True):
        for key in ("episode_return_mean", "num_env_steps_sampled_lifetime", "utility"):
            assert_equal(one["env_runners"][key], other["env_runners"][key], key)
        assert one["training_iteration"] == other["training_iteration"]
        losses_of = [
            {k: v for k, v in result["learners"]["default_policy"].items() if k.endswith("loss")}
            for result in (one, other)
        ]
        assert losses_of[0]
        assert_equal(*losses_of)


def test_the_same_seed_gives_the_same_weights(trainings: Trainings) -> None:
    assert_equal(trainings.saved, trainings.twin)
    assert differ(trainings.initial, trainings.fresh)
    assert differ(trainings.initial, trainings.saved)


def test_a_checkpoint_makes_an_algorithm_by_itself(tmp_path: Path) -> None:
    from ray.rllib.algorithms.algorithm import Algorithm

    first = small("dtomalb").build_algo()
    first.train()
    path = first.save_to_path(str(tmp_path / "checkpoint"))
    second = Algorithm.from_checkpoint(path)
    for one in (first, second):
        one.train()
    assert_equal(weights(first), weights(second))
    first.stop()
    second.stop()


@pytest.mark.parametrize("name", ["dtomalb", "dtomalb-exact"])
def test_the_actors_loss_leaves_the_critics_gradients_untouched(name: str) -> None:
    config = small(name).training(grad_clip=None, target_actions="greedy", reward_scale=1.0, huber=False)
    algorithm = config.build_algo()
    algorithm.train()
    learner = algorithm.learner_group._learner
    rows = algorithm.replay.sample(32)
    critics, networks = learner.networks.critics, learner.networks
    with torch.no_grad():
        next_actions = networks.target_acting.greedy(rows.next_obs)
        targets = losses.td_target(
            rows.rewards.T,
            rows.terminated.T,
            networks.target_critics(rows.next_obs, rows.next_state, next_actions),
            config.gamma,
        )
    loss = losses.squared_error(critics(rows.obs, rows.state, rows.actions), targets)
    expected = torch.autograd.grad(loss, list(critics.parameters()))
    learner.update(rows)
    for parameter, gradient_of_its_own in zip(critics.parameters(), expected, strict=True):
        assert torch.equal(parameter.grad, gradient_of_its_own)
    assert all(parameter.grad.abs().sum() > 0 for parameter in networks.acting.parameters())
    for target in (networks.target_critics, networks.target_acting):
        assert all(parameter.grad is None for parameter in target.parameters())
    algorithm.stop()


def test_targets_follow_softly() -> None:
    algorithm = small("dtomalb").training(tau=0.25).build_algo()
    networks = algorithm.learner_group._learner.networks
    before = networks.target_critics.network.weight_0.clone()
    algorithm.train()
    rows = algorithm.replay.sample(32)
    before = networks.target_critics.network.weight_0.clone()
    algorithm.learner_group.update(batch=rows)
    expected = 0.25 * networks.critics.network.weight_0.detach() + 0.75 * before
    torch.testing.assert_close(networks.target_critics.network.weight_0, expected)
    algorithm.stop()


@pytest.mark.parametrize(("truncate", "value"), [(True, 2.0), (False, 1.0)])
@pytest.mark.parametrize("name", ["dtomalb", "idql-tolb", "dqn-tolb", "dqn-tolb-joint"])
def test_truncated_games_bootstrap_and_terminated_ones_do_not(name: str, truncate: bool, value: float) -> None:
    config = small(name, "one-step", truncate=truncate)
    config.training(gamma=0.5, tau=0.2, lr=5e-3, final_lr=5e-3, reward_scale=1.0)
    config.reporting(min_sample_timesteps_per_iteration=1_000)
    algorithm = config.build_algo()
    algorithm.train()
    networks = algorithm.learner_group._learner.networks
    obs, state = torch.ones(1, 2, 1), torch.ones(1, 2)
    acting = networks.acting
    if name == "dtomalb":
        learned = networks.critics(obs, state, acting.greedy(obs))
    else:
        learned = acting.values(acting.select_input(obs, state)).amax(-1)
    assert learned.detach().flatten().tolist() == pytest.approx([value] * learned.numel(), abs=0.1)
    algorithm.stop()


@on_any_game
def test_a_cooperative_game_with_a_known_optimum_is_solved(name: str) -> None:
    alike = name == "dtomalb-team"  # whose critic cannot tell users apart that see the same
    env_steps = 6_000 if name == "qmix" else 3_000  # the others solve it on the seeds 0 to 4
    config = small(name, "code", length=5, users=2, alike=alike)
    config.training(
        lr=5e-3,
        final_lr=5e-4,
        total_env_steps=env_steps,
        gamma=0.5,
        tau=0.05,
        hidden=(32, 32),
        replay_capacity=10_000,
        train_batch_size_per_learner=128,
    )
    config.training(epsilon=0.5, final_epsilon=0.5)
    config.reporting(min_sample_timesteps_per_iteration=env_steps)
    algorithm = config.build_algo()
    algorithm.train()
    (fragment,) = algorithm.env_runner.sample(num_episodes=40, explore=False)
    optimum = 1.0
    assert float(fragment.transitions.rewards.mean()) == optimum
    algorithm.stop()


def test_the_best_return_of_the_code_game_needs_learning() -> None:
    algorithm = small("dtomalb", "code", length=5, users=2).build_algo()
    (fragment,) = algorithm.env_runner.sample(num_episodes=40, explore=False)
    assert float(fragment.transitions.rewards.mean()) < 0.7
    algorithm.stop()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tau": 1.5}, r"tau must be a number in \[0, 1\], got 1.5"),
        ({"tau": "fast"}, "tau must be a number .*, got 'fast'"),
        ({"gamma": -0.1}, "gamma must be .*, got -0.1"),
        ({"hidden": ()}, r"hidden must be a non-empty tuple .*, got \(\)"),
        ({"hidden": (64, 0)}, "hidden must be .*, got 0"),
        ({"epsilon": [(0, 1.0), (10, 0.5)]}, "epsilon must be a number"),
        ({"epsilon": 2.0}, "epsilon must be .*, got 2.0"),
        ({"slots_per_update": 0}, "slots_per_update must be an integer .*, got 0"),
        ({"train_batch_size_per_learner": 0}, "train_batch_size_per_learner must be .*, got 0"),
        ({"critic": "separatee"}, "critic must be 'per-action' or .*did you mean 'separate'"),
        ({"target_actions": "best"}, "target_actions must be 'greedy' or 'sampled', got 'best'"),
        ({"temperature": 0.0}, "temperature must be .*, got 0.0"),
        ({"total_env_steps": 0}, "total_env_steps must be an integer .*, got 0"),
        ({"gama": 0.9}, "unknown hyper-parameter 'gama'; did you mean 'gamma'"),
    ],
)
def test_bad_settings_are_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        small("dtomalb").training(**change).validate()


def test_a_joint_head_for_ten_users_is_refused_when_built() -> None:
    config = DQNTOLBConfig().training(head="joint").environment("edgeoffload/paper-v0")
    with pytest.raises(ValueError, match="60,466,176 outputs"):
        config.build_algo()


def test_bad_fields_of_the_game_are_refused_by_name() -> None:
    config = DTOMALBConfig().environment("edgeoffload/paper-v0", env_config={"num_user": 3})
    with pytest.raises(TypeError, match="num_user"):
        config.build_algo()


def test_evaluation_as_rllib_configures_it() -> None:
    config = small("dtomalb").evaluation(
        evaluation_interval=1, evaluation_duration=6, evaluation_config={"explore": False}
    )
    algorithm = config.build_algo()
    result = algorithm.train()
    assert result["evaluation"]["env_runners"]["num_episodes"] == 8  # whole batches of 4 games
    assert np.isfinite(result["evaluation"]["env_runners"]["episode_return_mean"])
    algorithm.stop()


def test_updates_are_as_many_as_asked_for() -> None:
    config = small("dtomalb").training(slots_per_update=2).env_runners(rollout_fragment_length=3)
    algorithm = config.build_algo()
    for _ in range(2):
        result = algorithm.train()
    steps = 9 * 12 + 9 * 12 - 4 * 12  # the first fragment that reaches 50 steps counts
    assert result["learners"]["default_policy"]["num_updates_lifetime"] == steps // 8
    algorithm.stop()


def test_double_q_and_plain_q_differ() -> None:
    plain, double = (small("idql-tolb").training(double_q=flag).build_algo() for flag in (False, True))
    for algorithm in (plain, double):
        algorithm.train()
    assert differ(weights(plain), weights(double))
    plain.stop()
    double.stop()


def test_rows_are_opaque_to_the_learner_group() -> None:
    columns = ("obs", "state", "actions", "rewards", "next_obs", "next_state", "terminated", "mask", "next_mask")
    assert TransitionBatch._fields == columns


def test_a_step_is_adams_whatever_the_layout_of_the_gradients() -> None:
    """Fused Adam on the CPU reads gradients as if they lay in one piece; a slice of a larger one is misread."""
    algorithm = small("dtomalb-exact").build_algo()
    algorithm.train()
    learner = algorithm.learner_group._learner
    parameters = learner.learner.parameters("critics")
    optimizer = learner.get_optimizer("default_policy", "critics")
    before = [parameter.detach().clone().requires_grad_() for parameter in parameters]
    states = [{key: value.clone() for key, value in optimizer.state[p].items()} for p in parameters]

    def loss(networks: Any) -> Any:
        # what makes the gradient of the first weights a view: they and their biases in one matrix
        joined = torch.cat(networks[:2], dim=1)
        weights = torch.linspace(-1.0, 1.0, joined.numel()).reshape(joined.shape)
        return (joined * weights).sum() + sum(network.square().sum() for network in networks[2:])

    gradients = torch.autograd.grad(loss(parameters), parameters)
    assert not gradients[0].is_contiguous()
    learner.learner.gradient_step("critics", loss(parameters))
    rate = optimizer.param_groups[0]["lr"]
    for parameter, plain, state, gradient in zip(parameters, before, states, gradients, strict=True):
        reference = torch.optim.Adam([plain], lr=rate, foreach=False)
        reference.state[plain] = state
        plain.grad = gradient
        reference.step()
        torch.testing.assert_close(parameter, plain, rtol=1e-5, atol=1e-7)
    algorithm.stop()
