"""Action masks in RLlib's own PPO and DQN: in observations, acting, targets, losses and loaded policies."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns

from edgeoffload_env import edgeoffload_v0, policies
from edgeoffload_env.observation import observation_size
from recipes import registry
from recipes.rllib import action_masks
from recipes.rllib.action_masks import (
    MaskedDQNModule,
    MaskedModule,
    MaskedPPOModule,
    _CountDecisionsInDQN,
    _StandardizeDecisions,
)
from recipes.rllib.adapter import RLlibParallelEnv, make_env
from recipes.rllib.build import build_algorithm
from recipes.settings import RunSettings
from tests.recipes.games import Staggered
from tests.recipes.noise import RAY_NOISE

pytestmark = RAY_NOISE

USERS, ACTIONS, FEATURES = 4, 4, 5
SMALL: dict[str, dict[str, Any]] = {
    "rllib-ppo": {"train_batch_size_per_learner": 200, "minibatch_size": 100, "num_epochs": 1},
    "rllib-dqn": {"num_steps_sampled_before_learning_starts": 40, "train_batch_size_per_learner": 8},
}
EXTRA = {"rllib-ppo": {}, "rllib-dqn": {"dueling": True, "double_q": True, "num_atoms": 1, "epsilon": [(0, 1.0)]}}
MODULES = {"rllib-ppo": MaskedPPOModule, "rllib-dqn": MaskedDQNModule}
each_algorithm = pytest.mark.parametrize("algorithm", SMALL)


def settings_of(algorithm: str, scenario: str = "urban") -> RunSettings:
    hyper = registry.get(algorithm).load().Hyperparameters
    return RunSettings(
        algorithm=algorithm,
        scenario=scenario,
        seed=0,
        env_steps=200,
        hyperparameters=hyper.of({"hidden": (8,), "num_envs_per_env_runner": 4} | SMALL[algorithm]),
        env={"num_users": USERS, "max_cycles": 10},
    )


def module_of(algorithm: str) -> Any:
    torch.manual_seed(0)
    model = {"fcnet_hiddens": [8], "head_fcnet_hiddens": [], "vf_share_layers": False} | EXTRA[algorithm]
    return MODULES[algorithm](
        observation_space=gymnasium.spaces.Box(-1.0, 1.0, (FEATURES + ACTIONS,), np.float32),
        action_space=gymnasium.spaces.Discrete(ACTIONS),
        inference_only=False,
        model_config=model,
    )


def rows(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random observations with masks that allow action 0 and others by chance, and the masks."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(count, ACTIONS, generator=generator) < 0.4
    mask[:, 0] = True
    features = 2.0 * torch.rand(count, FEATURES, generator=generator) - 1.0
    return torch.cat((features, mask.float()), dim=1), mask


def test_the_adapter_appends_the_masks_of_infos() -> None:
    options = {"num_users": USERS, "max_cycles": 6}
    env = make_env("urban", options | {"agent_id": True, "numbered": True, "action_masks": True})
    plain = make_env("urban", options | {"agent_id": True, "numbered": True})
    (seen, infos), (expected, _) = env.reset(seed=3), plain.reset(seed=3)
    idle = 0
    while True:
        for user in env.possible_agents:
            mask = infos[user]["action_mask"]
            np.testing.assert_array_equal(seen[user], np.concatenate((expected[user], mask)))
            assert seen[user].dtype == np.float32
            assert env.observation_spaces[user].contains(seen[user])
            idle += int(mask.sum() == 1)
        if not env.agents:
            break
        actions = dict.fromkeys(range(USERS), 1)
        (seen, *_, infos), (expected, *_) = env.step(actions), plain.step(actions)
    assert 0 < idle < 7 * USERS
    paper = make_env("paper", {"num_users": 2, "action_masks": True})
    assert (paper.reset(seed=0)[0]["user_1"][-6:] == 1.0).all()


def test_masks_in_observations_need_boxes_and_discrete_actions() -> None:
    class Boxes(Staggered):
        def action_space(self, agent: str) -> gymnasium.Space:
            return gymnasium.spaces.MultiDiscrete([2, 2])

    with pytest.raises(TypeError, match="action space of late with action_masks=True must be Discrete, got Multi"):
        RLlibParallelEnv(Boxes(), action_masks=True)
    with pytest.raises(TypeError, match="action_masks must be True or False, got 1"):
        RLlibParallelEnv(Staggered(), action_masks=1)  # type: ignore[arg-type]


@each_algorithm
def test_masks_reach_no_network_and_games_without_them_use_rllibs_classes(algorithm: str) -> None:
    module = registry.get(algorithm).load()
    for scenario, masked in (("urban", True), ("paper", False)):
        settings = settings_of(algorithm, scenario)
        config = module.algorithm_config(settings)
        assert ("action_masks" in config.env_config) == masked
        specs = config.get_multi_rl_module_spec(env=make_env(scenario, config.env_config)).rl_module_specs
        (kind,) = {spec.module_class for spec in specs.values()}
        assert (kind is MODULES[algorithm]) == masked
        assert config.learner_class.__name__.startswith("Masked" if masked else "Finite")
        identity = USERS if algorithm == "rllib-ppo" else 0
        size = next(iter(specs.values())).build().observation_space.shape[0]
        assert size == observation_size(settings.env_config) + identity


def test_ppos_distribution_has_allowed_actions_alone() -> None:
    module, (obs, mask) = module_of("rllib-ppo"), rows(60, seed=1)
    features = {Columns.OBS: obs[:, :FEATURES]}
    logits = module.pi(module.encoder(features)["encoder_out"]["actor"])
    for forward in (module.forward_inference, module.forward_exploration, module.forward_train):
        outputs = forward({Columns.OBS: obs})
        distribution = module.get_train_action_dist_cls().from_logits(outputs[Columns.ACTION_DIST_INPUTS])
        expected = torch.distributions.Categorical(logits=logits.masked_fill(~mask, -torch.inf))
        torch.testing.assert_close(distribution._dist.probs, expected.probs)
        torch.testing.assert_close(distribution.entropy(), torch.special.entr(expected.probs).sum(-1))
        assert (distribution.entropy()[mask.sum(-1) == 1] == 0.0).all()
    values = module.compute_values({Columns.OBS: obs})
    obs[:, FEATURES:] = 1.0
    assert torch.equal(values, module.compute_values({Columns.OBS: obs}))  # the critic reads no masks


def test_dqn_explores_and_bootstraps_from_allowed_actions_alone() -> None:
    module, (one, _) = module_of("rllib-dqn"), rows(1, seed=2)
    module.make_target_networks()
    one[:, FEATURES:] = torch.tensor([1.0, 0.0, 1.0, 1.0])
    actions = module.forward_exploration({Columns.OBS: one.expand(3_000, -1)}, t=0)[Columns.ACTIONS]
    share = torch.bincount(actions, minlength=ACTIONS) / 3_000
    torch.testing.assert_close(share, torch.tensor([1.0, 0.0, 1.0, 1.0]) / 3, rtol=0.0, atol=0.04)
    (obs, mask), (next_obs, next_mask) = rows(60, seed=3), rows(60, seed=4)
    everything = torch.cat((obs[:, :FEATURES], torch.ones(60, ACTIONS)), dim=1)
    values = module.compute_q_values({Columns.OBS: everything})["qf_preds"]
    greedy = module.forward_inference({Columns.OBS: obs})[Columns.ACTIONS]
    assert torch.equal(greedy, values.masked_fill(~mask, -torch.inf).argmax(-1))
    outputs = module.forward_train({Columns.OBS: obs, Columns.NEXT_OBS: next_obs})
    assert torch.equal(outputs["qf_preds"], values.masked_fill(~mask, -torch.inf))
    for name in ("qf_next_preds", "qf_target_next_preds"):
        assert torch.equal(outputs[name] > -torch.inf, next_mask)


class Splitter(MaskedModule):
    """Splits masks from observations, and nothing else."""

    _num_actions = ACTIONS

    def __init__(self) -> None: ...

    def unwrapped(self) -> "Splitter":
        return self


def test_advantages_are_standardised_over_the_slots_that_count() -> None:
    obs, mask = rows(40, seed=5)
    in_episode = torch.arange(40) % 8 < 7
    advantages = torch.randn(40, generator=torch.Generator().manual_seed(6))
    batch = {"obs": obs, "loss_mask": in_episode.clone(), "advantages": advantages}
    (columns,) = _StandardizeDecisions()(rl_module={"shared": Splitter()}, batch={"shared": batch}).values()
    counted = in_episode & (mask.sum(-1) > 1)
    assert 5 < counted.sum() < in_episode.sum()
    assert torch.equal(columns["loss_mask"], in_episode)
    expected = (advantages - advantages[counted].mean()) / advantages[counted].std(correction=0)
    torch.testing.assert_close(columns["advantages"], expected)
    obs[:, FEATURES + 1 :] = 0.0  # nobody has a choice
    (columns,) = _StandardizeDecisions()(rl_module={"shared": Splitter()}, batch={"shared": batch}).values()
    assert columns["advantages"].isfinite().all()


def test_idle_slots_have_no_weight_in_dqns_mean() -> None:
    obs, mask = rows(40, seed=7)
    decided, errors = mask.sum(-1) > 1, torch.rand(40, generator=torch.Generator().manual_seed(8))
    for allowed, expected in ((mask, errors[decided].mean()), (mask & torch.eye(ACTIONS)[0].bool(), torch.tensor(0.0))):
        obs[:, FEATURES:] = allowed.float()
        batch = {"user_0": {"obs": obs, "weights": torch.ones(40)}}
        (columns,) = _CountDecisionsInDQN()(rl_module={"user_0": Splitter()}, batch=batch).values()
        torch.testing.assert_close((columns["weights"] * errors).mean(), expected)


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every loss of a training: its batch, the networks' outputs, and its gradients with respect to them."""
    found: list[dict[str, Any]] = []
    for algorithm, names in (("PPO", ("action_dist_inputs", "embeddings")), ("DQN", ("qf_preds",))):
        learner = getattr(action_masks, f"Masked{algorithm}Learner")
        original = learner.compute_loss_for_module

        def recording(self: Any, original: Any = original, names: Any = names, **inputs: Any) -> Any:
            loss = original(self, **inputs)
            outputs = [inputs["fwd_out"][name] for name in names]
            gradients = torch.autograd.grad(loss, outputs, retain_graph=True, allow_unused=True)
            found.append({**inputs, "loss": loss, "gradients": gradients, "learner": self, "original": original})
            return loss

        monkeypatch.setattr(learner, "compute_loss_for_module", recording)
    return found


@pytest.fixture
def choices(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each action that was played was allowed."""
    found: list[bool] = []
    reset, step = RLlibParallelEnv.reset, RLlibParallelEnv.step

    def watched_reset(self: Any, **options: Any) -> Any:
        seen, self.infos = reset(self, **options)
        return seen, self.infos

    def watched_step(self: Any, actions: Any) -> Any:
        found.extend(self.infos[user]["action_mask"][action] == 1 for user, action in actions.items())
        *played, self.infos = step(self, actions)
        return *played, self.infos

    monkeypatch.setattr(RLlibParallelEnv, "reset", watched_reset)
    monkeypatch.setattr(RLlibParallelEnv, "step", watched_step)
    return found


@pytest.mark.slow
@each_algorithm
def test_no_choice_of_a_training_breaks_a_mask_and_idle_slots_teach_the_critic_alone(
    local_session: None, tmp_path: Path, algorithm: str, updates: list[dict[str, Any]], choices: list[bool]
) -> None:
    settings = settings_of(algorithm)
    trained = build_algorithm(settings, 0)
    choices.clear()  # RLlib tries its environments with any actions
    for _ in range(2):
        trained.train()
    assert len(choices) >= 400 * USERS
    assert all(choices)
    assert len(updates) >= 4
    idle = 0
    for update in updates:
        batch = update["batch"]
        mask = batch[Columns.OBS][:, -6:] > 0.5
        decided = mask.sum(-1) > 1
        played = batch[Columns.LOSS_MASK] if algorithm == "rllib-ppo" else torch.ones_like(decided)
        counted = decided & played
        actor, critic = update["gradients"][0], update["gradients"][-1]  # of DQN they are one
        assert (actor[~counted] == 0.0).all()
        assert (actor[counted] != 0.0).any() == counted.any()
        rated = played if algorithm == "rllib-ppo" else counted
        assert (critic[~rated] == 0.0).all()
        assert (critic[rated] != 0.0).any(dim=-1).float().mean() > 0.9 or algorithm == "rllib-dqn"
        idle += int((~decided).sum())
        if algorithm == "rllib-dqn":
            following = batch[Columns.NEXT_OBS][:, -6:] > 0.5
            assert torch.equal(update["fwd_out"]["qf_target_next_preds"] > -torch.inf, following)
            torch.testing.assert_close(batch["weights"].mean(), counted.any().float(), check_dtype=False)
    assert idle > 10
    if algorithm == "rllib-ppo":  # of the last minibatch: errors weigh as much in slots with a choice and without
        inputs = {name: update[name] for name in ("module_id", "config", "fwd_out", "batch")}

        def critics_gradient(over: torch.Tensor) -> torch.Tensor:
            inputs["batch"] = {**batch, Columns.LOSS_MASK: over}
            loss = update["original"](update["learner"], **inputs)
            (gradient,) = torch.autograd.grad(loss, [update["fwd_out"]["embeddings"]], retain_graph=True)
            return gradient * over.sum().clamp_min(1)

        idle_alone, all_slots = critics_gradient(played & ~decided), critics_gradient(played)
        share = counted.sum() / played.sum()
        torch.testing.assert_close(all_slots[~decided] * share, idle_alone[~decided])
    check_policy(trained, settings, tmp_path / "checkpoint")
    trained.stop()


def check_policy(trained: Any, settings: RunSettings, folder: Path) -> None:
    """The policy of a checkpoint chooses as the trained modules do, among allowed actions."""
    trained.save_to_path(str(folder))
    policy = registry.get(settings.algorithm).load().load_policy(settings, folder)
    env = edgeoffload_v0.vector_env(num_envs=50, scenario=settings.env_config)
    observation, info = env.reset(seed=0)
    actions = policy.act(policies.view_of(env, np.random.default_rng(0)))
    allowed = info["action_mask"] > 0
    assert np.take_along_axis(allowed, actions[..., None], axis=2).all()
    for user in range(USERS):
        alone = policy.actions({f"user_{user}": observation[7, user]})[f"user_{user}"]
        assert not allowed[7, user, 1:].any() or alone == actions[7, user]
