"""Observations and states: the features of a game laid out for users and for a centralised critic.

Features, their scaling and their order are declared in :mod:`.model.paper` and by effects; everything here derives from
the declarations. :func:`names` and :func:`state_names` give the columns.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeoffload_env.agents import user_names
from edgeoffload_env.model import numpy_namespace
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.quantities import Feature, Fields

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

Features = dict[str, Array]
"""Features by name: per server ``[B, M]``, per user ``[B, N]``."""


def names(config: "EdgeOffloadConfig") -> list[str]:
    """Return the columns of one user's observation: ``load_1`` .. ``load_M``, ``task_bits``, ..."""
    return list(formulas(config))


def state_names(config: "EdgeOffloadConfig") -> list[str]:
    """Return the columns of the global state; those of a user are ``user_0/task_bits`` and so on."""
    return list(state_formulas(config))


def formulas(config: "EdgeOffloadConfig") -> dict[str, str]:
    """Return the formula of each column of an observation, in terms of the snapshot's fields."""
    return {name: f.formula for f in config.schema.columns for name in _column_names(f, config)}


def state_formulas(config: "EdgeOffloadConfig") -> dict[str, str]:
    """Return the formula of each column of the global state, in terms of the snapshot's fields."""
    found: dict[str, str] = {}
    for block in config.schema.state_blocks:
        if block[0].scope == "server":
            found |= {name: f.formula for f in block for name in _column_names(f, config)}
        else:
            found |= {f"{user}/{f.name}": f.formula for user in user_names(config.num_users) for f in block}
    return found


def observation_size(config: "EdgeOffloadConfig") -> int:
    """Return D, the length of one user's observation."""
    return config.schema.num_columns


def state_size(config: "EdgeOffloadConfig") -> int:
    """Return S, the length of the global state."""
    per_feature = {"server": config.servers, "user": config.num_users}
    return sum(per_feature[feature.scope] for block in config.schema.state_blocks for feature in block)


def feature_value(feature: Feature, snapshot: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> Array:
    """Compute one feature of a snapshot."""
    return feature.value(*map(snapshot.__getitem__, feature.reads), config, xp=xp)


def episode_features(snapshot: Fields, config: "EdgeOffloadConfig", *, xp: Any) -> Features:
    """Compute the features of a snapshot that last as long as its episode."""
    lasting = config.schema.episode_features
    return {f.name: feature_value(f, snapshot, config, xp=xp) for f in config.schema.features if f.name in lasting}


def all_features(
    snapshot: Fields, config: "EdgeOffloadConfig", *, xp: Any, lasting: Features | None = None
) -> Features:
    """Compute all features of a snapshot.

    Args:
        snapshot: B games.
        config: their constants.
        xp: the array API namespace.
        lasting: :func:`episode_features` of the same episode, where they are known.
    """
    features = {} if lasting is None else dict(lasting)
    field = snapshot.__getitem__
    for feature in config.schema.features:
        if feature.name not in features:
            features[feature.name] = feature.value(*map(field, feature.reads), config, xp=xp)
    return features


def user_observations(features: Features, config: "EdgeOffloadConfig", batch: int, *, dtype: Any, xp: Any) -> Array:
    """Lay out the observations of ``batch`` games, ``[B, N, D]`` in ``dtype``; the columns are :func:`names`.

    On numpy the columns of features that are missing are left for the caller to write.
    """
    if xp is numpy_namespace:
        result = np.empty((batch, config.num_users, config.schema.num_columns), dtype=dtype)
        for feature in config.schema.columns:
            if feature.name not in features:
                continue
            value, first = features[feature.name], config.schema.slices[feature.name].start
            if feature.scope == "user":
                result[:, :, first] = value
            else:
                for m in range(config.servers):
                    result[:, :, first + m] = value[:, m : m + 1]
        return result
    columns: list[Array] = []
    for feature in config.schema.columns:
        value = features[feature.name]
        columns += [value] if feature.scope == "user" else [value[:, m : m + 1] for m in range(value.shape[-1])]
    # torch copies a transposed array faster than it writes with gaps, compiled or not
    user_major = xp.stack([xp.broadcast_to(column, (batch, config.num_users)).T for column in columns], axis=1)
    result = xp.reshape(user_major, (-1, batch)).T
    return xp.astype(xp.reshape(result.contiguous(), (batch, config.num_users, -1)), dtype)


def global_state(features: Features, config: "EdgeOffloadConfig", *, dtype: Any, xp: Any) -> Array:
    """Lay out the view of a centralised critic, ``[B, S]`` in ``dtype``; the columns are :func:`state_names`."""
    parts: list[Array] = []
    for block in config.schema.state_blocks:
        values = [features[feature.name] for feature in block]
        if block[0].scope == "server":
            parts += values
        else:
            parts.append(xp.reshape(xp.stack(values, axis=-1), (values[0].shape[0], -1)))
    return xp.astype(xp.concat(parts, axis=-1), dtype)


def _column_names(feature: Feature, config: "EdgeOffloadConfig") -> list[str]:
    if feature.scope == "user":
        return [feature.name]
    return [f"{feature.name}_{m}" for m in range(1, config.servers + 1)]
