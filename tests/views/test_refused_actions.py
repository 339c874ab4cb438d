"""Bad actions are refused with an error that names the user, and the game plays on as if nothing had been asked."""

import math
import re

import numpy as np
import pytest
import torch

from tests.drivers import DRIVERS
from tests.helpers import assert_same
from tests.views.untouched import ALL_ON, BATCH, CONFIG, GOOD, VECTORS, Untouched, value_in

# One user's action. Types first; then numbers out of range.
NOT_INTEGERS = {
    "none": None,
    "nan": math.nan,
    "float": 1.0,
    "infinity": math.inf,
    "complex": 1 + 0j,
    "bool": True,
    "numpy bool": np.True_,
    "numpy float": np.float64(1.0),
    "numpy float32": np.float32(1.0),
    "text": "1",
    "bytes": b"1",
    "list": [1],
    "tuple": (1,),
    "empty list": [],
    "dict": {"user_0": 1},
    "object": Ellipsis,
    "array with an axis": np.array([1]),
    "0-d float array": np.array(1.0),
    "0-d bool array": np.array(True),
    "tensor with an axis": torch.tensor([1]),
    "0-d float tensor": torch.tensor(1.0),
    "0-d bool tensor": torch.tensor(True),
}
OUT_OF_RANGE = [-1, 4, 2**70, -(2**70), np.int8(-1), np.uint8(255), np.int64(4), np.array(-1), torch.tensor(9)]


def with_action(n, action):
    """Everyone's actions by name, with user n's replaced."""
    named = {f"user_{i}": int(a) for i, a in enumerate(GOOD[0])}
    return named | {f"user_{n}": action}


class TestActionsOfTheParallelView:
    @pytest.fixture
    def game(self):
        untouched = Untouched(DRIVERS["parallel"])
        yield untouched
        untouched.plays_on()

    @pytest.mark.parametrize("n", [0, 3])
    @pytest.mark.parametrize("action", NOT_INTEGERS.values(), ids=NOT_INTEGERS)
    def test_not_an_integer(self, game, action, n):
        game.refuses(TypeError, f"user_{n}" + value_in(action), game.view.env.step, with_action(n, action))

    @pytest.mark.parametrize("n", [0, 3])
    @pytest.mark.parametrize("action", OUT_OF_RANGE, ids=repr)
    def test_out_of_range(self, game, action, n):
        game.refuses(ValueError, f"user_{n}" + value_in(action), game.view.env.step, with_action(n, action))

    @pytest.mark.parametrize("n", range(4))
    def test_missing(self, game, n):
        actions = with_action(n, 1)
        del actions[f"user_{n}"]
        game.refuses(ValueError, f"user_{n}", game.view.env.step, actions)

    def test_none_at_all(self, game):
        game.refuses(ValueError, "user_0", game.view.env.step, {})

    @pytest.mark.parametrize("extra", ["user_4", "user_00", "", None, 0])
    def test_extra(self, game, extra):
        game.refuses(ValueError, re.escape(repr(extra)), game.view.env.step, with_action(0, 1) | {extra: 1})

    @pytest.mark.parametrize("actions", [None, [1, 1, 1, 1], np.ones(4, dtype=int), 1, "1111"], ids=repr)
    def test_not_a_dict(self, game, actions):
        game.refuses(TypeError, "actions must be a dict", game.view.env.step, actions)


class TestActionsOfTheAECView:
    """An action is refused at its user's own turn, and the turn stays."""

    @pytest.fixture
    def game(self):
        untouched = Untouched(DRIVERS["aec"])
        yield untouched
        untouched.plays_on()

    def refuse_at_every_turn(self, game, error, action):
        env = game.view.env
        for n, good in enumerate(GOOD[0].tolist()):
            agent = f"user_{n}"
            game.refuses(error, agent + value_in(action), env.step, action)
            assert env.agent_selection == agent
            env.step(good)
        game.views[1].step(game.good)
        assert_same(env.infos, game.views[1].env.infos)

    @pytest.mark.parametrize("action", NOT_INTEGERS.values(), ids=NOT_INTEGERS)
    def test_not_an_integer(self, game, action):
        self.refuse_at_every_turn(game, TypeError, action)

    @pytest.mark.parametrize("action", OUT_OF_RANGE, ids=repr)
    def test_out_of_range(self, game, action):
        self.refuse_at_every_turn(game, ValueError, action)

    def test_in_the_middle_of_a_round_nothing_is_played(self, game):
        env = game.view.env
        env.step(1)
        for action in (None, 1.0, 4):
            game.refuses((TypeError, ValueError), "user_1", env.step, action)
        assert env.unwrapped.snapshot()["slot"] == 1
        for good in (0, 3, 2):
            env.step(good)
        game.views[1].step(game.good)


class TestActionsOfTheCentralView:
    @pytest.fixture
    def game(self):
        untouched = Untouched(DRIVERS["central"])
        yield untouched
        untouched.plays_on()

    @pytest.mark.parametrize("action", NOT_INTEGERS.values(), ids=NOT_INTEGERS)
    def test_not_an_integer(self, game, action):
        game.refuses((TypeError, ValueError), "action", game.view.env.step, [1, action, 1, 1])

    @pytest.mark.parametrize("action", OUT_OF_RANGE, ids=repr)
    def test_out_of_range(self, game, action):
        game.refuses(ValueError, "user_1" + value_in(action), game.view.env.step, [1, action, 1, 1])

    @pytest.mark.parametrize("number", [float, bool, str, complex])
    def test_not_an_array_of_integers(self, game, number):
        game.refuses(TypeError, "user_0", game.view.env.step, GOOD[0].astype(number))

    @pytest.mark.parametrize(
        "action",
        [[1, 1, 1], [1] * 5, [], [[1, 1, 1, 1]], [[1], [1], [1], [1]], [1, [1], 1, 1], GOOD, 1, None, "1111", {}],
        ids=repr,
    )
    def test_wrong_shape(self, game, action):
        game.refuses((TypeError, ValueError), "action", game.view.env.step, action)


GOOD_BATCH = np.repeat(GOOD, BATCH, axis=0)


def with_one(value):
    actions = GOOD_BATCH.copy()
    actions[1, 2] = value
    return actions


class TestActionsOfTheVectorView:
    @pytest.fixture(params=VECTORS)
    def game(self, request):
        untouched = Untouched(VECTORS[request.param])
        yield untouched
        untouched.plays_on()

    @pytest.mark.parametrize("number", [float, np.float32, bool, complex, object, str, np.datetime64], ids=str)
    def test_not_integers(self, game, number):
        actions = GOOD_BATCH.astype("datetime64[s]") if number is np.datetime64 else GOOD_BATCH.astype(number)
        game.refuses(TypeError, "actions", game.view.env.step, actions)

    @pytest.mark.parametrize("number", [torch.float32, torch.float64, torch.bool, torch.complex64], ids=str)
    def test_tensors_not_of_integers(self, game, number):
        game.refuses(TypeError, "actions", game.view.env.step, torch.as_tensor(GOOD_BATCH).to(number))

    # numpy and torch themselves make integer arrays of lists with bools or small arrays in them
    @pytest.mark.parametrize("name", [name for name in NOT_INTEGERS if not re.search("bool|array|tensor", name)])
    def test_something_else_for_one_user(self, game, name):
        actions = GOOD_BATCH.tolist()
        actions[1][2] = NOT_INTEGERS[name]
        game.refuses((TypeError, ValueError), "actions", game.view.env.step, actions)

    @pytest.mark.parametrize("value", [-1, 4, 2**31, -(2**40)])
    def test_out_of_range(self, game, value):
        game.refuses(
            ValueError,
            rf"user_2 in game 1 must be an integer in \[0, 3\] .*, got {value}$",
            game.view.env.step,
            with_one(value),
        )

    @pytest.mark.parametrize("number", ["uint8", "uint16", "uint32", "uint64", "int8"])
    def test_out_of_range_of_any_type(self, game, number):
        actions = GOOD_BATCH.astype(number)
        actions[0, 1] = np.iinfo(number).max
        game.refuses(ValueError, "user_1 in game 0", game.view.env.step, actions)

    @pytest.mark.parametrize("shape", [(), (4,), (1, 4), (2, 3), (2, 5), (3, 4), (4, 2), (2, 4, 1), (0, 4), (2, 0)])
    def test_wrong_shape(self, game, shape):
        game.refuses(ValueError, re.escape(str(shape)), game.view.env.step, np.ones(shape, dtype=int))

    @pytest.mark.parametrize("actions", [None, "1", {}, Ellipsis, [[1, 1, 1, 1], [1, 1]], 1, 2.0], ids=repr)
    def test_not_an_array(self, game, actions):
        game.refuses((TypeError, ValueError), "actions", game.view.env.step, actions)


GOOD_ACTIONS = [2, *(kind(2) for kind in np.sctypeDict.values() if np.dtype(kind).kind in "iu")]
GOOD_ACTIONS += [np.array(2, dtype=kind) for kind in ("int8", "int16", "int32", "int64", "uint8", "uint64")]
GOOD_ACTIONS += [torch.tensor(2), torch.tensor(2, dtype=torch.uint8)]


@pytest.mark.parametrize("name", ["parallel", "aec"])
def test_integers_of_every_kind_are_actions(name):
    env = DRIVERS[name](CONFIG).env
    for action in GOOD_ACTIONS:
        env.reset(seed=0)
        if name == "parallel":
            infos = env.step(dict.fromkeys(env.agents, action))[-1]
        else:
            for _ in range(4):
                env.step(action)
            infos = env.infos
        assert [(type(info["target"]), info["target"]) for info in infos.values()] == [(int, 2)] * 4


class TestActionsOfIdleUsers:
    """They have no effect, and are checked like all others."""

    def idle(self, make):
        """A game in which users 1 and 3 have no task."""
        untouched = Untouched(make, ALL_ON.replace(levels=None))
        for view in untouched.views:
            active = np.tile([1.0, 0.0, 1.0, 0.0], (view.batch, 1))
            view.reset(seed=1, snapshot=view.snapshot() | {"active": active, "bursting": np.ones_like(active)})
        return untouched

    @pytest.mark.parametrize("make", (DRIVERS | VECTORS).values(), ids=DRIVERS | VECTORS)
    def test_any_other_is_no_error_and_no_change(self, make):
        game = self.idle(make)
        for view, idle_action in zip(game.views, (0, 3), strict=True):
            played = view.step(np.tile([1, idle_action, 2, idle_action], (view.batch, 1)))
            assert (played.target == [1, 0, 2, 0]).all()
            assert not played.extra["active"][:, [1, 3]].any()
        assert_same(*(view.snapshot() for view in game.views))
        game.plays_on()

    @pytest.mark.parametrize("action", [-1, 4])
    def test_out_of_range_in_the_parallel_view(self, action):
        game = self.idle(DRIVERS["parallel"])
        game.refuses(ValueError, f"user_3{value_in(action)}", game.view.env.step, with_action(3, action))
        game.plays_on()

    @pytest.mark.parametrize("action", [1.0, True, None])
    def test_not_an_integer_in_the_parallel_view(self, action):
        game = self.idle(DRIVERS["parallel"])
        game.refuses(TypeError, f"user_3{value_in(action)}", game.view.env.step, with_action(3, action))
        game.plays_on()

    @pytest.mark.parametrize("action", [-1, 4])
    def test_out_of_range_in_the_aec_view(self, action):
        game = self.idle(DRIVERS["aec"])
        for view in game.views:
            view.env.step(1)
        game.refuses(ValueError, f"user_1{value_in(action)}", game.view.env.step, action)
        for view in game.views:
            for good in (3, 2, 0):
                view.env.step(good)
        assert game.view.env.infos["user_1"]["target"] == 0
        game.plays_on()

    @pytest.mark.parametrize("action", [-1, 4])
    @pytest.mark.parametrize("name", ["central", *VECTORS])
    def test_out_of_range_in_the_other_views(self, name, action):
        game = self.idle((DRIVERS | VECTORS)[name])
        bad = game.good.copy()
        bad[-1, 3] = action
        game.refuses(ValueError, "user_3", game.view.env.step, bad[0] if name == "central" else bad)
        game.plays_on()
