"""Action masks as other people's learners see and heed them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def allowed(snapshot: dict[str, Any], choices: int) -> NDArray[np.bool_]:
    """What users may do in the coming slot, bool ``[N, choices]``, by who has a task."""
    may = np.ones((len(snapshot["active"]), choices), dtype=bool)
    may[np.asarray(snapshot["active"]) == 0, 1:] = False
    return may


def assert_heeded(actions: Any, masks: Any) -> None:
    """Users without a choice did 0 and those with one did everything; there were many of both.

    Args:
        actions: integers ``[...]``.
        masks: of the same choices, ``[..., A]``.
    """
    actions, masks = np.asarray(actions).astype(int), np.asarray(masks).astype(bool)
    assert actions.shape == masks.shape[:-1]
    idle = ~masks[..., 1:].any(axis=-1)
    assert masks[..., 0].all()
    assert masks[~idle].all()
    assert 0.2 < idle.mean() < 0.98
    assert not actions[idle].any()
    assert set(actions[~idle]) == set(range(masks.shape[-1]))
