"""The algorithms' losses as pure functions, with the paper's equation numbers.

Values and rewards are user-major, ``[N, batch]``. A loss is the sum over users of each user's mean over the batch, so
that its gradient with respect to a user's own parameters is the one that the user would have alone.
"""

import torch
from torch import Tensor

from recipes.joint.critics import Critics
from recipes.joint.networks import best, gumbel, log_softmax, softmax


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


def gumbel_softmax(logits: Tensor, uniform: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Relaxed samples of softmax(logits), and the one-hots of the actions drawn by the same noise.

    Args:
        logits: ``[..., A]``.
        uniform: numbers in [0, 1) of the same shape.
        temperature: of the relaxation; the drawn actions do not depend on it.
    """
    relaxed = softmax((logits + gumbel(uniform)) / temperature)
    drawn = torch.zeros_like(relaxed).scatter_(-1, best(relaxed).unsqueeze(-1), 1.0)
    return relaxed, drawn.detach()


def action_gradient(critics: Critics, obs: Tensor, state: Tensor, actions: Tensor, drawn: Tensor) -> Tensor:
    """The nabla_{a_i} Q_i(x, a_1, .., a_N) of (34) at a_i = ``drawn [N, batch, A]``, the others' from the batch."""
    own = drawn.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critics.with_own_action(obs, state, actions, own).sum(), own)
    return gradient


def normalized(values: Tensor, logits: Tensor) -> Tensor:
    """Values ``[N, batch, A]`` as advantages over the policy's mean, in units of each user's root mean square."""
    advantages = values - (softmax(logits) * values).sum(dim=-1, keepdim=True)
    return advantages / (advantages.square().mean(dim=(1, 2), keepdim=True).sqrt() + 1e-6)


def actor_loss(choice: Tensor, values: Tensor) -> Tensor:
    """The negative of (34)'s objective, for values ``[N, batch, A]`` that are held fixed.

    With relaxed samples for ``choice`` and :func:`action_gradient` for ``values`` its gradient is that of the
    straight-through Gumbel-Softmax, nabla mu_i nabla_a Q_i. With the policy's probabilities and the values of each
    action it is that of the exact expectation over the user's own action, our variant ``dtomalb-exact``.
    """
    return -(choice * values.detach()).sum(dim=-1).mean(dim=1).sum()


def entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of softmax(logits), mean over the batch, summed over users."""
    log_p = log_softmax(logits)
    return -(log_p.exp() * log_p).sum(dim=-1).mean(dim=1).sum()


def chosen(values: Tensor, actions: Tensor) -> Tensor:
    """Of values ``[..., A]`` those of the actions ``[...]``."""
    return values.gather(-1, actions.unsqueeze(-1)).squeeze(-1)


def next_value(target_values: Tensor, online_values: Tensor | None = None) -> Tensor:
    """The maximum of Q' over the last axis; given online values, Q' at their maximum (double Q-learning)."""
    if online_values is None:
        return target_values.amax(dim=-1)
    return chosen(target_values, best(online_values))
