"""PettingZoo's own tests over every scenario; warnings are errors."""

import functools
import types
import warnings

import pettingzoo
import pytest

from edgeoffload_env import edgeoffload_v0, scenarios

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

pytestmark = pytest.mark.parametrize("scenario", scenarios.names())


def constructors(scenario):
    """``edgeoffload_v0``'s functions with the scenario filled in."""
    names = ("env", "raw_env", "parallel_env")
    return types.SimpleNamespace(
        **{name: functools.partial(getattr(edgeoffload_v0, name), scenario=scenario) for name in names}
    )


def test_api(scenario, capsys):
    api_test(constructors(scenario).env(), num_cycles=1000)
    assert "Passed" in capsys.readouterr().out


def test_raw_api(scenario, capsys):
    api_test(constructors(scenario).raw_env(), num_cycles=200)
    assert "Passed" in capsys.readouterr().out


def test_parallel_api(scenario, capsys):
    parallel_api_test(constructors(scenario).parallel_env(), num_cycles=200)
    assert "Passed" in capsys.readouterr().out


def test_seeds(scenario):
    seed_test(constructors(scenario).env, num_cycles=500)


def test_parallel_seeds(scenario):
    parallel_seed_test(constructors(scenario).parallel_env, num_cycles=500)


def test_max_cycles(scenario):
    max_cycles_test(constructors(scenario))


def test_state(scenario):
    make = constructors(scenario)
    state_test(make.env(), make.parallel_env(), num_cycles=100)


def test_render(scenario):
    render_test(constructors(scenario).raw_env)


@pytest.mark.skipif(not hasattr(pettingzoo, "make"), reason="this PettingZoo has no registry")
@pytest.mark.parametrize("kind", ["parallel", "aec"])
def test_registered(scenario, kind):
    env = pettingzoo.make(kind, f"edgeoffload/{scenario}-v0")
    assert env.unwrapped.config == scenarios.get(scenario).config
    shorter = pettingzoo.make(kind, f"edgeoffload/{scenario}-v0", max_cycles=7, delay_weight=2.0)
    assert shorter.unwrapped.config == scenarios.get(scenario).config.replace(max_cycles=7, delay_weight=2.0)
    (api_test if kind == "aec" else parallel_api_test)(env, num_cycles=20)
