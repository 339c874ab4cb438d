"""The oracle of the links and of users that move: path loss, and what one slot fixes of the next, in plain Python.

Written from 3GPP TR 36.814, TR 38.901 and the formulas of docs/effects.md, with nothing of ``edgeoffload_env`` in it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

SPEED_OF_LIGHT = 3.0e8
CARRIER_HZ = 2.0e9
USER_M = 1.5


def path_loss_db(distance_m: float, model: str = "tr36814") -> float:
    """Loss in dB at a distance on the ground."""
    if model == "tr36814":
        return 128.1 + 37.6 * math.log10(distance_m / 1000.0)
    station_m = {"umi": 10.0, "uma": 25.0}[model[:3]]
    breakpoint_m = 4.0 * (station_m - 1.0) * (USER_M - 1.0) * CARRIER_HZ / SPEED_OF_LIGHT
    direct_m = math.hypot(distance_m, station_m - USER_M)
    ghz = CARRIER_HZ / 1e9
    corner = math.log10(breakpoint_m**2 + (station_m - USER_M) ** 2)
    if model[:3] == "umi":
        near = 32.4 + 21.0 * math.log10(direct_m) + 20.0 * math.log10(ghz)
        far = 32.4 + 40.0 * math.log10(direct_m) + 20.0 * math.log10(ghz) - 9.5 * corner
        blocked = 35.3 * math.log10(direct_m) + 22.4 + 21.3 * math.log10(ghz) - 0.3 * (USER_M - 1.5)
    else:
        near = 28.0 + 22.0 * math.log10(direct_m) + 20.0 * math.log10(ghz)
        far = 28.0 + 40.0 * math.log10(direct_m) + 20.0 * math.log10(ghz) - 9.0 * corner
        blocked = 13.54 + 39.08 * math.log10(direct_m) + 20.0 * math.log10(ghz) - 0.6 * (USER_M - 1.5)
    sight = near if distance_m <= breakpoint_m else far
    return max(sight, blocked) if model.endswith("-nlos") else sight


def model_of(config: Any) -> str:
    """The path-loss model of a game."""
    return config.channel.path_loss if config.channel else "tr36814"


def path_gain(distance_m: float, config: Any) -> float:
    """The linear gain at a distance, at least the least one."""
    return 10.0 ** (-path_loss_db(max(distance_m, config.min_distance_m), model_of(config)) / 10.0)


def fading(snapshot: Mapping[str, Any], n: int) -> float:
    """What is left of user n's channel gain without path and shadowing."""
    return snapshot["channel_gain"][n] / (snapshot["path_gain"][n] * 10.0 ** (snapshot["shadow_db"][n] / 10.0))


def mirror(vector: Sequence[float], at: Sequence[float]) -> list[float]:
    """A velocity reflected by an edge that is perpendicular to the way from the eNB to a place."""
    length = math.hypot(*at)
    normal = [x / length for x in at]
    along = sum(v * n for v, n in zip(vector, normal, strict=True))
    return [v - 2.0 * along * n for v, n in zip(vector, normal, strict=True)]


def before_reflection(place: Sequence[float], radius_m: float, *, beyond: bool = False) -> list[float]:
    """Where a user would be that the cell's edge has sent back to a place, or ``beyond`` the centre to it."""
    length = math.hypot(*place)
    if beyond:
        return [-x * (2.0 * radius_m + length) / length for x in place]
    return [x * (2.0 * radius_m - length) / length for x in place]


def towards(start: Sequence[float], end: Sequence[float], way_m: float) -> list[float]:
    """The place so many metres from a start towards an end."""
    left_m = math.dist(start, end)
    return [s + way_m * (e - s) / left_m if left_m else s for s, e in zip(start, end, strict=True)]


def next_at_waypoints(before: Mapping[str, Any], after: Mapping[str, Any], n: int, config: Any) -> list[float]:
    """Where user n is after a slot, given the waypoint that it has then."""
    place, goal, following = before["position_m"][n], before["waypoint_m"][n], after["waypoint_m"][n]
    way_m = math.hypot(*before["velocity_mps"][n]) * config.slot_s
    left_m = math.dist(place, goal)
    if list(goal) == list(following):
        return towards(place, goal, way_m)
    return towards(goal, following, min(way_m - left_m, math.dist(goal, following)))


def kick_mps(
    before: Mapping[str, Any], after: Mapping[str, Any], n: int, config: Any
) -> tuple[list[float], list[float] | None]:
    """What chance added to user n's velocity in a slot of Gauss-Markov mobility.

    Also returns where user n would be if the edge had not sent it back; None where it did not.
    """
    keep = math.exp(-config.slot_s / config.mobility.memory_s)
    start, place, velocity = before["position_m"][n], after["position_m"][n], after["velocity_mps"][n]
    sent_back = mirror(velocity, place)
    ends = [before_reflection(place, config.cell_radius_m, beyond=beyond) for beyond in (False, True)]
    ways = [(None, place, velocity), *((end, end, sent_back) for end in ends)]
    reflected, _, velocity = min(
        ways,
        key=lambda way: math.dist(way[1], [x + config.slot_s * v for x, v in zip(start, way[2], strict=True)]),
    )
    old, mean = before["velocity_mps"][n], before["mean_velocity_mps"][n]
    return [v - keep * o - (1.0 - keep) * m for v, o, m in zip(velocity, old, mean, strict=True)], reflected
