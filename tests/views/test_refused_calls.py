"""Calls out of turn, bad seeds and bad snapshots are refused, and the game plays on as if nothing had been asked."""

import math

import numpy as np
import pytest
import torch

from tests.drivers import DRIVERS
from tests.helpers import EFFECT_FIELDS, added, assert_same
from tests.views.untouched import ALL_ON, CONFIG, GOOD, SINGLES, VECTORS, VIEWS, Untouched, value_in

every_view = pytest.mark.parametrize("make", VIEWS.values(), ids=VIEWS)
every_vector_view = pytest.mark.parametrize("make", VECTORS.values(), ids=VECTORS)


@pytest.fixture(params=VIEWS)
def game(request):
    untouched = Untouched(VIEWS[request.param])
    yield untouched
    untouched.plays_on()


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
            env.step(
                {"parallel": {f"user_{n}": 1 for n in range(CONFIG.num_users)}, "aec": 1, "central": GOOD[0]}[name]
            )
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


def test_the_greatest_seed_is_shown_as_a_power(game):
    game.refuses(ValueError, r"seed must be an integer in \[0, 2\*\*128\], got -1", game.view.reset, seed=-1)


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
                refuse_snapshot(
                    game, ValueError, rf"{name}' must be finite numbers in \[(1e-30|0), 1e30\), got ", **{name: values}
                )

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("channel_gain", 1e-40),  # no number of float32
            ("channel_gain", 1e29),
            ("task_bits", 1e29),
            ("task_cycles", 1e29),
            ("device_hz", 1e-29),
            ("server_hz", 1e-29),
            ("backlog_cycles", 1e29),
        ],
    )
    def test_number_with_which_nothing_stays_finite(self, game, name, value):
        values = game.view.snapshot()[name]
        values[-1, 1] = value
        refuse_snapshot(game, ValueError, "snapshot field '.*' must be .*, got ", **{name: values})

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
        game.refuses(ValueError, f"snapshot lacks the field '{name}'", game.view.reset, snapshot=snapshot)

    def test_unknown_field(self, game):
        unknown = game.view.snapshot()["task_bits"]
        refuse_snapshot(
            game, ValueError, "unknown snapshot field 'task_bytes'; did you mean 'task_bits'", task_bytes=unknown
        )

    @pytest.mark.parametrize("slot", [-1, CONFIG.max_cycles, 2**40, 1.5, math.nan, True, "0", None], ids=repr)
    def test_impossible_slot(self, game, slot):
        refuse_snapshot(game, (TypeError, ValueError), "slot", slot=np.array([slot] * game.view.batch))

    @pytest.mark.parametrize("snapshot", [[1, 2], "snapshot", 3, np.zeros(7)], ids=repr)
    def test_not_a_dict(self, game, snapshot):
        game.refuses(TypeError, "snapshot", game.view.env.reset, options={"snapshot": snapshot})


FLAGS = ("active", "bursting")
QUEUES = ("device_backlog_cycles", "uplink_backlog_bits", "down_s")
EFFECTS_FIELDS = (*FLAGS, *QUEUES, "deadline_s")
STANDING = ALL_ON.replace(channel=None, mobility=None)  # whose fields are tested in tests/model/effects/test_radio.py
every_effects_field = pytest.mark.parametrize("name", EFFECTS_FIELDS)


def test_effects_fields():
    assert set(EFFECTS_FIELDS) == added(STANDING, EFFECT_FIELDS)


class TestSnapshotsOfEffects:
    @pytest.fixture(params=VIEWS)
    def game(self, request):
        untouched = Untouched(VIEWS[request.param], STANDING)
        yield untouched
        untouched.plays_on()

    @every_effects_field
    def test_missing_field(self, game, name):
        snapshot = game.view.snapshot()
        del snapshot[name]
        game.refuses(ValueError, f"snapshot lacks the field '{name}'", game.view.reset, snapshot=snapshot)

    @every_effects_field
    def test_wrong_shape(self, game, name):
        right = game.view.snapshot()[name]
        extra = np.ones((game.view.batch, 1))
        for values in (right[:, :-1], np.append(right, extra, axis=1), right[:, :, None], right[:, :0]):
            refuse_snapshot(game, ValueError, f"shape of.*{name}", **{name: values})

    @every_effects_field
    @pytest.mark.parametrize("number", [str, bool, complex, object], ids=str)
    def test_not_numbers(self, game, name, number):
        values = game.view.snapshot()[name].astype(number)
        refuse_snapshot(game, TypeError, f"{name}.*real numbers", **{name: values})

    @pytest.mark.parametrize("name", FLAGS)
    @pytest.mark.parametrize("value", [0.5, 2.0, -1.0, 1.0 + 1e-12, 1e-300, math.nan, math.inf])
    def test_flags_are_0_or_1(self, game, name, value):
        values = game.view.snapshot()[name]
        values[-1, 1] = value
        refuse_snapshot(game, ValueError, f"snapshot field '{name}' must be 0 or 1 each, got ", **{name: values})

    @pytest.mark.parametrize("name", [*QUEUES, "deadline_s"])
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, -1e-300, 0.0, 1e40])
    def test_impossible_number(self, game, name, value):
        if value != 0.0 or name not in QUEUES:
            values = game.view.snapshot()[name]
            values[-1, 1] = value
            message = rf"{name}' must be finite numbers in \[(1e-30|0), 1e30\), got "
            refuse_snapshot(game, ValueError, message, **{name: values})

    @pytest.mark.parametrize("name", ["device_backlog_cycles", "uplink_backlog_bits"])
    def test_queue_that_nobody_lives_to_see_the_end_of(self, game, name):
        values = game.view.snapshot()[name]
        values[-1, 1] = 1e29
        refuse_snapshot(game, ValueError, f"snapshot field '{name}' must be small enough", **{name: values})

    def test_elastic_servers_have_no_queue(self, game):
        values = game.view.snapshot()["backlog_cycles"]
        values[-1, -1] = 1.0
        message = "snapshot field 'backlog_cycles' must be 0 at the last 1 servers, which are elastic, got "
        refuse_snapshot(game, ValueError, message, backlog_cycles=values)


@every_effects_field
@every_view
def test_fields_of_effects_that_are_off(make, name):
    untouched = Untouched(make)
    values = Untouched(make, ALL_ON).view.snapshot()[name]
    refuse_snapshot(untouched, ValueError, f"unknown snapshot field '{name}'.* Known: task_bits", **{name: values})
    untouched.plays_on()


@pytest.mark.parametrize(
    "changed",
    [
        {"device_hz": 1e29},  # f^2 C in the energy
        {"down_s": 1e28},  # with the dearest delays
    ],
    ids=str,
)
def test_number_with_which_an_effect_does_not_stay_finite(changed):
    deadline = {"range_s": (0.2, 1.0), "miss_cost_s": 1e6, "lateness_cost": 1e6}
    config = ALL_ON.replace(deadline=deadline, deadline_weight=1e6, arrivals=None)
    (name,) = changed
    untouched = Untouched(VECTORS["numpy"], config)
    values = np.full_like(untouched.view.snapshot()[name], changed[name])
    refuse_snapshot(untouched, ValueError, f"snapshot field '{name}' must be .*, got ", **{name: values})


@pytest.mark.parametrize("options", [[1], "snapshot", 3, True, np.ones(2)], ids=repr)
def test_options_that_are_no_dict(game, options):
    game.refuses(TypeError, "options must be None or a dict, got ", game.view.env.reset, options=options)


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
