import numpy as np
import pytest

from benchmarks.speed import hand_compiled
from benchmarks.speed.hand_compiled import DisagreementError, check_against_view
from benchmarks.speed.numba_step import NumbaVector
from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0
from tests.helpers import random_snapshot

GAMES = 300
CONFIGS = {
    "paper": EdgeOffloadConfig(),
    "other sizes and options": EdgeOffloadConfig(
        num_users=13,
        server_hz=(8e9, 30e9, 1e9),
        channel_sharing="all",
        reward_sharing=0.3,
        delay_weight=0.7,
        balance_weight=1.9,
        slot_s=0.4,
        forward_bps=2e8,
    ),
    "one user and one server": EdgeOffloadConfig(num_users=1, server_hz=(10e9,)),
}


@pytest.fixture(scope="module")
def paper_loop() -> NumbaVector:
    view = edgeoffload_v0.vector_env(GAMES)
    view.reset(seed=0)
    return NumbaVector(view.config, view.snapshot(), seed=0)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_loop_plays_random_games_as_the_view_does(config: EdgeOffloadConfig, backend: str) -> None:
    start = random_snapshot(np.random.default_rng(1), config, GAMES)
    view = edgeoffload_v0.vector_env(GAMES, config, backend=backend)
    _, largest_difference = check_against_view(view, seed=2, start=start)
    assert 0.0 < largest_difference <= hand_compiled.TOLERANCE


@pytest.mark.parametrize("name", ["observations", "rewards", "delay_s", "wait_s", "imbalance", "target"])
def test_the_check_finds_a_difference(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    step = NumbaVector.step

    def off_in_one_place(self: NumbaVector, actions: np.ndarray) -> object:
        result = step(self, actions)
        getattr(result, name).flat[-1] += 1
        return result

    monkeypatch.setattr(NumbaVector, "step", off_in_one_place)
    monkeypatch.setattr(hand_compiled, "_near_ties", lambda arrival_s, actions: np.zeros(GAMES, dtype=np.bool_))
    with pytest.raises(DisagreementError, match=name):
        check_against_view(edgeoffload_v0.vector_env(GAMES), seed=0)


def test_the_check_finds_tasks_that_are_not_uniform() -> None:
    view = edgeoffload_v0.vector_env(GAMES)
    view.reset(seed=0)
    hand_compiled._check_tasks(view.snapshot(), view)
    skewed = view.snapshot() | {"task_cycles": 8e8 + 4e8 * np.random.default_rng(0).random((GAMES, 10)) ** 1.3}
    with pytest.raises(DisagreementError, match="task_cycles"):
        hand_compiled._check_tasks(skewed, view)


def test_only_arrivals_at_one_server_that_nearly_tie_leave_the_order_open() -> None:
    actions = np.array([[1, 1, 2], [1, 1, 2], [1, 2, 2], [0, 0, 1]])
    arrival_s = np.array([[0.1, 0.100001, 0.3], [0.1, 0.1, 0.3], [0.1, 0.100001, 0.3], [0.0, 0.000001, 0.2]])
    assert hand_compiled._near_ties(arrival_s.astype(np.float32), actions).tolist() == [True, False, False, False]


@pytest.mark.parametrize("action", [-1, 6])
def test_an_action_out_of_range_is_refused_and_changes_nothing(paper_loop: NumbaVector, action: int) -> None:
    before, stream = paper_loop.snapshot(), paper_loop._stream.copy()
    actions = np.zeros((GAMES, 10), dtype=np.int64)
    actions[-1, -1] = action
    with pytest.raises(ValueError, match="out of range"):
        paper_loop.step(actions)
    after = paper_loop.snapshot()
    for name, values in before.items():
        assert np.array_equal(after[name], values), name
    assert np.array_equal(paper_loop._stream, stream)


def test_every_step_writes_new_arrays(paper_loop: NumbaVector) -> None:
    actions = np.ones((GAMES, 10), dtype=np.int64)
    first, second = paper_loop.step(actions), paper_loop.step(actions)
    for mine, theirs in zip(first, second, strict=True):
        assert not np.shares_memory(mine, theirs)


@pytest.mark.parametrize(
    "fields",
    [{"observation": "load"}, {"server_hz_range": (1e9, 2e9), "num_servers": 5}, {"forward_bps": (1e9,) * 4}],
    ids=lambda fields: next(iter(fields)),
)
def test_what_the_loop_is_not_written_for_is_refused(fields: dict[str, object]) -> None:
    view = edgeoffload_v0.vector_env(2, **fields)
    view.reset(seed=0)
    with pytest.raises(ValueError, match="written for"):
        NumbaVector(view.config, view.snapshot(), seed=0)


def test_a_game_with_effects_is_refused() -> None:
    view = edgeoffload_v0.vector_env(2, "urban")
    view.reset(seed=0)
    with pytest.raises(ValueError, match="config must be a game without effects"):
        NumbaVector(view.config, view.snapshot(), seed=0)
