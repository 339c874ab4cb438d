"""``search_fixed`` against every constant assignment of small games."""

import itertools

import pytest

from edgeoffload_env import EdgeOffloadConfig, evaluate, policies
from edgeoffload_env.evaluation import search_fixed
from tests.helpers import assert_one_traceback

SMALL = {"num_users": 4, "max_cycles": 5}
GAMES = {
    "two servers": {**SMALL, "server_hz": (6e9, 3e9)},
    "slow servers": {**SMALL, "server_hz": (1e9, 0.8e9), "device_hz": (0.3e9, 3e9)},
    "one far server": {**SMALL, "server_hz": (2e9, 30e9), "forward_bps": 20e6},
    "drawn servers": {**SMALL, "server_hz_range": (1e9, 20e9), "num_servers": 3, "server_hz": None},
    "bursts, failures": {
        **SMALL,
        "server_hz": (6e9, 9e9),
        "arrivals": {"on_s": 0.5, "off_s": 0.5},
        "failures": {"mtbf_s": 2.0, "mttr_s": 0.5},
        "device_queue": True,
    },
    "nine users": {"num_users": 9, "max_cycles": 5, "server_hz": (6e9, 12e9)},
}


def utility_of(counts, config, episodes, seed):
    return evaluate(policies.make("fixed", counts=counts), config, episodes, seed).utility.mean()


@pytest.mark.parametrize("name", GAMES)
def test_finds_the_best_of_all(name):
    config = EdgeOffloadConfig(**GAMES[name])
    users, places = config.num_users, config.servers + 1
    everything = [counts for counts in itertools.product(range(users + 1), repeat=places) if sum(counts) == users]
    utilities = {counts: utility_of(counts, config, 6, 3) for counts in everything}
    found = search_fixed(config, episodes=6, seed=3)
    assert isinstance(found, tuple)
    assert all(type(count) is int for count in found)
    assert utilities[found] == max(utilities.values())
    assert utilities[found] > sorted(utilities.values())[-2], "no other is as good"


def test_the_same_games_give_the_same_counts():
    config = EdgeOffloadConfig(**GAMES["two servers"])
    assert search_fixed(config, 3, seed=5) == search_fixed(config, 3, seed=5)


def test_it_is_judged_on_the_games_that_it_is_given():
    """With one episode the best counts are those of that episode."""
    config = EdgeOffloadConfig(num_users=4, max_cycles=2, server_hz_range=(1e9, 20e9), num_servers=2, server_hz=None)
    found = {seed: search_fixed(config, 1, seed) for seed in range(6)}
    assert len(set(found.values())) > 1
    for seed, counts in found.items():
        assert all(utility_of(counts, config, 1, seed) >= utility_of(other, config, 1, seed) for other in found.values())


def test_progress_is_in_slots():
    config = EdgeOffloadConfig(**GAMES["two servers"])
    played = []
    search_fixed(config, episodes=3, seed=0, progress=played.append)
    slots = 3 * config.max_cycles
    assert sum(played) % slots == 0
    assert 5 <= sum(played) / slots <= 15, "each of the 15 constant assignments once at most"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"config": "papers"}, ValueError, r"unknown scenario 'papers'; did you mean 'paper'\?"),
        ({"config": 3}, TypeError, "scenario must be a string, .*, got 3$"),
        ({"episodes": 0}, ValueError, "episodes must be an integer in .*, got 0$"),
        ({"episodes": 2.0}, TypeError, "episodes must be an integer in .*, got 2.0$"),
        ({"episodes": True}, TypeError, "episodes must be an integer in .*, got True$"),
        ({"seed": -1}, ValueError, "seed must be an integer in .*, got -1$"),
        ({"seed": None}, TypeError, "seed must be an integer in .*, got None$"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message) as refused:
        search_fixed(**({"config": EdgeOffloadConfig(**GAMES["two servers"])} | arguments))
    assert_one_traceback(refused.value)
