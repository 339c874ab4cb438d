import pytest
import torch
from torch import Tensor

from recipes.onpolicy.advantages import generalized_advantages, standardized


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def advantages(terminated: Tensor, ended: Tensor, lambda_: float = 0.5) -> list[float]:
    """Four slots with a border after the second; every number has a value of its own."""
    found = generalized_advantages(
        column(1.0, 2.0, 3.0, 4.0),
        column(0.1, 0.2, 0.3, 0.4),
        column(0.2, 10.0, 0.4, 20.0),
        terminated,
        ended,
        gamma=0.5,
        lambda_=lambda_,
    )
    return found[:, 0].tolist()


NONE, SECOND = column(0.0, 0.0, 0.0, 0.0), column(0.0, 1.0, 0.0, 0.0)


def test_without_borders_deltas_add_up_over_the_rollout() -> None:
    deltas = [1.0 + 0.1 - 0.1, 2.0 + 5.0 - 0.2, 3.0 + 0.2 - 0.3, 4.0 + 10.0 - 0.4]
    third = deltas[2] + 0.25 * deltas[3]
    second = deltas[1] + 0.25 * third
    assert advantages(NONE, NONE) == pytest.approx([deltas[0] + 0.25 * second, second, third, deltas[3]])


def test_a_truncated_episode_bootstraps_and_takes_nothing_of_the_next() -> None:
    assert advantages(NONE, SECOND) == pytest.approx([1.0 + 0.25 * 6.8, 6.8, 2.9 + 0.25 * 13.6, 13.6])


def test_a_terminated_episode_does_not_bootstrap_either() -> None:
    assert advantages(SECOND, SECOND) == pytest.approx([1.0 + 0.25 * 1.8, 1.8, 2.9 + 0.25 * 13.6, 13.6])


def test_lambda_of_0_gives_deltas_and_of_1_the_rewards_played() -> None:
    assert advantages(NONE, SECOND, 0.0) == pytest.approx([1.0, 6.8, 2.9, 13.6])
    played = [1.0 + 0.5 * 2.0 + 0.25 * 10.0, 2.0 + 0.5 * 10.0, 3.0 + 0.5 * 4.0 + 0.25 * 20.0, 4.0 + 0.5 * 20.0]
    values = [0.1, 0.2, 0.3, 0.4]
    expected = [reward - value for reward, value in zip(played, values, strict=True)]
    assert advantages(NONE, SECOND, 1.0) == pytest.approx(expected)


def test_games_and_users_are_apart() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = [torch.rand(6, 2, 3, generator=generator) for _ in range(3)]
    ended = (torch.rand(6, 2, 1, generator=generator) < 0.4).float()
    terminated = ended * (torch.rand(6, 2, 3, generator=generator) < 0.5)
    options = {"gamma": 0.9, "lambda_": 0.8}
    together = generalized_advantages(*draws, terminated, ended, **options)
    for game in range(2):
        for user in range(3):
            own = [each[:, game, user] for each in (*draws, terminated)]
            alone = generalized_advantages(*own, ended[:, game, 0], **options)
            torch.testing.assert_close(together[:, game, user], alone)


def test_advantages_are_standardised_over_what_counts_alone() -> None:
    values = torch.tensor([[1.0, 3.0, 100.0], [5.0, 5.0, 5.0]])
    counted = torch.tensor([[True, True, False], [True, True, True]])
    found = standardized(values, counted)
    assert found[0, :2].tolist() == pytest.approx([-1.0, 1.0])
    assert found[1].tolist() == [0.0, 0.0, 0.0]
    assert standardized(values[:1, :2])[0].tolist() == pytest.approx([-1.0, 1.0])
