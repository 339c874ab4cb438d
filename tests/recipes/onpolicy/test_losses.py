import math

import pytest
import torch

from recipes.onpolicy import losses


def test_the_surrogate_is_clipped_where_a_larger_change_would_be_rewarded() -> None:
    """Ratios 1.5 and 0.5 with either sign of the advantage, and 1.1 within the limits."""
    ratios = torch.tensor([[1.5, 1.5, 0.5, 0.5, 1.1]])
    advantages = torch.tensor([[2.0, -2.0, 2.0, -2.0, 3.0]])
    log_probs = ratios.log().requires_grad_()
    loss = losses.clipped_surrogate(log_probs, torch.zeros(1, 5), advantages, 0.2)
    assert float(loss.detach()) == pytest.approx(-(1.2 * 2.0 - 1.5 * 2.0 + 0.5 * 2.0 - 0.8 * 2.0 + 1.1 * 3.0) / 5)
    (gradient,) = torch.autograd.grad(loss, log_probs)
    assert gradient[0].tolist() == pytest.approx([0.0, 1.5 * 2.0 / 5, -0.5 * 2.0 / 5, 0.0, -1.1 * 3.0 / 5])


def test_losses_are_means_over_what_counts_summed_over_users() -> None:
    log_probs = torch.tensor([[0.0, math.log(1.1)], [math.log(0.9), 5.0]])
    advantages = torch.tensor([[1.0, 3.0], [10.0, 1e6]])
    counted = torch.tensor([[True, True], [True, False]])
    loss = losses.clipped_surrogate(log_probs, torch.zeros(2, 2), advantages, 0.2, counted)
    assert float(loss) == pytest.approx(-((1.0 + 3.3) / 2 + 9.0))
    divergence = losses.kl_divergence(log_probs, torch.zeros(2, 2), counted)
    assert float(divergence) == pytest.approx((0.1 - math.log(1.1)) / 2 + (-0.1 - math.log(0.9)), rel=1e-4)


def test_large_squared_errors_count_as_the_limit_and_have_no_gradient() -> None:
    values, targets = torch.tensor([[1.0, 4.0]], requires_grad=True), torch.zeros(1, 2)
    for largest, loss, gradient in ((None, 8.5, [1.0, 4.0]), (9.0, 5.0, [1.0, 0.0])):
        found = losses.value_error(values, targets, largest)
        assert float(found.detach()) == loss
        assert torch.autograd.grad(found, values)[0][0].tolist() == gradient
