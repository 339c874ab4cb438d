"""Every field of the configuration: valid values, invalid values and their messages."""

import dataclasses
import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0
from edgeoffload_env.effects import Effect
from edgeoffload_env.views.central import EdgeOffloadCentralEnv
from tests.drivers import DRIVERS
from tests.helpers import assert_one_traceback, random_actions

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
}
RANGES = {
    "device_hz": [(0, 5e8), (-3e8, 5e8), (3e8, 1e30)],
    "task_bits": [(0, 4e6), (-1.0, 4e6), (2e6, 1e30)],
    "task_cycles": [(0.0, 1e9), (-1e9, 1e9), (1e9, 1e30)],
    "initial_load_s": [(-0.1, 1.0), (0.0, 1e30)],
    "server_hz_range": [(0, 2e10), (-1e10, 2e10), (1e10, 1e30)],
}
WHOLE = {"num_users": [0, -10, 10**9], "max_cycles": [0, -1, 10**30], "num_servers": [0, -1, 10**9]}
TUPLES = {"server_hz": [(0.0, 1e10), (1e10, -1e10), (1e10, 1e30)]}
CHOICES = {"channel_sharing": ["Active", "none", ""], "observation": ["partial", "FULL", ""]}

NO_NUMBERS = [None, "1", b"1", True, np.True_, 1 + 0j, Ellipsis, {}, np.array(1.0)]
NO_FINITE_NUMBERS = [math.nan, math.inf, -math.inf, np.float64("nan"), np.float32("inf"), 10**400]


def companions(name):
    """Fields that must be given together with a field."""
    return {"server_hz_range": {"num_servers": 5}, "num_servers": {"server_hz_range": (12e9, 20e9)}}.get(name, {})


def bad_values():
    """(field, value, part of the value that the message shows)."""
    for name, impossible in NUMBERS.items():
        for value in [*impossible, *NO_FINITE_NUMBERS, *NO_NUMBERS]:
            yield name, value, value
        if name != "forward_bps":
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
        ({"num_servers": 4}, "num_servers must be 5, the number of speeds .*, got 4$"),
        ({"server_hz": (1e9, 2e9), "num_servers": 3}, "num_servers must be 2, the number of speeds .*, got 3$"),
        ({"forward_bps": (1e9,) * 5}, "forward_bps must be one rate, or 4"),
        ({"forward_bps": (1e9,) * 3}, "forward_bps must be one rate, or 4"),
        ({"server_hz": (1e9,), "forward_bps": (1e9,)}, "forward_bps must be one rate, or 0"),
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


LIMITS = {
    "num_users": [1, 40],
    "device_hz": [1.0, 1e15],
    "task_bits": [1.0, 1e14],
    "task_cycles": [1.0, 1e16],
    "bandwidth_hz": [1.0, 1e13],
    "tx_power_w": [1e-9, 1e6],
    "noise_dbm_per_hz": [-250.0, 0.0],
    "forward_bps": [1.0, 1e18],
    "cell_radius_m": [1.0, 1e6],
    "min_distance_m": [0.1, 1e6],
    "slot_s": [1e-9, 1e9],
    "initial_load_s": [0.0, 1e9],
    "delay_weight": [0.0, 1e6],
    "balance_weight": [0.0, 1e6],
    "reward_sharing": [0.0, 1.0],
    "server_hz_range": [1.0, 1e15],
}


@st.composite
def extreme_configs(draw):
    """Each field at its least or greatest value, or as usual; ranges from one limit to the other too."""
    fields = {}
    for name, (low, high) in LIMITS.items():
        if name in RANGES:
            value = draw(st.sampled_from([None, (low, low), (low, high), (high, high)]))
        else:
            value = draw(st.sampled_from([None, low, high]))
        if value is not None:
            fields[name] = value
    if "server_hz_range" in fields:
        fields["num_servers"] = draw(st.sampled_from([1, 3]))
    return fields


@given(fields=extreme_configs())
def test_what_is_accepted_can_be_played(fields):
    """Any combination of limits is refused by name or gives finite numbers in every view, and no warnings."""
    refused = None
    try:
        config = EdgeOffloadConfig(**fields, max_cycles=4)
    except ValueError as error:
        refused = str(error)
    if refused is not None:
        assert re.match(rf"({'|'.join(LIMITS)}) must be .*, got ", refused)
        return
    rng = np.random.default_rng(0)
    for name, make in DRIVERS.items():
        view = make(config)
        assert np.isfinite(view.reset(seed=0)).all(), name
        for _ in range(4):
            played = view.step(random_actions(rng, config, view.batch))
            for part in ("delay_s", "upload_s", "wait_s", "imbalance", "reward", "observation", "state"):
                assert np.isfinite(getattr(played, part)).all(), (name, part)
