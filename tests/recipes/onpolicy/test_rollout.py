import torch

from recipes.joint.transitions import TransitionBatch
from recipes.onpolicy.rollout import Rollout, join

SLOTS, USERS = 3, 2


def rollout(num_games: int, first_game: int = 0, masked: bool = False) -> Rollout:
    """Every observation is (slot, game); the second game's episode ends after the second slot."""
    slot, game = torch.meshgrid(torch.arange(SLOTS), torch.arange(num_games) + first_game, indexing="ij")
    rows = torch.stack((slot, game), dim=-1).flatten(0, 1).float()
    obs = rows[:, None].expand(-1, USERS, -1)
    users = obs[..., 0]
    mask = torch.ones(len(rows), USERS, 2, dtype=torch.bool) if masked else None
    transitions = TransitionBatch(obs, rows, users.long(), users, obs, rows, 0.0 * users, mask, mask)
    return Rollout(transitions, (rows[:, 0] == 1.0) & (rows[:, 1] == 1.0), num_games)


def test_columns_by_slot() -> None:
    assert rollout(4).by_slot(rollout(4).transitions.state)[2, 3].tolist() == [2.0, 3.0]


def test_borders_are_ends_of_episodes_and_the_last_slot() -> None:
    two = rollout(2)
    assert two.transitions.state[two.borders()].tolist() == [[1.0, 1.0], [2.0, 0.0], [2.0, 1.0]]
    assert int(two.ended.sum()) == 1


def test_rollouts_of_several_runners_are_one_of_all_their_games() -> None:
    for masked in (False, True):
        joined, whole = join([rollout(2, 0, masked), rollout(3, 2, masked)]), rollout(5, 0, masked)
        assert joined.num_games == 5
        assert torch.equal(joined.ended, whole.ended)
        for mine, expected in zip(joined.transitions, whole.transitions, strict=True):
            assert (mine is None and expected is None) or torch.equal(mine, expected)
    assert join([rollout(2)]).transitions.state is not None
