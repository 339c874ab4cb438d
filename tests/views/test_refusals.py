"""Bad input is refused with an error that says what is wrong, and the game plays on as if nothing had been asked."""

import math
import re

import numpy as np
import pytest
import torch

from edgeoffload_env import EdgeOffloadConfig
from tests.drivers import DRIVERS, VectorDriver
from tests.helpers import assert_same

CONFIG = EdgeOffloadConfig(num_users=4, server_hz=(12e9, 16e9, 20e9), initial_load_s=(0.1, 0.4), max_cycles=5)
BATCH = 2
GOOD = np.array([[1, 0, 3, 2]])

SINGLES = {name: DRIVERS[name] for name in ("parallel", "aec", "central")}
VECTORS = {
    "numpy": lambda config: VectorDriver(config, BATCH),
    "torch": lambda config: VectorDriver(config, BATCH, backend="torch", dtype="float64"),
}
VIEWS = SINGLES | VECTORS

every_view = pytest.mark.parametrize("make", VIEWS.values(), ids=VIEWS)
every_vector_view = pytest.mark.parametrize("make", VECTORS.values(), ids=VECTORS)


class Untouched:
    """A view in mid-episode and its twin: after refusals both must play on alike, into the next episode."""

    def __init__(self, make):
        self.views = [make(CONFIG), make(CONFIG)]
        for view in self.views:
            view.reset(seed=3)
            view.step(self.good)

    @property
    def view(self):
        return self.views[0]

    @property
    def good(self):
        return np.repeat(GOOD, self.views[0].batch, axis=0)

    def refuses(self, error, match, call, *arguments, **options):
        before = self.view.snapshot()
        with pytest.raises(error, match=re.compile(match, re.DOTALL)):
            call(*arguments, **options)
        assert_same(self.view.snapshot(), before)

    def plays_on(self):
        for _ in range(CONFIG.max_cycles - int(self.view.snapshot()["slot"][0])):
            played = [view.step(self.good)._asdict() for view in self.views]
            assert_same(*played)
        assert_same(*(view.reset() for view in self.views))
        assert_same(*(view.snapshot() for view in self.views))


@pytest.fixture(params=VIEWS)
def game(request):
    untouched = Untouched(VIEWS[request.param])
    yield untouched
    untouched.plays_on()


def value_in(value):
    return ".*" + re.escape(repr(value))


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
    "object": object(),
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
        game.refuses(TypeError, "actions = ", game.view.env.step, actions)


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
        game.refuses(ValueError, f"user_2 in game 1 = {value} ", game.view.env.step, with_one(value))

    @pytest.mark.parametrize("number", ["uint8", "uint16", "uint32", "uint64", "int8"])
    def test_out_of_range_of_any_type(self, game, number):
        actions = GOOD_BATCH.astype(number)
        actions[0, 1] = np.iinfo(number).max
        game.refuses(ValueError, "user_1 in game 0", game.view.env.step, actions)

    @pytest.mark.parametrize("shape", [(), (4,), (1, 4), (2, 3), (2, 5), (3, 4), (4, 2), (2, 4, 1), (0, 4), (2, 0)])
    def test_wrong_shape(self, game, shape):
        game.refuses(ValueError, re.escape(str(shape)), game.view.env.step, np.ones(shape, dtype=int))

    @pytest.mark.parametrize("actions", [None, "1", {}, object(), [[1, 1, 1, 1], [1, 1]], 1, 2.0], ids=repr)
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


@every_view
def test_step_before_reset(make):
    view = make(CONFIG)
    step, actions = view.step, np.repeat(GOOD, view.batch, axis=0)
    if isinstance(view, DRIVERS["aec"]):
        step, actions = view.env.step, 1
    with pytest.raises(ValueError, match=r"step\(\)"):
        step(actions)
    twin = make(CONFIG)
    assert_same(view.reset(seed=1), twin.reset(seed=1))


@pytest.mark.parametrize("name", SINGLES)
def test_step_after_the_end(name):
    views = [SINGLES[name](CONFIG), SINGLES[name](CONFIG)]
    for view in views:
        view.reset(seed=1)
        for _ in range(CONFIG.max_cycles):
            view.step(GOOD)
    env = views[0].env
    if name == "aec":
        while env.agents:
            env.step(None)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"step\(\)"):
            env.step({"parallel": with_action(0, 1), "aec": 1, "central": GOOD[0]}[name])
    assert_same(views[0].snapshot(), views[1].snapshot())
    assert_same(views[0].reset(), views[1].reset())


@pytest.mark.parametrize(
    ("seed", "error"),
    [
        (True, TypeError),
        (np.False_, TypeError),
        (1.0, TypeError),
        (math.nan, TypeError),
        (np.float32(3), TypeError),
        ("1", TypeError),
        ([1], TypeError),
        (np.array([1, 2]), TypeError),
        (torch.tensor(True), TypeError),
        (-1, ValueError),
        (np.int64(-5), ValueError),
        (2**128 + 1, ValueError),
    ],
    ids=repr,
)
def test_bad_seeds(game, seed, error):
    game.refuses(error, "seed" + value_in(seed), game.view.reset, seed=seed)


FIELDS = ("task_bits", "task_cycles", "device_hz", "channel_gain", "server_hz", "backlog_cycles")
every_field = pytest.mark.parametrize("name", FIELDS)


def refuse_snapshot(game, error, match, **changed):
    snapshot = game.view.snapshot() | changed
    game.refuses(error, match, game.view.reset, seed=8, snapshot=snapshot)


class TestSnapshots:
    @every_field
    def test_wrong_shape(self, game, name):
        right = game.view.snapshot()[name]
        extra = np.ones((game.view.batch, 1))
        wrong = [right[:, :-1], np.append(right, extra, axis=1), right[:, :, None], right[:, :0]]
        for values in wrong:
            refuse_snapshot(game, ValueError, f"shape of.*{name}", **{name: values})

    @every_field
    def test_impossible_number(self, game, name):
        for value in (math.nan, math.inf, -math.inf, -1.0, 0.0, 1e40):
            if (name, value) != ("backlog_cycles", 0.0):
                values = game.view.snapshot()[name]
                values[-1, 1] = value
                refuse_snapshot(game, ValueError, f"{name}.* > 0", **{name: values})

    @every_field
    @pytest.mark.parametrize("number", [str, bool, complex, object, "datetime64[s]"], ids=str)
    def test_not_numbers(self, game, name, number):
        values = game.view.snapshot()[name]
        changed = values.astype("int64").astype(number) if number == "datetime64[s]" else values.astype(number)
        refuse_snapshot(game, TypeError, f"{name}.*real numbers", **{name: changed})

    @every_field
    def test_nothing_in_a_field(self, game, name):
        nothing = np.full(game.view.batch, None)
        refuse_snapshot(game, (TypeError, ValueError), name, **{name: nothing})

    @pytest.mark.parametrize("name", [*FIELDS, "slot"])
    def test_missing_field(self, game, name):
        snapshot = game.view.snapshot()
        del snapshot[name]
        game.refuses(ValueError, f"'{name}' is missing", game.view.reset, snapshot=snapshot)

    def test_unknown_field(self, game):
        unknown = game.view.snapshot()["task_bits"]
        refuse_snapshot(game, ValueError, "'task_bytes' is.* unknown", task_bytes=unknown)

    @pytest.mark.parametrize("slot", [-1, CONFIG.max_cycles, 2**40, 1.5, math.nan, True, "0", None], ids=repr)
    def test_impossible_slot(self, game, slot):
        refuse_snapshot(game, (TypeError, ValueError), "slot", slot=np.array([slot] * game.view.batch))

    @pytest.mark.parametrize("snapshot", [[1, 2], "snapshot", 3, np.zeros(7)], ids=repr)
    def test_not_a_dict(self, game, snapshot):
        game.refuses(TypeError, "snapshot", game.view.env.reset, options={"snapshot": snapshot})


@every_vector_view
@pytest.mark.parametrize("slot", [[0, 1], [0], [0, 0, 0], 0, [[0, 0]]], ids=repr)
def test_slots_of_a_batch_are_equal(make, slot):
    untouched = Untouched(make)
    refuse_snapshot(untouched, ValueError, "slot", slot=np.array(slot))
    untouched.plays_on()


@every_vector_view
def test_a_single_games_snapshot_for_a_batch(make):
    untouched = Untouched(make)
    single = {name: values[0] for name, values in untouched.view.snapshot().items()}
    untouched.refuses(ValueError, "shape", untouched.view.reset, snapshot=single)
    untouched.plays_on()
