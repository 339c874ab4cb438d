"""One seed, one game: over whole episodes, in copies, in other processes, and nothing taken from global state."""

import copy
import hashlib
import os
import pickle
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from edgeoffload_env import EdgeOffloadConfig
from tests.drivers import DRIVERS, VectorDriver
from tests.helpers import assert_same, random_actions

CONFIG = EdgeOffloadConfig(
    num_users=20,  # enough for sums to depend on their order
    server_hz_range=(12e9, 20e9),
    num_servers=3,
    initial_load_s=(0.0, 0.5),
    min_distance_m=1.0,
    max_cycles=66,  # longer than any stock of tasks drawn ahead
)

DUPLICATES = [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))]

every_view = pytest.mark.parametrize("make", DRIVERS.values(), ids=DRIVERS)


def play_on(view, slots, actions_seed=0):
    """Everything the view shows over some slots; where an episode ends, the next goes on with the stream."""
    rng = np.random.default_rng(actions_seed)
    history = []
    for _ in range(slots):
        played = view.step(random_actions(rng, CONFIG, view.batch))
        history.append(played._asdict())
        if played.truncated.all() and not played.restarted:
            history.append({"observation": view.reset(), "state": view.state(), "after": view.snapshot()})
    return history


def play_from_reset(view, seed, slots=CONFIG.max_cycles + 5):
    """The same from a reset on, into the second episode."""
    first = {"observation": view.reset(seed=seed), "state": view.state(), "after": view.snapshot()}
    return [first, *play_on(view, slots)]


@every_view
def test_same_seed_same_game(make):
    assert_same(play_from_reset(make(CONFIG), 5), play_from_reset(make(CONFIG), 5))


@every_view
@pytest.mark.parametrize("seed", [0, 5])
def test_reset_twice_on_one_instance(make, seed):
    view = make(CONFIG)
    first = play_from_reset(view, seed)
    assert_same(play_from_reset(view, seed), first)
    view.reset(seed=6)
    play_on(view, 3)
    assert_same(play_from_reset(view, seed, slots=3), first[:4])


@every_view
def test_numpy_integers_are_the_same_seed(make):
    expected = play_from_reset(make(CONFIG), 5, slots=2)
    for seed in (np.int64(5), np.uint8(5), np.array(5)):
        assert_same(play_from_reset(make(CONFIG), seed, slots=2), expected)


@every_view
def test_reset_without_seed_goes_on_with_the_stream(make):
    view, twin = make(CONFIG), make(CONFIG)
    episodes = []
    for one in (view, twin):
        one.reset(seed=5)
        episodes.append([one.reset() for _ in range(3)])
    assert_same(episodes[0], episodes[1])
    observations = [view.reset(seed=5), *episodes[0]]
    for i, one in enumerate(observations):
        for other in observations[:i]:
            assert not np.array_equal(one, other)


@every_view
def test_other_seeds_give_other_games(make):
    observations = [make(CONFIG).reset(seed=seed) for seed in (0, 1, 2, 2**32, 2**64, 2**128, None, None)]
    for i, one in enumerate(observations):
        for other in observations[:i]:
            assert not np.array_equal(one, other)


@pytest.mark.parametrize("make", [VectorDriver, DRIVERS["torch-float64"]], ids=["numpy", "torch"])
def test_games_of_a_batch_differ(make):
    view = make(CONFIG)
    view.reset(seed=0)
    snapshot = view.snapshot()
    for name in ("task_bits", "task_cycles", "device_hz", "channel_gain", "server_hz", "backlog_cycles"):
        assert len(np.unique(snapshot[name])) == snapshot[name].size, name


@every_view
@pytest.mark.parametrize("duplicate", DUPLICATES, ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("slots", [0, 3, CONFIG.max_cycles])
def test_copies_play_on_alike(make, duplicate, slots):
    view = make(CONFIG)
    view.reset(seed=5)
    play_on(view, slots)
    twin, alone = duplicate(view), duplicate(view)
    assert_same(twin.snapshot(), view.snapshot())
    expected = play_on(alone, CONFIG.max_cycles)
    assert_same(play_on(twin, CONFIG.max_cycles), expected)
    assert_same(play_on(view, CONFIG.max_cycles), expected)  # nothing is shared with the copies


@pytest.mark.parametrize("name", ["parallel", "aec"])
@pytest.mark.parametrize("duplicate", DUPLICATES, ids=["deepcopy", "pickle"])
def test_copies_after_the_end(name, duplicate):
    view = DRIVERS[name](CONFIG)
    view.reset(seed=5)
    actions = np.zeros((1, CONFIG.num_users), dtype=int)
    for _ in range(CONFIG.max_cycles):
        view.step(actions)
    twin = duplicate(view)
    for one in (twin, view):
        with pytest.raises(ValueError, match=r"step\(\)|is over"):
            one.step(actions)
    assert_same(twin.reset(), view.reset())
    assert_same(play_on(twin, 3), play_on(view, 3))


@every_view
@pytest.mark.parametrize("duplicate", DUPLICATES, ids=["deepcopy", "pickle"])
def test_copies_before_the_first_reset(make, duplicate):
    view = make(CONFIG)
    assert_same(play_from_reset(duplicate(view), 5, slots=3), play_from_reset(view, 5, slots=3))


@pytest.mark.parametrize("duplicate", DUPLICATES, ids=["deepcopy", "pickle"])
def test_aec_copies_in_the_middle_of_a_turn(duplicate):
    view = DRIVERS["aec"](CONFIG)
    view.reset(seed=5)
    env = view.env
    for action in (1, 2, 0):
        env.step(action)
    twin = duplicate(env)
    assert twin.agent_selection == env.agent_selection == "user_3"
    for _ in range(2 * CONFIG.num_users - 3):
        for one in (env, twin):
            one.step(3)
    assert env.rewards["user_0"] != 0
    for name in ("rewards", "infos", "truncations", "_cumulative_rewards"):
        assert_same(getattr(twin, name), getattr(env, name))
    assert_same(twin.unwrapped.snapshot(), env.unwrapped.snapshot())


@every_view
def test_global_random_state_is_untouched(make):
    def states():
        return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002

    before = states()
    play_from_reset(make(CONFIG), 5)
    make(CONFIG).reset()
    copy.deepcopy(pickle.loads(pickle.dumps(make(CONFIG))))
    assert_same(states(), before)


@every_view
def test_global_seeds_change_nothing(make):
    expected = play_from_reset(make(CONFIG), 5)
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    assert_same(play_from_reset(make(CONFIG), 5), expected)
    random.setstate(kept[0])
    np.random.set_state(kept[1])  # noqa: NPY002
    torch.set_rng_state(kept[2])


def digest():
    """A hash of everything that all views show from one seed."""
    result = hashlib.sha256()

    def add(value):
        if isinstance(value, dict):
            for name, item in value.items():
                result.update(name.encode())
                add(item)
        elif value is not None:
            result.update(np.asarray(value).tobytes())

    for name, make in DRIVERS.items():
        result.update(name.encode())
        for shown in play_from_reset(make(CONFIG), 5):
            add(shown)
    return result.hexdigest()


def test_a_process_with_another_hash_seed_agrees():
    environment = os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = "from tests.views.test_determinism import digest; print(digest())"
    run = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == digest()
