import pytest
import torch

from recipes.joint.transitions import TransitionBatch
from recipes.offpolicy.replay_buffer import ReplayBuffer


def rows(first: int, count: int) -> TransitionBatch:
    """TransitionBatch whose every number tells the row."""
    number = torch.arange(first, first + count, dtype=torch.float32)
    users = number[:, None].expand(-1, 2)
    vector = number[:, None, None].expand(-1, 2, 3)
    masks = vector % 2 > 0, vector % 3 > 0
    return TransitionBatch(
        vector, users.clone(), users.long(), users + 0.5, vector + 1.0, users + 1.0, users % 2, *masks
    )


def assert_aligned(batch: TransitionBatch) -> None:
    number = batch.rewards[:, 0] - 0.5
    expected = rows(0, int(number.max()) + 1)
    for column, all_rows in zip(batch, expected, strict=True):
        assert torch.equal(column, all_rows[number.long()])


def test_rows_stay_aligned_through_wrapping() -> None:
    replay = ReplayBuffer(10, seed=0)
    for first in range(0, 28, 4):
        replay.add(rows(first, 4))
    batch = replay.sample(500)
    assert_aligned(batch)
    assert set((batch.rewards[:, 0] - 0.5).tolist()) == set(range(18, 28))
    assert len(replay) == 10


def test_more_rows_than_the_capacity_leave_the_latest() -> None:
    replay = ReplayBuffer(3, seed=0)
    replay.add(rows(0, 8))
    assert set((replay.sample(100).rewards[:, 0] - 0.5).tolist()) == {5.0, 6.0, 7.0}


def test_only_rows_that_were_added_are_drawn() -> None:
    replay = ReplayBuffer(1_000, seed=0)
    replay.add(rows(0, 3))
    assert set((replay.sample(100).rewards[:, 0] - 0.5).tolist()) == {0.0, 1.0, 2.0}


def test_an_empty_ring_has_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="cannot sample from an empty replay buffer"):
        ReplayBuffer(5, seed=0).sample(1)


def test_a_restored_ring_goes_on_alike() -> None:
    replay = ReplayBuffer(10, seed=4)
    replay.add(rows(0, 13))
    replay.sample(5)
    twin = ReplayBuffer(10, seed=9)
    twin.set_state(replay.get_state())
    for one in (replay, twin):
        one.add(rows(13, 3))
    for _ in range(3):
        assert all(torch.equal(a, b) for a, b in zip(replay.sample(20), twin.sample(20), strict=True))


def test_a_stored_state_does_not_change_afterwards() -> None:
    replay = ReplayBuffer(4, seed=0)
    replay.add(rows(0, 4))
    state = replay.get_state()
    replay.add(rows(4, 4))
    twin = ReplayBuffer(4, seed=0)
    twin.set_state(state)
    assert set((twin.sample(50).rewards[:, 0] - 0.5).tolist()) == {0.0, 1.0, 2.0, 3.0}


def test_equal_seeds_draw_equal_batches() -> None:
    batches = []
    for seed in (1, 1, 2):
        replay = ReplayBuffer(100, seed=seed)
        replay.add(rows(0, 100))
        batches.append(replay.sample(30).rewards)
    assert torch.equal(batches[0], batches[1])
    assert not torch.equal(batches[0], batches[2])
