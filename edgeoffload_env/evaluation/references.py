"""The search behind the stored scores: floor and reference of every scenario."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from edgeoffload_env import policies, scenarios
from edgeoffload_env._version import __version__
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.evaluate import Evaluation, evaluate
from edgeoffload_env.evaluation.rollout import Progress
from edgeoffload_env.evaluation.score import Baseline, ScoreBaselines, game_of
from edgeoffload_env.policies.optimum import is_quick

FORMAT_VERSION = 0


class Sample(NamedTuple):
    """Which games a policy is judged on."""

    seed: int
    episodes: int


SELECTION = Sample(seed=1_000, episodes=64)
"""Games on which the candidates are compared, the same for all."""
MEASUREMENT = Sample(seed=2_000, episodes=2048)
"""Fresh games for the stored utilities: the best of many on its own games would look better than it is."""
MEASUREMENT_OPTIMUM = Sample(seed=2_000, episodes=256)
"""The same for ``optimum``, which is slow; its utility varies little."""

PRICES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""First grid of ``drift-plus-penalty``."""
_ZOOMS = (3**0.5, 3**0.25, 3**0.125)  # then the best price times and divided by these, one after the other


class Candidate(NamedTuple):
    """A policy of the search and what it reached on the selection games."""

    policy: str
    parameters: dict[str, Any]
    utility: float


def find_baselines(
    config: EdgeOffloadConfig, progress: Progress | None = None
) -> tuple[ScoreBaselines, list[Candidate]]:
    """Search a scenario's floor and reference; also return the candidates, best first.

    Args:
        config: the scenario's configuration.
        progress: as in :func:`evaluate`.
    """

    def judged(name: str, **parameters: Any) -> Candidate:
        result = _play(name, parameters, config, SELECTION, progress)
        return Candidate(name, parameters, float(result.utility.mean()))

    candidates = [judged(name) for name in policies.names() if name not in ("drift-plus-penalty", "optimum")]
    floor = max((c for c in candidates if c.policy in ("random", "local")), key=_utility)
    drift = [judged("drift-plus-penalty", price=price) for price in PRICES]
    for zoom in _ZOOMS:
        best = max(drift, key=_utility).parameters["price"]
        drift += [judged("drift-plus-penalty", price=float(f"{best * factor:.2g}")) for factor in (1.0 / zoom, zoom)]
    candidates += drift
    if is_quick(config):
        candidates.append(judged("optimum"))
    candidates.sort(key=_utility, reverse=True)
    marks = ScoreBaselines(
        floor=_measured(floor, config, progress), reference=_measured(candidates[0], config, progress)
    )
    return marks, candidates


def build(names: Sequence[str], command: str, progress: Progress | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The data file piece by piece: each scenario's name, and the file's content so far.

    Args:
        names: the scenarios to measure.
        command: what the file says it was made with.
        progress: as in :func:`evaluate`.
    """
    content: dict[str, Any] = {
        "version": FORMAT_VERSION,
        "command": command,
        "package": __version__,
        "selection": SELECTION._asdict(),
        "measurement": MEASUREMENT._asdict(),
        "measurement_optimum": MEASUREMENT_OPTIMUM._asdict(),
        "scenarios": {},
    }
    entries: dict[str, dict[str, Any]] = {}  # by game: two scenarios may differ in their rewards alone
    for name in names:
        config = scenarios.get(name).config
        game = game_of(config)
        key = json.dumps(game)
        if key not in entries:
            baselines, candidates = find_baselines(config, progress)
            others = [c._asdict() for c in candidates if c.policy != candidates[0].policy]
            entries[key] = {**dataclasses.asdict(baselines), "runner_up": others[0], "game": game}
        content["scenarios"][name] = entries[key]
        yield name, content


def _play(
    name: str, parameters: dict[str, Any], config: EdgeOffloadConfig, sample: Sample, progress: Progress | None
) -> Evaluation:
    policy = policies.make(name, **parameters)
    return evaluate(policy, config, episodes=sample.episodes, seed=sample.seed, progress=progress)


def _measured(candidate: Candidate, config: EdgeOffloadConfig, progress: Progress | None) -> Baseline:
    sample = MEASUREMENT_OPTIMUM if candidate.policy == "optimum" else MEASUREMENT
    result = _play(candidate.policy, candidate.parameters, config, sample, progress)
    utility = result.summary()["utility"]
    return Baseline(
        policy=candidate.policy,
        parameters=candidate.parameters,
        utility=utility.mean,
        low=utility.low,
        high=utility.high,
        episodes=sample.episodes,
    )


def _utility(candidate: Candidate) -> float:
    return candidate.utility
