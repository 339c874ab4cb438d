"""What an algorithm learns: compared between seeds, and with a training that goes on from a checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch


def weights(algorithm: Any) -> dict[str, Any]:
    """Networks, targets and the state of the optimisers."""
    state = algorithm.learner_group.get_state()["learner"]
    return {"module": state["rl_module"]["default_policy"], "optimizer": state["optimizer"]}


def assert_equal(first: Any, second: Any, where: str = "") -> None:
    """Assert equality to the last bit, through dicts, lists and tuples."""
    if isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key in first:
            assert_equal(first[key], second[key], f"{where}/{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for index, (a, b) in enumerate(zip(first, second, strict=True)):
            assert_equal(a, b, f"{where}/{index}")
    else:
        assert np.array_equal(first, second), where


def differ(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Return whether any network differs."""
    return any(not np.array_equal(first["module"][key], second["module"][key]) for key in first["module"])


@dataclass(frozen=True)
class Continued:
    """Two iterations after a checkpoint, made by the algorithm that saved it or by one that restored it.

    Attributes:
        results: of the two iterations.
        weights: after them.
        replay: state of the replay buffer after them, None where there is none.
        transitions: sampled next.
    """

    results: list[dict[str, Any]]
    weights: dict[str, Any]
    replay: Any
    transitions: tuple[Any, ...]


@dataclass(frozen=True)
class Trainings:
    """Trainings of one algorithm: three algorithms serve the tests of seeds and those of checkpoints.

    Attributes:
        name: of the algorithm.
        initial: weights before training.
        saved: weights after two iterations, when the checkpoint is written.
        twin: the same of another algorithm with the same seed, under another global random state.
        fresh: weights of an algorithm with another seed, before it restores the checkpoint.
        restored: its weights right after that.
        going_on: from the checkpoint on without a stop.
        resumed: from the checkpoint on in the algorithm that restored it.
    """

    name: str
    initial: dict[str, Any]
    saved: dict[str, Any]
    twin: dict[str, Any]
    fresh: dict[str, Any]
    restored: dict[str, Any]
    going_on: Continued
    resumed: Continued

    @classmethod
    def of(cls, small: Callable[..., Any], name: str, folder: Path) -> "Trainings":
        """Train three algorithms that ``small(name, seed=...)`` configures."""
        first, twin = (_built(small(name, seed=5), disturbed) for disturbed in (1, 2))
        initial = weights(first)
        for algorithm in (first, twin):
            for _ in range(2):
                algorithm.train()
        path = first.save_to_path(str(folder / "checkpoint"))
        outcomes = initial, weights(first), weights(twin)
        twin.stop()
        other = _built(small(name, seed=9), 3)  # its own streams, all of which the checkpoint replaces
        fresh = weights(other)
        other.restore_from_path(path)
        return cls(name, *outcomes, fresh, weights(other), _continue(first), _continue(other))


def _built(config: Any, disturbed: int) -> Any:
    """Build an algorithm, whatever others do to the global random state before and after."""
    torch.manual_seed(disturbed)
    algorithm = config.build_algo()
    np.random.seed(disturbed)  # noqa: NPY002
    torch.manual_seed(disturbed)
    return algorithm


def _continue(algorithm: Any) -> Continued:
    """Train twice more, sample and stop."""
    results = [algorithm.train() for _ in range(2)]
    replay = algorithm.replay.get_state() if hasattr(algorithm, "replay") else None
    (fragment,) = algorithm.env_runner.sample()
    continued = Continued(results, weights(algorithm), replay, tuple(fragment.transitions))
    algorithm.stop()
    return continued
