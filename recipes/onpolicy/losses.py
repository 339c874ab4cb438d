"""The losses of PPO, as pure functions with the equations of Schulman et al. (2017).

Everything is user-major, ``[N, batch]``. A loss is the sum over users of each user's mean over the batch, so that its
gradient with respect to a user's own parameters is the one that the user would have alone.
"""

from torch import Tensor

from recipes.joint.losses import mean_over_batch


def clipped_surrogate(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    clip: float,
    counted: Tensor | None = None,
) -> Tensor:
    """Return the negative of (7): the mean of min(r A, clip(r, 1 - clip, 1 + clip) A), summed over users.

    Args:
        log_probs: of the actions taken, by the policy that learns.
        old_log_probs: of the same actions, by the policy that played; r is the ratio of the probabilities.
        advantages: A.
        clip: largest change of the ratio that is rewarded.
        counted: bools: the transitions that count; None for all.
    """
    ratio = (log_probs - old_log_probs).exp()
    surrogate = (ratio * advantages).minimum(ratio.clamp(1.0 - clip, 1.0 + clip) * advantages)
    return -mean_over_batch(surrogate, counted).sum()


def value_error(values: Tensor, targets: Tensor, largest: float | None = None) -> Tensor:
    """Return the mean of (V - target)^2, summed over users: L^VF of (9), over all transitions.

    Args:
        values: of the critics.
        targets: of the same shape.
        largest: squared errors beyond it count as it, and have no gradient, as in RLlib; None for no limit.
    """
    squares = (values - targets).square()
    return mean_over_batch(squares if largest is None else squares.clamp_max(largest)).sum()


def kl_divergence(log_probs: Tensor, old_log_probs: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return an estimate of KL(old, new) by the actions taken, the mean of r - 1 - log r, summed over users."""
    log_ratio = log_probs - old_log_probs
    return mean_over_batch(log_ratio.exp() - 1.0 - log_ratio, counted).sum()
