"""Losses and networks that are no numbers: stop where one comes up, and keep what it came from."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.dqn.torch.dqn_torch_learner import DQNTorchLearner
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner

from recipes.files import atomic_write


class NotFiniteError(ArithmeticError):
    """A loss is NaN or infinite, and nothing was learned from it; or a weight is.

    Attributes:
        batch: what was being learned from.
    """

    def __init__(self, what: str, value: float, batch: dict[str, NDArray[Any]]) -> None:
        super().__init__(what, value, batch)  # which pickles it, as learners of other processes need
        self.what, self.value, self.batch = what, value, batch

    def __str__(self) -> str:
        return f"{self.what} is {self.value}"

    def save(self, path: Path) -> None:
        """Write the batch as an .npz file that plain numpy reads."""
        with atomic_write(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **self.batch)


def require_finite(name: str, loss: torch.Tensor, batch: Mapping[str, Any]) -> None:
    """Check a loss.

    Args:
        name: of what learns from it.
        loss: a scalar.
        batch: tensors that it was computed on; what else is among them is left out.

    Raises:
        NotFiniteError: it is NaN or infinite.
    """
    value = float(loss.detach())
    if not math.isfinite(value):
        raise NotFiniteError(f"the loss of {name}", value, _arrays(batch))


def require_finite_networks(modules: Mapping[str, torch.nn.Module], batches: Mapping[str, Mapping[str, Any]]) -> None:
    """Check all weights, target networks' included, in one pass.

    Args:
        modules: by their names.
        batches: tensors that each learned from a moment ago; what else is among them is left out.

    Raises:
        NotFiniteError: a weight is NaN or infinite.
    """
    with torch.no_grad():
        weights = [weight for module in modules.values() for weight in module.parameters()]
        if math.isfinite(torch.nn.utils.get_total_norm(weights)):
            return
        for name, module in modules.items():
            for weight, values in module.named_parameters():
                broken = values[~torch.isfinite(values)]
                if len(broken):  # or there are none, and squares left single precision
                    raise NotFiniteError(f"{weight} of {name}", float(broken[0]), _arrays(batches.get(name, {})))


def _arrays(batch: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    tensors = {key: column for key, column in batch.items() if isinstance(column, torch.Tensor)}
    return {key: column.detach().cpu().numpy() for key, column in tensors.items()}


class _FiniteLosses:
    """Checks each module's loss before its gradients are taken."""

    def _update(self, batch: dict[str, Any], **kwargs: Any) -> Any:
        self._at_work = batch
        return super()._update(batch, **kwargs)  # type: ignore[misc]

    def compute_gradients(self, loss_per_module: dict[str, torch.Tensor], **kwargs: Any) -> Any:
        for module, loss in loss_per_module.items():
            require_finite(module, loss, self._at_work[module])
        return super().compute_gradients(loss_per_module, **kwargs)  # type: ignore[misc]


class FiniteDQNLearner(_FiniteLosses, DQNTorchLearner):  # type: ignore[misc]
    """RLlib's, stopping at losses and at networks that are not finite: it takes values that are NaN for 0."""

    def _update(self, batch: dict[str, Any], **kwargs: Any) -> Any:
        updated = super()._update(batch, **kwargs)
        require_finite_networks(dict(self.module.items()), batch)
        return updated


class FinitePPOLearner(_FiniteLosses, PPOTorchLearner):  # type: ignore[misc]
    """RLlib's, stopping at losses that are not finite."""
