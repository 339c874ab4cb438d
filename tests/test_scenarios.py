"""The named scenarios: what they are by name, and how they are configured."""

import dataclasses
import re

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0, observation, scenarios, stored
from edgeoffload_env.agents import action_count
from tests.helpers import assert_one_traceback

PAPERS = ["paper", "paper-load-only", "random-servers", "sparse", "crowded", "crowded-team", "stadium", "two-tier"]
WITH_TWINS = ["urban", "urban-outages", "bursty", "failures", "deadlines", "energy", "cloud"]
WITH_TWINS += ["continuous", "power-control", "split", "vehicles"]
TRAINING = PAPERS + WITH_TWINS

DRAWN = {"num_servers": 5, "server_hz_range": (10e9, 22e9)}
MIXED = {"task_cycles": (0.4e9, 0.9e9), "heavy_tasks": {"probability": 0.2, "factor": 3.0}}
URBAN = {
    **DRAWN,
    "num_users": 30,
    "arrivals": {"on_s": 1.5, "off_s": 3.5},
    "device_hz": (0.5e9, 1.5e9),
    "task_bits": (1e6, 4e6),
    "task_cycles": (0.45e9, 1.0e9),
    "heavy_tasks": {"probability": 0.2, "factor": 3.0},
    "device_queue": True,
    "uplink_queue": True,
    "deadline": {"range_s": (0.3, 1.0), "miss_cost_s": 1.0},
    "energy": {"cost_s_per_j": 0.2},
}
BURSTS = {"arrivals": {"on_s": 1.5, "off_s": 1.5}}
FIELDS = {
    "urban": URBAN,
    "urban-outages": {**URBAN, "failures": {"mtbf_s": 15.0, "mttr_s": 1.5}},
    "bursty": {**DRAWN, **BURSTS, "num_users": 24},
    "failures": {"failures": {"mtbf_s": 10.0, "mttr_s": 2.0}},
    "deadlines": {
        **DRAWN,
        **BURSTS,
        **MIXED,
        "num_users": 20,
        "device_hz": (0.5e9, 1.5e9),
        "deadline": {"range_s": (0.2, 0.6), "miss_cost_s": 1.0},
    },
    "energy": {
        **DRAWN,
        **BURSTS,
        **MIXED,
        "num_users": 30,
        "device_hz": (1e9, 2e9),
        "device_queue": True,
        "energy": {"cost_s_per_j": 0.2},
    },
    "cloud": {
        **BURSTS,
        **MIXED,
        "num_users": 24,
        "server_hz": (8e9, 10e9, 12e9, 14e9, 40e9),
        "elastic_servers": 1,
        "forward_bps": (1e9, 1e9, 1e9, 15e6),
        "forward_latency_s": (0.0, 0.0, 0.0, 0.1),
    },
    "continuous": {**DRAWN, **BURSTS, "num_users": 24, "queue_clock": "continuous"},
    "power-control": {**URBAN, "levels": {"tx_power_w": (0.05, 0.2, 0.8)}, "energy": {"cost_s_per_j": 1.0}},
    "split": {**URBAN, "levels": {"offload_ratio": (0.5, 0.75, 1.0)}},
    "vehicles": {
        **URBAN,
        "mobility": {"speed_mps": (8.0, 20.0)},
        "channel": {"fading": "rayleigh", "shadowing_db": 6.0},
    },
}
"""The scenarios with held-out twins, beside their 100 slots."""
OF_THE_TWIN = {
    "urban": {
        "arrivals": {"on_s": 1.0, "off_s": 2.0},
        "heavy_tasks": {"probability": 0.1, "factor": 5.0},
        "server_hz_range": (8e9, 24e9),
    },
    "urban-outages": {"failures": {"mtbf_s": 10.0, "mttr_s": 1.0}, "arrivals": {"on_s": 3.0, "off_s": 7.0}},
    "bursty": {"arrivals": {"on_s": 0.75, "off_s": 0.9}},
    "failures": {"failures": {"mtbf_s": 6.0, "mttr_s": 1.2}},
    "deadlines": {
        "deadline": {"range_s": (0.15, 0.5), "miss_cost_s": 1.0},
        "arrivals": {"on_s": 3.0, "off_s": 3.0},
    },
    "energy": {
        "device_hz": (0.8e9, 2.4e9),
        "energy": {"cost_s_per_j": 0.3},
        "arrivals": {"on_s": 1.0, "off_s": 1.2},
    },
    "cloud": {
        "server_hz": (7e9, 10e9, 13e9, 16e9, 30e9),
        "forward_latency_s": (0.0, 0.0, 0.0, 0.15),
        "arrivals": {"on_s": 1.0, "off_s": 1.0},
    },
    "continuous": {"arrivals": {"on_s": 0.75, "off_s": 0.9}},
    "power-control": {"levels": {"tx_power_w": (0.1, 0.4)}, "energy": {"cost_s_per_j": 2.0}},
    "split": {"levels": {"offload_ratio": (0.3, 0.6, 1.0)}},
    "vehicles": {
        "mobility": {"speed_mps": (15.0, 30.0)},
        "channel": {"fading": "rayleigh", "shadowing_db": 8.0},
    },
}
"""What differs in the held-out twin, and nothing else."""


def config(name):
    return scenarios.get(name).config


@pytest.mark.parametrize(
    ("group", "queue", "kind"),
    [(scenarios.PAPER, True, "with"), (scenarios.CROWDED, True, "with"), (scenarios.POLICY, False, "without")],
)
def test_a_group_has_scenarios_with_effects_or_without(group, queue, kind):
    assert scenarios._scenario("mine", "Of mine.", group=group, device_queue=not queue).group == group
    with pytest.raises(ValueError, match=f"group of the scenario 'mine', a game {kind} effects, must be "):
        scenarios._scenario("mine", "Of mine.", group=group, device_queue=queue)


def differences(name):
    """The fields in which a scenario differs from the defaults."""
    default = EdgeOffloadConfig()
    fields = [field.name for field in dataclasses.fields(default)]
    return {field for field in fields if getattr(config(name), field) != getattr(default, field)}


def test_names_in_order_and_what_is_held_out():
    assert scenarios.names(held_out=False) == TRAINING
    held_out = scenarios.names(held_out=True)
    assert all(name.startswith("held-out-") for name in held_out)
    assert scenarios.names() == TRAINING + held_out
    marks = [scenarios.get(name).held_out for name in scenarios.names()]
    assert marks == [False] * len(TRAINING) + [True] * len(held_out)


def test_every_scenario_is_described_and_differs_from_all_others():
    games = [config(name) for name in scenarios.names()]
    assert len(set(games)) == len(games)
    for name in scenarios.names():
        assert scenarios.get(name).name == name
        description = scenarios.get(name).description
        assert len(description) > 20
        assert 1 <= len(re.findall(r"[^.]\.(?= |$)", description)) <= 2, "a sentence or two"
        assert description.endswith(".")


def test_paper_is_the_default():
    assert config("paper") == EdgeOffloadConfig()
    assert edgeoffload_v0.parallel_env().config == config("paper")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("paper-load-only", {"observation", "initial_load_s"}),
        ("random-servers", {"server_hz", "server_hz_range"}),
        ("sparse", {"num_users"}),
        ("crowded", {"num_users"}),
        ("crowded-team", {"num_users", "reward_sharing"}),
        ("stadium", {"num_users"}),
    ],
)
def test_differ_from_the_paper_in_what_they_say_alone(name, fields):
    assert differences(name) == fields


@pytest.mark.parametrize("name", WITH_TWINS)
def test_scenarios_with_effects_are_as_written_down(name):
    assert config(name) == EdgeOffloadConfig(max_cycles=100, **FIELDS[name])
    assert config(f"held-out-{name}") == EdgeOffloadConfig(max_cycles=100, **(FIELDS[name] | OF_THE_TWIN[name]))


@pytest.mark.parametrize("name", WITH_TWINS)
def test_a_held_out_twin_is_another_game_of_the_same_size(name):
    """What was trained on the one can play the other."""
    game, twin = config(name), config(f"held-out-{name}")
    assert scenarios.get(f"held-out-{name}").held_out
    assert stored.game_of(game) != stored.game_of(twin)
    assert {name for name in OF_THE_TWIN[name] if getattr(game, name) != getattr(twin, name)} == set(OF_THE_TWIN[name])
    spaces = [
        (env.observation_space("user_0"), env.state_space, observation.names(env.config))
        for env in map(edgeoffload_v0.parallel_env, (name, f"held-out-{name}"))
    ]
    assert spaces[0] == spaces[1]
    # networks with an output for each action cannot play with two powers in place of three
    assert (action_count(game) == action_count(twin)) == (name != "power-control")


def test_effects_of_the_scenarios():
    urban = ("arrivals", "heavy_tasks", "deadline", "energy", "device_queue", "uplink_queue")
    effects = (*urban, "failures", "channel", "mobility", "levels")
    found = {name: {effect for effect in effects if getattr(config(name), effect)} for name in TRAINING}
    assert all(not found[name] for name in PAPERS)
    assert found["urban-outages"] == {*urban, "failures"}
    assert found["urban"] == set(urban)
    assert found["vehicles"] == {*urban, "channel", "mobility"}
    assert found["power-control"] == found["split"] == {*urban, "levels"}
    assert found["bursty"] == {"arrivals"}
    assert found["failures"] == {"failures"}
    assert found["deadlines"] == {"arrivals", "heavy_tasks", "deadline"}
    assert found["energy"] == {"arrivals", "heavy_tasks", "energy", "device_queue"}
    assert found["cloud"] == {"arrivals", "heavy_tasks"}
    assert found["continuous"] == {"arrivals"}
    assert [name for name in TRAINING if config(name).elastic_servers] == ["cloud"]
    assert [name for name in TRAINING if config(name).queue_clock != "slot"] == ["continuous"]


def test_numbers_of_the_scenarios():
    assert (config("sparse").num_users, config("crowded").num_users, config("stadium").num_users) == (5, 20, 50)
    assert config("random-servers").server_hz_range == (12e9, 20e9)
    assert config("random-servers").servers == 5
    assert config("crowded-team").reward_sharing == 1.0
    assert config("paper-load-only").observation == "load"
    assert config("paper-load-only").initial_load_s[1] > 0.0


def test_two_tier_has_few_fast_servers_behind_a_slow_link():
    game = config("two-tier")
    rates_bps = np.array([np.inf, *game.forward_bps])
    speeds_hz = np.array(game.server_hz)
    fast = speeds_hz > speeds_hz.mean()
    assert 0 < fast.sum() < (~fast).sum()
    assert rates_bps[fast].max() < rates_bps[~fast].min() / 10


def test_held_out_games_are_of_other_loads_and_sizes():
    """Most of those for `paper` fit a network trained on it; two are of another size."""
    twins = [f"held-out-{name}" for name in WITH_TWINS]
    held_out = [config(name) for name in scenarios.names(held_out=True) if name not in twins]
    paper = config("paper")
    assert len(held_out) == len(scenarios.names(held_out=True)) - len(WITH_TWINS)
    same_size = [(game.num_users, game.servers) == (paper.num_users, paper.servers) for game in held_out]
    assert same_size.count(False) == 2
    assert same_size.count(True) >= 3
    assert not set(held_out) & {config(name) for name in TRAINING}


def test_the_load_of_each_scenario():
    """Cycles that come in a slot over those that the servers clear, as the descriptions say."""
    loads = {}
    for name in scenarios.names():
        game = config(name)
        speed_hz = sum(game.server_hz or [np.mean(game.server_hz_range)] * game.servers)
        loads[name] = game.num_users * np.mean(game.task_cycles) / (speed_hz * game.slot_s)
    assert loads["paper"] == pytest.approx(0.83, abs=0.01)
    assert loads["crowded"] == pytest.approx(1.7, abs=0.05)
    assert loads["stadium"] == pytest.approx(4.2, abs=0.1)
    assert loads["held-out-light"] < loads["paper"] < 1.0 < loads["held-out-heavy"]
    assert loads["bursty"] == pytest.approx(2.0), "with every user on; half of the time they are"
    bursts = config("bursty").arrivals
    assert loads["bursty"] * bursts.on_s / (bursts.on_s + bursts.off_s) == pytest.approx(1.0)


def test_overrides_on_a_name_or_on_a_configuration():
    assert scenarios.configure("sparse", max_cycles=3) == EdgeOffloadConfig(num_users=5, max_cycles=3)
    own = EdgeOffloadConfig(num_users=7)
    assert scenarios.configure(own) is own
    assert scenarios.configure(own, slot_s=0.3) == EdgeOffloadConfig(num_users=7, slot_s=0.3)
    assert scenarios.configure("random-servers", server_hz=(1e9, 2e9)).server_hz_range is None


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("no-such", ValueError),
        ("Paper", ValueError),
        ("", ValueError),
        (None, TypeError),
        (3, TypeError),
        ({}, TypeError),
    ],
)
def test_unknown_scenarios(name, error):
    for call in (scenarios.get, scenarios.configure, edgeoffload_v0.parallel_env, edgeoffload_v0.env):
        with pytest.raises(error, match=f"scenario.*{re.escape(repr(name))}") as refused:
            call(name)
        assert_one_traceback(refused.value)
