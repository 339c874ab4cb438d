"""PettingZoo's own tests, over every scenario; warnings are errors."""

import functools
import types
import warnings

import pettingzoo
import pytest

from edgeoffload_env import edgeoffload_v0, scenarios
from edgeoffload_env.views.parallel import EdgeOffloadParallelEnv
from tests.helpers import ALL_EFFECTS
from tests.kinds import every_scenario_slowly

with warnings.catch_warnings():  # the module imports games of its own that it deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import (
        api_test,
        max_cycles_test,
        parallel_api_test,
        parallel_seed_test,
        render_test,
        seed_test,
        state_test,
    )

every_scenario = pytest.mark.parametrize("scenario", scenarios.names())

OPTIONS = [
    {"num_users": 1, "server_hz": (16e9,)},
    {"num_users": 1, "observation": "load"},
    {"num_users": 3, "server_hz_range": (12e9, 20e9), "num_servers": 1},
    {"num_users": 12, "server_hz": (1e10,) * 12, "forward_bps": (1e8,) * 11},
    {"task_bits": (3e6, 3e6), "task_cycles": (1e9, 1e9), "device_hz": (4e8, 4e8), "min_distance_m": 250.0},
    {"channel_sharing": "all", "reward_sharing": 0.5, "delay_weight": 0.0},
    {"max_cycles": 1},
    {"num_users": 6, "server_hz": (12e9, 14e9, 16e9, 18e9), **ALL_EFFECTS},
    {"num_users": 1, "server_hz_range": (12e9, 20e9), "num_servers": 4, **ALL_EFFECTS},
    {"server_hz": (12e9, 14e9, 16e9, 18e9), "observation": "load", "initial_load_s": (0.1, 0.2), **ALL_EFFECTS},
]


def constructors(**options):
    """``edgeoffload_v0``'s functions with options filled in."""
    names = ("env", "raw_env", "parallel_env")
    return types.SimpleNamespace(
        **{name: functools.partial(getattr(edgeoffload_v0, name), **options) for name in names}
    )


@pytest.fixture(autouse=True)
def quick_windows(monkeypatch):
    """Do not wait between the frames of a window."""
    monkeypatch.setitem(EdgeOffloadParallelEnv.metadata, "render_fps", 1000)


@every_scenario_slowly()
def test_api(scenario, capsys):
    api_test(constructors(scenario=scenario).env(), num_cycles=1000)
    assert "Passed" in capsys.readouterr().out


@every_scenario_slowly()
def test_raw_api(scenario, capsys):
    api_test(constructors(scenario=scenario).raw_env(), num_cycles=200)
    assert "Passed" in capsys.readouterr().out


@every_scenario
def test_parallel_api(scenario, capsys):
    parallel_api_test(constructors(scenario=scenario).parallel_env(), num_cycles=200)
    assert "Passed" in capsys.readouterr().out


@every_scenario_slowly()
def test_seeds(scenario):
    seed_test(constructors(scenario=scenario).env, num_cycles=500)


@every_scenario
def test_parallel_seeds(scenario):
    parallel_seed_test(constructors(scenario=scenario).parallel_env, num_cycles=500)


@every_scenario
def test_max_cycles(scenario):
    max_cycles_test(constructors(scenario=scenario))


@every_scenario_slowly()
def test_state(scenario):
    make = constructors(scenario=scenario)
    state_test(make.env(), make.parallel_env(), num_cycles=100)


@every_scenario_slowly()
def test_render(scenario):
    render_test(constructors(scenario=scenario).raw_env)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_all_of_them_under_other_options(options):
    make = constructors(**options)
    api_test(make.env(), num_cycles=100)
    parallel_api_test(make.parallel_env(), num_cycles=100)
    seed_test(make.env, num_cycles=50)
    parallel_seed_test(make.parallel_env, num_cycles=50)
    max_cycles_test(constructors(**{name: value for name, value in options.items() if name != "max_cycles"}))
    state_test(make.env(), make.parallel_env())
    render_test(make.raw_env)


@pytest.mark.skipif(not hasattr(pettingzoo, "make"), reason="this PettingZoo has no registry")
@pytest.mark.parametrize("kind", ["parallel", "aec"])
@every_scenario
def test_registered(scenario, kind):
    env = pettingzoo.make(kind, f"edgeoffload/{scenario}-v0")
    assert env.unwrapped.config == scenarios.get(scenario).config
    shorter = pettingzoo.make(kind, f"edgeoffload/{scenario}-v0", max_cycles=7, delay_weight=2.0)
    assert shorter.unwrapped.config == scenarios.get(scenario).config.replace(max_cycles=7, delay_weight=2.0)
    (api_test if kind == "aec" else parallel_api_test)(env, num_cycles=20)
