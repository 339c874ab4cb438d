"""NaN or infinite losses and weights: stop training, and save the batch that led to them."""

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
    """A loss is NaN or infinite, so that its update was not made; or a weight is, after its update.

    Attributes:
        batch: the batch of the update.
    """

    def __init__(self, name: str, value: float, batch: dict[str, NDArray[Any]]) -> None:
        super().__init__(name, value, batch)  # all arguments, so that learners in other processes can pickle it
        self.name, self.value, self.batch = name, value, batch

    def __str__(self) -> str:
        return f"{self.name} is {self.value}"

    def save(self, path: Path) -> None:
        """Write the batch as an .npz file that numpy reads without pickle."""
        with atomic_write(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **self.batch)


def require_finite(name: str, loss: torch.Tensor, batch: Mapping[str, Any]) -> None:
    """Check a loss.

    Args:
        name: the network's name, for the message.
        loss: a scalar.
        batch: the batch that it was computed on; values that are not tensors are ignored.

    Raises:
        NotFiniteError: the loss is NaN or infinite.
    """
    value = float(loss.detach())
    if not math.isfinite(value):
        raise NotFiniteError(f"the loss of {name}", value, _tensors_as_arrays(batch))


def require_finite_weights(modules: Mapping[str, torch.nn.Module], batches: Mapping[str, Mapping[str, Any]]) -> None:
    """Check all weights, those of target networks included.

    Args:
        modules: networks by name.
        batches: the batch of each network's last update; values that are not tensors are ignored.

    Raises:
        NotFiniteError: a weight is NaN or infinite.
    """
    with torch.no_grad():
        weights = [weight for module in modules.values() for weight in module.parameters()]
        if math.isfinite(torch.nn.utils.get_total_norm(weights)):  # one pass in the usual case
            return
        for name, module in modules.items():
            for weight, values in module.named_parameters():
                not_finite = values[~torch.isfinite(values)]
                if len(not_finite):  # the norm alone may overflow although all weights are finite
                    value, batch = float(not_finite[0]), batches.get(name, {})
                    raise NotFiniteError(f"{weight} of {name}", value, _tensors_as_arrays(batch))


def _tensors_as_arrays(batch: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    tensors = {key: column for key, column in batch.items() if isinstance(column, torch.Tensor)}
    return {key: column.detach().cpu().numpy() for key, column in tensors.items()}


class _FiniteLosses:
    """Mixin of RLlib's learners: checks each module's loss before computing its gradients."""

    def _update(self, batch: dict[str, Any], **kwargs: Any) -> Any:
        self._batch = batch
        return super()._update(batch, **kwargs)  # type: ignore[misc]

    def compute_gradients(self, loss_per_module: dict[str, torch.Tensor], **kwargs: Any) -> Any:
        for module, loss in loss_per_module.items():
            require_finite(module, loss, self._batch[module])
        return super().compute_gradients(loss_per_module, **kwargs)  # type: ignore[misc]


class FiniteDQNLearner(_FiniteLosses, DQNTorchLearner):  # type: ignore[misc]
    """RLlib's DQN learner, with checks of losses and weights: its loss replaces NaN by 0, and so hides NaN weights."""

    def _update(self, batch: dict[str, Any], **kwargs: Any) -> Any:
        updated = super()._update(batch, **kwargs)
        require_finite_weights(dict(self.module.items()), batch)
        return updated


class FinitePPOLearner(_FiniteLosses, PPOTorchLearner):  # type: ignore[misc]
    """RLlib's PPO learner, with a check of losses."""
