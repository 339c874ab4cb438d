"""Compute rliable's results for the scores of test_statistics.py and write rliable_values.json beside it.

rliable is archived, and no dependency: this runs in an environment of its own, after
``pip install rliable==1.2.0 'pandas<3'``.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

REPETITIONS, PAIR_REPETITIONS, SEED = 20_000, 4_000, 0
THRESHOLDS = np.linspace(0.0, 1.0, 6)


def scores() -> tuple[Any, Any]:
    """Two algorithms' scores, ``[runs, tasks]``."""
    rng = np.random.default_rng(5)
    return rng.normal(0.6, 0.2, (10, 3)), rng.normal(0.5, 0.25, (8, 3))


def curves() -> Any:
    """Scores ``[runs, points]`` of one task along a training."""
    rng = np.random.default_rng(6)
    return rng.normal(0.6, 0.2, (10, 5)) * np.linspace(0.2, 1.0, 5)


def main() -> None:
    """Compute and write."""
    from rliable import library, metrics

    def means(values: Any) -> Any:
        return np.array([metrics.aggregate_iqm(values)])

    def means_by_point(values: Any) -> Any:
        return np.array([metrics.aggregate_iqm(values[..., point]) for point in range(values.shape[-1])])

    def intervals(values: Any, statistic: Any) -> Any:
        found = library.get_interval_estimates(
            {"a": values}, statistic, reps=REPETITIONS, random_state=np.random.RandomState(SEED)
        )
        return [np.asarray(part["a"]).tolist() for part in found]

    ours, theirs = scores()
    pair, pair_interval = library.get_interval_estimates(
        {"a,b": (ours, theirs)},
        metrics.probability_of_improvement,
        reps=PAIR_REPETITIONS,
        random_state=np.random.RandomState(SEED),
    )
    profile, profile_interval = library.create_performance_profile({"a": ours}, THRESHOLDS, reps=REPETITIONS)
    found = {
        "made_with": {name: version(name) for name in ("rliable", "arch", "numpy", "scipy")},
        "interquartile_mean": intervals(ours, means),
        "interquartile_mean_of_theirs": means(theirs).tolist(),
        "probability_of_improvement": [np.asarray(pair["a,b"]).tolist(), np.asarray(pair_interval["a,b"]).tolist()],
        "performance_profile": [profile["a"].tolist(), profile_interval["a"].tolist()],
        "curve": intervals(curves()[:, None], means_by_point),
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
