"""The game as pure functions: snapshots of other views, refused calls, copies."""

import re

import numpy as np
import pytest
import torch

from edgeoffload_env import edgeoffload_v0
from tests.drivers import to_numpy
from tests.helpers import ALL_ON, assert_close, assert_same
from tests.views.test_functional import GAMES, chosen, every_backend, functional, start


class TestSnapshotsOfOtherViews:
    @every_backend
    def test_from_the_parallel_view(self, backend):
        game, env = functional(backend=backend), edgeoffload_v0.parallel_env(ALL_ON)
        env.reset(seed=1)
        env.step(dict.fromkeys(env.agents, 2))
        snapshot = game.load(env.snapshot())
        for name, value in env.snapshot().items():
            assert np.array_equal(to_numpy(snapshot[name]), value)
        action = chosen(game, (), np.random.default_rng(0))
        outcome, _ = game.advance(snapshot, action, game.noise(np.random.default_rng(0)))
        _, rewards, *_ = env.step(dict(zip(env.agents, action.tolist(), strict=True)))
        assert_close(to_numpy(outcome["reward"]), list(rewards.values()), 1e-9)

    def test_of_games_at_different_slots(self):
        game = functional()
        snapshot, _, _ = start(game, (2, 2))
        snapshot["slot"] = np.array([[0, 1], [2, 3]])
        assert_same(functional().load(snapshot), snapshot)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_to_and_from_the_vector_view(self, dtype):
        game = functional(backend="torch", dtype=dtype)
        snapshot, _, _ = start(game, 3)
        env = edgeoffload_v0.vector_env(3, ALL_ON, backend="torch", dtype=dtype)
        env.reset(seed=0, options={"snapshot": snapshot})
        assert_same(env.snapshot(), snapshot)
        assert_same(game.load(env.snapshot()), snapshot)

    @every_backend
    def test_to_the_parallel_view(self, backend):
        game, env = functional(backend=backend), edgeoffload_v0.parallel_env(ALL_ON)
        snapshot, _, _ = start(game)
        env.reset(seed=0, options={"snapshot": snapshot})
        for name, value in env.snapshot().items():
            assert np.array_equal(to_numpy(snapshot[name]), value)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda s: s.pop("down_s"), "lacks the field 'down_s'"),
            (lambda s: s.pop("slot"), "lacks the field 'slot'"),
            (lambda s: s.update(heat=1.0), "unknown snapshot field 'heat'"),
            (lambda s: s.update(slot=ALL_ON.max_cycles), "'slot' must be integers in [0, 49], got 50"),
            (lambda s: s.update(task_bits=s["task_bits"][:5]), "shape of snapshot field 'task_bits'"),
            (lambda s: s.update(slot=np.zeros(2)), "shape of snapshot field 'task_bits'"),
            (lambda s: s.update(task_bits=-s["task_bits"]), "'task_bits' must be finite numbers"),
        ],
    )
    def test_impossible_ones_are_refused(self, change, message):
        game = functional()
        snapshot = dict(start(game)[0])
        change(snapshot)
        with pytest.raises(ValueError, match=re.escape(message)):
            game.load(snapshot)


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            (lambda s, a, z: (s, a - 1.5, z), TypeError, "action must be integers [..., 6], got float64"),
            (lambda s, a, z: (s, a > 1, z), TypeError, "action must be integers [..., 6], got bool"),
            (lambda s, a, z: (s, a.tolist(), z), TypeError, "action must be a numpy array of integers [..., 6]"),
            (lambda s, a, z: (s, a[:5], z), ValueError, "shape of action must be [..., 6], got (5,)"),
            (lambda s, a, z: (s, a * 0 - 1, z), ValueError, "the action of user_0 must be an integer in [0, 24]"),
            (lambda s, a, z: (s, a * 0 + 25, z), ValueError, "power p and share r, both from 0), got 25"),
            (lambda s, a, z: (s, [s, a], z), TypeError, "action must be a numpy array of integers"),
            (lambda s, a, z: (None, a, z), TypeError, "snapshot must be a dict with task_bits"),
            (lambda s, a, z: (s | {"heat": a}, a, z), ValueError, "unknown entry of snapshot: 'heat'"),
            (
                lambda s, a, z: (s | {"down_s": 0.0}, a, z),
                TypeError,
                "'down_s' must be a numpy array of float64, got 0.0",
            ),
            (
                lambda s, a, z: (s | {"down_s": s["down_s"].astype(np.float32)}, a, z),
                TypeError,
                "snapshot field 'down_s' must be a numpy array of float64, got float32",
            ),
            (lambda s, a, z: (s, torch.as_tensor(a), z), TypeError, "action must be a numpy array of integers"),
            (
                lambda s, a, z: (s, a, z | {"tasks": torch.ones(12)}),
                TypeError,
                "noise of 'tasks' must be a numpy array",
            ),
            (lambda s, a, z: (s | {"down_s": np.ones(())}, a, z), ValueError, "shape of snapshot field 'down_s'"),
            (lambda s, a, z: (s | {"down_s": np.ones(6)}, a, z), ValueError, "shape of snapshot field 'down_s'"),
            (lambda s, a, z: ({"slot": s["slot"]}, a, z), ValueError, "snapshot lacks 'task_bits'"),
            (lambda s, a, z: (s, a, None), TypeError, "noise must be a dict with tasks"),
            (lambda s, a, z: (s, a, {}), ValueError, "noise lacks 'tasks'"),
            (lambda s, a, z: (s, a, z | {"task": 1}), ValueError, "unknown entry of noise: 'task'; did you mean"),
            (
                lambda s, a, z: (s, a, z | {"tasks": np.ones(3)}),
                ValueError,
                "shape of noise of 'tasks' must be [..., 12]",
            ),
            (
                lambda s, a, z: (s | {"down_s": np.ones((2, 4))}, np.zeros((3, 6), dtype=int), z),
                ValueError,
                "the leading axes of action must be broadcastable with (2,), got (3,)",
            ),
        ],
    )
    def test_arguments_of_advance(self, change, error, message):
        game = functional()
        with pytest.raises(error, match=re.escape(message)):
            game.advance(*change(*start(game)))

    def test_the_game_and_user_of_a_bad_action(self):
        game = functional()
        snapshot, action, noise = start(game, (2, 3))
        action[1, 2, 4] = 25
        with pytest.raises(ValueError, match=re.escape("the action of user_4 in game (1, 2) must be")):
            game.advance(snapshot, action, noise)

    def test_shapes_on_torch(self):
        game = functional(backend="torch")
        snapshot, action, noise = start(game)
        with pytest.raises(ValueError, match="shape of action"):
            game.advance(snapshot, action[:5], noise)
        with pytest.raises(TypeError, match="action must be integers"):
            game.advance(snapshot, action * 1.0, noise)
        with pytest.raises(ValueError, match="shape of action"):
            torch.func.vmap(game.advance, in_dims=(None, 0, None))(snapshot, action[None, :5], noise)

    @pytest.mark.parametrize(
        ("generator", "error", "message"),
        [
            (0, TypeError, "generator must be a numpy.random.Generator, or a dict"),
            ({"system": np.random.default_rng(0)}, ValueError, "generator lacks the process 'tasks'"),
            (dict.fromkeys(["system", "tasks"], 1), TypeError, "the generator of 'system' must be"),
        ],
    )
    def test_generators(self, generator, error, message):
        with pytest.raises(error, match=re.escape(message)):
            functional(GAMES["paper"]).init(generator)

    @pytest.mark.parametrize("batch", [0, -1, 1.5, True, (2, 0), "3", None])
    def test_batches(self, batch):
        error = ValueError if isinstance(batch, int | tuple) and batch is not True else TypeError
        with pytest.raises(error, match="batch must be an integer >= 1 or a tuple of them"):
            functional().noise(np.random.default_rng(0), batch)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ((None,), TypeError, "seed must be an integer >= 0, got None"),
            ((-1,), ValueError, "seed must be"),
            ((0, -1), ValueError, "episode must be"),
            ((0, 0.5), TypeError, "episode must be"),
        ],
    )
    def test_seeds(self, arguments, error, message):
        with pytest.raises(error, match=message):
            functional().generators(*arguments)

    @pytest.mark.parametrize("name", ["backend", "dtype", "device", "num_user"])
    def test_arguments_of_the_view(self, name):
        with pytest.raises((TypeError, ValueError), match=name):
            edgeoffload_v0.functional_env(**{name: "no"})
