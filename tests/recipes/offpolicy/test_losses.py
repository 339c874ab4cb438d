import pytest
import torch
from scipy import stats

from recipes.joint import losses
from recipes.joint.acting import GameSizes
from recipes.joint.critics import Critics, make_critics
from recipes.joint.networks import gumbel

USERS, CHOICES = 2, 3


def test_td_target_by_hand() -> None:
    rewards = torch.tensor([[1.0, 2.0]])
    terminated = torch.tensor([[0.0, 1.0]])
    next_values = torch.tensor([[10.0, 10.0]])
    assert losses.td_target(rewards, terminated, next_values, 0.9).tolist() == [[10.0, 2.0]]


def test_squared_error_is_each_users_mean_summed() -> None:
    values, targets = torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [2.0, 4.0]])
    assert float(losses.squared_error(values, targets)) == 5.0 + 10.0


def test_huber_error_is_the_squared_error_of_small_errors_and_linear_for_large_ones() -> None:
    targets = torch.zeros(1, 1)
    small, large, larger = (torch.full((1, 1), value) for value in (0.5, 10.0, 11.0))
    assert float(losses.huber_error(small, targets)) == float(losses.squared_error(small, targets))
    assert float(losses.huber_error(larger, targets) - losses.huber_error(large, targets)) == pytest.approx(2.0)


def test_double_q_rates_the_online_networks_choice() -> None:
    target, online = torch.tensor([[[1.0, 5.0]]]), torch.tensor([[[3.0, 2.0]]])
    assert losses.next_value(target).item() == 5.0
    assert losses.next_value(target, online).item() == 1.0


Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def critic_and_batch(rows: int = 1) -> tuple[Critics, Batch, torch.Tensor]:
    """Critics, a batch of equal rows, and logits for each of them."""
    generator = torch.Generator().manual_seed(1)
    critics = make_critics("separate", GameSizes(USERS, CHOICES, 3, 4), (16, 16), seed=1).double()
    state = torch.randn(1, 4, generator=generator, dtype=torch.float64)
    obs = torch.randn(1, USERS, 3, generator=generator, dtype=torch.float64)
    actions = torch.randint(CHOICES, (1, USERS), generator=generator)
    logits = torch.randn(USERS, 1, CHOICES, generator=generator, dtype=torch.float64)
    seen = obs.expand(rows, -1, -1), state.expand(rows, -1), actions.expand(rows, -1)
    return critics, seen, logits.expand(USERS, rows, CHOICES).clone()


def expected_value(logits: torch.Tensor) -> torch.Tensor:
    """The sum over users of E[Q_n] over the user's own action, from whole passes through the critics."""
    critics, (obs, state, actions), _ = critic_and_batch()
    total = torch.zeros((), dtype=torch.float64)
    for user in range(USERS):
        for choice in range(CHOICES):
            changed = actions.clone()
            changed[:, user] = choice
            total = total + torch.softmax(logits[user, 0], 0)[choice] * critics(obs, state, changed)[user, 0]
    return total.detach()


def finite_differences(function: object, logits: torch.Tensor, step: float = 1e-5) -> torch.Tensor:
    gradient = torch.zeros_like(logits)
    for index in range(logits.numel()):
        change = torch.zeros_like(logits).flatten()
        change[index] = step
        change = change.reshape(logits.shape)
        gradient.flatten()[index] = (function(logits + change) - function(logits - change)) / (2.0 * step)  # type: ignore[operator]
    return gradient


def test_the_exact_gradient_is_that_of_the_expectation() -> None:
    critics, seen, logits = critic_and_batch()
    logits.requires_grad_()
    loss = losses.actor_loss(torch.softmax(logits, dim=-1), critics.for_each_own_action(*seen))
    (gradient,) = torch.autograd.grad(loss, logits)
    truth = finite_differences(expected_value, logits.detach())
    torch.testing.assert_close(-gradient, truth, rtol=1e-6, atol=1e-9)


def test_drawn_actions_are_one_hots_with_the_softmaxs_frequencies_at_any_temperature() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64).expand(200_000, 3)
    uniform = torch.rand(logits.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    relaxed, drawn = losses.gumbel_softmax(logits, uniform, 1.0)
    assert drawn.sum(-1).eq(1.0).all()
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(drawn.mean(0), torch.softmax(logits[0], 0), rtol=0.0, atol=5e-3)
    colder, same = losses.gumbel_softmax(logits, uniform, 0.1)
    assert torch.equal(same, drawn)
    assert (colder - drawn).abs().mean() < 0.5 * (relaxed - drawn).abs().mean()


def test_gumbel_noise_is_finite_at_the_ends() -> None:
    ends = torch.tensor([0.0, 1.0 - 2.0**-24])
    assert gumbel(ends).isfinite().all()


def test_the_sampled_gradient_is_that_of_a_straight_through_gumbel_softmax() -> None:
    critics, seen, logits = critic_and_batch(rows=5)
    logits.requires_grad_()
    uniform = torch.rand(logits.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    relaxed, drawn = losses.gumbel_softmax(logits, uniform, 0.7)
    loss = losses.actor_loss(relaxed, losses.action_gradient(critics, *seen, drawn))
    (gradient,) = torch.autograd.grad(loss, logits)
    through = torch.nn.functional.one_hot(relaxed.argmax(-1), CHOICES) - relaxed.detach()
    relaxed, _ = losses.gumbel_softmax(logits, uniform, 0.7)
    textbook = -critics.with_own_action(*seen, through + relaxed).mean(dim=1).sum()
    (expected,) = torch.autograd.grad(textbook, logits)
    torch.testing.assert_close(gradient, expected)


def test_the_relaxed_samples_gradient_is_that_of_finite_differences_on_the_same_noise() -> None:
    weights = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    logits = torch.tensor([[[0.2, 0.5, -0.4]]], dtype=torch.float64, requires_grad=True)
    uniform = torch.rand(1, 1, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def relaxed(values: torch.Tensor) -> torch.Tensor:
        return torch.softmax((values + gumbel(uniform)) / 0.7, -1)[0, 0] @ weights

    choice, _ = losses.gumbel_softmax(logits, uniform, 0.7)
    (gradient,) = torch.autograd.grad(losses.actor_loss(choice, weights.expand(1, 1, 3)), logits)
    torch.testing.assert_close(-gradient, finite_differences(relaxed, logits.detach()), rtol=1e-6, atol=1e-9)


def test_the_mean_sampled_gradient_points_along_that_of_the_expectation() -> None:
    critics, seen, many = critic_and_batch(rows=4_000)
    many.requires_grad_()
    uniform = torch.rand(many.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    relaxed, drawn = losses.gumbel_softmax(many, uniform, 1.0)
    loss = losses.actor_loss(relaxed, losses.action_gradient(critics, *seen, drawn))
    (gradient,) = torch.autograd.grad(loss, many)
    truth = finite_differences(expected_value, many.detach()[:, :1])
    for user in range(USERS):
        mean = -gradient[user].sum(0)
        assert torch.nn.functional.cosine_similarity(mean, truth[user, 0], dim=0) > 0.9


def test_normalized_advantages_have_no_mean_under_the_policy_and_unit_size() -> None:
    logits = torch.randn(USERS, 50, CHOICES, generator=torch.Generator().manual_seed(4))
    values = 1e3 * torch.randn(USERS, 50, CHOICES, generator=torch.Generator().manual_seed(5)) - 1e4
    advantages = losses.normalized(values, logits)
    means = (torch.softmax(logits, -1) * advantages).sum(-1)
    torch.testing.assert_close(means, torch.zeros_like(means), rtol=0.0, atol=1e-4)
    torch.testing.assert_close(advantages.square().mean((1, 2)), torch.ones(USERS))


def test_entropy_of_equal_logits() -> None:
    assert float(losses.entropy(torch.zeros(2, 5, 4))) == pytest.approx(2.0 * torch.log(torch.tensor(4.0)).item())


def test_entropy_is_that_of_scipy() -> None:
    logits = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    each = stats.entropy(torch.softmax(logits, dim=-1).numpy(), axis=-1)
    assert losses.entropy(logits).item() == pytest.approx(each.mean(axis=1).sum(), rel=1e-12)
