"""The named scenarios: what they are by name, and how they are configured."""

import dataclasses
import re

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0, scenarios
from tests.helpers import assert_one_traceback

TRAINING = ["paper", "paper-load-only", "random-servers", "sparse", "crowded", "crowded-team", "stadium", "two-tier"]


def config(name):
    return scenarios.get(name).config


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
        assert len(scenarios.get(name).description) > 20


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
    """Most fit a network trained on `paper`; two are of another size."""
    paper, held_out = config("paper"), [config(name) for name in scenarios.names(held_out=True)]
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
