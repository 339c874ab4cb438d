"""Every view against the scalar oracle: one slot of random games of all sizes and options, and whole episodes."""

import copy

import numpy as np
import pytest
from hypothesis import given
from torch import _dynamo as dynamo

from edgeoffload_env import scenarios
from tests.drivers import DRIVERS, AECDriver, CentralDriver, ParallelDriver, VectorDriver
from tests.helpers import (
    ALL_ON,
    TRACE_ON,
    assert_as_oracle,
    assert_masks,
    assert_same,
    assert_seen,
    compiles,
    games,
    make_game,
    random_actions,
)
from tests.kinds import names_and_drivers

ACCURACY = {"float64": 1e-9, "float32": 1e-5}
EFFECTS = 0.3
"""Chance of each effect to be on."""


def agreeing_games(driver, game, tolerance):
    """Number of games that agree with the oracle in every number; the others have near ties."""
    observation = driver.reset(seed=0, snapshot=game.snapshot)
    before = driver.snapshot()
    assert_seen(observation, driver.state(), before, game.config, 1e-5)
    assert_masks(driver.mask, before, game.config)
    played = driver.step(game.actions)
    return assert_as_oracle(played, before, game.actions, game.config, tolerance)


@given(game=games(effects=EFFECTS))
def test_parallel_slot(game):
    assert agreeing_games(ParallelDriver(game.config), game, 1e-9) == 1


@given(game=games(effects=EFFECTS))
def test_aec_slot(game):
    assert agreeing_games(AECDriver(game.config), game, 1e-9) == 1


@given(game=games(effects=EFFECTS))
def test_central_slot(game):
    assert agreeing_games(CentralDriver(game.config), game, 1e-9) == 1


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@given(game=games(batch=4, effects=EFFECTS))
def test_vector_slot_in_float64(game, backend):
    assert agreeing_games(VectorDriver(game.config, 4, backend=backend, dtype="float64"), game, 1e-9) == 4


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_vector_slot_in_float32(backend):
    sizes = np.random.default_rng(0).integers((1, 1), (101, 21), (100, 2)).tolist()
    batch, counted = 4, 0
    for seed, (users, servers) in enumerate(sizes):
        game = make_game(seed, users, servers, batch, effects=EFFECTS)
        counted += agreeing_games(VectorDriver(game.config, batch, backend=backend), game, 1e-5)
    assert counted >= 0.9 * batch * len(sizes)


@pytest.mark.slow
@compiles
@pytest.mark.parametrize(  # both types without an effect and with all of them; the other sizes in one of the types
    ("users", "servers", "batch", "effects", "dtype"),
    [
        (10, 5, 4, 0.0, "float64"),
        (10, 5, 4, 0.0, "float32"),
        (7, 3, 5, 1.0, "float64"),
        (7, 3, 5, 1.0, "float32"),
        (1, 1, 1, 1.0, "float64"),
        (33, 20, 3, EFFECTS, "float64"),
        (100, 4, 2, 0.0, "float32"),
    ],
)
def test_compiled_slot_is_one_graph(users, servers, batch, effects, dtype):
    """From snapshots, from seeds, over the ends of episodes and in copies."""
    dynamo.reset()
    dynamo.utils.counters.clear()
    game = make_game(users, users, servers, batch, twins=0.6, effects=effects, max_cycles=4)
    driver = VectorDriver(game.config, batch, backend="torch", dtype=dtype, compile=True)
    rng = np.random.default_rng(0)
    counted, played = 0, 0
    for _ in range(2):
        counted += agreeing_games(driver, game, ACCURACY[dtype])
        driver.reset(seed=1)
        for _ in range(game.config.max_cycles + 2):
            before = driver.snapshot()
            actions = random_actions(rng, game.config, batch)
            counted += assert_as_oracle(driver.step(actions), before, actions, game.config, ACCURACY[dtype])
        played += batch * (game.config.max_cycles + 3)
    assert counted == played or (dtype == "float32" and counted >= 0.9 * played)
    assert dynamo.utils.counters["stats"]["unique_graphs"] == 1
    assert not dynamo.utils.counters["graph_break"]
    twin = copy.deepcopy(driver)
    assert_same(twin.step(game.actions)._asdict(), driver.step(game.actions)._asdict())


GAMES = {name: scenarios.get(name).config for name in scenarios.names()} | {"all effects": ALL_ON, "a trace": TRACE_ON}


@pytest.mark.parametrize(("name", "driver"), names_and_drivers(GAMES, DRIVERS))
def test_episodes_of_every_scenario(name, driver):
    """Two episodes on end; each slot starts from what the oracle says the slot before left."""
    config = GAMES[name].replace(max_cycles=8)
    tolerance = ACCURACY[driver.partition("-")[2] or "float64"]
    view = DRIVERS[driver](config)
    rng = np.random.default_rng(1)
    counted = 0
    for episode in range(2):
        if episode == 0 or isinstance(view, ParallelDriver):
            view.reset(seed=episode)
            assert_masks(view.mask, view.snapshot(), config)
        for slot in range(config.max_cycles):
            before = view.snapshot()
            assert (before["slot"] == slot).all()
            actions = random_actions(rng, config, view.batch)
            played = view.step(actions)
            counted += assert_as_oracle(played, before, actions, config, tolerance)
            assert (played.truncated == (slot == config.max_cycles - 1)).all()
    games = 2 * config.max_cycles * view.batch
    assert counted == games or (tolerance > 1e-9 and counted >= 0.9 * games)
