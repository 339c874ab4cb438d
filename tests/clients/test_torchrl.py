"""TorchRL."""

import pytest
import torch
from tensordict.nn import TensorDictModule
from torchrl.collectors import Collector
from torchrl.envs import PettingZooWrapper, check_env_specs
from torchrl.modules import MultiAgentMLP
from torchrl.objectives import ClipPPOLoss, ValueEstimators

from edgeoffload_env import edgeoffload_v0
from tests.clients.masks import allowed, assert_heeded
from tests.pages import run_masks, run_tutorial


def test_tutorial(tmp_path):
    """MAPPO with a network per user and a central critic on `paper`, above `random`"""
    run_tutorial("torchrl", tmp_path)


@pytest.mark.parametrize("scenario", ["sparse", "paper-load-only", "random-servers", "crowded-team", "urban"])
def test_specs(scenario):
    """`check_env_specs` with and without the global state, one-hot and categorical actions"""
    for return_state, categorical in ((True, True), (False, False)):
        game = edgeoffload_v0.parallel_env(scenario)
        env = PettingZooWrapper(game, return_state=return_state, categorical_actions=categorical, seed=0)
        check_env_specs(env)
        assert env.group_map == {"user": game.possible_agents}


def test_episodes_end_by_truncation():
    """Rollouts over several episodes: truncated, never terminated"""
    env = PettingZooWrapper(edgeoffload_v0.parallel_env("sparse"), use_mask=False, seed=0)
    data = env.rollout(150, break_when_any_done=False)
    assert data["next", "truncated"].sum() == 3
    assert not data["next", "terminated"].any()
    assert data["next", "done"].nonzero()[:, 0].tolist() == [49, 99, 149]


def test_a_seed_is_a_game():
    """Seeds"""
    first, second = (
        PettingZooWrapper(edgeoffload_v0.parallel_env("sparse"), seed=5).reset()["user", "observation"]
        for _ in range(2)
    )
    assert first.equal(second)


@pytest.mark.parametrize("use_mask", [False, True])
@pytest.mark.parametrize("categorical", [False, True])
def test_masks_are_the_games(categorical, use_mask):
    """`action_mask` on `urban` in every slot, heeded by `rand_step`"""
    game = edgeoffload_v0.parallel_env("urban")
    env = PettingZooWrapper(game, categorical_actions=categorical, use_mask=use_mask, seed=0)
    torch.manual_seed(0)
    actions, masks = [], []
    data = env.reset()
    for _ in range(10):
        mask = data["user", "action_mask"]
        assert mask.dtype == torch.bool
        assert mask.tolist() == allowed(game.snapshot(), 6).tolist()
        data = env.rand_step(data)
        chosen = data["user", "action"]
        actions.append(chosen if categorical else chosen.long().argmax(-1))
        masks.append(mask)
        data = data["next"]
    assert_heeded(torch.stack(actions), torch.stack(masks))


def test_masked_ppo():
    """PPO with `MaskedCategorical` on `urban`"""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    page = run_masks("TorchRL")
    env, actor, users, features = (page[name] for name in ("env", "actor", "users", "features"))
    critic = TensorDictModule(
        MultiAgentMLP(features, 1, users, centralised=True, share_params=True),
        [("user", "observation")],
        [("user", "state_value")],
    )
    losses = ClipPPOLoss(actor, critic, entropy_coeff=0.01, normalize_advantage=True)
    keys = ("reward", "action", "done", "terminated")
    losses.set_keys(
        value=("user", "state_value"),
        sample_log_prob=("user", "action_log_prob"),
        **{key: ("user", key) for key in keys},
    )
    losses.make_value_estimator(ValueEstimators.GAE, gamma=0.9, lmbda=0.9)
    optimiser = torch.optim.Adam(losses.parameters(), 1e-3)
    before = {name: values.detach().clone() for name, values in losses.named_parameters() if "target" not in name}
    for data in Collector(env, actor, frames_per_batch=100, total_frames=200):
        with torch.no_grad():
            losses.value_estimator(
                data, params=losses.critic_network_params, target_params=losses.target_critic_network_params
            )
        values = losses(data)
        optimiser.zero_grad()
        (values["loss_objective"] + values["loss_critic"] + values["loss_entropy"]).backward()
        optimiser.step()
        assert_heeded(data["user", "action"], data["user", "action_mask"])
    after = dict(losses.named_parameters())
    assert [name for name in before if torch.equal(before[name], after[name])] == []
    assert all(after[name].isfinite().all() for name in before)
