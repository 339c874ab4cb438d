import pytest
import torch
from scipy import stats

from recipes.offpolicy import losses


def test_td_target_by_hand() -> None:
    rewards = torch.tensor([[1.0, 2.0]])
    terminated = torch.tensor([[0.0, 1.0]])
    next_values = torch.tensor([[10.0, 10.0]])
    assert losses.td_target(rewards, terminated, next_values, 0.9).tolist() == [[10.0, 2.0]]


def test_squared_error_is_each_users_mean_summed() -> None:
    values, targets = torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [2.0, 4.0]])
    assert float(losses.squared_error(values, targets)) == 5.0 + 10.0


def test_symlog_keeps_order_and_sign_and_small_numbers() -> None:
    x = torch.tensor([-1000.0, -1.0, -1e-4, 0.0, 1e-4, 1000.0], dtype=torch.float64)
    expected = torch.tensor([-6.908755, -0.693147, -1e-4, 0.0, 1e-4, 6.908755], dtype=torch.float64)
    torch.testing.assert_close(losses.symlog(x), expected, rtol=1e-4, atol=0.0)


def test_huber_error_is_the_squared_error_of_small_errors_and_linear_for_large_ones() -> None:
    targets = torch.zeros(1, 1)
    small, large, larger = (torch.full((1, 1), value) for value in (0.5, 10.0, 11.0))
    assert float(losses.huber_error(small, targets)) == float(losses.squared_error(small, targets))
    assert float(losses.huber_error(larger, targets) - losses.huber_error(large, targets)) == pytest.approx(2.0)


def test_double_q_rates_the_online_networks_choice() -> None:
    target, online = torch.tensor([[[1.0, 5.0]]]), torch.tensor([[[3.0, 2.0]]])
    assert losses.next_value(target).item() == 5.0
    assert losses.next_value(target, online).item() == 1.0


def test_entropy_of_equal_logits() -> None:
    assert float(losses.entropy(torch.zeros(2, 5, 4))) == pytest.approx(2.0 * torch.log(torch.tensor(4.0)).item())


def test_entropy_is_that_of_scipy() -> None:
    logits = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    each = stats.entropy(torch.softmax(logits, dim=-1).numpy(), axis=-1)
    assert losses.entropy(logits).item() == pytest.approx(each.mean(axis=1).sum(), rel=1e-12)
