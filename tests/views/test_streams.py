"""Streams: an episode depends on its seed and number alone, and each random process on its own stream alone."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from edgeoffload_env.effects import Effect, Process, Quantity
from edgeoffload_env.views.ahead import _SLOTS_AT_ONCE
from edgeoffload_env.views.streams import NumpyStreams, TorchStreams
from tests.drivers import DRIVERS, ParallelDriver
from tests.helpers import assert_same, random_actions
from tests.views.test_determinism import CONFIG, DUPLICATES

LONG = CONFIG.replace(num_users=3, max_cycles=2 * _SLOTS_AT_ONCE + 5)
VECTORS = {name: make for name, make in DRIVERS.items() if "-" in name}
SINGLES = {name: make for name, make in DRIVERS.items() if "-" not in name}

every_view = pytest.mark.parametrize("make", DRIVERS.values(), ids=DRIVERS)


def play(view, slots, seed=0):
    """Play random actions; return the snapshot before each slot."""
    rng = np.random.default_rng(seed)
    snapshots = []
    for _ in range(slots):
        snapshots.append(view.snapshot())
        view.step(random_actions(rng, LONG, view.batch))
    return snapshots


def second_episode(view, slots_of_the_first, slots=3):
    """Snapshots of the second episode of seed 5, after a number of slots of the first."""
    view.reset(seed=5)
    play(view, slots_of_the_first, seed=slots_of_the_first)
    if view.snapshot()["slot"][0] or isinstance(view, ParallelDriver) or not slots_of_the_first:
        view.reset()  # a vector view that has reached the end is in the second episode already
    return play(view, slots)


@every_view
@pytest.mark.parametrize("slots", [1, _SLOTS_AT_ONCE - 1, _SLOTS_AT_ONCE, _SLOTS_AT_ONCE + 1, LONG.max_cycles])
def test_an_episode_does_not_depend_on_where_the_one_before_was_cut_off(make, slots):
    view = make(LONG)
    assert_same(second_episode(view, slots), second_episode(make(LONG), 0))
    assert_same(second_episode(view, slots), second_episode(view, 0))


@every_view
def test_an_episode_does_not_depend_on_what_was_played_before(make):
    busy, idle = make(CONFIG), make(CONFIG)
    for view, actions in ((busy, 1), (idle, 0)):
        view.reset(seed=5)
        for _ in range(5):
            view.step(np.full((view.batch, CONFIG.num_users), actions))
    assert_same(busy.reset(), idle.reset())
    assert_same(busy.snapshot(), idle.snapshot())


@pytest.mark.parametrize("make", VECTORS.values(), ids=VECTORS)
def test_a_reset_after_an_autoreset_skips_that_episode(make):
    config = CONFIG.replace(max_cycles=3)
    view, by_resets = make(config), make(config)
    starts = [by_resets.reset(seed=5), by_resets.reset(), by_resets.reset()]
    view.reset(seed=5)
    for _ in range(config.max_cycles):
        played = view.step(np.zeros((view.batch, config.num_users), dtype=int))
    assert_same(played.observation, starts[1])
    assert_same(view.reset(), starts[2])


@pytest.mark.parametrize("make", SINGLES.values(), ids=SINGLES)
def test_tasks_of_a_single_game_do_not_depend_on_the_horizon(make):
    episodes = []
    for max_cycles in (5, _SLOTS_AT_ONCE + 2, LONG.max_cycles, 10**6):
        view = make(LONG.replace(max_cycles=max_cycles))
        view.reset(seed=5)
        episodes.append(play(view, min(max_cycles, _SLOTS_AT_ONCE + 2)))
    for episode in episodes:
        assert_same(episode, episodes[-1][: len(episode)])


@every_view
@pytest.mark.parametrize("duplicate", DUPLICATES, ids=["deepcopy", "pickle"])
def test_copies_go_on_alike_across_draws_ahead_and_episodes(make, duplicate):
    view = make(LONG)
    view.reset(seed=5)
    play(view, _SLOTS_AT_ONCE - 1)
    twin = duplicate(view)
    for _ in range(2):
        assert_same(play(twin, 4), play(view, 4))
        assert_same(twin.reset(), view.reset())


def first_rain(noise, fields, config, *, xp):
    return {"rain": noise["user"][0].T + noise["server"][1].T[:, :1]}


def next_rain(noise, fields, config, *, xp):
    return {"rain": 0.5 * fields["rain"] + noise["user"][0].T * noise["game"][0].T}


@dataclass(frozen=True, kw_only=True)
class Weather(Effect):
    """A random process that nothing else reads."""

    name: str = "weather"
    constant: bool = False

    def quantities(self):
        return (Quantity(name="rain", unit="1", scope="user", kind="state", text="rain", minimum=0.0),)

    def processes(self):
        process = Process(
            name=self.name,
            fields=("rain",),
            first=first_rain,
            first_uniforms={"user": 1, "server": 2},
            next=next_rain,
            next_uniforms={"user": 1, "game": 1},
        )
        return (replace(process, next=None, next_uniforms={}) if self.constant else process,)


@every_view
@pytest.mark.parametrize(
    "effect", [Weather(), Weather(name="a"), Weather(constant=True)], ids=["moving", "a", "constant"]
)
def test_an_added_process_leaves_the_numbers_of_the_others(make, effect):
    plain, extended = make(LONG), make(LONG.replace(extra_effects=(effect,)))
    slots = _SLOTS_AT_ONCE + 2 if plain.batch == 1 else 3  # single games draw ahead
    assert_same(extended.reset(seed=5), plain.reset(seed=5))
    for _ in range(2):
        shown = [play(view, slots) for view in (extended, plain)]
        rain = np.array([snapshot.pop("rain") for snapshot in shown[0]])
        assert_same(*shown)
        assert len(np.unique(rain)) == (rain[0].size if effect.constant else rain.size)
        assert_same(extended.reset(), plain.reset())


def first_wet(noise, fields, config, *, xp):
    return {"wet": 0.0 * fields["device_hz"]}


def next_wet(noise, fields, config, *, xp):
    return {"wet": 1.0 * fields["rain"]}


@dataclass(frozen=True, kw_only=True)
class Puddles(Weather):
    """A second process, which copies the first: the rain of this slot if it comes before it, else of the next."""

    before: bool = True

    def quantities(self):
        return (*super().quantities(), Quantity(name="wet", unit="1", scope="user", kind="state", text="", minimum=0.0))

    def processes(self):
        copy = Process(name="puddles", fields=("wet",), first=first_wet, first_uniforms={}, next=next_wet)
        return (copy, *super().processes()) if self.before else (*super().processes(), copy)


@every_view
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_process_reads_this_slot_and_the_next_slot_of_those_before_it(make, before):
    view = make(LONG.replace(extra_effects=(Puddles(before=before),)))
    view.reset(seed=5)
    snapshots = play(view, _SLOTS_AT_ONCE + 3)
    rain, wet = (np.array([snapshot[name] for snapshot in snapshots]) for name in ("rain", "wet"))
    assert np.array_equal(wet[1:], rain[:-1] if before else rain[1:])


def numpy_streams(*processes):
    return NumpyStreams(processes)


def torch_streams(*processes):
    import torch

    return TorchStreams(processes, torch.float64, "cpu")


every_kind = pytest.mark.parametrize("make", [numpy_streams, torch_streams], ids=["numpy", "torch"])


def draw(streams, process, count):
    return np.asarray(streams.finish(streams.draw(process, (count,)), count))


@every_kind
def test_every_process_and_episode_has_other_numbers(make):
    processes = ["system", "tasks", *(f"process {k}" for k in range(20))]
    streams, seen = make(*processes), set()
    for seed in (0, 1):
        for episode in range(50):
            streams.begin_episode(seed if episode == 0 else None)
            for process in processes:
                seen.update(draw(streams, process, 4).tolist())
    assert len(seen) == 2 * 50 * len(processes) * 4


def common_bits_z(one, other):
    """Deviation of the mean and the variance of the number of equal bits from chance, in standard errors."""
    bits = 52  # as many as every float64 in [0, 1) holds
    words = [(values * 2.0**bits).astype(np.uint64) for values in (one, other)]
    differing = np.unpackbits((words[0] ^ words[1]).view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1, dtype=np.int64)
    mean = (differing.mean() - bits / 2) / np.sqrt(bits / 4 / len(one))
    variance = (differing.var() / (bits / 4) - 1.0) / np.sqrt(2 / len(one))
    return abs(mean), abs(variance)


@every_kind
def test_streams_are_uncorrelated(make):
    """Generators that are a multiple of a high power of 2 apart have 13 standard errors here."""
    count = 2**20
    streams = make("system", "tasks", "channel")
    streams.begin_episode(0)
    drawn = {process: draw(streams, process, count) for process in ("system", "tasks", "channel")}
    for episode in range(1, 65):
        streams.begin_episode(None)
        if episode in (1, 64):  # the next episode; one that is a power of 2 away
            drawn[f"tasks of episode {episode}"] = draw(streams, "tasks", count)
    streams.begin_episode(1)
    drawn["tasks of seed 1"] = draw(streams, "tasks", count)
    names = list(drawn)
    for i, name in enumerate(names):
        for other in names[:i]:
            assert max(common_bits_z(drawn[name], drawn[other])) < 5.0, (name, other)
            assert abs(np.corrcoef(drawn[name], drawn[other])[0, 1]) < 5.0 / np.sqrt(count), (name, other)
