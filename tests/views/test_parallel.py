"""The parallel view: keys, types, and the course of an episode."""

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0
from tests import oracle
from tests.helpers import random_actions

INFO_FIELDS = ["delay_s", "upload_s", "forward_s", "wait_s", "compute_s", "target", "imbalance"]


def fresh(seed=0, **fields):
    env = edgeoffload_v0.parallel_env(**({"num_users": 4, "max_cycles": 3} | fields))
    env.reset(seed=seed)
    return env


def everyone(env, action=1):
    return dict.fromkeys(env.agents, action)


def test_all_dicts_name_the_agents_in_order():
    env = edgeoffload_v0.parallel_env(num_users=12)
    assert env.agents == []
    observations, infos = env.reset(seed=0)
    names = [f"user_{n}" for n in range(12)]
    assert env.possible_agents == env.agents == list(observations) == list(infos) == names
    for result in env.step(everyone(env)):
        assert list(result) == names


def test_observations_and_state_are_float32_rows():
    env = fresh(num_users=12)
    for observations in (env.reset(seed=0)[0], env.step(everyone(env))[0]):
        for agent, row in observations.items():
            assert row.dtype == np.float32
            assert row.shape == env.observation_space(agent).shape == (5 + 4,)
        assert env.state().dtype == np.float32
        assert env.state().shape == env.state_space.shape == (2 * 5 + 4 * 12,)


def test_an_episode_is_truncated_at_the_horizon_and_never_terminated():
    env = fresh()
    for slot in range(3):
        _, rewards, terminations, truncations, infos = env.step(everyone(env))
        assert set(terminations.values()) == {False}
        assert set(truncations.values()) == {slot == 2}
    assert env.agents == []
    assert len(rewards) == len(infos) == 4  # the last step still returns everything for every user
    assert all(list(info) == INFO_FIELDS for info in infos.values())
    env.reset()
    assert len(env.agents) == 4


def test_values_are_plain_python():
    env = fresh()
    _, rewards, terminations, truncations, infos = env.step(everyone(env, np.int64(2)))
    assert {type(x) for x in rewards.values()} == {float}
    assert {type(x) for x in (*terminations.values(), *truncations.values())} == {bool}
    for info in infos.values():
        assert type(info["target"]) is int
        assert {type(info[name]) for name in INFO_FIELDS if name != "target"} == {float}


def test_every_agent_has_an_info_of_its_own():
    env = fresh()
    for infos in (env.reset(seed=0)[1], env.step(everyone(env))[4]):
        assert len({id(info) for info in infos.values()}) == 4


def test_infos_are_empty_after_reset():
    env = fresh()
    env.step(everyone(env))
    assert env.reset()[1] == {agent: {} for agent in env.agents}


def test_infos_are_not_rounded():
    """The parts of a delay add up to the last bit or so, and match the scalar oracle's digits."""
    env = fresh(num_users=10)
    snapshot = env.snapshot()
    actions = random_actions(np.random.default_rng(0), env.config, 1)[0]
    infos = env.step(dict(zip(env.agents, actions.tolist(), strict=True)))[4]
    slot = oracle.play(snapshot, actions, env.config)
    for n, info in enumerate(infos.values()):
        parts = info["upload_s"] + info["forward_s"] + info["wait_s"] + info["compute_s"]
        assert parts == pytest.approx(info["delay_s"], rel=1e-14)
        assert info["delay_s"] == pytest.approx(slot.delay_s[n], rel=1e-12)


def test_a_local_task_has_compute_time_alone():
    env = fresh()
    snapshot = env.snapshot()
    infos = env.step({"user_0": 0, "user_1": 1, "user_2": 2, "user_3": 0})[4]
    for n in (0, 3):
        info = infos[f"user_{n}"]
        assert info["upload_s"] == info["forward_s"] == info["wait_s"] == 0.0
        assert info["compute_s"] == info["delay_s"] == snapshot["task_cycles"][n] / snapshot["device_hz"][n]
    assert infos["user_1"]["forward_s"] == 0.0 < infos["user_2"]["forward_s"]
    assert [info["target"] for info in infos.values()] == [0, 1, 2, 0]


def test_rewards_share_one_imbalance():
    env = fresh(delay_weight=2.0, balance_weight=3.0)
    _, rewards, _, _, infos = env.step({"user_0": 0, "user_1": 1, "user_2": 2, "user_3": 1})
    assert len({info["imbalance"] for info in infos.values()}) == 1
    for agent, info in infos.items():
        assert rewards[agent] == pytest.approx(-2.0 * info["delay_s"] - 3.0 * info["imbalance"], rel=1e-12)


def test_the_order_of_the_actions_does_not_matter():
    env, twin = fresh(), fresh()
    actions = {"user_0": 1, "user_1": 2, "user_2": 1, "user_3": 0}
    backwards = dict(reversed(actions.items()))
    assert env.step(actions)[4] == twin.step(backwards)[4]


def test_new_tasks_every_slot_and_one_system_an_episode():
    env = fresh(server_hz_range=(12e9, 20e9), num_servers=4, max_cycles=140)  # more than are ever drawn at once
    first, tasks = env.snapshot(), []
    while env.agents:
        snapshot = env.snapshot()
        tasks.append((*snapshot["task_bits"], *snapshot["task_cycles"]))
        for name in ("device_hz", "channel_gain", "server_hz"):
            assert np.array_equal(snapshot[name], first[name])
        env.step(everyone(env))
    assert len(np.unique(tasks)) == 140 * 2 * 4
    env.reset()
    for name in ("device_hz", "channel_gain", "server_hz"):
        assert not np.isin(env.snapshot()[name], first[name]).any()


def test_observations_of_earlier_slots_stay():
    env = fresh(max_cycles=140)
    kept, copies = [], []
    for _ in range(2):
        kept.append(env.reset()[0])
        while env.agents:
            copies.append({agent: row.copy() for agent, row in kept[-1].items()})
            kept.append(env.step(everyone(env))[0])
        copies.append({agent: row.copy() for agent, row in kept[-1].items()})
    for old, copied in zip(kept, copies, strict=True):
        for agent in old:
            assert np.array_equal(old[agent], copied[agent])


def test_observations_may_be_written_to():
    env, twin = fresh(), fresh()
    observations, _ = env.reset(seed=3)
    twin.reset(seed=3)
    for row in observations.values():
        row[...] = 7.0
    assert np.array_equal(env.state(), twin.state())
    one, other = env.step(everyone(env)), twin.step(everyone(twin))
    for agent in one[0]:
        assert np.array_equal(one[0][agent], other[0][agent])
    assert one[1] == other[1]


def test_state_is_an_array_of_its_own():
    env = fresh()
    state = env.state()
    expected = state.copy()
    state[...] = 7.0
    assert np.array_equal(env.state(), expected)


def test_name_and_unwrapped():
    env = edgeoffload_v0.parallel_env()
    assert str(env) == env.metadata["name"] == "edgeoffload_v0"
    assert env.unwrapped is env
    assert env.unwrapped.config == EdgeOffloadConfig()


def test_a_thousand_users_and_a_hundred_servers():
    env = fresh(num_users=1000, server_hz=tuple(np.linspace(12e9, 20e9, 100)))
    snapshot = env.snapshot()
    actions = random_actions(np.random.default_rng(0), env.config, 1)[0]
    rewards = env.step(dict(zip(env.agents, actions.tolist(), strict=True)))[1]
    np.testing.assert_allclose(list(rewards.values()), oracle.play(snapshot, actions, env.config).reward, rtol=1e-9)


def test_ansi_table_shows_queues_choices_and_delays():
    env = fresh(render_mode="ansi", max_cycles=5)
    assert "slot 0" in env.render()
    infos = env.step({"user_0": 0, "user_1": 1, "user_2": 3, "user_3": 3})[4]
    table = env.render()
    assert "slot 1" in table
    lines = [line.split() for line in table.splitlines()]
    queues = {line[0]: line[1:] for line in lines[2:7]}
    load_s = env.snapshot()["backlog_cycles"] / env.snapshot()["server_hz"]
    assert [queues[str(m)][0] for m in range(1, 6)] == ["12.0", "14.0", "16.0", "18.0", "20.0"]
    assert [queues[str(m)][1] for m in range(1, 6)] == [f"{x:.3f}" for x in load_s]
    assert queues["1"][2:] == ["1"]
    assert queues["3"][2:] == ["2", "3"]
    assert ["device", "0"] in lines
    headings = ("user", "target", "upload (s)", "forward (s)", "wait (s)", "compute (s)", "delay (s)")
    assert " ".join(headings).split() in lines
    for n, info in enumerate(infos.values()):
        parts = (info[name] for name in ("upload_s", "forward_s", "wait_s", "compute_s", "delay_s"))
        assert [str(n), str(info["target"]), *(f"{x:.3f}" for x in parts)] in lines
    assert ["imbalance", f"{infos['user_0']['imbalance']:.4f}", "s^2"] in lines


def test_render_needs_a_mode_and_a_game():
    with pytest.warns(UserWarning, match="render_mode"):
        assert fresh().render() is None
    with pytest.raises(ValueError, match=r"needs a reset\(\) first"):
        edgeoffload_v0.parallel_env(render_mode="ansi").render()
    for mode, error in (("rgb", ValueError), (3, TypeError)):
        with pytest.raises(error, match=f"render_mode must be .*, got {mode!r}"):
            edgeoffload_v0.parallel_env(render_mode=mode)
