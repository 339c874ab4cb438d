import torch

from recipes.algorithms.dtomalb import (
    action_gradient,
    gumbel_softmax,
    likelihood_ratio,
    normalized_advantages,
    policy_loss,
)
from recipes.joint.transitions import TransitionBatch
from recipes.networks.critics import Critics, make_critics
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import gumbel

USERS, CHOICES = 2, 3


def critic_and_batch(rows: int = 1) -> tuple[Critics, TransitionBatch, torch.Tensor]:
    """Critics, a batch of equal transitions, and logits for each of them."""
    generator = torch.Generator().manual_seed(1)
    critics = make_critics("separate", GameSizes(USERS, CHOICES, 3, 4), (16, 16), seed=1).double()
    state = torch.randn(1, 4, generator=generator, dtype=torch.float64)
    obs = torch.randn(1, USERS, 3, generator=generator, dtype=torch.float64)
    actions = torch.randint(CHOICES, (1, USERS), generator=generator)
    logits = torch.randn(USERS, 1, CHOICES, generator=generator, dtype=torch.float64)
    obs, state, actions = obs.expand(rows, -1, -1), state.expand(rows, -1), actions.expand(rows, -1)
    batch = TransitionBatch(obs, state, actions, torch.zeros(rows, USERS), obs, state, torch.zeros(rows, USERS))
    return critics, batch, logits.expand(USERS, rows, CHOICES).clone()


def expected_value(logits: torch.Tensor) -> torch.Tensor:
    """The sum over users of E[Q_n] over the user's own action, from whole passes through the critics."""
    critics, batch, _ = critic_and_batch()
    total = torch.zeros((), dtype=torch.float64)
    for user in range(USERS):
        for choice in range(CHOICES):
            changed = batch.actions.clone()
            changed[:, user] = choice
            total = (
                total + torch.softmax(logits[user, 0], 0)[choice] * critics(batch.obs, batch.state, changed)[user, 0]
            )
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
    critics, batch, logits = critic_and_batch()
    logits.requires_grad_()
    loss = policy_loss(torch.softmax(logits, dim=-1), critics.for_each_own_action(*batch[:3]))
    (gradient,) = torch.autograd.grad(loss, logits)
    truth = finite_differences(expected_value, logits.detach())
    torch.testing.assert_close(-gradient, truth, rtol=1e-6, atol=1e-9)


def test_the_likelihood_ratio_has_the_expectations_gradient() -> None:
    critics, batch, logits = critic_and_batch(100_000)
    logits.requires_grad_()
    uniform = torch.rand(logits.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    _, sampled = gumbel_softmax(logits, uniform, 1.0)
    values = critics.for_each_own_action(*batch[:3])
    values = values - (torch.softmax(logits, dim=-1) * values).sum(dim=-1, keepdim=True)
    (gradient,) = torch.autograd.grad(policy_loss(likelihood_ratio(logits, sampled), values), logits)
    truth = finite_differences(expected_value, logits[:, :1].detach())
    assert truth.abs().max() > 1e-3
    torch.testing.assert_close(-gradient.sum(dim=1, keepdim=True), truth, rtol=0.05, atol=5e-5)


def test_drawn_actions_are_one_hots_with_the_softmaxs_frequencies_at_any_temperature() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64).expand(200_000, 3)
    uniform = torch.rand(logits.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    relaxed, drawn = gumbel_softmax(logits, uniform, 1.0)
    assert drawn.sum(-1).eq(1.0).all()
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(drawn.mean(0), torch.softmax(logits[0], 0), rtol=0.0, atol=5e-3)
    colder, same = gumbel_softmax(logits, uniform, 0.1)
    assert torch.equal(same, drawn)
    assert (colder - drawn).abs().mean() < 0.5 * (relaxed - drawn).abs().mean()


def test_gumbel_noise_is_finite_at_the_ends() -> None:
    ends = torch.tensor([0.0, 1.0 - 2.0**-24])
    assert gumbel(ends).isfinite().all()


def test_the_sampled_gradient_is_that_of_a_straight_through_gumbel_softmax() -> None:
    critics, batch, logits = critic_and_batch(rows=5)
    logits.requires_grad_()
    uniform = torch.rand(logits.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    relaxed, drawn = gumbel_softmax(logits, uniform, 0.7)
    loss = policy_loss(relaxed, action_gradient(critics, batch, drawn))
    (gradient,) = torch.autograd.grad(loss, logits)
    through = torch.nn.functional.one_hot(relaxed.argmax(-1), CHOICES) - relaxed.detach()
    relaxed, _ = gumbel_softmax(logits, uniform, 0.7)
    textbook = -critics.with_own_action(*batch[:3], through + relaxed).mean(dim=1).sum()
    (expected,) = torch.autograd.grad(textbook, logits)
    torch.testing.assert_close(gradient, expected)


def test_the_relaxed_samples_gradient_is_that_of_finite_differences_on_the_same_noise() -> None:
    weights = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    logits = torch.tensor([[[0.2, 0.5, -0.4]]], dtype=torch.float64, requires_grad=True)
    uniform = torch.rand(1, 1, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def relaxed(values: torch.Tensor) -> torch.Tensor:
        return torch.softmax((values + gumbel(uniform)) / 0.7, -1)[0, 0] @ weights

    choice, _ = gumbel_softmax(logits, uniform, 0.7)
    (gradient,) = torch.autograd.grad(policy_loss(choice, weights.expand(1, 1, 3)), logits)
    torch.testing.assert_close(-gradient, finite_differences(relaxed, logits.detach()), rtol=1e-6, atol=1e-9)


def test_the_mean_sampled_gradient_points_along_that_of_the_expectation() -> None:
    critics, batch, many = critic_and_batch(rows=4_000)
    many.requires_grad_()
    uniform = torch.rand(many.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    relaxed, drawn = gumbel_softmax(many, uniform, 1.0)
    loss = policy_loss(relaxed, action_gradient(critics, batch, drawn))
    (gradient,) = torch.autograd.grad(loss, many)
    truth = finite_differences(expected_value, many.detach()[:, :1])
    for user in range(USERS):
        mean = -gradient[user].sum(0)
        assert torch.nn.functional.cosine_similarity(mean, truth[user, 0], dim=0) > 0.9


def test_normalized_advantages_have_no_mean_under_the_policy_and_unit_size() -> None:
    logits = torch.randn(USERS, 50, CHOICES, generator=torch.Generator().manual_seed(4))
    values = 1e3 * torch.randn(USERS, 50, CHOICES, generator=torch.Generator().manual_seed(5)) - 1e4
    advantages = normalized_advantages(values, logits)
    means = (torch.softmax(logits, -1) * advantages).sum(-1)
    torch.testing.assert_close(means, torch.zeros_like(means), rtol=0.0, atol=1e-4)
    torch.testing.assert_close(advantages.square().mean((1, 2)), torch.ones(USERS))
