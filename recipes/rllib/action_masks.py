"""Action masks in RLlib's PPO and DQN: in acting, targets and losses.

The adapter appends each user's mask to its observation (``action_masks=True``). The modules here split it off again,
so that their networks read the same features as without masks, and rule out what it forbids. Slots in which a user has
a single choice, which has no effect, are left out of the losses of PPO's actor and of DQN; PPO's critic learns their
values, which advantages of earlier slots are made of.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium
import torch
from ray.rllib.algorithms.dqn.torch.default_dqn_torch_rl_module import DefaultDQNTorchRLModule
from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import Learner
from ray.rllib.core.rl_module.rl_module import RLModule, RLModuleSpec
from ray.rllib.evaluation.postprocessing import Postprocessing
from torch import Tensor

from recipes.networks.acting import MASKED
from recipes.rllib.nan_guard import FiniteDQNLearner, FinitePPOLearner

_WEIGHTS = "weights"
_QF_PREDS = "qf_preds"


def with_action_masks(config: Any, module: type[RLModule], learner: type[Learner]) -> Any:
    """Return an algorithm's configuration with masks in its observations, and the classes that use them."""
    return (
        config.environment(env_config=config.env_config | {"action_masks": True})
        .learners(learner_class=learner)
        .rl_module(rl_module_spec=RLModuleSpec(module_class=module))
    )


class MaskedModule:
    """Mixin of RLlib's modules: splits the mask from the observation.

    Attributes:
        observation_space: of the features alone.
    """

    def __init__(self, *, observation_space: gymnasium.spaces.Box, action_space: Any, **kwargs: Any) -> None:
        features = observation_space.shape[0] - action_space.n
        dtype: Any = observation_space.dtype
        space = gymnasium.spaces.Box(observation_space.low[:features], observation_space.high[:features], dtype=dtype)
        self._num_actions = int(action_space.n)
        super().__init__(observation_space=space, action_space=action_space, **kwargs)  # type: ignore[call-arg]

    def _split(self, batch: Mapping[str, Any]) -> tuple[dict[str, Any], Tensor]:
        """Return the batch with the features alone as observations, and the masks as bools ``[..., A]``."""
        rows = batch[Columns.OBS]
        features, masks = rows[..., : -self._num_actions], rows[..., -self._num_actions :]
        return {**batch, Columns.OBS: features}, masks > 0.5


class MaskedPPOModule(MaskedModule, DefaultPPOTorchRLModule):  # type: ignore[misc]  # RLlib carries no types
    """RLlib's actor and critic; actions that a mask forbids have probability 0."""

    def _forward(self, batch: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
        features, masks = self._split(batch)
        return _with_masked_logits(super()._forward(features, **kwargs), masks)

    def _forward_train(self, batch: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
        features, masks = self._split(batch)
        return _with_masked_logits(super()._forward_train(features, **kwargs), masks)

    def compute_values(self, batch: Mapping[str, Any], embeddings: Any = None) -> Tensor:
        """Return the critic's values."""
        values: Tensor = super().compute_values(self._split(batch)[0], embeddings)
        return values


class MaskedDQNModule(MaskedModule, DefaultDQNTorchRLModule):  # type: ignore[misc]
    """RLlib's Q-network and its target; actions that a mask forbids have the value -inf, which RLlib never samples."""

    def _qf_forward_helper(self, batch: Mapping[str, Any], encoder: Any, head: Any) -> dict[str, Any]:
        features, masks = self._split(batch)
        outputs: dict[str, Any] = super()._qf_forward_helper(features, encoder, head)
        return outputs | {_QF_PREDS: outputs[_QF_PREDS].masked_fill(~masks, -torch.inf)}


class MaskedPPOLearner(FinitePPOLearner):
    """RLlib's PPO learner: the actor learns from the slots in which users had a choice, the critic from all."""

    def build(self) -> None:
        """Build the learner; masks follow the advantages, which RLlib computes over all slots."""
        super().build()
        self._learner_connector.append(_StandardizeDecisions())

    def compute_loss_for_module(self, *, module_id: str, batch: Mapping[str, Any], **kwargs: Any) -> Tensor:
        """Return RLlib's loss over the slots with a choice, plus the critic's over the others.

        Their errors weigh as much each; where there is a single action, nothing else in RLlib's loss has a gradient.
        """
        in_episode = batch[Columns.LOSS_MASK]
        decided = _decided(self.module[module_id], batch)
        counted, others = in_episode & decided, in_episode & ~decided

        def rllibs_loss(over: Tensor) -> Tensor:
            loss: Tensor = super(MaskedPPOLearner, self).compute_loss_for_module(
                module_id=module_id, batch={**batch, Columns.LOSS_MASK: over}, **kwargs
            )
            return loss

        if not others.any():
            return rllibs_loss(in_episode)
        loss = rllibs_loss(others)
        if counted.any():  # last, because RLlib's metrics are of the last call
            loss = loss * (others.sum() / counted.sum()) + rllibs_loss(counted)
        return loss


class MaskedDQNLearner(FiniteDQNLearner):
    """RLlib's DQN learner on the slots in which users had a choice."""

    def build(self) -> None:
        """Build the learner."""
        super().build()
        self._learner_connector.append(_CountDecisionsInDQN())


class _StandardizeDecisions(ConnectorV2):  # type: ignore[misc]
    """Standardise PPO's advantages over the slots with a choice."""

    def __call__(self, *, rl_module: Any, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        for name, columns in batch.items():
            counted = columns[Columns.LOSS_MASK] & _decided(rl_module[name], columns)
            advantages = columns[Postprocessing.ADVANTAGES]
            if counted.any():
                mean, std = advantages[counted].mean(), advantages[counted].std(correction=0)
                columns[Postprocessing.ADVANTAGES] = (advantages - mean) / std.clamp_min(1e-4)
        return batch


class _CountDecisionsInDQN(ConnectorV2):  # type: ignore[misc]
    """Give slots without a choice the weight 0, and the others weights with which RLlib's mean is theirs alone."""

    def __call__(self, *, rl_module: Any, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        for name, columns in batch.items():
            counted = _decided(rl_module[name], columns)
            columns[_WEIGHTS] = columns[_WEIGHTS] * counted * (len(counted) / counted.sum().clamp_min(1))
        return batch


def _with_masked_logits(outputs: dict[str, Any], masks: Tensor) -> dict[str, Any]:
    logits = outputs[Columns.ACTION_DIST_INPUTS]
    return outputs | {Columns.ACTION_DIST_INPUTS: logits.masked_fill(~masks, MASKED)}


def _decided(module: Any, columns: Mapping[str, Any]) -> Tensor:
    """Return the slots in which a module's users had a choice, bools ``[batch]``."""
    masks: Tensor = module.unwrapped()._split(columns)[1]
    return masks.sum(dim=-1) > 1
