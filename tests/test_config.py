"""Every field of the configuration: valid values, invalid values and their messages."""

import dataclasses
import math
import pickle
import re

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0
from edgeoffload_env.effects import (
    Arrivals,
    Channel,
    Deadline,
    Effect,
    Energy,
    Failures,
    HeavyTasks,
    Levels,
    Mobility,
)
from edgeoffload_env.views.central import EdgeOffloadCentralEnv
from tests.helpers import assert_one_traceback

PAPER_SERVER_HZ = (12e9, 14e9, 16e9, 18e9, 20e9)

NUMBERS = {  # field: impossible values besides those that no number may have
    "bandwidth_hz": [0, 0.0, -20e6, 1e-3, 1e30],
    "tx_power_w": [0, -0.5, 1e30],
    "noise_dbm_per_hz": [1e3, -1e3],
    "forward_bps": [0, -1e9, 1e30],
    "cell_radius_m": [0, -250.0, 1e30],
    "min_distance_m": [0, -35.0, 1e30],
    "slot_s": [0, -0.15, 1e30],
    "delay_weight": [-1.0, -1e-9, 1e30],
    "balance_weight": [-1.0, 1e30],
    "reward_sharing": [-0.1, 1.1, 2],
    "forward_latency_s": [-0.1, -1e-9, 1e30],
    "result_ratio": [-0.1, 1e30],
    "downlink_bps": [0, -100e6, 1e30],
    "deadline_weight": [-1.0, -1e-9, 1e30],
    "energy_weight": [-1.0, -1e-9, 1e30],
}
RANGES = {
    "device_hz": [(0, 5e8), (-3e8, 5e8), (3e8, 1e30)],
    "task_bits": [(0, 4e6), (-1.0, 4e6), (2e6, 1e30)],
    "task_cycles": [(0.0, 1e9), (-1e9, 1e9), (1e9, 1e30)],
    "cycles_per_bit": [(0.0, 300.0), (-300.0, 300.0), (300.0, 1e30)],
    "initial_load_s": [(-0.1, 1.0), (0.0, 1e30)],
    "server_hz_range": [(0, 2e10), (-1e10, 2e10), (1e10, 1e30)],
}
WHOLE = {
    "num_users": [0, -10, 10**9],
    "max_cycles": [0, -1, 10**30],
    "num_servers": [0, -1, 10**9],
    "elastic_servers": [-1, 5, 10**9],  # of five servers
}
TUPLES = {"server_hz": [(0.0, 1e10), (1e10, -1e10), (1e10, 1e30)]}
CHOICES = {
    "channel_sharing": ["Active", "none", ""],
    "observation": ["partial", "FULL", ""],
    "queue_clock": ["fluid", ""],
}
FLAGS = ("device_queue", "uplink_queue")
DEADLINE, ENERGY = {"range_s": (0.2, 0.6), "miss_cost_s": 1.0}, {"cost_s_per_j": 0.2}
EFFECTS = {  # field: its class, and valid values
    "arrivals": (Arrivals, {"probability": 0.5, "on_s": 1.0, "off_s": 2.0}),
    "heavy_tasks": (HeavyTasks, {"probability": 0.2, "factor": 3.0}),
    "deadline": (Deadline, {"range_s": (0.2, 0.6), "miss_cost_s": 1.0, "lateness_cost": 0.5}),
    "failures": (Failures, {"mtbf_s": 10.0, "mttr_s": 2.0}),
    "energy": (Energy, {"cost_s_per_j": 0.2, "switched_capacitance": 1e-27, "idle_power_w": 0.1}),
    "levels": (Levels, {"tx_power_w": (0.1, 0.5), "offload_ratio": (0.5, 1.0)}),
    "channel": (
        Channel,
        {"fading": "rician", "rician_k_db": 3.0, "shadowing_db": 6.0, "shadowing_m": 50.0, "path_loss": "umi-los"},
    ),
    "mobility": (Mobility, {"speed_mps": (8.0, 20.0), "model": "waypoint", "memory_s": 5.0}),
}
CONSTANTS = {  # of an effect: impossible numbers
    ("arrivals", "probability"): [-0.1, 1.1, 2],
    ("arrivals", "on_s"): [0, -1.0, 1e30],
    ("arrivals", "off_s"): [0, -1.0, 1e30],
    ("heavy_tasks", "probability"): [-0.1, 1.1, 2],
    ("heavy_tasks", "factor"): [0, -3.0, 1e30],
    ("deadline", "miss_cost_s"): [-1.0, -1e-9, 1e30],
    ("deadline", "lateness_cost"): [-1.0, -1e-9, 1e30],
    ("failures", "mtbf_s"): [0, -1.0, 1e30],
    ("failures", "mttr_s"): [0, -1.0, 1e30],
    ("energy", "cost_s_per_j"): [-1.0, -1e-9, 1e30],
    ("energy", "switched_capacitance"): [-1e-27, 1e30],
    ("energy", "idle_power_w"): [-1.0, -1e-9, 1e30],
    ("channel", "shadowing_db"): [-1.0, -1e-9, 101.0],
    ("channel", "shadowing_m"): [0, -50.0, 1e30],
    ("channel", "rician_k_db"): [-61.0, 61.0],
    ("mobility", "memory_s"): [0, -5.0, 1e30],
}

NO_NUMBERS = [None, "1", b"1", True, np.True_, 1 + 0j, Ellipsis, {}, np.array(1.0)]
NO_FINITE_NUMBERS = [math.nan, math.inf, -math.inf, np.float64("nan"), np.float32("inf"), 10**400]


def companions(name):
    """Fields that must be given together with a field."""
    return {
        "server_hz_range": {"num_servers": 5},
        "num_servers": {"server_hz_range": (12e9, 20e9)},
        "deadline_weight": {"deadline": DEADLINE},
        "energy_weight": {"energy": ENERGY},
    }.get(name, {})


def bad_values():
    """(field, value, part of the value that the message shows)."""
    for name, impossible in NUMBERS.items():
        for value in [*impossible, *NO_FINITE_NUMBERS, *NO_NUMBERS]:
            yield name, value, value
        if name not in ("forward_bps", "forward_latency_s"):
            for value in ([1.0], (1.0, 2.0), [], np.ones(2)):
                yield name, value, value
    for name, impossible in RANGES.items():
        for value in impossible:
            yield name, value, next(x for x in value if x < 0 or x > 1e20 or (x == 0 and name != "initial_load_s"))
        for value in [(9e8, 8e8), (1e9,), (1e9, 1e9, 1e9), [], (), np.ones((2, 1)), 1e9, "12", {1e9, 2e9}, {}, True]:
            yield name, value, value
        for item in [*NO_FINITE_NUMBERS, *NO_NUMBERS, (1e9,)]:
            yield name, (1e9, item), item
            yield name, (item, 1e9), item
    for name, impossible in WHOLE.items():
        for value in [*impossible, *NO_NUMBERS, *NO_FINITE_NUMBERS[:5], 5.0, np.float64(5.0), [5], np.array([5])]:
            if not (name == "num_servers" and value is None):  # shown as missing, below
                yield name, value, value
    for value in [(), [], np.ones((2, 2)), np.ones(0), {1e-3}, "0.1"]:
        yield "forward_latency_s", value, value
    for item in [*NO_FINITE_NUMBERS, *NO_NUMBERS, -0.1, 1e30, (0.1,)]:
        yield "forward_latency_s", (0.1, item, 0.1, 0.1), item
    for name in FLAGS:
        for value in [None, 0, 1, 1.0, math.nan, "True", "", [], [True], np.array([True]), np.int64(1), {}]:
            yield name, value, value
    for name, (kind, _) in EFFECTS.items():
        for value in [0, 1.0, True, False, math.nan, name, [], (), [0.5], np.ones(2), {0.5}, kind, Effect()]:
            yield name, value, value
    for value in [0, 1.0, True, math.nan, "trace.csv", [], ("trace.csv",), np.ones(2), Effect()]:
        yield "task_trace", value, value
    for name in ("server_hz", "forward_bps"):
        for value in [(), [], np.ones((2, 2)), np.ones(0)]:
            yield name, value, value
        for item in [*NO_FINITE_NUMBERS, *NO_NUMBERS, 0.0, -1e10, 1e30, (1e9,)]:
            yield name, (1e10, item, 1e10, 1e10), item
    for value in [1e10, "12e9", {12e9}, True, {}]:
        yield "server_hz", value, value
    for value in [None, 1, "MyEffect", {}]:
        yield "extra_effects", value, value
    for name, impossible in CHOICES.items():
        for value in [*impossible, None, 1, 1.0, True, [], ["all"], ("full",), b"all"]:
            yield name, value, value


BAD_VALUES = list(bad_values())


def test_every_field_has_bad_values():
    assert {name for name, _, _ in BAD_VALUES} == {field.name for field in dataclasses.fields(EdgeOffloadConfig)}


@pytest.mark.parametrize(("name", "value", "shown"), BAD_VALUES, ids=[f"{n}-{v!r}"[:60] for n, v, _ in BAD_VALUES])
def test_bad_values_are_refused_by_name(name, value, shown):
    """The message names the field, the value and what is allowed."""
    message = re.compile(f"^{name} must be .+, got {re.escape(repr(shown))}$", re.DOTALL)
    with pytest.raises((TypeError, ValueError), match=message) as refused:
        EdgeOffloadConfig(**(companions(name) | {name: value}))
    assert_one_traceback(refused.value)


def bad_constants():
    """(field, constant, value, part of the value that the message shows)."""
    for (field, name), impossible in CONSTANTS.items():
        for value in [*impossible, *NO_FINITE_NUMBERS, *NO_NUMBERS, [1.0], (1.0, 2.0), [], np.ones(2)]:
            yield field, name, value, value
    for field, name in (("deadline", "range_s"), ("mobility", "speed_mps")):
        for value in [(-0.2, 0.6), (0.2, 1e30)]:
            yield field, name, value, next(x for x in value if x <= 0.0 or x > 1e20)
        for value in [(0.6, 0.2), (0.2,), (0.2, 0.4, 0.6), [], (), np.ones((2, 1)), 0.5, "12", {0.2, 0.6}, {}, True]:
            yield field, name, value, value
        yield field, name, None, None
        for item in [*NO_FINITE_NUMBERS, *NO_NUMBERS, (0.2,)]:
            yield field, name, (0.2, item), item
            yield field, name, (item, 0.6), item
    yield "deadline", "range_s", (0.0, 0.6), 0.0
    for field, name, wrong in (
        ("channel", "fading", "rice"),
        ("channel", "path_loss", "umi"),
        ("mobility", "model", "random"),
    ):
        for value in [wrong, wrong.upper(), "", 1, 1.0, True, [], ["rayleigh"], b"umi-los", {}]:
            yield field, name, value, value
    for value in [None, "tr36814-los"]:
        yield "channel", "path_loss", value, value
    for name, lowest in (("tx_power_w", 0.1), ("offload_ratio", 0.5)):
        for value in [(1.0, 0.5), (1.0, 1.0), (), [], np.ones((2, 2)), 0.5, "12", {0.5}, {}, True]:
            yield "levels", name, value, value
        for item in [*NO_FINITE_NUMBERS, *NO_NUMBERS, (0.2,), 0.0, -0.1, 1e30]:
            yield "levels", name, (lowest, item), item
    yield "levels", "offload_ratio", (0.5, 1.1), 1.1


BAD_CONSTANTS = list(bad_constants())


def test_every_constant_of_an_effect_has_bad_values():
    every = {(name, field.name) for name, (kind, _) in EFFECTS.items() for field in dataclasses.fields(kind)}
    assert {(name, constant) for name, constant, _, _ in BAD_CONSTANTS} == every


@pytest.mark.parametrize(
    ("field", "name", "value", "shown"), BAD_CONSTANTS, ids=[f"{f}.{n}-{v!r}"[:60] for f, n, v, _ in BAD_CONSTANTS]
)
def test_bad_constants_of_effects_are_refused_by_name(field, name, value, shown):
    """Alike in the effect's class and in a dict of its fields."""
    kind, constants = EFFECTS[field]
    message = re.compile(f"^{kind.__name__}.{name} must be .+, got {re.escape(repr(shown))}$", re.DOTALL)
    with pytest.raises((TypeError, ValueError), match=message) as refused:
        kind(**(constants | {name: value}))
    assert_one_traceback(refused.value)
    with pytest.raises(type(refused.value), match=message) as refused:
        EdgeOffloadConfig(**{field: constants | {name: value}})
    assert_one_traceback(refused.value)


@pytest.mark.parametrize("field", EFFECTS)
class TestEffects:
    """Their classes and dicts of their fields."""

    def test_a_dict_is_the_class(self, field):
        kind, constants = EFFECTS[field]
        config = EdgeOffloadConfig(**{field: constants})
        assert config == EdgeOffloadConfig(**{field: kind(**constants)})
        assert hash(config) == hash(EdgeOffloadConfig(**{field: kind(**constants)}))
        assert getattr(config, field) == kind(**constants)
        assert config != EdgeOffloadConfig()
        assert config.replace(**{field: None}) == EdgeOffloadConfig()
        assert EdgeOffloadConfig().replace(**{field: constants}) == config
        assert pickle.loads(pickle.dumps(config)) == config

    def test_numbers_of_any_kind_are_stored_as_plain_ones(self, field):
        kind, constants = EFFECTS[field]
        numpys = {
            name: np.array(x) if isinstance(x, tuple) else x if isinstance(x, str) else np.float64(x)
            for name, x in constants.items()
        }
        effect = kind(**numpys)
        assert effect == kind(**constants)
        for name, value in constants.items():
            stored = getattr(effect, name)
            assert type(stored) is type(value)
            assert not isinstance(value, tuple) or [type(x) for x in stored] == [float, float]

    def test_frozen_and_keyword_only(self, field):
        kind, constants = EFFECTS[field]
        effect = kind(**constants)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(effect, next(iter(constants)), 0.5)
        with pytest.raises(TypeError):
            kind(*constants.values())

    def test_unknown_names(self, field):
        _, constants = EFFECTS[field]
        known = ", ".join(constants)
        nearest = next(iter(constants))
        wrong = nearest[:-2] + nearest[-1] + nearest[-2]
        for name in (wrong, nearest.upper()):
            message = f"^unknown field of {field}: '{name}'; did you mean '{nearest}'\\? Known: {known}$"
            with pytest.raises(TypeError, match=message) as refused:
                EdgeOffloadConfig(**{field: constants | {name: 1.0}})
            assert_one_traceback(refused.value)
        for name in (1, None, "", 2.5):
            message = f"^unknown field of {field}: {re.escape(repr(name))}\\. Known: {known}$"
            with pytest.raises(TypeError, match=message):
                EdgeOffloadConfig(**{field: constants | {name: 1.0}})

    def test_anything_else_is_refused_with_the_fields_and_an_example(self, field):
        kind, constants = EFFECTS[field]
        required = [f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING]
        optional = [name for name in constants if name not in required]
        fields = ", ".join(required) if required else f"any of {', '.join(optional)}"
        fields += f" and optionally {', '.join(optional)}" if required and optional else ""
        example = f", as {kind.example!r}" if kind.example else ""
        for value in ("rayleigh", 0.5, [1.0]):
            with pytest.raises(TypeError) as refused:
                EdgeOffloadConfig(**{field: value})
            article = "an" if field in ("arrivals", "energy") else "a"
            assert str(refused.value) == (
                f"{field} must be None, {article} {kind.__name__}, or a dict of its fields ({fields}){example}, "
                f"got {value!r}"
            )
        assert isinstance(getattr(EdgeOffloadConfig(**{field: kind.example}), field), kind)

    def test_missing_names(self, field):
        kind, constants = EFFECTS[field]
        for constant in dataclasses.fields(kind):
            if constant.default is dataclasses.MISSING:
                rest = {name: value for name, value in constants.items() if name != constant.name}
                with pytest.raises(TypeError, match=f"^{field} lacks the field '{constant.name}'; it must have "):
                    EdgeOffloadConfig(**{field: rest})
                with pytest.raises(TypeError, match=constant.name):
                    kind(**rest)


def test_required_and_optional_fields_are_told_apart():
    """Only those without a default are required."""
    message = "^deadline lacks the field 'miss_cost_s'; it must have range_s, miss_cost_s and optionally lateness_cost$"
    with pytest.raises(TypeError, match=message):
        EdgeOffloadConfig(deadline={"range_s": (0.2, 0.6)})


@pytest.mark.parametrize("alone", ["on_s", "off_s"])
def test_bursts_need_pauses(alone):
    missing = {"on_s": "off_s", "off_s": "on_s"}[alone]
    with pytest.raises(ValueError, match=f"^Arrivals.{missing} must be a number where {alone} is given, got None$"):
        EdgeOffloadConfig(arrivals={alone: 1.0})


@pytest.mark.parametrize("fading", [None, "rayleigh"])
def test_only_rician_fading_has_a_factor(fading):
    message = f"^Channel.rician_k_db must be None where fading is {fading!r}, got 3.0$"
    with pytest.raises(ValueError, match=message):
        EdgeOffloadConfig(channel={"fading": fading, "rician_k_db": 3.0})
    with pytest.raises(TypeError, match=r"^Channel.rician_k_db must be a number in \[-60, 60\] dB, got None$"):
        Channel(fading="rician")


@pytest.mark.parametrize(
    "make",
    [
        EdgeOffloadConfig().replace,
        edgeoffload_v0.parallel_env,
        edgeoffload_v0.env,
        edgeoffload_v0.raw_env,
        edgeoffload_v0.vector_env,
        EdgeOffloadCentralEnv,
    ],
)
class TestOverrides:
    """Wherever fields are taken, they are checked alike."""

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"num_users": 0}, ValueError),
            ({"num_users": 5.0}, TypeError),
            ({"slot_s": math.nan}, ValueError),
            ({"task_bits": (2e6, 1e6)}, ValueError),
            ({"channel_sharing": "some"}, ValueError),
            ({"delay_weight": True}, TypeError),
            ({"cycles_per_bit": (2.0, 1.0)}, ValueError),
            ({"uplink_queue": 1}, TypeError),
            ({"elastic_servers": 5}, ValueError),
            ({"energy": 0.2}, TypeError),
        ],
    )
    def test_bad_values(self, make, fields, error):
        (name,) = fields
        with pytest.raises(error, match=f"{name} must be "):
            make(**fields)

    @pytest.mark.parametrize("name", ["max_cylces", "NUM_USERS", "N", "seed", "servers"])
    def test_unknown_names(self, make, name):
        with pytest.raises(TypeError, match=f"unknown field '{name}'[.;].* Known: num_users.*max_cycles") as refused:
            make(**{name: 3})
        assert_one_traceback(refused.value)

    def test_a_misspelt_name_is_told_the_nearest(self, make):
        with pytest.raises(TypeError, match=r"unknown field 'max_cylces'; did you mean 'max_cycles'\? Known: "):
            make(max_cylces=3)


@pytest.mark.parametrize("item", [None, "MyEffect", Effect], ids=repr)
def test_extra_effects_are_effects(item):
    message = f"^an item of extra_effects must be an instance of .*Effect, got {re.escape(repr(item))}$"
    with pytest.raises(TypeError, match=message):
        EdgeOffloadConfig(extra_effects=(Effect(), item))


def test_unknown_field_of_the_class():
    with pytest.raises(TypeError, match="max_cylces"):
        EdgeOffloadConfig(max_cylces=3)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"server_hz": (1e9,), "server_hz_range": (1e9, 2e9)},
            "server_hz must be None where server_hz_range is given .*, got ",
        ),
        ({"server_hz_range": (1e9, 2e9)}, "num_servers must be an integer .*, got None$"),
        (
            {"num_servers": 4},
            "num_servers must be 5, .* got 4; give server_hz with as many speeds, or server_hz_range$",
        ),
        ({"server_hz": (1e9, 2e9), "num_servers": 3}, "num_servers must be 2, the number of speeds .*, got 3; give"),
        ({"forward_bps": (1e9,) * 5}, "forward_bps must be one rate, or 4"),
        ({"forward_bps": (1e9,) * 3}, "forward_bps must be one rate, or 4"),
        ({"server_hz": (1e9,), "forward_bps": (1e9,)}, "forward_bps must be one rate, or 0"),
        (
            {"task_cycles": (1e9, 2e9), "cycles_per_bit": (200.0, 300.0)},
            r"task_cycles must be None where cycles_per_bit is given \(it is \(200.0, 300.0\)\), got ",
        ),
        ({"deadline_weight": 0.5}, "deadline_weight must be 1.0 where deadline is None, got 0.5$"),
        ({"energy_weight": 0.0}, "energy_weight must be 1.0 where energy is None, got 0.0$"),
        ({"deadline_weight": 0.5, "energy": ENERGY}, "deadline_weight must be 1.0 where deadline is None, got 0.5$"),
        ({"energy_weight": 0.5, "deadline": DEADLINE}, "energy_weight must be 1.0 where energy is None, got 0.5$"),
        ({"elastic_servers": 1, "server_hz": (1e9,)}, r"elastic_servers must be an integer in \[0, 0\], got 1$"),
        (
            {"elastic_servers": 3, "server_hz_range": (1e9, 2e9), "num_servers": 3},
            r"elastic_servers must be an integer in \[0, 2\], got 3$",
        ),
        ({"forward_latency_s": (0.1,) * 5}, "forward_latency_s must be one latency, or 4: one for each .*, got "),
        ({"forward_latency_s": (0.1,) * 3}, "forward_latency_s must be one latency, or 4: one for each .*, got "),
        ({"server_hz": (1e9,), "forward_latency_s": (0.1,)}, "forward_latency_s must be one latency, or 0"),
        ({"forward_latency_s": (0.0,) * 3}, "forward_latency_s must be one latency, or 4: one for each .*, got "),
        (
            {"mobility": {"speed_mps": (0.0, 1700.0)}},
            r"mobility must be such that nobody moves farther in a slot than cell_radius_m = 250.0, got Mobility\(",
        ),
        (
            {"channel": {"shadowing_db": 100.0}},
            r"channel must be such that signal to noise ratios and uploads stay .*, got Channel\(",
        ),
        ({"cell_radius_m": 30.0}, "min_distance_m must be at most cell_radius_m = 30.0, got 35.0$"),
        ({"min_distance_m": 250.5}, "min_distance_m must be at most cell_radius_m = 250.0, got 250.5$"),
        (
            {"tx_power_w": 1e-9, "cell_radius_m": 1e6, "noise_dbm_per_hz": 0.0},
            "tx_power_w must be such that the signal to noise",
        ),
        (
            {
                "tx_power_w": 1e6,
                "noise_dbm_per_hz": -250.0,
                "bandwidth_hz": 1.0,
                "min_distance_m": 0.1,
                "num_users": 300,
            },
            "tx_power_w must be such that the signal to noise ratio .*3e",
        ),
        ({"task_cycles": (1.0, 1e16), "server_hz": (1.0,), "num_users": 10**6}, "task_cycles must .*delays below"),
        ({"task_bits": (1.0, 1e14), "bandwidth_hz": 1.0, "noise_dbm_per_hz": -1.0}, "task_bits must .*delays below"),
        ({"balance_weight": 1e6, "task_cycles": (1e16, 1e16), "server_hz": (1e3,)}, "balance_weight must be at most"),
        (  # the mean of so many rewards would not be finite in float32
            {
                "num_users": 10**6,
                "max_cycles": 1,
                "task_cycles": (9e11, 9e11),
                "server_hz": (1.0,),
                "reward_sharing": 0.1,
            },
            "balance_weight must be at most",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_fields_that_do_not_go_together(fields, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        EdgeOffloadConfig(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"heavy_tasks": {"probability": 0.1, "factor": 1e6}},
        {"num_users": 1000, "reward_sharing": 0.5},
    ],
    ids=str,
)
def test_energies_that_would_overflow_are_refused(fields):
    """In float32, where 1e32 J cost 1e6 s each and weigh 1e6."""
    fast = {"device_hz": (1e15, 1e15), "server_hz": (1e15,), "task_cycles": (1e16, 1e16), "balance_weight": 0.0}
    energy = {"cost_s_per_j": 1e6, "switched_capacitance": 1e-20}
    with pytest.raises(ValueError, match=r"^(energy|heavy_tasks)\w* must be .*, got "):
        EdgeOffloadConfig(**(fast | fields), energy=energy, energy_weight=1e6)


def test_defaults_are_table_2_and_figure_8():
    config = EdgeOffloadConfig()
    assert config.num_users == 10
    assert config.servers == config.num_servers == 5
    assert config.server_hz == PAPER_SERVER_HZ
    assert config.server_hz_range is None
    assert config.device_hz == (300e6, 500e6)
    assert config.task_bits == (300 * 8000, 500 * 8000)
    assert config.task_cycles == (800e6, 1200e6)
    assert (config.bandwidth_hz, config.tx_power_w) == (20e6, 0.5)
    assert (config.noise_dbm_per_hz, config.forward_bps) == (-174.0, 1e9)
    assert (config.cell_radius_m, config.min_distance_m) == (250.0, 35.0)
    assert (config.channel_sharing, config.observation) == ("active", "full")
    assert (config.slot_s, config.max_cycles) == (0.15, 50)
    assert config.initial_load_s == (0.0, 0.0)
    assert (config.delay_weight, config.balance_weight, config.reward_sharing) == (1.0, 1.0, 0.0)


def test_thermal_noise():
    assert EdgeOffloadConfig().noise_w_per_hz == pytest.approx(3.9811e-21, rel=1e-4)
    assert EdgeOffloadConfig(noise_dbm_per_hz=-170.0).noise_w_per_hz == pytest.approx(1e-20)


def test_numbers_of_any_kind_are_stored_as_plain_ones():
    config = EdgeOffloadConfig(
        num_users=np.uint8(3),
        max_cycles=np.array(7),
        bandwidth_hz=20_000_000,
        slot_s=np.float32(0.5),
        server_hz=np.array([10**10, 2 * 10**10]),
        task_bits=[np.int64(1_000_000), 2e6],
        forward_bps=[1e9],
    )
    stored = {name: getattr(config, name) for name in ("num_users", "max_cycles", "bandwidth_hz", "slot_s")}
    assert stored == {"num_users": 3, "max_cycles": 7, "bandwidth_hz": 2e7, "slot_s": 0.5}
    assert [type(value) for value in stored.values()] == [int, int, float, float]
    for name, expected in {"server_hz": (1e10, 2e10), "task_bits": (1e6, 2e6), "forward_bps": (1e9,)}.items():
        value = getattr(config, name)
        assert type(value) is tuple
        assert [type(x) for x in value] == [float] * len(value)
        assert value == expected
    assert config == EdgeOffloadConfig(
        num_users=3, max_cycles=7, slot_s=0.5, server_hz=(1e10, 2e10), task_bits=(1e6, 2e6), forward_bps=(1e9,)
    )


def test_frozen_hashable_keyword_only_and_picklable():
    config = EdgeOffloadConfig(num_users=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.num_users = 4
    with pytest.raises(TypeError):
        EdgeOffloadConfig(3)
    assert len({config, EdgeOffloadConfig(num_users=3), EdgeOffloadConfig()}) == 2
    assert pickle.loads(pickle.dumps(config)) == config


def test_replace_keeps_the_rest():
    config = EdgeOffloadConfig(num_users=3, slot_s=0.2)
    assert config.replace(slot_s=0.3) == EdgeOffloadConfig(num_users=3, slot_s=0.3)
    assert config.replace() == config
    assert config == EdgeOffloadConfig(num_users=3, slot_s=0.2)


def test_one_way_to_name_the_servers_clears_the_other():
    fixed = EdgeOffloadConfig(server_hz=(1e9, 2e9))
    drawn = fixed.replace(server_hz_range=(3e9, 4e9), num_servers=7)
    assert (drawn.server_hz, drawn.servers, drawn.speed_bounds_hz) == (None, 7, (3e9, 4e9))
    assert fixed.replace(server_hz_range=(3e9, 4e9)).servers == 2  # as many as there were
    assert drawn.replace(server_hz=(5e9,)) == EdgeOffloadConfig(server_hz=(5e9,))
    assert fixed.speed_bounds_hz == (1e9, 2e9)
    with pytest.raises(ValueError, match=r"num_servers must be 2, .*, got 3"):
        fixed.replace(num_servers=3)
    with pytest.raises(ValueError, match="server_hz must be None where server_hz_range is given"):
        fixed.replace(server_hz=(1e9,), server_hz_range=(1e9, 2e9))


def test_one_way_to_name_the_cycles_clears_the_other():
    plain = EdgeOffloadConfig(task_bits=(1e6, 2e6))
    dense = plain.replace(cycles_per_bit=(100.0, 300.0))
    assert (dense.task_cycles, dense.cycles_per_bit) == (None, (100.0, 300.0))
    assert dense == EdgeOffloadConfig(task_bits=(1e6, 2e6), cycles_per_bit=(100.0, 300.0))
    assert dense.replace(task_cycles=(1e9, 2e9)) == EdgeOffloadConfig(task_bits=(1e6, 2e6), task_cycles=(1e9, 2e9))
    assert plain.task_cycles == (800e6, 1200e6)  # Table 2
    assert dense.replace(cycles_per_bit=None).task_cycles == (800e6, 1200e6)
    with pytest.raises(ValueError, match="task_cycles must be None where cycles_per_bit is given"):
        plain.replace(cycles_per_bit=(100.0, 300.0), task_cycles=(1e9, 2e9))


@pytest.mark.parametrize("field", EFFECTS)
def test_the_packages_own_effects_have_fields(field):
    kind, constants = EFFECTS[field]
    message = (
        f"^an item of extra_effects must be an effect of your own; {kind.__name__} has a field .*, got {kind.__name__}"
    )
    with pytest.raises(ValueError, match=message):
        EdgeOffloadConfig(extra_effects=(kind(**constants),))
