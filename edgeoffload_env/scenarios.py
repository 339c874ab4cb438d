"""Named scenarios: configurations that papers can refer to.

Each is also a registered id, ``edgeoffload/<name>-v0``. Held-out scenarios test what was trained on
the others: never tune or train on them.
"""

from dataclasses import dataclass
from typing import Any

from edgeoffload_env._validation import check_known, fail
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model.effects import active_effects

PAPER = "The paper's game"
CROWDED = "More users than the servers nearby can serve"
POLICY = "Games that ask for a policy"
HELD_OUT = "Held out for testing: never tune or train on them"

GROUPS = (PAPER, CROWDED, POLICY, HELD_OUT)
"""Headings of listings, in order."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A named configuration."""

    name: str
    config: EdgeOffloadConfig
    description: str
    group: str
    """Its heading in listings, one of ``GROUPS``."""

    @property
    def held_out(self) -> bool:
        """Whether it is for testing only: its loads, distributions or sizes occur in no training scenario."""
        return self.group == HELD_OUT


_DRAWN_SERVERS: dict[str, Any] = {"num_servers": 5, "server_hz_range": (10e9, 22e9)}
_MIXED_TASKS: dict[str, Any] = {"task_cycles": (0.4e9, 0.9e9), "heavy_tasks": {"probability": 0.2, "factor": 3.0}}

_URBAN: dict[str, Any] = {
    "num_users": 30,
    "max_cycles": 100,
    "task_bits": (1e6, 4e6),
    "task_cycles": (0.45e9, 1e9),
    "heavy_tasks": {"probability": 0.2, "factor": 3.0},
    "device_hz": (0.5e9, 1.5e9),
    "arrivals": {"on_s": 1.5, "off_s": 3.5},
    "deadline": {"range_s": (0.3, 1.0), "miss_cost_s": 1.0},
    "energy": {"cost_s_per_j": 0.2},
    "device_queue": True,
    "uplink_queue": True,
    **_DRAWN_SERVERS,
}
_VEHICLES: dict[str, Any] = _URBAN | {
    "mobility": {"speed_mps": (8.0, 20.0)},
    "channel": {"fading": "rayleigh", "shadowing_db": 6.0},
}
_BURSTY: dict[str, Any] = {
    "num_users": 24,
    "max_cycles": 100,
    "arrivals": {"on_s": 1.5, "off_s": 1.5},
    **_DRAWN_SERVERS,
}
_DEADLINES: dict[str, Any] = {
    "num_users": 20,
    "max_cycles": 100,
    "device_hz": (0.5e9, 1.5e9),
    "arrivals": {"on_s": 1.5, "off_s": 1.5},
    "deadline": {"range_s": (0.2, 0.6), "miss_cost_s": 1.0},
    **_DRAWN_SERVERS,
    **_MIXED_TASKS,
}
_ENERGY: dict[str, Any] = {
    "num_users": 30,
    "max_cycles": 100,
    "device_hz": (1e9, 2e9),
    "arrivals": {"on_s": 1.5, "off_s": 1.5},
    "energy": {"cost_s_per_j": 0.2},
    "device_queue": True,
    **_DRAWN_SERVERS,
    **_MIXED_TASKS,
}
_CLOUD: dict[str, Any] = {
    "num_users": 24,
    "max_cycles": 100,
    "server_hz": (8e9, 10e9, 12e9, 14e9, 40e9),
    "elastic_servers": 1,
    "forward_bps": (1e9, 1e9, 1e9, 15e6),
    "forward_latency_s": (0.0, 0.0, 0.0, 0.1),
    "arrivals": {"on_s": 1.5, "off_s": 1.5},
    **_MIXED_TASKS,
}
_POWER_CONTROL: dict[str, Any] = _URBAN | {
    "levels": {"tx_power_w": (0.05, 0.2, 0.8)},
    "energy": {"cost_s_per_j": 1.0},
}
_SPLIT: dict[str, Any] = _URBAN | {"levels": {"offload_ratio": (0.5, 0.75, 1.0)}}


def _scenario(name: str, description: str, *, group: str = POLICY, **fields: Any) -> Scenario:
    config = EdgeOffloadConfig(**fields)
    allowed = (POLICY, HELD_OUT) if active_effects(config) else (PAPER, CROWDED, HELD_OUT)
    if group not in allowed:
        kind = "with" if active_effects(config) else "without"
        fail(f"group of the scenario {name!r}, a game {kind} effects,", group, " or ".join(map(repr, allowed)))
    return Scenario(name=name, description=description, group=group, config=config)


_SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _scenario(
            "paper",
            "Table 2 with Figure 8's servers: 10 users, 5 servers, 83 % of their capacity asked for.",
            group=PAPER,
        ),
        _scenario(
            "paper-load-only",
            "The paper's own observation (14), the load factors alone; 0 to 0.3 s of load at reset.",
            group=PAPER,
            observation="load",
            initial_load_s=(0.0, 0.3),
        ),
        _scenario(
            "random-servers",
            "Table 2's U[12, 20] GHz: five speeds drawn per episode, and observed.",
            group=PAPER,
            server_hz_range=(12e9, 20e9),
            num_servers=5,
        ),
        _scenario(
            "sparse", "5 users: little competition; small enough for a joint action head.", group=PAPER, num_users=5
        ),
        _scenario(
            "crowded",
            "20 users: 1.7 times what the servers clear. A commons that selfish play overuses.",
            group=CROWDED,
            num_users=20,
        ),
        _scenario(
            "crowded-team",
            "crowded, with the team's mean as everyone's reward.",
            group=CROWDED,
            num_users=20,
            reward_sharing=1.0,
        ),
        _scenario(
            "stadium",
            "50 users: four times what the servers clear; most tasks belong on the device.",
            group=CROWDED,
            num_users=50,
        ),
        _scenario(
            "two-tier",
            "Six slow servers near (10 Gbit/s) and two fast ones far behind a slow link (20 Mbit/s).",
            group=CROWDED,
            num_users=15,
            server_hz=(8e9, 8e9, 8e9, 8e9, 8e9, 8e9, 40e9, 40e9),
            forward_bps=(10e9, 10e9, 10e9, 10e9, 10e9, 20e6, 20e6),
        ),
        _scenario(
            "urban",
            "The headline: 30 users with bursts of mixed tasks, deadlines, energy and queues everywhere. Spread every "
            "burst over devices and servers, slow ones and fast ones, before its queues build up.",
            **_URBAN,
        ),
        _scenario(
            "urban-outages",
            "urban with servers that stop for 1.5 s every 15 s: go round those that are down and clear what they left.",
            **(_URBAN | {"failures": {"mtbf_s": 15.0, "mttr_s": 1.5}}),
        ),
        _scenario(
            "bursty",
            "24 users in bursts: while most are on, more than the servers clear; on average as much. Use the pauses.",
            **_BURSTY,
        ),
        _scenario(
            "failures",
            "paper with servers that stop for 2 s every 10 s: leave them in time and do not all come back at once.",
            max_cycles=100,
            failures={"mtbf_s": 10.0, "mttr_s": 2.0},
        ),
        _scenario(
            "deadlines",
            "20 users with deadlines of 0.2 to 0.6 s: serve who can still make it, and let the late ones wait.",
            **_DEADLINES,
        ),
        _scenario(
            "energy",
            "30 users that pay 0.2 s for a joule, with queues on their devices: heavy tasks away, light ones at home.",
            **_ENERGY,
        ),
        _scenario(
            "cloud",
            "24 users, four servers near and a cloud without queues behind a slow link: heavy tasks go far, in bursts.",
            **_CLOUD,
        ),
        _scenario(
            "continuous",
            "bursty with servers that work while tasks are on their way: who comes late may not wait at all.",
            queue_clock="continuous",
            **_BURSTY,
        ),
        _scenario(
            "power-control",
            "urban with 0.05, 0.2 or 0.8 W to send with, at 1 s for a joule: save power where it holds up nobody.",
            **_POWER_CONTROL,
        ),
        _scenario(
            "split",
            "urban with half, three quarters or all of a task to offload while the rest runs on the device.",
            **_SPLIT,
        ),
        _scenario(
            "vehicles",
            "urban in vehicles of 8 to 20 m/s, with Rayleigh fading and shadowing: offload while the link is good.",
            **_VEHICLES,
        ),
        _scenario(
            "held-out-light",
            "The paper's size with a third less work per task.",
            group=HELD_OUT,
            task_cycles=(533e6, 800e6),
        ),
        _scenario(
            "held-out-heavy",
            "The paper's size with a quarter more work per task: more than the servers clear.",
            group=HELD_OUT,
            task_cycles=(1000e6, 1500e6),
        ),
        _scenario(
            "held-out-mixed",
            "The paper's size with the same means and far wider tasks and devices.",
            group=HELD_OUT,
            task_bits=(0.8e6, 5.6e6),
            task_cycles=(200e6, 1800e6),
            device_hz=(200e6, 600e6),
        ),
        _scenario(
            "held-out-backlog",
            "The paper's size with 0.5 to 1.5 s of work queued at every server when the episode starts.",
            group=HELD_OUT,
            initial_load_s=(0.5, 1.5),
        ),
        _scenario(
            "held-out-wide-cell",
            "The paper's size in a cell of 1 km radius: uploads several times as long at the edge.",
            group=HELD_OUT,
            cell_radius_m=1000.0,
        ),
        _scenario(
            "held-out-small",
            "6 users and 3 servers, for policies of any size.",
            group=HELD_OUT,
            num_users=6,
            server_hz=(12e9, 16e9, 20e9),
        ),
        _scenario(
            "held-out-large",
            "16 users and 8 servers, for policies of any size.",
            group=HELD_OUT,
            num_users=16,
            server_hz=(12e9, 13e9, 14e9, 15e9, 16e9, 17e9, 18e9, 20e9),
        ),
        _scenario(
            "held-out-urban",
            "urban with shorter and more frequent bursts, rarer and heavier heavy tasks, and more unequal servers.",
            group=HELD_OUT,
            **_URBAN
            | {
                "arrivals": {"on_s": 1.0, "off_s": 2.0},
                "heavy_tasks": {"probability": 0.1, "factor": 5.0},
                "server_hz_range": (8e9, 24e9),
            },
        ),
        _scenario(
            "held-out-urban-outages",
            "urban-outages with more frequent and shorter outages and longer bursts.",
            group=HELD_OUT,
            **_URBAN | {"failures": {"mtbf_s": 10.0, "mttr_s": 1.0}, "arrivals": {"on_s": 3.0, "off_s": 7.0}},
        ),
        _scenario(
            "held-out-bursty",
            "bursty with bursts half as long and pauses slightly longer than bursts.",
            group=HELD_OUT,
            **_BURSTY | {"arrivals": {"on_s": 0.75, "off_s": 0.9}},
        ),
        _scenario(
            "held-out-failures",
            "failures with more frequent and shorter outages.",
            group=HELD_OUT,
            max_cycles=100,
            failures={"mtbf_s": 6.0, "mttr_s": 1.2},
        ),
        _scenario(
            "held-out-deadlines",
            "deadlines with shorter deadlines and bursts twice as long.",
            group=HELD_OUT,
            **_DEADLINES
            | {"deadline": {"range_s": (0.15, 0.5), "miss_cost_s": 1.0}, "arrivals": {"on_s": 3.0, "off_s": 3.0}},
        ),
        _scenario(
            "held-out-energy",
            "energy with more unequal devices, dearer joules and shorter bursts.",
            group=HELD_OUT,
            **_ENERGY
            | {
                "device_hz": (0.8e9, 2.4e9),
                "energy": {"cost_s_per_j": 0.3},
                "arrivals": {"on_s": 1.0, "off_s": 1.2},
            },
        ),
        _scenario(
            "held-out-cloud",
            "cloud with more unequal servers, a slower cloud that is farther away, and shorter bursts.",
            group=HELD_OUT,
            **_CLOUD
            | {
                "server_hz": (7e9, 10e9, 13e9, 16e9, 30e9),
                "forward_latency_s": (0.0, 0.0, 0.0, 0.15),
                "arrivals": {"on_s": 1.0, "off_s": 1.0},
            },
        ),
        _scenario(
            "held-out-continuous",
            "continuous with bursts half as long and pauses slightly longer than bursts.",
            group=HELD_OUT,
            queue_clock="continuous",
            **_BURSTY | {"arrivals": {"on_s": 0.75, "off_s": 0.9}},
        ),
        _scenario(
            "held-out-power-control",
            "power-control with two powers, 0.1 and 0.4 W, and joules twice as dear.",
            group=HELD_OUT,
            **_POWER_CONTROL | {"levels": {"tx_power_w": (0.1, 0.4)}, "energy": {"cost_s_per_j": 2.0}},
        ),
        _scenario(
            "held-out-split",
            "split with shares of 0.3, 0.6 and 1.",
            group=HELD_OUT,
            **_SPLIT | {"levels": {"offload_ratio": (0.3, 0.6, 1.0)}},
        ),
        _scenario(
            "held-out-vehicles",
            "vehicles that are half as fast again, with 8 dB of shadowing.",
            group=HELD_OUT,
            **_VEHICLES
            | {
                "mobility": {"speed_mps": (15.0, 30.0)},
                "channel": {"fading": "rayleigh", "shadowing_db": 8.0},
            },
        ),
    )
}


def names(*, held_out: bool | None = None) -> list[str]:
    """Return the names of the scenarios, in order: all, only the held-out ones (True), or only the others (False)."""
    return [name for name, scenario in _SCENARIOS.items() if held_out in (None, scenario.held_out)]


def get(name: str) -> Scenario:
    """Return a scenario by name.

    Raises:
        ValueError: an unknown scenario.
        TypeError: not a string.
    """
    check_known("scenario", name, _SCENARIOS)
    return _SCENARIOS[name]


def configure(scenario: str | EdgeOffloadConfig = "paper", **overrides: Any) -> EdgeOffloadConfig:
    """Return the configuration of a scenario (a name or a custom configuration) with some fields overridden.

    Raises:
        TypeError: an unknown field or a wrong type.
        ValueError: an unknown scenario or an impossible value.
    """
    config = scenario if isinstance(scenario, EdgeOffloadConfig) else get(scenario).config
    return config.replace(**overrides) if overrides else config
