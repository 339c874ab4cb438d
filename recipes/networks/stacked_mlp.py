"""Perceptrons of all users, evaluated together: parameters are ``[users, in, out]``."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_NARROW = 16
"""Outputs below which the last layer's product is computed transposed, which is then faster."""


class StackedMLP(nn.Module):
    """N perceptrons of the same shape that are evaluated together, or one that N users share.

    Layers are linear with ReLU between them, initialised as ``torch.nn.Linear`` is, the last one at a tenth of that, so
    that initial values are near 0 and initial policies near uniform. All tensors are user-major: ``[N, batch, size]``.
    Adam, and norms over all but the first axis, treat the stack as N separate networks.
    """

    def __init__(
        self, num_users: int, sizes: Sequence[int], *, shared: bool = False, generator: torch.Generator | None = None
    ) -> None:
        """Draw the parameters.

        Args:
            num_users: N.
            sizes: units of the input, of each hidden layer and of the output.
            shared: all users share one network that also sees a one-hot of the user; the one-hot's columns of the
                first layer are ``user_bias``.
            generator: source of the initial parameters, on the CPU.
        """
        super().__init__()
        self.num_users = num_users
        self.copies = 1 if shared else num_users
        self.depth = len(sizes) - 1
        for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
            bound = (0.1 if layer == self.depth - 1 else 1.0) / math.sqrt(fan_in)
            self.register_parameter(f"weight_{layer}", _uniform((self.copies, fan_in, fan_out), bound, generator))
            self.register_parameter(f"bias_{layer}", _uniform((self.copies, 1, fan_out), bound, generator))
        user_bias = _uniform((1, num_users, sizes[1]), 1.0 / math.sqrt(sizes[0]), generator) if shared else None
        self.register_parameter("user_bias", user_bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs ``[N, batch, out]`` for inputs ``[N, batch, in]``, or ``[batch, in]`` that all users share."""
        return self.rest(self.first(x))

    def single(self, user: int) -> nn.Sequential:
        """Return one user's network as torch's own layers: a copy, ``[batch, in]`` to ``[batch, out]``."""
        copy = user if self.copies > 1 else 0
        layers: list[nn.Module] = []
        for layer in range(self.depth):
            weight, bias = getattr(self, f"weight_{layer}")[copy], getattr(self, f"bias_{layer}")[copy, 0]
            if layer == 0 and self.user_bias is not None:
                bias = bias + self.user_bias[0, user]
            linear = nn.Linear(*weight.shape)
            linear.load_state_dict({"weight": weight.T, "bias": bias})
            layers += [linear, nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def first(self, x: Tensor) -> Tensor:
        """Return the first layer before its ReLU, ``[N, batch, hidden]``; it is linear in the input."""
        if x.dim() == 2:  # one product for all users where they also share the weights
            x = x.expand(self.copies, *x.shape)
        hidden = self._layer(0, x)
        return hidden if self.user_bias is None else hidden + self.user_bias.transpose(0, 1)

    def rest(self, hidden: Tensor) -> Tensor:
        """Return the outputs, given the first layer; overwrites its argument."""
        for layer in range(1, self.depth):
            hidden = self._layer(layer, hidden.relu_())
        return hidden

    def _layer(self, layer: int, x: Tensor) -> Tensor:
        weight, bias = self._parameters[f"weight_{layer}"], self._parameters[f"bias_{layer}"]
        assert weight is not None
        assert bias is not None
        users, batch, size = x.shape
        if self.copies == 1:
            x = x.reshape(1, users * batch, size)
        outputs = weight.shape[2]
        narrow = layer == self.depth - 1 and outputs < _NARROW
        y = narrow_product(x, weight, bias) if narrow else torch.baddbmm(bias, x, weight)
        return y if self.copies == users else y.reshape(users, batch, outputs)


class _NarrowProduct(torch.autograd.Function):
    """:func:`narrow_product`, with gradients that avoid products with few columns too.

    Its result is a view that must not be changed in place: use it for last layers, which no ReLU follows.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _rows_first(x, weight, bias)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            (gradient * weight.mT if weight.shape[2] == 1 else torch.bmm(gradient, weight.mT)) if of_x else None,
            torch.bmm(gradient.mT, x).mT if of_weight else None,
            gradient.sum(dim=1, keepdim=True) if of_bias else None,
        )


def narrow_product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute ``torch.baddbmm(bias, x, weight)`` for few outputs.

    Products with fewer than 16 columns run at a tenth of a core's speed; those with fewer than 16 rows do not.
    """
    if not torch.is_grad_enabled():
        return _rows_first(x, weight, bias)
    result: Tensor = _NarrowProduct.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return result


def _rows_first(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.baddbmm(bias.mT, weight.mT, x.mT).mT


def gumbel(uniform: Tensor) -> Tensor:
    """Return Gumbel noise from uniform numbers in [0, 1)."""
    smallest = torch.finfo(uniform.dtype).tiny
    exponential = (-torch.log(uniform.clamp_min(smallest))).clamp_min(smallest)
    return -torch.log(exponential)


def argmax(values: Tensor) -> Tensor:
    """Return the indices of the largest values of the last axis; ``torch.argmax`` is slow on transposed tensors."""
    return values.max(dim=-1).indices


def chosen(values: Tensor, actions: Tensor) -> Tensor:
    """Select from values ``[..., A]`` those of the actions ``[...]``."""
    return values.gather(-1, actions.unsqueeze(-1)).squeeze(-1)


def softmax(logits: Tensor) -> Tensor:
    """Compute the softmax over the last axis; torch is ten times slower on a short last axis than on a first one."""
    return torch.softmax(logits.movedim(-1, 0).contiguous(), dim=0).movedim(0, -1).contiguous()


def log_softmax(logits: Tensor) -> Tensor:
    """Compute the logarithm of :func:`softmax`."""
    return torch.log_softmax(logits.movedim(-1, 0).contiguous(), dim=0).movedim(0, -1).contiguous()


def one_hot(actions: Tensor, choices: int, dtype: torch.dtype) -> Tensor:
    """Return one-hots ``[..., choices]`` of integers ``[...]``, in a third of the time of torch's ``one_hot``."""
    return nn.functional.embedding(actions, torch.eye(choices, dtype=dtype, device=actions.device))


def _uniform(shape: tuple[int, ...], bound: float, generator: torch.Generator | None) -> nn.Parameter:
    return nn.Parameter((2.0 * torch.rand(shape, generator=generator) - 1.0) * bound)
