"""The vector view's step as a hand-written loop compiled by numba, an upper bound for the speed of the view.

One thread, float32, one game after the other with its numbers in registers and first-level cache. It does all that
the view does: checks the actions, draws the next tasks, computes the slot, writes infos, rewards, flags and
observations into fresh arrays. As a yardstick it is compiled for the sizes and constants of one configuration and
leaves out everything else (``log`` serves for ``log1p`` where the noise is not much stronger than the signal).
:func:`benchmarks.speed.hand_compiled.check_against_view` compares it with the view before it is timed.
"""

import collections
import functools
import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from edgeoffload_env import observation
from edgeoffload_env._validation import fail
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace
from edgeoffload_env.model.features import LOAD_SCALE_S

_SNAPSHOT = ("task_bits", "task_cycles", "device_hz", "channel_gain", "server_hz", "backlog_cycles")
Step = collections.namedtuple(
    "Step",
    "observations rewards terminations truncations delay_s upload_s forward_s wait_s compute_s target imbalance",
)
"""Outputs of one step: ``[B, N]``, ``[B, N, D]`` the observations, ``[B]`` flags and imbalance; times in seconds."""


class NumbaVector:
    """B games side by side, as ``vector_env`` without the end of episodes.

    Args:
        config: the games' constants; ``observation`` must be "full" and the speeds the same in every episode.
        snapshot: from a vector view's ``snapshot()``.
        seed: seed of the tasks that the loop draws.

    Raises:
        ValueError: a game with effects, which the loop lacks.
    """

    def __init__(self, config: EdgeOffloadConfig, snapshot: dict[str, Any], seed: int) -> None:
        if config.schema.effects:
            fail("config", config, "a game without effects")
        self._play = compiled_loop(config)
        fields = {name: np.ascontiguousarray(snapshot[name], dtype=np.float32) for name in _SNAPSHOT}
        self._tasks = fields["task_bits"], fields["task_cycles"]
        self._system = fields["device_hz"], fields["channel_gain"], fields["server_hz"]
        self._backlog_cycles = fields["backlog_cycles"]
        episode = observation.episode_features(fields, config, xp=numpy_namespace)
        self._features = episode["device_speed"], episode["link_quality"]
        self._stream = np.random.SeedSequence(seed).generate_state(2, np.uint64)

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Step every game by one slot and return a :data:`Step`.

        Raises:
            ValueError: an action out of range; nothing has changed then.
        """
        state = (*self._tasks, *self._system, self._backlog_cycles)
        in_range, tasks, backlog_cycles, outcome = self._play(*state, *self._features, actions, self._stream)
        if not in_range:
            raise ValueError("an action is out of range")
        self._tasks, self._backlog_cycles = tasks, backlog_cycles
        return Step(*outcome)

    def snapshot(self) -> dict[str, Any]:
        """Return the raw SI values before the next :meth:`step`, for the view's ``reset``."""
        values = (*self._tasks, *self._system, self._backlog_cycles)
        slots = np.zeros(len(self._backlog_cycles), dtype=np.int64)
        return dict(zip(_SNAPSHOT, values, strict=True)) | {"slot": slots}


@functools.lru_cache(maxsize=8)
def compiled_loop(config: EdgeOffloadConfig) -> Any:
    """Return the loop over the games of a configuration, compiled at its first call.

    Raises:
        ValueError: a configuration that the loop is not written for.
    """
    if config.observation != "full" or config.server_hz is None or isinstance(config.forward_bps, tuple):
        raise ValueError("the loop is written for full observations, fixed speeds and one forward rate")
    # numba treats closed-over values as constants; float32 ones keep the arithmetic in float32
    num = np.float32
    N, M = config.num_users, config.servers
    D = observation.observation_size(config)
    share_all = config.channel_sharing == "all"
    snr_factor = num(config.tx_power_w / (config.bandwidth_hz * config.noise_w_per_hz))
    rate_factor = num(config.bandwidth_hz / math.log(2.0))
    s_per_forwarded_bit = num(1.0 / config.forward_bps)
    slot_s, load_scale_s = num(config.slot_s), num(LOAD_SCALE_S)
    delay_weight, balance_weight = num(config.delay_weight), num(config.balance_weight)
    sharing, own_part = num(config.reward_sharing), num(1.0 - config.reward_sharing)
    low_bits, low_cycles = num(config.task_bits[0]), num(config.cycles_range[0])
    to_bits = num((config.task_bits[1] - config.task_bits[0]) / 2**24)
    to_cycles = num((config.cycles_range[1] - config.cycles_range[0]) / 2**24)
    bits_middle, bits_scale = _middle_and_scale(config.task_bits)
    cycles_middle, cycles_scale = _middle_and_scale(config.cycles_range)
    zero, one, users, per_user, per_server = num(0.0), num(1.0), num(N), num(1.0 / N), num(1.0 / M)

    @numba.njit(fastmath=True)  # type: ignore[untyped-decorator]
    def play(  # type: ignore[no-untyped-def]
        task_bits, task_cycles, device_hz, channel_gain, server_hz, backlog_cycles, device, link, actions, stream
    ):
        B = task_bits.shape[0]
        next_bits, next_cycles = np.empty((B, N), np.float32), np.empty((B, N), np.float32)
        next_backlog = np.empty((B, M), np.float32)
        observations = np.empty((B, N, D), np.float32)
        rewards, delay_s = np.empty((B, N), np.float32), np.empty((B, N), np.float32)
        upload_s, forward_s = np.empty((B, N), np.float32), np.empty((B, N), np.float32)
        wait_s, compute_s = np.empty((B, N), np.float32), np.empty((B, N), np.float32)
        target, imbalance = np.empty((B, N), np.int8), np.empty(B, np.float32)
        terminations, truncations = np.zeros(B, np.bool_), np.zeros(B, np.bool_)
        s0, s1 = stream[0], stream[1]
        # of the game at hand; place 0 is the devices
        chosen, cycles = np.empty(N, np.int32), np.empty(N, np.float32)
        arrival_s, ahead = np.empty(N, np.float32), np.empty(N, np.float32)
        queued, s_per_cycle = np.empty(M + 1, np.float32), np.empty(M + 1, np.float32)
        load = np.empty(M, np.float32)
        in_range = True
        for b in range(B):
            sharers = zero
            for n in range(N):
                a = actions[b, n]
                if a < 0 or a > M:
                    in_range = False
                    a = 0
                target[b, n] = a
                chosen[n] = a
                if a > 0:
                    sharers += one
            if share_all:
                sharers = users
            queued[0] = zero
            for m in range(M):
                queued[m + 1] = backlog_cycles[b, m]
                s_per_cycle[m + 1] = one / server_hz[b, m]

            # (5), (7), (9)
            snr_per_gain = snr_factor * sharers
            share = sharers / rate_factor
            for n in range(N):
                a = chosen[n]
                cycles[n] = task_cycles[b, n]
                ahead[n] = zero
                if a == 0:
                    upload_s[b, n], forward_s[b, n], arrival_s[n] = zero, zero, zero
                else:
                    up = task_bits[b, n] * share / math.log(one + channel_gain[b, n] * snr_per_gain)
                    forward = task_bits[b, n] * s_per_forwarded_bit if a > 1 else zero
                    upload_s[b, n], forward_s[b, n], arrival_s[n] = up, forward, up + forward

            # the sum in (8): each rival's cycles to all who come after it, one vector operation for ten users;
            # a fifth faster than an insertion sort, whose branches cannot be predicted
            for k in range(N):
                server, reached_s, rival_cycles = chosen[k], arrival_s[k], cycles[k]
                for n in range(N):
                    earlier = (reached_s < arrival_s[n]) | ((reached_s == arrival_s[n]) & (k < n))
                    ahead[n] += rival_cycles if (chosen[n] == server) & earlier else zero

            # (6), (8), (10), (11)
            for n in range(N):
                a = chosen[n]
                if a == 0:
                    seconds = cycles[n] / device_hz[b, n]
                    wait_s[b, n], compute_s[b, n], delay_s[b, n] = zero, seconds, seconds
                else:
                    wait = (queued[a] + ahead[n]) * s_per_cycle[a]
                    compute = cycles[n] * s_per_cycle[a]
                    wait_s[b, n], compute_s[b, n], delay_s[b, n] = wait, compute, arrival_s[n] + wait + compute
            for n in range(N):
                queued[chosen[n]] += cycles[n]

            # (13), (19), and the work that servers complete
            mean_load = zero
            for m in range(M):
                load[m] = queued[m + 1] * s_per_cycle[m + 1]
                mean_load += load[m]
            mean_load *= per_server
            variance = zero
            for m in range(M):
                variance += (load[m] - mean_load) ** 2
                left = max(zero, queued[m + 1] - server_hz[b, m] * slot_s)
                next_backlog[b, m] = left
                left_s = left * s_per_cycle[m + 1]
                load[m] = (left_s - load_scale_s) / (left_s + load_scale_s)
            variance *= per_server
            imbalance[b] = variance

            # (20)
            balance = balance_weight * variance
            if sharing == zero:
                for n in range(N):
                    rewards[b, n] = -delay_weight * delay_s[b, n] - balance
            else:
                total = zero
                for n in range(N):
                    total += delay_s[b, n]
                shared = sharing * total * per_user
                for n in range(N):
                    rewards[b, n] = -delay_weight * (own_part * delay_s[b, n] + shared) - balance

            # the next tasks (xoroshiro128+, two of 24 bits from each 64) and the observations
            for n in range(N):
                word = s0 + s1
                s1 ^= s0
                s0 = ((s0 << np.uint64(24)) | (s0 >> np.uint64(40))) ^ s1 ^ (s1 << np.uint64(16))
                s1 = (s1 << np.uint64(37)) | (s1 >> np.uint64(27))
                bits = low_bits + to_bits * np.float32(np.int32(word >> np.uint64(40)))
                work = low_cycles + to_cycles * np.float32(np.int32((word >> np.uint64(16)) & np.uint64(0xFFFFFF)))
                next_bits[b, n] = bits
                next_cycles[b, n] = work
                for m in range(M):
                    observations[b, n, m] = load[m]
                z = (bits - bits_middle) * bits_scale
                observations[b, n, M] = z / (one + abs(z))
                z = (work - cycles_middle) * cycles_scale
                observations[b, n, M + 1] = z / (one + abs(z))
                observations[b, n, M + 2] = device[b, n]
                observations[b, n, M + 3] = link[b, n]
        if in_range:
            stream[0], stream[1] = s0, s1
        infos = (delay_s, upload_s, forward_s, wait_s, compute_s, target, imbalance)
        outcome = Step(observations, rewards, terminations, truncations, *infos)
        return in_range, (next_bits, next_cycles), next_backlog, outcome

    return play


def _middle_and_scale(bounds: tuple[float, float]) -> tuple[np.float32, np.float32]:
    """Return the scaling of a value to the z of :mod:`edgeoffload_env.model.features`."""
    middle = 0.5 * (bounds[0] + bounds[1])
    half = 0.5 * (bounds[1] - bounds[0]) or 0.1 * abs(middle)
    return np.float32(middle), np.float32(1.0 / half)
