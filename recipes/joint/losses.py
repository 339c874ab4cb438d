"""The algorithms' losses as pure functions, with the paper's equation numbers.

Values and rewards are user-major, ``[N, batch]``. A loss is the sum over users of each user's mean over the batch, so
that its gradient with respect to a user's own parameters is the one that the user would have alone.
"""

import torch
from torch import Tensor

from recipes.joint.networks import CentralCritics


def td_target(rewards: Tensor, terminated: Tensor, next_values: Tensor, discount: float) -> Tensor:
    """The y of (32) and (35): r + gamma Q'(x', a'), without the second term where the game terminated.

    Truncated rows bootstrap: their x' is the state before the reset.
    """
    return rewards + discount * (1.0 - terminated) * next_values


def squared_error(values: Tensor, targets: Tensor) -> Tensor:
    """(35), line 17 of Table 1: the mean over the batch of (Q - y)^2, summed over users."""
    return (values - targets).square().mean(dim=1).sum()


def huber_error(values: Tensor, targets: Tensor) -> Tensor:
    """As :func:`squared_error`, growing linearly beyond an error of 1, at twice the usual scale: equal to it below."""
    return 2.0 * torch.nn.functional.huber_loss(values, targets, reduction="none").mean(dim=1).sum()


def straight_through_gumbel_softmax(logits: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """One-hots of actions drawn from softmax(logits) whose gradient is that of the relaxed sample.

    Args:
        logits: ``[..., A]``.
        uniform: numbers in [0, 1) of the same shape.
        temperature: of the relaxation; the drawn actions do not depend on it.
    """
    relaxed = torch.softmax((logits + gumbel(uniform)) / temperature, dim=-1)
    drawn = torch.zeros_like(relaxed).scatter_(-1, relaxed.argmax(dim=-1, keepdim=True), 1.0)
    return drawn - relaxed.detach() + relaxed


def gumbel(uniform: Tensor) -> Tensor:
    """Gumbel noise from uniform numbers in [0, 1)."""
    smallest = torch.finfo(uniform.dtype).tiny
    exponential = (-torch.log(uniform.clamp_min(smallest))).clamp_min(smallest)
    return -torch.log(exponential)


def sampled_actor_loss(
    critics: CentralCritics, state: Tensor, actions: Tensor, logits: Tensor, uniform: Tensor, temperature: float
) -> Tensor:
    """The negative of (34)'s objective: Q_i(x, a_1, .., a_N) at a_i = mu_i(o_i), the others' actions from the batch.

    The gradient reaches the logits ``[N, batch, A]`` through the relaxed one-hot of the user's own action.
    """
    own = straight_through_gumbel_softmax(logits, uniform, temperature)
    values = critics.with_own_action(critics.first(state, actions), actions, own)
    return -values.mean(dim=1).sum()


def exact_actor_loss(critics: CentralCritics, state: Tensor, actions: Tensor, logits: Tensor) -> Tensor:
    """Our variant of (34), ``dtomalb-exact``: minus the expectation of Q_i over the user's own action.

    The critic is evaluated for each of the A actions, so that there is neither sampling nor relaxation.
    """
    with torch.no_grad():
        values = critics.for_each_own_action(critics.first(state, actions), actions)
    return -(torch.softmax(logits, dim=-1) * values).sum(dim=-1).mean(dim=1).sum()


def entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of softmax(logits), mean over the batch, summed over users."""
    log_p = torch.log_softmax(logits, dim=-1)
    return -(log_p.exp() * log_p).sum(dim=-1).mean(dim=1).sum()


def chosen(values: Tensor, actions: Tensor) -> Tensor:
    """Of values ``[..., A]`` those of the actions ``[...]``."""
    return values.gather(-1, actions.unsqueeze(-1)).squeeze(-1)


def next_value(target_values: Tensor, online_values: Tensor | None = None) -> Tensor:
    """The maximum of Q' over the last axis; given online values, Q' at their maximum (double Q-learning)."""
    if online_values is None:
        return target_values.amax(dim=-1)
    return chosen(target_values, online_values.argmax(dim=-1))
