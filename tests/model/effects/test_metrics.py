"""Metrics where users can be without a task: means over tasks, tails of tasks, fairness among those with tasks."""

import warnings

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0, evaluate

EVERYTHING = {
    "arrivals": {"probability": 0.6, "on_s": 0.6, "off_s": 0.9},
    "deadline": {"range_s": (0.1, 0.4), "miss_cost_s": 1.0},
    "energy": {"cost_s_per_j": 0.2},
    "failures": {"mtbf_s": 2.0, "mttr_s": 0.5},
}
SLOTS, GAMES, USERS = 23, 40, 6


@pytest.fixture(scope="module")
def played():
    """Infos of whole episodes as arrays ``[slots, games, ...]``, and each metric from its accumulator."""
    config = EdgeOffloadConfig(num_users=USERS, max_cycles=SLOTS, **EVERYTHING)
    env = edgeoffload_v0.vector_env(GAMES, config, dtype="float64")
    env.reset(seed=3)
    rng = np.random.default_rng(0)
    accumulators = {metric.name: metric.accumulator(config, GAMES) for metric in config.schema.metrics}
    kept = []
    for _ in range(SLOTS):
        infos = env.step(rng.integers(0, config.servers + 1, (GAMES, USERS)))[-1]
        kept.append(infos)
        for accumulator in accumulators.values():
            accumulator.add(infos)
    names = config.schema.infos
    infos = {name: np.stack([slot[name] for slot in kept]) for name in names}
    return infos, {name: accumulator.result() for name, accumulator in accumulators.items()}


def tasks_of(infos, name, game):
    return infos[name][:, game][infos["active"][:, game]]


def test_means_and_tails_are_over_tasks(played):
    infos, found = played
    idle = ~infos["active"]
    assert 0.3 < idle.mean() < 0.9
    for game in range(GAMES):
        delay_s = tasks_of(infos, "delay_s", game)
        assert found["mean_delay_s"][game] == pytest.approx(delay_s.mean(), rel=1e-12)
        assert found["p95_delay_s"][game] == pytest.approx(np.quantile(delay_s, 0.95), rel=1e-12)
        assert found["offload_fraction"][game] == pytest.approx((tasks_of(infos, "target", game) > 0).mean())
        assert found["energy_j"][game] == pytest.approx(tasks_of(infos, "energy_j", game).mean(), rel=1e-12)
        assert found["miss_fraction"][game] == pytest.approx(tasks_of(infos, "missed", game).mean())
        assert found["utilisation"][game] == pytest.approx(infos["utilisation"][:, game].mean(), rel=1e-12)


def test_utility_is_over_users_and_slots(played):
    infos, found = played
    cost = infos["delay_s"] + infos["imbalance"][:, :, None] + 0.2 * infos["energy_j"] + 1.0 * infos["missed"]
    assert found["utility"] == pytest.approx(-cost.mean(axis=2).sum(axis=0), rel=1e-12)


def test_fairness_is_among_users_that_had_tasks(played):
    infos, found = played
    for game in range(GAMES):
        tasks = infos["active"][:, game].sum(axis=0)
        means = infos["delay_s"][:, game].sum(axis=0)[tasks > 0] / tasks[tasks > 0]
        assert found["jain_fairness"][game] == pytest.approx(means.sum() ** 2 / (len(means) * (means**2).sum()))


def test_an_episode_without_a_task_has_no_metrics_of_tasks():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = evaluate("greedy", EdgeOffloadConfig(**EVERYTHING | {"arrivals": {"probability": 0.0}}), episodes=3)
    for name in ("mean_delay_s", "p95_delay_s", "offload_fraction", "energy_j", "miss_fraction", "jain_fairness"):
        assert np.isnan(getattr(result, name)).all(), name
    assert (result.utility == 0.0).all()
    assert (result.utilisation == 0.0).all()


def test_metrics_of_effects_that_are_off_are_absent():
    result = evaluate("local", episodes=2)
    for name in ("energy_j", "miss_fraction", "utilisation"):
        assert name not in result.summary()
        assert getattr(result, name) is None


@pytest.mark.parametrize(("backend", "dtype"), [("numpy", "float64"), ("torch", "float32")])
def test_the_final_mask_is_that_of_the_slot_after_the_last(backend, dtype):
    masks = {}
    for slots in (4, 5):
        config = EdgeOffloadConfig(num_users=USERS, max_cycles=slots, **EVERYTHING)
        env = edgeoffload_v0.vector_env(GAMES, config, backend=backend, dtype=dtype)
        _, info = env.reset(seed=1)
        first = np.asarray(info["action_mask"])
        for _ in range(4):
            info = env.step(np.ones((GAMES, USERS), dtype=np.int64))[-1]
        masks[slots] = {name: np.asarray(info[name]) for name in info if "mask" in name} | {"first": first}
    assert set(masks[4]) == {"first", "action_mask", "final_action_mask"}
    assert set(masks[5]) == {"first", "action_mask"}
    assert np.array_equal(masks[4]["first"], masks[5]["first"])
    assert np.array_equal(masks[4]["final_action_mask"], masks[5]["action_mask"])
    assert not np.array_equal(masks[4]["final_action_mask"], masks[4]["action_mask"])
