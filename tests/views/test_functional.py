"""The game as pure functions: the other views' game to the last bit, batches, tracing, purity and errors."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch._dynamo.testing import CompileCounter

from edgeoffload_env import edgeoffload_v0, scenarios
from edgeoffload_env.views.streams import NumpyStreams
from tests.drivers import to_numpy
from tests.helpers import ALL_ON, TRACE_ON, assert_close, assert_same, compiles, random_actions
from tests.kinds import one_of_each_kind

SCENARIOS = {name: scenarios.get(name).config for name in scenarios.names()}
GAMES = {name: SCENARIOS[name] for name in one_of_each_kind(SCENARIOS)} | {"all effects": ALL_ON, "a trace": TRACE_ON}
CROWD = ALL_ON.replace(num_users=70)
"""More users than are compared in pairs."""
TRACED = {name: GAMES[name] for name in ("paper", "cloud", "all effects", "a trace")} | {"crowd": CROWD}
ACCURACY = {"float64": 1e-9, "float32": 1e-4}

every_game = pytest.mark.parametrize("config", GAMES.values(), ids=GAMES)
traced_game = pytest.mark.parametrize("config", TRACED.values(), ids=TRACED)
every_backend = pytest.mark.parametrize("backend", ["numpy", "torch"])
# torch maps the search in sorted arrays one by one, and says so
maps = pytest.mark.filterwarnings(
    "ignore:There is a performance drop:UserWarning", "ignore:torch.searchsorted:UserWarning"
)


def functional(config=ALL_ON, backend="numpy", dtype="float64"):
    return edgeoffload_v0.functional_env(config, backend=backend, dtype=dtype)


def start(game, batch=(), seed=0):
    """A snapshot after a few slots, actions and noise."""
    generators, rng = game.generators(seed), np.random.default_rng(seed)
    snapshot = game.init(generators, batch)
    for _ in range(3):
        snapshot = game.advance(snapshot, chosen(game, batch, rng), game.noise(generators, batch))[1]
    return snapshot, chosen(game, batch, rng), game.noise(generators, batch)


def chosen(game, batch, rng):
    shape = batch if isinstance(batch, tuple) else (batch,)
    actions = random_actions(rng, game.config, math.prod(shape)).reshape(*shape, game.config.num_users)
    return torch.as_tensor(actions) if game.backend.name == "torch" else actions


def of_game(fields, *index):
    return {name: array[index] for name, array in fields.items()}


def assert_all_close(actual, expected, tolerance=1e-9):
    assert list(actual) == list(expected)
    for name in expected:
        assert actual[name].shape == expected[name].shape, name
        assert_close(to_numpy(actual[name]), to_numpy(expected[name]), tolerance, name)


@every_game
def test_the_parallel_view_plays_the_same_to_the_last_bit(config):
    """From a seed over two episodes, everything that is shown."""
    game, env, rng = functional(config), edgeoffload_v0.parallel_env(config), np.random.default_rng(0)
    for episode in range(2):
        observations, infos = env.reset(seed=4 if episode == 0 else None)
        generators = game.generators(4, episode)
        snapshot = game.init(generators)
        for slot in range(config.max_cycles + 1):
            shown = env.snapshot()
            assert int(snapshot["slot"]) == shown.pop("slot") == slot
            assert_same({name: snapshot[name] for name in shown}, shown)
            assert_same(game.observe(snapshot).astype(np.float32), np.array(list(observations.values())))
            assert_same(game.state(snapshot).astype(np.float32), env.state())
            if config.schema.masked:
                masks = np.array([info["action_mask"] for info in infos.values()])
                assert_same(game.action_mask(snapshot), masks)
            if not env.agents:
                break
            action = chosen(game, (), rng)
            outcome, snapshot = game.advance(snapshot, action, game.noise(generators))
            named = dict(zip(env.agents, action.tolist(), strict=True))
            observations, rewards, _, _, infos = env.step(named)
            assert outcome["reward"].tolist() == list(rewards.values())
            for name, quantity in config.schema.infos.items():
                found = [info[name] for info in infos.values()]
                assert outcome[name].tolist() == (found if quantity.scope == "user" else found[0])
            assert float(game.utility(outcome)) == env.utility()
        assert slot == config.max_cycles


@every_game
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_vector_view_plays_the_same_to_the_last_bit(config, dtype):
    """From its snapshot, with the numbers that its streams draw."""
    batch, rng = 3, np.random.default_rng(0)
    game, env = functional(config, dtype=dtype), edgeoffload_v0.vector_env(3, config, dtype=dtype)
    env.reset(seed=4)
    streams = NumpyStreams([process.name for process in config.schema.processes], env.backend.dtype)
    streams.begin_episode(4)
    sizes = {"user": config.num_users, "server": config.servers, "game": 1}

    def rows(process, counts):
        drawn = [streams.draw(process.name, (count, sizes[scope], batch)) for scope, count in counts.items()]
        return np.concatenate([part.reshape(-1, batch) for part in drawn]).T if drawn else np.zeros((batch, 0), dtype)

    for process in config.schema.processes:
        rows(process, process.first_uniforms)
    snapshot = env.snapshot()
    for _ in range(12):
        action = chosen(game, batch, rng)
        noise = {process.name: rows(process, process.next_uniforms) for process in config.schema.moving}
        outcome, snapshot = game.advance(snapshot, action, noise)
        observations, rewards, _, _, infos = env.step(action)
        infos.pop("action_mask", None)
        assert_same(outcome, infos | {"reward": rewards})
        assert_same(snapshot, env.snapshot())
        assert_same(game.observe(snapshot), observations)
        assert_same(game.state(snapshot), env.state())


@every_game
def test_backends_and_float_types_play_the_same(config):
    """From the same generators; a few slots, since delays of near ties differ by the whole of a task."""
    exact, rng = functional(config), np.random.default_rng(0)
    for backend, dtype in (("torch", "float64"), ("numpy", "float32"), ("torch", "float32")):
        other = functional(config, backend, dtype)
        ours, theirs = exact.generators(2), other.generators(2)
        snapshot, twin = exact.init(ours, 2), other.init(theirs, 2)
        for _ in range(3):
            assert_all_close(twin, snapshot, ACCURACY[dtype])
            action = chosen(exact, 2, rng)
            given = torch.as_tensor(action) if backend == "torch" else action
            outcome, snapshot = exact.advance(snapshot, action, exact.noise(ours, 2))
            shown, twin = other.advance(twin, given, other.noise(theirs, 2))
            assert_all_close(shown, outcome, ACCURACY[dtype])
            assert str(shown["delay_s"].dtype).endswith(dtype)
            twin = other.load(snapshot)


@every_backend
@every_game
def test_leading_axes_are_games(config, backend):
    game = functional(config, backend)
    snapshot, action, noise = start(game, (2, 3))
    outcome, following = game.advance(snapshot, action, noise)
    shown = {"observe": game.observe, "state": game.state, "action_mask": game.action_mask}
    for index in np.ndindex(2, 3):
        one = game.advance(of_game(snapshot, *index), action[index], of_game(noise, *index))
        assert_all_close(of_game(outcome, *index), one[0])
        assert_all_close(of_game(following, *index), one[1])
        assert_close(to_numpy(game.utility(outcome)[index]), to_numpy(game.utility(one[0])), 1e-9)
        for function in shown.values():
            assert_close(to_numpy(function(following)[index]), to_numpy(function(one[1])), 1e-9)


@every_backend
def test_leading_axes_are_broadcast(backend):
    """Four joint actions and two noises on one snapshot are eight games."""
    game = functional(backend=backend)
    snapshot, _, _ = start(game)
    _, action, _ = start(game, (4, 1))
    _, _, noise = start(game, 2)
    outcome, following = game.advance(snapshot, action, noise)
    assert tuple(following["slot"].shape) == (4, 2)
    for k, s in np.ndindex(4, 2):
        one = game.advance(snapshot, action[k, 0], of_game(noise, s))
        assert_all_close(of_game(outcome, k, s), one[0])
        assert_all_close(of_game(following, k, s), one[1])


@maps
@traced_game
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vmap(config, dtype):
    game = functional(config, "torch", dtype)
    snapshot, action, noise = start(game, 4)
    one, one_noise = of_game(snapshot, 1), of_game(noise, 1)
    for arguments, axes in (
        ((snapshot, action, noise), (0, 0, 0)),
        ((one, action, one_noise), (None, 0, None)),
        ((one, action[0], noise), (None, None, 0)),
        ((snapshot, action[0], one_noise), (0, None, None)),
    ):
        mapped = torch.func.vmap(game.advance, in_dims=axes)(*arguments)
        outcome, following = game.advance(*arguments)
        assert_all_close(mapped[0], outcome, ACCURACY[dtype])
        assert_all_close(mapped[1], following, ACCURACY[dtype])
    for function in (game.observe, game.state, game.action_mask):
        assert_close(to_numpy(torch.func.vmap(function)(following)), to_numpy(function(following)), ACCURACY[dtype])
    utility = torch.func.vmap(game.utility)(outcome)
    assert_close(to_numpy(utility), to_numpy(game.utility(outcome)), ACCURACY[dtype])


def everything(game):
    """A slot and all that is seen of the next, as one function."""

    def step(snapshot, action, noise):
        outcome, following = game.advance(snapshot, action, noise)
        seen = {name: getattr(game, name)(following) for name in ("observe", "state", "action_mask")}
        return outcome, following, seen | {"utility": game.utility(outcome)}

    return step


@compiles
@maps
@pytest.mark.parametrize(
    ("name", "batch", "mapped"),
    [("paper", (), False), ("all effects", 3, True), ("cloud", 3, False), ("crowd", 3, False)],
)
def test_one_graph_for_the_whole_slot(name, batch, mapped):
    torch._dynamo.reset()
    counter = CompileCounter()
    game = functional(TRACED[name], "torch")
    step = everything(game)
    compiled = torch.compile(torch.func.vmap(step) if mapped else step, fullgraph=True, backend=counter)
    for seed in range(2):
        arguments = start(game, batch, seed)
        for found, expected in zip(compiled(*arguments), step(*arguments), strict=True):
            assert_all_close(found, expected)
    assert counter.frame_count == 1


@compiles
@pytest.mark.slow
def test_compiled_to_machine_code():
    torch._dynamo.reset()
    game = functional(backend="torch")
    compiled = torch.compile(game.advance, fullgraph=True)
    generators, rng = game.generators(0), np.random.default_rng(0)
    snapshot = game.init(generators, 4)
    for _ in range(5):
        arguments = snapshot, chosen(game, 4, rng), game.noise(generators, 4)
        outcome, snapshot = game.advance(*arguments)
        found = compiled(*arguments)
        assert_all_close(found[0], outcome)
        assert_all_close(found[1], snapshot)


@every_game
def test_arguments_are_not_changed(config):
    """On numpy they are read-only, and whatever is kept between calls would show at the second."""
    game = functional(config)
    for batch in ((), 3):
        arguments = start(game, batch)
        for array in (*arguments[0].values(), arguments[1], *arguments[2].values()):
            np.asarray(array).flags.writeable = False
        before = copy.deepcopy(arguments)
        results = [game.advance(*arguments), game.advance(*arguments)]
        assert_same(arguments, before)
        assert_same(*results)
        assert_same(game.observe(results[0][1]), game.observe(results[1][1]))


def test_tensors_are_not_changed():
    game = functional(backend="torch")
    for batch in ((), 3):
        arguments = start(game, batch)
        before = copy.deepcopy(arguments)
        assert_same(game.advance(*arguments), game.advance(*arguments))
        assert_same(arguments, before)


class TestRandomNumbers:
    def test_a_batch_of_noise_is_that_of_the_coming_slots(self):
        game = functional()
        rows, generators = game.noise(game.generators(3), 5), game.generators(3)
        for slot in range(5):
            assert_same(of_game(rows, slot), game.noise(generators))

    def test_one_generator_serves_all_processes(self):
        game = functional()
        first, again, other = (np.random.default_rng(seed) for seed in (5, 5, 6))
        snapshot, noise = game.init(first, (2, 3)), game.noise(first)
        assert_same((game.init(again, (2, 3)), game.noise(again)), (snapshot, noise))
        assert not np.array_equal(game.init(other, (2, 3))["task_bits"], snapshot["task_bits"])
        numbers = np.concatenate([rows.ravel() for rows in noise.values()])
        assert len(np.unique(numbers)) == sum(game.noise_sizes.values())

    def test_nothing_else_is_drawn(self):
        game, rng = functional(), np.random.default_rng(0)
        arguments = game.init(rng), np.zeros(6, dtype=int), game.noise(rng)
        state = rng.bit_generator.state
        game.advance(*arguments)
        assert rng.bit_generator.state == state

    @every_backend
    def test_numbers_stay_below_one_in_float32(self, backend):
        class NearlyOne(np.random.Generator):
            def random(self, size=None, dtype=np.float64, out=None):
                return np.full(size, np.nextafter(1.0, 0.0))

        game = functional(backend=backend, dtype="float32")
        rng = NearlyOne(np.random.PCG64(0))
        noise = game.noise(rng)
        assert all((to_numpy(rows) < 1.0).all() for rows in noise.values())
        _, following = game.advance(game.init(rng), chosen(game, (), np.random.default_rng(0)), noise)
        assert all(np.isfinite(to_numpy(array)).all() for array in following.values())

    def test_noise_of_any_source(self):
        game = functional(backend="torch", dtype="float32")
        snapshot, action, noise = start(game)
        own = {name: torch.rand(7, size) for name, size in game.noise_sizes.items()}
        assert own.keys() == noise.keys()
        assert tuple(game.advance(snapshot, action, own)[1]["task_bits"].shape) == (7, 6)


@every_backend
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda game: pickle.loads(pickle.dumps(game))])
def test_copies_and_pickles(backend, again):
    game = functional(backend=backend, dtype="float32")
    twin = again(game)
    assert twin.config == game.config
    assert_same(twin.advance(*start(game)), game.advance(*start(game)))


def test_users_always_have_a_choice_without_arrivals():
    game = functional(SCENARIOS["paper"])
    mask = game.action_mask(game.init(np.random.default_rng(0), 2))
    assert_same(mask, np.ones((2, 10, 6), dtype=np.int8))
