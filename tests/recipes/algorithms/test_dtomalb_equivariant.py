"""One actor and one team critic for any number of users and servers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgeoffload_env import edgeoffload_v0, evaluate, scenarios
from edgeoffload_env.agents import action_count
from edgeoffload_env.effects import EXAMPLE_TRACE
from edgeoffload_env.policies import costs
from edgeoffload_env.policies.greedy import Plan, planned_costs_s
from recipes.algorithms.dtomalb_equivariant import Hyperparameters, Learner
from recipes.envs.batched_games import EdgeOffloadGames
from recipes.joint.export import export_policy
from recipes.joint.policy import NetworkPolicy
from recipes.joint.transitions import TransitionBatch
from recipes.networks.critics import PooledCritics
from recipes.networks.decoding import Decoded, Decoder
from recipes.networks.equivariant import EquivariantActor, EquivariantTeamCritic
from recipes.networks.equivariant_inputs import Inputs, RememberingReader, Ways, quickest_s, ring_position
from recipes.networks.sizes import GameSizes, sizes_of
from recipes.offpolicy.learner import frozen_copy
from recipes.offpolicy.replay_buffer import ReplayBuffer
from tests.helpers import ALL_ON

GAMES = ("paper", "urban", "failures", "cloud", "energy", "held-out-mixed", "power-control", "split")
REPLAY = scenarios.configure("urban", task_trace={"path": EXAMPLE_TRACE})


def played(scenario: Any, games: int = 3) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """A view after some slots, everyone's observations, and random joint actions."""
    view = edgeoffload_v0.vector_env(games, scenario)
    obs, _ = view.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(4):
        actions = rng.integers(action_count(view.config), size=(games, view.config.num_users))
        obs, *_ = view.step(actions)
    return view, torch.from_numpy(obs).double(), torch.from_numpy(actions)


@pytest.mark.parametrize(
    "scenario", [*GAMES, "vehicles", pytest.param(REPLAY, id="a trace"), pytest.param(ALL_ON, id="all effects")]
)
def test_decoded_observations_are_the_snapshots_seconds(scenario: Any) -> None:
    view, obs, _ = played(scenario)
    config = view.config
    snapshot = {name: np.asarray(array, np.float64) for name, array in view.snapshot().items()}
    seen = Decoder(config)(obs)
    active = snapshot.get("active", np.ones(seen.active.shape))
    uploads = costs.Uploads(snapshot, config, config.num_users)
    expected = {
        "active": active,
        "upload_s": active * uploads.send_s[..., -1],
        "device_s": active * snapshot["task_cycles"] / snapshot["device_hz"],
        "load_s": (snapshot["backlog_cycles"] / snapshot["server_hz"])[:, None] * np.ones((1, config.num_users, 1)),
        "service_s": (active * snapshot["task_cycles"])[..., None] / snapshot["server_hz"][:, None],
        "forward_s": costs.forward_s(active * snapshot["task_bits"], config)
        + (active * snapshot["task_bits"] * config.result_ratio / config.downlink_bps)[..., None],
    }
    if config.energy is not None:
        local_j = config.energy.switched_capacitance * snapshot["device_hz"] ** 2 * snapshot["task_cycles"]
        expected["device_cost_s"] = config.energy.cost_s_per_j * active * local_j
        sent_j = config.tx_powers_w[-1] * uploads.send_s[..., -1] / config.offload_ratios[-1]
        expected["send_cost_s"] = config.energy.cost_s_per_j * active * sent_j
    if config.device_queue:
        expected["device_load_s"] = snapshot["device_backlog_cycles"] / snapshot["device_hz"]
    if config.uplink_queue:
        expected["uplink_load_s"] = (uploads.upload_s - uploads.send_s)[..., -1]
    if config.deadline is not None:
        expected["deadline_s"] = active * snapshot["deadline_s"]
    if config.failures is not None:
        expected["up"] = (snapshot["down_s"] == 0.0)[:, None] * np.ones((1, config.num_users, 1))
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(seen, name).numpy(), values, rtol=2e-4, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("scenario", ["bursty", "continuous"])
def test_delays_at_each_server_are_those_that_greedy_sees_with_nobody_ahead(scenario: str) -> None:
    view, obs, _ = played(scenario)
    config, snapshot = view.config, view.snapshot()
    found = quickest_s(Decoder(config)(obs), config).numpy()
    arrays = {name: np.asarray(array, np.float64) for name, array in snapshot.items() if name != "slot"}
    uploads = costs.Uploads(arrays, config, config.num_users)
    for n in range(config.num_users):
        expected, _ = planned_costs_s(arrays, config, n, uploads, Plan(arrays, config))
        active = arrays["active"][:, n] > 0.5
        np.testing.assert_allclose(found[active, n], expected[active], rtol=1e-3)


@pytest.mark.parametrize("scenario", [*GAMES, pytest.param(ALL_ON, id="all effects")])
def test_values_of_a_changed_own_action_are_those_of_the_changed_joint_action(scenario: str) -> None:
    view, obs, actions = played(scenario)
    critic = EquivariantTeamCritic(sizes_of(view.config), (16, 16), seed=0).double()
    with torch.no_grad():
        every, active = critic.for_each_own_action(obs, obs, actions), Decoder(view.config)(obs).active
        for user in range(view.config.num_users):
            for choice in range(action_count(view.config)):
                changed = actions.clone()
                changed[:, user] = choice
                difference = critic(obs, obs, changed)[0] - every[user, :, choice]
                assert (difference.abs() * active[:, user]).max() < 1e-12


@pytest.mark.parametrize("scenario", ["urban", "power-control", "split"])
def test_every_parameter_is_trained(scenario: str) -> None:
    view, obs, actions = played(scenario)
    sizes = sizes_of(view.config)
    critic, actor = EquivariantTeamCritic(sizes, (8, 8), seed=0).double(), EquivariantActor(sizes, (8, 8)).double()
    for network, outputs in ((critic, critic(obs, obs, actions)), (actor, actor.values(obs))):
        gradients = torch.autograd.grad(outputs.square().sum(), list(network.parameters()))
        assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize("scenario", ["paper", "urban", "power-control", "split"])
def test_relabelled_users_with_their_places_and_servers_with_their_arcs_act_alike(scenario: str) -> None:
    view, obs, actions = played(scenario)
    config = view.config
    sizes = sizes_of(config)
    actor, critic = EquivariantActor(sizes, (16,), seed=0).double(), EquivariantTeamCritic(sizes, (16,)).double()
    seen, place = Decoder(config)(obs), (torch.arange(config.num_users) + 0.5) / config.num_users
    scores = actor.scores(Inputs(seen, config), place)
    users = torch.randperm(config.num_users, generator=torch.Generator().manual_seed(0))
    relabelled = Decoded(*(column[:, users] for column in seen))
    torch.testing.assert_close(actor.scores(Inputs(relabelled, config), place[users]), scores[:, users])
    torch.testing.assert_close(critic(obs[:, users], obs, actions[:, users]), critic(obs, obs, actions))
    order = torch.randperm(config.servers, generator=torch.Generator().manual_seed(1))
    inverse = torch.argsort(order)
    turned = Decoded(*(column if column.dim() == 2 else column[..., order] for column in seen))
    on_arcs = tuple(part[..., order] for part in ring_position(place, seen.speed_share))
    moved = actor.scores(Inputs(turned, config), place, on_arcs)
    ways = config.levels_per_server  # a server's powers and shares stay together
    moved_servers = moved[..., 1:].unflatten(-1, (config.servers, ways))[..., inverse, :].flatten(-2)
    torch.testing.assert_close(moved_servers, scores[..., 1:])
    torch.testing.assert_close(moved[..., 0], scores[..., 0])


def test_each_user_needs_its_own_observation_alone() -> None:
    view, obs, _ = played("urban")
    actor = EquivariantActor(sizes_of(view.config), (16,), seed=0).double()
    scores = actor.values(obs)
    changed = obs.clone()
    changed[:, 1:] = torch.rand_like(changed[:, 1:])
    torch.testing.assert_close(actor.values(changed)[0], scores[0])
    alone = NetworkPolicy("mine", actor.float())
    names = [f"user_{n}" for n in (7, 2)]
    rows = {name: obs[0, int(name[5:])].numpy().astype(np.float32) for name in names}
    together = alone.acting.greedy(obs[:1].float())[0]
    assert alone.actions(rows) == {name: int(together[int(name[5:])]) for name in names}


def test_users_sit_on_arcs_in_proportion_to_the_servers_speed() -> None:
    share = torch.tensor([[[0.25, 0.75]]]).expand(1, 4, 2)
    distance, depth = ring_position((torch.arange(4) + 0.5) / 4, share)
    assert (distance[0] == 0.0).tolist() == [[True, False], [False, True], [False, True], [False, True]]
    torch.testing.assert_close(depth[0, :, 0], torch.tensor([1.0, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(distance[0, :, 0], 4.0 * torch.tensor([0.0, 0.125, 0.375, 0.125]))


def test_one_network_plays_games_of_any_size() -> None:
    policy = NetworkPolicy("mine", EquivariantActor(sizes_of(scenarios.configure("paper")), (8,), seed=0))
    for scenario in ("sparse", "held-out-large", "urban"):
        result = evaluate(policy, scenario, 2, 0, max_cycles=3)
        assert np.isfinite(result.utility.mean())
    with pytest.raises(ValueError, match="observation of the game"):
        policy.check(scenarios.configure("paper-load-only"))


LEVELS = {"tx_power_w": (0.05, 0.2, 0.8), "offload_ratio": (0.5, 1.0)}


def test_places_by_power_and_share_are_the_snapshots_seconds() -> None:
    config = scenarios.configure("urban", levels=LEVELS)
    view = edgeoffload_v0.vector_env(3, config)
    obs, _ = view.reset(seed=1)
    for slot in range(4):
        obs, *_ = view.step(np.random.default_rng(slot).integers(action_count(config), size=(3, config.num_users)))
    snapshot = {name: np.asarray(array, np.float64) for name, array in view.snapshot().items()}
    ways = Ways.of(Decoder(config)(torch.from_numpy(obs).double()), config)
    active, uploads = snapshot["active"][..., None], costs.Uploads(snapshot, config, config.num_users)
    ratio, power_w = costs.ratios(config), costs.powers_w(config)
    assert list(zip(power_w, ratio, strict=True)) == [(p, r) for p in LEVELS["tx_power_w"] for r in (0.5, 1.0)]
    hz, device_hz = snapshot["server_hz"][:, None, :, None], snapshot["device_hz"][..., None]
    cycles = active * snapshot["task_cycles"][..., None]
    rest_s = (1.0 - ratio) * cycles / device_hz
    waits_s = snapshot["device_backlog_cycles"][..., None] / device_hz
    energy_j = active * power_w * uploads.send_s + (1.0 - ratio) * 1e-27 * device_hz**2 * cycles
    forward_s = costs.forward_s(ratio * active * snapshot["task_bits"][..., None], config).swapaxes(2, 3)
    expected = {
        "upload_s": active * uploads.send_s,
        "uplink_load_s": uploads.upload_s - uploads.send_s,
        "send_cost_s": 0.2 * energy_j,
        "service_s": ratio * cycles[:, :, None] / hz,
        "forward_s": forward_s,
    }
    for name, values in expected.items():
        found = getattr(ways.seen, name).unflatten(2, (config.servers, len(ratio))).numpy()
        values = values if values.ndim == 4 else values[:, :, None]
        np.testing.assert_allclose(found, np.broadcast_to(values, found.shape), rtol=2e-3, atol=2e-5, err_msg=name)
    for found, values in ((ways.rest_s, rest_s), (ways.stay_s, (rest_s > 0.0) * (waits_s + rest_s))):
        found = found.unflatten(2, (config.servers, len(ratio))).numpy()
        np.testing.assert_allclose(found, np.broadcast_to(values[:, :, None], found.shape), rtol=2e-3, atol=2e-5)


def test_a_network_with_levels_plays_other_levels_and_refuses_games_without() -> None:
    policy = NetworkPolicy("mine", EquivariantActor(sizes_of(scenarios.configure("power-control")), (8,), seed=0))
    for scenario in ("held-out-power-control", "split", scenarios.configure("sparse", levels=LEVELS)):
        assert np.isfinite(evaluate(policy, scenario, 2, 0, max_cycles=3).utility).all()
    with pytest.raises(
        ValueError, match=r"^levels must be given, as in the game that the network was made for, got None"
    ):
        policy.check(scenarios.configure("urban"))
    plain = NetworkPolicy("mine", EquivariantActor(sizes_of(scenarios.configure("urban")), (8,), seed=0))
    with pytest.raises(
        ValueError, match=r"^levels must be None, as in the game that the network was made for, got Levels"
    ):
        plain.check(scenarios.configure("split"))
    plain.check(scenarios.configure("urban", levels={"tx_power_w": (0.2,)}))  # nothing to choose


def test_one_level_is_the_network_without() -> None:
    config = scenarios.configure("urban", levels={"tx_power_w": (0.5,)})
    view, obs, actions = played("urban")
    outputs = [
        (
            EquivariantActor(sizes, (8,), seed=0).double().values(obs),
            EquivariantTeamCritic(sizes, (8,), seed=0).double(),
        )
        for sizes in map(sizes_of, (view.config, config))
    ]
    assert torch.equal(outputs[0][0], outputs[1][0])
    assert torch.equal(*(critic.for_each_own_action(obs, obs, actions) for _, critic in outputs))


def test_an_option_without_a_meaning_is_refused() -> None:
    with pytest.raises(ValueError, match="share_actors must be False"):
        Hyperparameters(share_actors=True)


def test_other_peoples_games_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="env must be an environment of edgeoffload_env"):
        EquivariantActor(GameSizes(3, 4, 5, 6), (8,))


@pytest.mark.parametrize("ring", [True, False])
def test_users_who_observe_the_same_part_by_their_places_on_the_ring_alone(ring: bool) -> None:
    sizes = sizes_of(scenarios.configure("paper"))
    actor = EquivariantActor(sizes, (16,), seed=0, ring=ring)
    scores = actor.values(torch.zeros(1, sizes.num_users, sizes.obs_size))[:, 0]
    spread = float((scores.amax(dim=0) - scores.amin(dim=0)).detach().amax())
    assert (spread > 1e-4) == ring


@pytest.mark.parametrize("scenario", ["urban", "power-control"])
def test_an_export_is_one_file_for_all_users(scenario: str, tmp_path: Path) -> None:
    view, obs, _ = played(scenario)
    actor = EquivariantActor(sizes_of(view.config), (8,), seed=0)
    (file,) = export_policy(NetworkPolicy("mine", actor), view.config, tmp_path / "exported")
    assert file.name == "any_user.pt2"
    network = torch.export.load(file).module()
    users = view.config.num_users
    for game, n in ((0, 4), (2, 17)):
        action = network(obs[game, n : n + 1].float(), torch.tensor([(n + 0.5) / users]))
        assert action.tolist() == [int(actor.greedy(obs.float())[game, n])]
    readme = (tmp_path / "exported" / "README.md").read_text(encoding="utf-8")
    assert "its place (n + 1/2) / N" in readme
    assert ("m >= 1 = server m" in readme) == (scenario == "urban")
    assert ("powers (0.05, 0.2, 0.8) W, shares (1.0,)" in readme) == (scenario == "power-control")


def learner_of(sizes: GameSizes, **hyper: Any) -> Learner:
    values, networks = Hyperparameters(**hyper), torch.nn.Module()
    made = {"acting": Learner.make_acting(values, sizes, 0), **Learner.make_networks(values, sizes, 0)}
    for name, network in made.items():
        networks.add_module(name, network)
        networks.add_module(f"target_{name}", frozen_copy(network))
    generator = torch.Generator().manual_seed(1)
    return Learner(values, networks, total_env_steps=3_200, generator=generator, games=[sizes.config])


def test_actors_answer_the_others_present_policy_not_their_stored_actions() -> None:
    view, obs, actions = played("paper")
    sizes = sizes_of(view.config)
    learner = learner_of(sizes, hidden=(8,))
    networks = learner.networks
    obs, zero = obs.float(), torch.zeros(actions.shape)
    logits, before = networks.acting.values(obs).detach(), learner.generator.get_state()

    def values(stored: torch.Tensor, policy: torch.Tensor) -> torch.Tensor:
        learner.generator.set_state(before)
        return learner.choice_and_values(TransitionBatch(obs, obs, stored, zero, obs, obs, zero), policy)[1]

    assert torch.equal(values(actions, logits), values((actions + 1) % sizes.num_actions, logits))
    at_home = logits + torch.nn.functional.one_hot(torch.tensor(0), sizes.num_actions) * 50.0
    expected = networks.critics.for_each_own_action(obs, obs, torch.zeros_like(actions))
    torch.testing.assert_close(values(actions, at_home), expected.detach())


def test_actors_learn_from_an_unstructured_critic_too() -> None:
    """The ablation: the perceptron of ``dtomalb``'s team critic, which reads no place of the game's structure."""
    view, obs, actions = played("paper")
    learner = learner_of(sizes_of(view.config), hidden=(8,), critic="team")
    networks = learner.networks
    assert isinstance(networks.critics, PooledCritics)
    obs, zero = obs.float(), torch.zeros(actions.shape)
    before = [parameter.detach().clone() for parameter in networks.parameters()]
    learner.learn(TransitionBatch(obs, obs, actions, zero - 1.0, obs, obs, zero), 0)
    changed = [not torch.equal(old, new) for old, new in zip(before, networks.parameters(), strict=True)]
    assert sum(changed) > 0.8 * len(changed)
    with pytest.raises(ValueError, match="critic must be 'structured' where several scenarios"):
        Hyperparameters(critic="team", also=("sparse",))


def test_normalized_errors_weigh_games_of_other_rewards_alike() -> None:
    view, _, _ = played("paper")
    targets = torch.tensor([[1.0, 2.0, 4.0]])
    values = torch.tensor([[1.5, 1.0, 3.0]])
    sizes = sizes_of(view.config)
    alike, plain = (learner_of(sizes, hidden=(8,), normalize_errors=option) for option in (True, False))
    expected = ((values - targets) / targets.std(correction=0)).square().mean()
    torch.testing.assert_close(alike.td_error(values, targets), expected)
    torch.testing.assert_close(alike.td_error(1e4 * values, 1e4 * targets), expected)
    assert plain.td_error(1e4 * values, 1e4 * targets) > 1e3 * plain.td_error(values, targets)


def test_a_game_with_a_known_optimum_is_solved() -> None:
    """Three users with equal tasks, two servers, the second twice as fast: one user belongs at the first.

    All of them see the same servers, so that they have to part by their places on the ring.
    """
    game = {"task_bits": (3.2e6, 3.2e6), "task_cycles": (1e9, 1e9), "device_hz": (4e8, 4e8), "max_cycles": 5}
    game |= {"num_users": 3, "server_hz": (5e9, 10e9)}
    games, replay = EdgeOffloadGames("paper", 8, "cpu", **game), ReplayBuffer(10_000, seed=0)
    learner = learner_of(games.sizes, hidden=(32, 32), lr=3e-3, final_lr=3e-4)
    policy = NetworkPolicy("mine", learner.networks.acting)

    def utility(policy: Any) -> float:
        return float(evaluate(policy, "paper", 32, 1, **game).utility.mean())

    optimum, zero = utility("optimum"), torch.zeros(8, 3)
    assert utility(policy) < 1.5 * optimum
    start = games.reset(0)
    obs, state = torch.from_numpy(start.obs), torch.from_numpy(start.state)
    for slot in range(400):
        actions = policy.acting.explore(obs, epsilon=0.0, noise=1.0, generator=learner.generator)
        step = games.step(actions.numpy())
        arrays = (step.rewards, step.next_obs, step.next_state, step.obs, step.state)
        rewards, next_obs, next_state, following, state_after = map(torch.from_numpy, arrays)
        replay.add(TransitionBatch(obs, state, actions, rewards, next_obs, next_state, zero))
        obs, state = following, state_after
        if slot > 20 and slot % 2 == 0:
            learner.learn(replay.sample(128), 8 * slot)
    assert utility(policy) == pytest.approx(optimum, rel=1e-9)
    chosen = policy.acting.greedy(obs)
    assert torch.equal(chosen.sort(dim=1).values, torch.tensor([1, 2, 2]).expand(8, -1))


def test_a_reader_remembers_a_batch_by_its_identity() -> None:
    """Networks share it in an update; equal numbers in another tensor may be overwritten later."""
    view, obs, _ = played("paper")
    read = RememberingReader(view.config)
    first, following = read(obs), read(obs + 0.0)
    assert read(obs) is first
    assert following is not first
    torch.testing.assert_close(following.server, first.server)
    read(obs * 0.5)
    assert read(obs) is not first  # forgotten: two are kept
