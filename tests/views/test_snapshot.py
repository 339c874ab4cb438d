"""Snapshots: raw values that are copies, and episodes that start from one."""

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0
from tests.drivers import DRIVERS
from tests.helpers import assert_same, make_game

CONFIG = EdgeOffloadConfig(
    num_users=20, server_hz_range=(12e9, 20e9), num_servers=3, initial_load_s=(0.1, 0.5), max_cycles=6
)
ACTIONS = np.array([[1, 2, 0, 3] * 5])

every_view = pytest.mark.parametrize("make", DRIVERS.values(), ids=DRIVERS)


def play(view, slots):
    return [view.step(np.repeat(ACTIONS, view.batch, axis=0))._asdict() for _ in range(slots)]


def test_fields_shapes_and_types():
    env = edgeoffload_v0.parallel_env(CONFIG)
    env.reset(seed=0)
    snapshot = env.unwrapped.snapshot()
    names = ["task_bits", "task_cycles", "device_hz", "channel_gain", "server_hz", "backlog_cycles", "slot"]
    assert list(snapshot) == names
    for name, size in zip(names, [20, 20, 20, 20, 3, 3], strict=False):
        assert snapshot[name].dtype == np.float64
        assert snapshot[name].shape == (size,)
    assert type(snapshot["slot"]) is int
    assert snapshot["slot"] == 0


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fields_of_the_vector_view(backend, dtype):
    env = edgeoffload_v0.vector_env(5, CONFIG, backend=backend, dtype=dtype)
    env.reset(seed=0)
    snapshot = env.snapshot()
    for name, size in zip(list(snapshot)[:-1], [20, 20, 20, 20, 3, 3], strict=True):
        assert type(snapshot[name]) is type(env.state())
        assert str(snapshot[name].dtype).endswith(dtype)
        assert tuple(snapshot[name].shape) == (5, size)
    assert tuple(snapshot["slot"].shape) == (5,)
    assert str(snapshot["slot"].dtype).endswith("int64")


@every_view
def test_a_snapshot_stands_for_the_game(make):
    """Restarted in mid-episode, the slot is played alike; with the same seed so is all that follows."""
    view = make(CONFIG)
    view.reset(seed=1)
    play(view, 2)
    snapshot = view.snapshot()
    expected = play(view, 1)[0]
    twins = [make(CONFIG), make(CONFIG)]
    for twin in twins:
        observation = twin.reset(seed=9, snapshot=snapshot)
        assert_same(twin.snapshot(), snapshot)
        assert observation.shape == expected["observation"].shape
    played = [play(twin, 4) for twin in twins]
    assert_same(played[0], played[1])
    first = played[0][0]
    for name in ("delay_s", "upload_s", "forward_s", "wait_s", "compute_s", "imbalance", "reward", "target"):
        assert_same(first[name], expected[name])
    assert_same(first["after"]["backlog_cycles"], expected["after"]["backlog_cycles"])
    assert not np.array_equal(first["after"]["task_bits"], expected["after"]["task_bits"])  # another seed's tasks


@every_view
def test_a_restart_shows_what_the_first_game_showed(make):
    view = make(CONFIG)
    observation = view.reset(seed=1)
    for _ in range(2):
        state, snapshot = view.state(), view.snapshot()
        assert_same(view.reset(seed=4, snapshot=snapshot), observation)
        assert_same(view.state(), state)
        observation = play(view, 1)[0]["observation"]


@every_view
def test_the_seed_sets_the_later_draws_as_it_does_without_a_snapshot(make):
    view = make(CONFIG)
    view.reset(seed=1)
    snapshot = view.snapshot()
    afters = []
    for seed in (2, 3):
        view.reset(seed=seed, snapshot=snapshot)
        afters.append(play(view, 1)[0]["after"]["task_bits"])
    assert not np.array_equal(*afters)
    view.reset(seed=1)
    view.reset(snapshot=snapshot)  # goes on with the stream
    twin = make(CONFIG)
    twin.reset(seed=1)
    twin.reset(snapshot=snapshot)
    assert_same(play(view, 5), play(twin, 5))


@every_view
def test_the_slot_counts_towards_the_horizon(make):
    view = make(CONFIG)
    view.reset(seed=1)
    play(view, 4)
    snapshot = view.snapshot()
    assert (snapshot["slot"] == 4).all()
    other = make(CONFIG)
    other.reset(seed=2, snapshot=snapshot)
    assert [played["truncated"].all() for played in play(other, 2)] == [False, True]


@every_view
def test_snapshots_are_copies(make):
    view = make(CONFIG)
    view.reset(seed=1)
    expected = view.snapshot()
    given = {name: values.copy() for name, values in expected.items()}
    view.reset(seed=1, snapshot=given)
    raw = view.env.snapshot() if hasattr(view.env, "snapshot") else view.env.unwrapped.snapshot()
    for fields in (given, raw):
        for name, values in fields.items():
            if name != "slot":
                values[...] = 1.0
    assert_same(view.snapshot(), expected)


@every_view
def test_lists_numbers_and_any_order_of_the_fields_serve(make):
    view = make(CONFIG)
    view.reset(seed=1)
    snapshot = view.snapshot()
    view.reset(seed=2, snapshot={name: snapshot[name].tolist() for name in reversed(snapshot)})
    assert_same(view.snapshot(), snapshot)


@pytest.mark.parametrize("kind", ["parallel_env", "env", "vector_env"])
def test_other_options_are_ignored(kind):
    views = [
        getattr(edgeoffload_v0, kind)(scenario=CONFIG, **({"num_envs": 2} if "vector" in kind else {})) for _ in "ab"
    ]
    views[0].reset(seed=1)
    views[1].reset(seed=1, options={"difficulty": 3, "Snapshot": "no"})
    assert_same(*(view.unwrapped.snapshot() if "vector" not in kind else view.snapshot() for view in views))


def test_a_snapshot_goes_from_one_view_to_another():
    single = DRIVERS["parallel"](CONFIG)
    single.reset(seed=1)
    snapshot = single.snapshot()
    expected = play(single, 1)[0]
    for name, make in DRIVERS.items():
        view = make(CONFIG)
        view.reset(seed=2, snapshot={key: np.repeat(values, view.batch, axis=0) for key, values in snapshot.items()})
        played = play(view, 1)[0]
        tolerance = 1e-5 if name.endswith("32") else 1e-12
        for key in ("delay_s", "imbalance"):
            for game in range(view.batch):
                np.testing.assert_allclose(played[key][game], expected[key][0], rtol=tolerance)


def test_torch_tensors_serve():
    import torch

    game = make_game(0, 6, 4, 3)
    env = edgeoffload_v0.vector_env(3, game.config, backend="torch", dtype="float64")
    env.reset(options={"snapshot": {name: torch.as_tensor(values) for name, values in game.snapshot.items()}})
    assert_same({name: np.asarray(values) for name, values in env.snapshot().items()}, game.snapshot)
