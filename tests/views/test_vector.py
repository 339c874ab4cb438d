"""B games at once: shapes, types, autoreset, and arrays that nothing overwrites."""

import numpy as np
import pytest
import torch

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0
from tests.helpers import assert_same, random_actions

BATCH = 3
CONFIG = EdgeOffloadConfig(
    num_users=4, server_hz_range=(12e9, 20e9), num_servers=2, initial_load_s=(0.1, 0.5), max_cycles=4
)

every_type = pytest.mark.parametrize(
    ("backend", "dtype"), [(backend, dtype) for backend in ("numpy", "torch") for dtype in ("float32", "float64")]
)


def fresh(backend="numpy", dtype="float64", config=CONFIG, seed=0):
    env = edgeoffload_v0.vector_env(BATCH, config, backend=backend, dtype=dtype)
    env.reset(seed=seed)
    return env


def chosen(seed=0):
    return random_actions(np.random.default_rng(seed), CONFIG, BATCH)


def flat(results):
    """All arrays of a step, by name."""
    obs, reward, terminated, truncated, info = results
    return {"obs": obs, "reward": reward, "terminated": terminated, "truncated": truncated, **info}


@every_type
def test_shapes_types_and_devices(backend, dtype):
    env = fresh(backend, dtype)
    size, state_size = 2 + 4 + 2, 2 * 2 + 4 * 4
    shapes = {"obs": (BATCH, 4, size), "terminated": (BATCH,), "truncated": (BATCH,), "imbalance": (BATCH,)}
    shapes |= dict.fromkeys(("reward", "delay_s", "upload_s", "forward_s", "wait_s", "compute_s", "target"), (BATCH, 4))
    obs, info = env.reset(seed=0)
    assert info == {}
    floats = {"reset": obs, "state": env.state()}
    assert tuple(obs.shape) == (BATCH, 4, size)
    assert tuple(env.state().shape) == (BATCH, state_size)
    for slot in range(2 * CONFIG.max_cycles):
        arrays = flat(env.step(chosen()))
        if slot % CONFIG.max_cycles == CONFIG.max_cycles - 1:
            floats |= {"final_obs": arrays.pop("final_obs"), "final_state": arrays.pop("final_state")}
            assert tuple(floats["final_obs"].shape) == (BATCH, 4, size)
            assert tuple(floats["final_state"].shape) == (BATCH, state_size)
        assert {name: tuple(array.shape) for name, array in arrays.items()} == shapes
        flags = [arrays.pop(name) for name in ("terminated", "truncated")]
        assert all(str(flag.dtype).endswith("bool") for flag in flags)
        target = arrays.pop("target")
        assert "int" in str(target.dtype)
        for array in (*arrays.values(), *floats.values()):
            assert str(array.dtype).endswith(dtype)
        for array in (*arrays.values(), *floats.values(), *flags, target):
            assert isinstance(array, np.ndarray if backend == "numpy" else torch.Tensor)
            assert str(array.device) == "cpu"


@every_type
def test_autoreset_in_the_same_step(backend, dtype):
    """At the horizon the info holds what the episode ended with; obs, state and snapshot are the next episode's."""
    env = fresh(backend, dtype)
    systems = []
    for _ in range(3):
        systems.append(np.asarray(env.snapshot()["device_hz"]))
        for slot in range(CONFIG.max_cycles):
            last = slot == CONFIG.max_cycles - 1
            obs, _, terminated, truncated, info = env.step(chosen(slot))
            assert not np.asarray(terminated).any()
            assert np.asarray(truncated).tolist() == [last] * BATCH
            assert ("final_obs" in info) == ("final_state" in info) == last
            assert np.asarray(env.snapshot()["slot"]).tolist() == [0 if last else slot + 1] * BATCH
        assert not np.array_equal(np.asarray(info["final_obs"]), np.asarray(obs))
        assert not np.array_equal(np.asarray(info["final_state"]), np.asarray(env.state()))
    assert len(np.unique(systems)) == 3 * BATCH * 4


@pytest.mark.parametrize("observation", ["full", "load"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_final_observations_are_what_the_single_game_sees(backend, observation):
    config = CONFIG.replace(observation=observation)
    env = fresh(backend, config=config)
    for slot in range(config.max_cycles):
        before = {name: np.asarray(values) for name, values in env.snapshot().items()}
        obs, *_, info = env.step(chosen(slot))
    final_obs, final_state = np.asarray(info["final_obs"]), np.asarray(info["final_state"])
    # the coming tasks are each view's own draws: they are left out of the comparison
    tasks = [2, 3] if observation == "full" else []
    state_tasks = [4 + 4 * n + k for n in range(4) for k in range(2)] if observation == "full" else []
    for game in range(BATCH):
        single = edgeoffload_v0.parallel_env(config)
        single.reset(seed=game, options={"snapshot": {name: values[game] for name, values in before.items()}})
        actions = dict(zip(single.agents, chosen(config.max_cycles - 1)[game].tolist(), strict=True))
        observations, _, _, truncations, _ = single.step(actions)
        assert all(truncations.values())
        expected = np.array(list(observations.values()))
        np.testing.assert_allclose(np.delete(final_obs[game], tasks, 1), np.delete(expected, tasks, 1), atol=1e-6)
        np.testing.assert_allclose(
            np.delete(final_state[game], state_tasks), np.delete(single.state(), state_tasks), atol=1e-6
        )
    if observation == "full":
        drawn = np.concatenate((final_obs[:, :, tasks].ravel(), final_state[:, state_tasks].ravel()))
        assert (abs(drawn) <= 0.5).all()
        assert len(np.unique(drawn)) > BATCH * 4
        # both views of the end name the same tasks
        own = final_state[:, 4:].reshape(BATCH, 4, 4)[:, :, :2]
        assert np.array_equal(own, final_obs[:, :, 2:4])
        assert not np.array_equal(own, np.asarray(obs)[:, :, 2:4])


@every_type
def test_nothing_handed_out_is_overwritten_later(backend, dtype):
    env = fresh(backend, dtype)
    kept = [{"obs": env.reset(seed=1)[0], "state": env.state(), **env.snapshot()}]
    copies = [{name: np.asarray(array).copy() for name, array in kept[0].items()}]
    for slot in range(2 * CONFIG.max_cycles + 1):
        arrays = flat(env.step(chosen(slot))) | {"state": env.state(), **env.snapshot()}
        kept.append(arrays)
        copies.append({name: np.asarray(array).copy() for name, array in arrays.items()})
    env.reset(seed=2)
    for arrays, expected in zip(kept, copies, strict=True):
        assert_same({name: np.asarray(array) for name, array in arrays.items()}, expected)


@every_type
def test_what_is_handed_out_may_be_written_to(backend, dtype):
    env, twin = fresh(backend, dtype), fresh(backend, dtype)
    for slot in range(2 * CONFIG.max_cycles + 1):
        actions = env.backend.xp.asarray(chosen(slot))
        results = [flat(one.step(actions)) | {"state": one.state(), **one.snapshot()} for one in (env, twin)]
        assert_same(*results)
        for array in results[0].values():
            array[...] = 1
        actions[...] = 0


def test_the_users_action_array_is_not_kept():
    for backend in ("numpy", "torch"):
        env = fresh(backend)
        for dtype in ("int8", "int32", "int64"):
            # the very layout that the view uses inside
            actions = env.backend.xp.asarray(np.ascontiguousarray(chosen().T, dtype=dtype)).T
            target = env.step(actions)[-1]["target"]
            actions[...] = 0
            assert np.array_equal(np.asarray(target), chosen())


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_actions_of_any_integer_type(backend, kind):
    expected = flat(fresh(backend).step(chosen()))
    assert_same(flat(fresh(backend).step(chosen().astype(kind))), expected)
    if backend == "torch":
        assert_same(flat(fresh(backend).step(torch.as_tensor(chosen().astype(kind)))), expected)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("servers", [126, 127, 128, 300])
def test_more_servers_than_a_byte_can_name(backend, servers):
    config = EdgeOffloadConfig(num_users=4, server_hz=(1e10,) * servers)
    env = fresh(backend, config=config)
    actions = np.array([[servers, servers - 1, 1, 0]] * BATCH)
    assert np.array_equal(np.asarray(env.step(actions)[-1]["target"]), actions)
    with pytest.raises(ValueError, match=f"user_0 in game 0 must be an integer in .*, got {servers + 1}$"):
        env.step(actions + 1)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_actions_of_either_library_or_as_lists(backend):
    expected = flat(fresh(backend).step(chosen()))
    for actions in (torch.as_tensor(chosen()), chosen().tolist(), np.asfortranarray(chosen())):
        assert_same(flat(fresh(backend).step(actions)), expected)


def test_one_stream_for_the_batch():
    """Games of a batch are not the games of smaller batches put side by side, and each batch size has its own."""
    two = edgeoffload_v0.vector_env(2, CONFIG, dtype="float64")
    assert not np.array_equal(two.reset(seed=0)[0], fresh().reset(seed=0)[0][:2])


def test_float32_and_float64_draw_alike_in_distribution_only():
    """Streams are of a view, a backend and a type, as documented; this pins that nobody relies on more."""
    assert not np.array_equal(fresh(dtype="float32").state(), fresh(dtype="float64").state().astype(np.float32))


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("num_envs", 0, ValueError),
        ("num_envs", -3, ValueError),
        ("num_envs", 2.0, TypeError),
        ("num_envs", True, TypeError),
        ("num_envs", "4", TypeError),
        ("num_envs", None, TypeError),
        ("backend", "jax", ValueError),
        ("backend", None, TypeError),
        ("dtype", "float16", ValueError),
        ("dtype", np.float32, TypeError),
        ("device", "cuda", ValueError),
        ("compile", 1, TypeError),
        ("compile", None, TypeError),
        ("compile", True, ValueError),
        ("scenario", "no-such", ValueError),
        ("scenario", 7, TypeError),
    ],
)
def test_bad_arguments(name, value, error):
    with pytest.raises(error, match=f"{name} (must be|'no-such')"):
        edgeoffload_v0.vector_env(**({"num_envs": 2} | {name: value}))


def test_bad_torch_device():
    for device in ("nowhere", Ellipsis):
        with pytest.raises(ValueError, match="device must be a device of torch, got "):
            edgeoffload_v0.vector_env(2, backend="torch", device=device)


@pytest.mark.parametrize("make", [edgeoffload_v0.vector_env, edgeoffload_v0.functional_env])
def test_a_gpu_that_is_not_there_is_refused_at_once(make, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    message = r"^device 'cuda' is not available: torch finds no GPU on this machine; use device=cpu$"
    with pytest.raises(ValueError, match=message):
        make(scenario="paper", backend="torch", device="cuda")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(ValueError, match=r"^device 'cuda:2' is not available: torch finds 2 on this machine, "):
        make(scenario="paper", backend="torch", device="cuda:2")


def test_a_float_type_is_chosen_from_two():
    with pytest.raises(ValueError, match=r"^dtype must be 'float32' or 'float64', got 'float16'$"):
        edgeoffload_v0.vector_env(2, dtype="float16")
    with pytest.raises(ValueError, match=r"^dtype must be 'float32' or 'float64' \(did you mean 'float64'\?\), got"):
        edgeoffload_v0.vector_env(2, dtype="flaot64")


def test_state_and_snapshot_before_reset():
    env = edgeoffload_v0.vector_env(2)
    for call in (env.state, env.snapshot):
        with pytest.raises(ValueError, match=r"needs a reset\(\) first"):
            call()


def test_spaces():
    env = fresh()
    assert env.observation_space.shape == (2 + 4 + 2,)
    assert env.state_space.shape == (2 * 2 + 4 * 4,)
    assert env.action_space.n == 3
